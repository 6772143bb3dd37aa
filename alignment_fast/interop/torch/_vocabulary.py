"""Hidden states to log-probabilities and entropies without the logits: products by PyTorch, the rest by the kernels.

With n tokens, V letters and H hidden units a product takes 2 n V H operations. A head that is trained needs four: one
forward, and backward the logits again, the gradient of the hidden states and that of the weight. They go over tiles of
the vocabulary, all tokens of a block at once, so that the weight's gradient is written once. A frozen head needs two:
the gradient of a token's log-probability by its hidden state does not depend on what comes after, up to a factor, and
is made while the logits of a chunk of tokens are there; with entropies three.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
import torch

from alignment_fast._operations import operations
from alignment_fast.interop.torch._scratch import scratch
from alignment_fast.interop.torch._tensors import saturated, storage_of, wide
from alignment_fast.interop.torch._tokens import memory_of
from alignment_fast.kernels.pairwise.structures import LetterSums

CHUNK = 1 << 25  # bytes of logits that exist at a time, and of a weight that is widened
_MOST_ROWS = 4096  # tokens of a block of a trained head
LEAST_ROWS = 128  # tokens of a chunk of a frozen head: fewer would read the weight too often


class Head(NamedTuple):
    """The output layer: logits are softcap · tanh(scale · (W h + bias) / softcap) / temperature."""

    weight: torch.Tensor
    bias: torch.Tensor | None
    scale: float
    softcap: float | None
    temperature: float

    @property
    def factor(self) -> float:
        """Return the derivative of a logit by its product, where it is not capped."""
        return self.scale / self.temperature

    @property
    def dtype(self) -> torch.dtype:
        """Return the dtype of products and logits."""
        return wide(self.weight.dtype)

    def letters(self, low: int, high: int, room: torch.Tensor | None) -> torch.Tensor:
        """Return rows of the weight in the dtype of products; 16-bit ones are widened into `room`."""
        part = self.weight[low:high]
        return part if room is None else room[: part.numel()].view_as(part).copy_(part)

    def logits(self, hidden: torch.Tensor, letters: torch.Tensor, low: int, out: torch.Tensor) -> torch.Tensor:
        """Write the logits of some letters, those from `low` on, to `out`."""
        scale = self.factor if self.softcap is None else self.scale / self.softcap
        if self.bias is None:
            out.addmm_(hidden, letters.t(), beta=0, alpha=scale)
        else:
            shift = self.bias[low : low + len(letters)].to(self.dtype) * scale
            torch.addmm(shift, hidden, letters.t(), alpha=scale, out=out)
        return out if self.softcap is None else out.tanh_().mul_(self.softcap / self.temperature)

    def through_cap(self, gradient: torch.Tensor, slope: torch.Tensor | None) -> torch.Tensor:
        """Return a gradient by logits as one by what is capped; `slope` from `cap_slope`."""
        return gradient if slope is None else gradient.mul_(slope)

    def cap_slope(self, logits: torch.Tensor, out: torch.Tensor) -> torch.Tensor | None:
        """Return 1 - tanh² of every logit in `out`, None without a cap."""
        if self.softcap is None:
            return None
        torch.mul(logits, self.temperature / self.softcap, out=out)
        return out.square_().neg_().add_(1)


class Found(NamedTuple):
    """Of every token: log-probability, entropy, log Σ e^z, log Σ p², mean logit, the likeliest letter; float64."""

    log_p: np.ndarray
    entropy: np.ndarray
    log_partition: np.ndarray
    log_square: np.ndarray
    mean_logit: np.ndarray
    top_id: np.ndarray


def _found(table: np.ndarray, letters: int) -> Found:
    sums = LetterSums._make(table.T)
    with np.errstate(divide="ignore", invalid="ignore"):
        log_sum = np.log(sums.sum)
        log_sum[sums.top == -np.inf] = np.nan  # nothing but -inf
        return Found(
            (sums.token - sums.frame) - log_sum,
            log_sum - sums.first / sums.sum,
            sums.frame + log_sum,
            np.log(sums.square) - 2 * log_sum,
            np.asarray(sums.total) / letters,
            np.asarray(sums.top_id),
        )


def _spans(count: int, step: int) -> Iterator[tuple[int, int]]:
    return ((low, min(low + step, count)) for low in range(0, count, step))


class _Tiles:
    """How a trained head's rows and letters are cut, and the scratch for it."""

    def __init__(self, head: Head, rows: int):
        size = torch.finfo(head.dtype).bits // 8
        letters, self.units = head.weight.shape
        self.rows = max(1, min(rows, _MOST_ROWS))
        self.widened = head.weight.dtype != head.dtype
        self.letters = min(letters, max(512, CHUNK // (self.rows * size)))
        if self.widened:
            self.letters = min(self.letters, max(512, CHUNK // (self.units * size)))
        self.weight_size = self.letters * self.units if self.widened else 0
        self.tile_size = self.rows * self.letters


def statistics(hidden: torch.Tensor, head: Head, ids: np.ndarray, *, moments: bool) -> Found:
    """Return what is `Found` of every row of `hidden`; without `moments` log-probability and partition function."""
    ops, tiles = operations("pairwise"), _Tiles(head, len(hidden))
    table = ops.no_letters(len(hidden))
    with scratch(tiles.weight_size + tiles.tile_size, head.dtype) as room:
        wide_room, tile_room = _cut(room, tiles.weight_size)
        for low, high in _spans(len(head.weight), tiles.letters):
            letters = head.letters(low, high, wide_room)
            for first, last in _spans(len(hidden), tiles.rows):
                tile = _shaped(tile_room, last - first, high - low)
                head.logits(hidden[first:last], letters, low, tile)
                ops.add_letters(table[first:last], tile.numpy(), ids[first:last], low, moments=moments)
    return _found(table, len(head.weight))


class Upstream(NamedTuple):
    """Incoming gradients of log-probabilities and entropies (None where there are none), and what they go with."""

    log_p: np.ndarray
    entropy: np.ndarray | None
    log_partition: np.ndarray
    of_entropy: np.ndarray | None

    def at(self, rows: Any) -> Upstream:
        """Return the rows that an index chooses, contiguous."""
        columns: list[Any] = [None if column is None else np.ascontiguousarray(column[rows]) for column in self]
        return Upstream(*columns)


def gradients(
    hidden: torch.Tensor, head: Head, ids: np.ndarray, upstream: Upstream, wanted: tuple[bool, bool, bool]
) -> list[Any]:
    """Return the gradients by hidden states, weight and bias, None where not `wanted`."""
    weight, bias = head.weight, head.bias
    if not len(hidden):
        return [None if of is None else _empty(of).zero_() for of in (hidden, weight, bias)]
    tiles = _Tiles(head, len(hidden))
    of_hidden = _empty(hidden).zero_() if wanted[0] else None
    of_weight = _empty(weight) if wanted[1] else None
    of_bias = _empty(bias) if wanted[2] and bias is not None else None
    upstream = _scaled(upstream, head.factor)
    sizes = [tiles.weight_size, tiles.tile_size, tiles.tile_size if head.softcap is not None else 0]
    if tiles.widened and wanted[1]:
        sizes.append(tiles.weight_size)
    with scratch(sum(sizes), head.dtype) as room:
        wide_room, tile_room, slope_room, sum_room = _cut(room, *sizes[:-1], parts=4)
        for low, high in _spans(len(weight), tiles.letters):
            letters = head.letters(low, high, wide_room if tiles.widened else None)
            part = None
            if of_weight is not None:
                part = _shaped(sum_room, high - low, tiles.units) if tiles.widened else of_weight[low:high]
            bias_part = torch.zeros(high - low, dtype=head.dtype)
            for first, last in _spans(len(hidden), tiles.rows):
                tile = _shaped(tile_room, last - first, high - low)
                slope = _shaped(slope_room, last - first, high - low) if head.softcap is not None else tile
                states = hidden[first:last]
                _tile_gradient(
                    states, head, letters, low, ids[first:last], upstream.at(slice(first, last)), tile, slope
                )
                if part is not None:
                    part.addmm_(tile.t(), states, beta=float(first > 0))
                if of_hidden is not None:
                    of_hidden[first:last].addmm_(tile, letters)
                if of_bias is not None:
                    bias_part = bias_part + tile.sum(0)
            if tiles.widened and of_weight is not None and part is not None:
                of_weight[low:high] = saturated(part, weight.dtype)
            if of_bias is not None:
                of_bias[low:high] = saturated(bias_part, of_bias.dtype)
    return [of_hidden, of_weight, of_bias]


def _tile_gradient(
    states: torch.Tensor,
    head: Head,
    letters: torch.Tensor,
    low: int,
    ids: np.ndarray,
    upstream: Upstream,
    tile: torch.Tensor,
    slope_room: torch.Tensor,
) -> None:
    """Make the gradient by the products of one tile in `tile`."""
    head.logits(states, letters, low, tile)
    slope = head.cap_slope(tile, slope_room)
    array = tile.numpy()
    operations("pairwise").letter_gradients(
        array,
        ids,
        low,
        upstream.log_partition,
        upstream.log_p,
        array,
        entropy_factor=upstream.entropy,
        entropy=upstream.of_entropy,
    )
    head.through_cap(tile, slope)


def _scaled(upstream: Upstream, factor: float) -> Upstream:
    if factor == 1.0:
        return upstream
    entropy = upstream.entropy
    return upstream._replace(log_p=upstream.log_p * factor, entropy=None if entropy is None else entropy * factor)


def frozen(
    hidden: torch.Tensor, head: Head, ids: np.ndarray, *, entropy: bool, moments: bool, differentiated: bool
) -> tuple[Found, torch.Tensor | None, torch.Tensor | None]:
    """Return what is `Found`, and the gradients of log-probabilities and of entropies by the hidden states."""
    size = torch.finfo(head.dtype).bits // 8
    letters, units = head.weight.shape
    rows = min(max(1, len(hidden)), max(LEAST_ROWS, CHUNK // (letters * size)))
    widened = head.weight.dtype != head.dtype
    step = max(512, CHUNK // (units * size)) if widened else letters
    ops = operations("pairwise")
    table = ops.no_letters(len(hidden))
    of_log_p = _empty(hidden) if differentiated else None
    of_entropy = _empty(hidden) if differentiated and entropy else None
    capped = differentiated and head.softcap is not None
    chunk = rows * letters
    sizes = [step * units if widened else 0, chunk, chunk if capped else 0, chunk if of_entropy is not None else 0]
    with scratch(sum(sizes), head.dtype) as room:
        wide_room, tile_room, slope_room, second_room = _cut(room, *sizes[:-1], parts=4)
        for first, last in _spans(len(hidden), rows):
            states, own = hidden[first:last], ids[first:last]
            logits = _shaped(tile_room, last - first, letters)
            for low, high in _spans(letters, step):
                head.logits(states, head.letters(low, high, wide_room if widened else None), low, logits[:, low:high])
            ops.add_letters(table[first:last], logits.numpy(), own, 0, moments=entropy or moments)
            if of_log_p is None:
                continue
            found = _found(table[first:last], letters)
            ones, none = np.full(len(own), head.factor), np.zeros(len(own))
            slope = head.cap_slope(logits, _shaped(slope_room, last - first, letters) if capped else logits)
            made = []
            if of_entropy is not None:  # first: the other takes the logits' place
                second = _shaped(second_room, last - first, letters)
                made.append((Upstream(none, ones, found.log_partition, found.entropy), second, of_entropy))
            made.append((Upstream(ones, None, found.log_partition, None), logits, of_log_p))
            for upstream, out, result in made:
                ops.letter_gradients(
                    logits.numpy(),
                    own,
                    0,
                    upstream.log_partition,
                    upstream.log_p,
                    out.numpy(),
                    entropy_factor=upstream.entropy,
                    entropy=upstream.of_entropy,
                )
                head.through_cap(out, slope)
                for low, high in _spans(letters, step):
                    part = head.letters(low, high, wide_room if widened else None)
                    result[first:last].addmm_(out[:, low:high], part, beta=float(low > 0))
    return _found(table, letters), of_log_p, of_entropy


def _cut(room: torch.Tensor, *sizes: int, parts: int = 2) -> list[Any]:
    """Return consecutive pieces of `room` of these sizes, and the rest; None for size 0 of the first piece."""
    pieces: list[Any] = []
    at = 0
    for size in sizes:
        pieces.append(room[at : at + size])
        at += size
    pieces.append(room[at:])
    pieces += [room[:0]] * (parts - len(pieces))
    if sizes and sizes[0] == 0:
        pieces[0] = None
    return pieces


def _empty(model: torch.Tensor) -> torch.Tensor:
    """Return a tensor of the shape and dtype of `model`, contiguous whatever its strides: the operators promise it."""
    return torch.empty_like(model, memory_format=torch.contiguous_format)


def _shaped(room: torch.Tensor, rows: int, columns: int) -> torch.Tensor:
    """Return the head of `room` as a contiguous matrix."""
    return room[: rows * columns].view(rows, columns)


# ---- logits that are there ----


def _sequences(logits: torch.Tensor) -> Iterator[tuple[slice, torch.Tensor]]:
    """Yield rows by number and their logits, for logits (sequences, tokens, letters)."""
    tokens = logits.shape[1]
    for sequence, rows in enumerate(logits):
        yield slice(sequence * tokens, (sequence + 1) * tokens), rows


def of_logits(logits: torch.Tensor, ids: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return log-probability (zero where masked), entropy and log Σ e^z of every token."""
    ops, storage = operations("pairwise"), storage_of(logits.dtype)
    table = ops.no_letters(len(ids))
    for rows, part in _sequences(logits):
        ops.add_letters(table[rows], memory_of(part), ids[rows], 0, storage=storage, moments=True)
    found = _found(table, logits.shape[-1])
    return np.where(ids >= 0, found.log_p, 0.0), found.entropy, found.log_partition


def through_logits(logits: torch.Tensor, ids: np.ndarray, upstream: Upstream, out: torch.Tensor) -> None:
    """Write the gradient by logits (sequences, tokens, letters) to `out`, of their shape and dtype."""
    flat = out.view(-1, out.shape[-1])
    for rows, part in _sequences(logits):
        own = upstream.at(rows)
        operations("pairwise").letter_gradients(
            memory_of(part),
            ids[rows],
            0,
            own.log_partition,
            own.log_p,
            memory_of(flat[rows]),
            storage=storage_of(logits.dtype),
            entropy_factor=own.entropy,
            entropy=own.of_entropy,
        )
