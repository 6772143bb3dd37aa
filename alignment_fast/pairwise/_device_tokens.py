"""Log-probabilities of tokens on a CUDA device: the arrays as the kernels take them, results as the caller's arrays.

Token ids are not read on the host: one that is no letter, where the mask is on, makes its sequence NaN.
"""

import numpy as np

from alignment_fast._border.devices import output, views
from alignment_fast._border.outputs import refuse_overlap

IGNORED = -100  # the token id that masks, as torch's losses have it


def device_logprobs(ops, logits, token_ids, mask, average, return_log_partition):
    """Return what `sequence_logprobs` does."""
    _, found = _arguments(logits, token_ids, mask)
    sums, partition = ops.masked_logprobs(
        found["logits"],
        found["token_ids"],
        found.get("mask"),
        IGNORED,
        average=average,
        log_partition=return_log_partition,
    )
    return (sums.given(), partition.given()) if return_log_partition else sums.given()


def device_gradients(ops, logits, token_ids, mask, upstream, average, out):
    """Return what `sequence_logprobs_grad` does; log Σ e^z is summed anew, without another pass over memory."""
    place, found = _arguments(logits, token_ids, mask)
    rows, incoming = found["logits"], None
    if upstream is not None:
        incoming = views({"upstream": upstream}, place)[1]["upstream"]
        wanted = np.dtype(np.float32) if rows.storage != "own" else rows.dtype
        if incoming.dtype != wanted or incoming.shape != rows.shape[:-2]:
            raise ValueError(f"upstream must be {wanted} of shape {rows.shape[:-2]} on a CUDA device")
    if out is None:
        target = place.empty(rows.shape, rows.dtype, rows.storage)
    else:
        target = output(out, "out", place)
        if (target.shape, target.dtype, target.storage) != (rows.shape, rows.dtype, rows.storage):
            raise ValueError(
                f"out of shape {target.shape} does not fit logits of shape {rows.shape}, or has another dtype"
            )
        if target.pointer != rows.pointer:
            refuse_overlap({"out": target}, found)
    arguments = (rows, found["token_ids"], found.get("mask"), IGNORED, incoming, target)
    ops.masked_logit_gradients(*arguments, average=average)
    return target.given() if out is None else out


def _arguments(logits, token_ids, mask):
    given = {"logits": logits, "token_ids": token_ids} | ({} if mask is None else {"mask": mask})
    place, found = views(given)
    rows, ids = found["logits"], found["token_ids"]
    if rows.storage == "own" and rows.dtype.kind != "f":
        raise TypeError(f"logits must be floating-point, not {rows.dtype}")
    if rows.ndim < 2 or rows.shape[-1] == 0:
        raise ValueError(f"logits of shape {rows.shape} have no axes (T, V) of tokens and letters, V at least 1")
    if ids.dtype != np.int64:
        raise TypeError(f"token_ids must be int64 on a CUDA device, not {ids.dtype}")
    if ids.shape != rows.shape[:-1]:
        raise ValueError(f"token_ids of shape {ids.shape} do not fit tokens of shape {rows.shape[:-1]}")
    if mask is not None and (found["mask"].dtype != np.bool_ or found["mask"].shape != ids.shape):
        raise ValueError(f"mask must be booleans of shape {ids.shape} on a CUDA device")
    return place, found
