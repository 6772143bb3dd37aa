"""The losses that sort their batch (AOT): margins are differences of two sorted lists."""

import numpy as np

from alignment_fast.kernels.pairwise import cpu, matching
from alignment_fast.pairwise._batch import evaluate


def matched_loss(of, loss_type, settings, arrays, divisor, metrics, num_threads):
    """Compute an AOT loss into `arrays` (loss by rank, two gradients, none, two rewards); return the four sums."""
    if of.size > matching.LARGEST:
        raise ValueError(f"loss_type {loss_type!r} sorts at most {matching.LARGEST} pairs, not {of.size}")
    chosen, rejected, ref_chosen, ref_rejected = (_flat(array, of.dtype, of.storage) for array in of.arrays)
    if loss_type == "aot":
        lists = (chosen, rejected), (ref_chosen, ref_rejected)
    else:
        lists = (chosen, ref_chosen), (rejected, ref_rejected)
    (upper, upper_order), (lower, lower_order) = matching.sorted_differences(*lists, num_threads=num_threads)
    loss, grad_chosen, grad_rejected = (None if array is None else array.reshape(-1) for array in arrays[:3])
    wanted = grad_chosen is not None or grad_rejected is not None
    slope = np.empty(of.size, of.dtype) if wanted else None
    inputs = (upper, lower, *(None,) * 6)
    plain = of._replace(storage=cpu.STORAGE["own"])
    outputs = (loss, slope, None, None, None, None)
    total = evaluate(
        plain, settings.formula, settings.score, settings.parameters, inputs, outputs, divisor=divisor,
        num_threads=num_threads,
    )[0]  # fmt: skip
    if grad_chosen is not None:
        matching.scattered(slope, upper_order, grad_chosen)
    if grad_rejected is not None:
        matching.scattered(-slope, upper_order if loss_type == "aot" else lower_order, grad_rejected)
    return (total, *_rewards(settings.parameters[0], (chosen, ref_chosen), (rejected, ref_rejected), arrays, metrics))


def _flat(array, dtype, storage):
    """Return `array` as one axis of the computing dtype, whatever its storage."""
    if storage == cpu.STORAGE["float16"]:
        array = array.view(np.float16)
    elif storage == cpu.STORAGE["bfloat16"]:
        array = (array.astype(np.uint32) << 16).view(np.float32)
    return np.ascontiguousarray(array, dtype=dtype).reshape(-1)


def _rewards(beta, chosen, rejected, arrays, metrics):
    """Write the rewards into `arrays`; return their sums and the number of wins, or zeros."""
    rewards = []
    for (policy, reference), out in zip((chosen, rejected), arrays[4:], strict=True):
        if out is None and not metrics:
            continue
        with np.errstate(invalid="ignore", over="ignore"):  # NaN passes through, and infinities give it
            reward = np.subtract(policy, reference, out=None if out is None else out.reshape(-1))
            rewards.append(np.multiply(reward, policy.dtype.type(beta), out=reward))
    if not metrics:
        return 0.0, 0.0, 0.0
    totals = [float(reward.sum(dtype=np.float64)) for reward in rewards]
    return (*totals, float(np.count_nonzero(rewards[0] > rewards[1])))
