"""The losses that sort their batch (AOT): margins are differences of two sorted lists."""

import numpy as np

from alignment_fast.kernels.pairwise.structures import Inputs, Outputs, Sums
from alignment_fast.pairwise._batch import evaluate


def matched_loss(ops, of, matched, loss, outputs, divisor, metrics, num_threads):
    """Compute a loss that sorts what `matched` says, into `outputs` (losses by rank); return the sums."""
    chosen, rejected, ref_chosen, ref_rejected = (_flat(array, of.dtype, of.storage) for array in of.arrays)
    of_differences = matched == "differences"
    if of_differences:
        lists = (chosen, rejected), (ref_chosen, ref_rejected)
    else:
        lists = (chosen, ref_chosen), (rejected, ref_rejected)
    (upper, upper_order), (lower, lower_order) = ops.sorted_differences(*lists, num_threads=num_threads)
    by_rank, grad_chosen, grad_rejected = (
        None if array is None else array.reshape(-1)
        for array in (outputs.loss, outputs.grad_chosen, outputs.grad_rejected)
    )
    slope = np.empty(of.size, of.dtype) if grad_chosen is not None or grad_rejected is not None else None
    total = evaluate(
        ops,
        of._replace(storage="own"),
        loss,
        Inputs(upper, lower),
        Outputs(by_rank, slope),
        divisor=divisor,
        num_threads=num_threads,
    ).loss
    if grad_chosen is not None:
        ops.scattered(slope, upper_order, grad_chosen)
    if of_differences and grad_chosen is not None and grad_rejected is not None:
        np.negative(grad_chosen, out=grad_rejected)  # in order: cheaper than a second scatter
    elif grad_rejected is not None:
        ops.scattered(slope, upper_order if of_differences else lower_order, grad_rejected, -1.0)
    return Sums(total, *_rewards(ops, loss.beta, (chosen, ref_chosen), (rejected, ref_rejected), outputs, metrics))


def _flat(array, dtype, storage):
    """Return `array` as one axis of the computing dtype, whatever its storage."""
    if storage == "float16":
        array = array.view(np.float16)
    elif storage == "bfloat16":
        array = (array.astype(np.uint32) << 16).view(np.float32)
    return np.ascontiguousarray(array, dtype=dtype).reshape(-1)


def _rewards(ops, beta, chosen, rejected, outputs, metrics):
    """Write the rewards into `outputs`; return their sums and the number of wins, or zeros."""
    rewards = []
    for (policy, reference), out in ((chosen, outputs.chosen_rewards), (rejected, outputs.rejected_rewards)):
        if out is None and not metrics:
            continue
        rewards.append(np.empty_like(policy) if out is None else out.reshape(-1))
        ops.matched_rewards(policy, reference, beta, rewards[-1])
    if not metrics:
        return 0.0, 0.0, 0.0
    totals = [float(reward.sum(dtype=np.float64)) for reward in rewards]
    return (*totals, float(np.count_nonzero(rewards[0] > rewards[1])))
