"""Hidden states to log-probabilities and entropies without the logits: products by PyTorch, the rest by the kernels.

With n tokens, V letters and H hidden units a product takes 2 n V H operations. A head that is trained needs four: one
forward, and backward the logits again, the gradient of the hidden states and that of the weight. They go over tiles of
the vocabulary, all tokens of a block at once, so that the weight's gradient is written once. Tiles for which there is
space in the scratch stay there until the backward pass, which does not make them again if it comes next: of a small
batch all of them, and three products are enough. A frozen head needs two: the gradient of a token's log-probability by
its hidden state does not depend on what comes after, up to a factor, and is made while the logits of a chunk of tokens
are there; with entropies three.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import torch

from alignment_fast.interop.torch import _compiled
from alignment_fast.interop.torch._scratch import KEPT, Mark, scratch
from alignment_fast.interop.torch._tensors import narrowed, saturated, wide
from alignment_fast.kernels.pairwise.structures import LetterSums

CHUNK = 1 << 25  # bytes of logits of a frozen head that exist at a time
TILE = 1 << 23  # of those between two products, and of a weight that is widened: small enough for the caches
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

    def letters(self, low: int, high: int, memory: torch.Tensor | None) -> torch.Tensor:
        """Return rows of the weight in the dtype of products; 16-bit ones are widened into `memory`."""
        part = self.weight[low:high]
        return part if memory is None else memory[: part.numel()].view_as(part).copy_(part)

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

    log_p: torch.Tensor
    entropy: torch.Tensor
    log_partition: torch.Tensor
    log_square: torch.Tensor
    mean_logit: torch.Tensor
    top_id: torch.Tensor


def _found(table: torch.Tensor, letters: int) -> Found:
    sums: Any = LetterSums._make(table.unbind(1))
    nothing = sums.top == -torch.inf  # but -inf
    log_sum = sums.sum.log().masked_fill_(nothing, torch.nan)
    return Found(
        (sums.token - sums.frame) - log_sum,
        log_sum - sums.first / sums.sum,
        sums.frame + log_sum,
        sums.square.log() - 2 * log_sum,
        sums.total / letters,
        sums.top_id,
    )


def _spans(count: int, step: int) -> list[tuple[int, int]]:
    return [(low, min(low + step, count)) for low in range(0, count, step)]


# ---- a trained head ----


class _Tiles:
    """How rows and letters are cut, and where tiles are in the scratch: the last of `slots` serves all that have none.

    Scratch holds the tiles, then a widened part of the weight, and what the backward pass needs beside them, so that
    both passes find the same places.
    """

    def __init__(self, head: Head, rows: int, *, keep: bool):
        size = torch.finfo(head.dtype).bits // 8
        letters, self.units = head.weight.shape
        self.rows = max(1, min(rows, _MOST_ROWS))
        self.widened = head.weight.dtype != head.dtype
        self.letters = min(letters, max(512, TILE // (self.rows * size)))
        if self.widened:
            self.letters = min(self.letters, max(512, TILE // (self.units * size)))
        self.tile_size = self.rows * self.letters
        weight_size = self.letters * self.units if self.widened else 0
        self.spans = [
            (low, high, first, last)
            for low, high in _spans(letters, self.letters)
            for first, last in _spans(rows, self.rows)
        ]
        sizes = [weight_size]
        if keep:  # memory for slopes of a cap, and for the gradient of a widened part
            sizes += [0 if head.softcap is None else self.tile_size, weight_size]
        budget = KEPT // size - sum(sizes) if keep else 0
        self.slots = max(1, min(len(self.spans), budget // self.tile_size))
        self.size = self.slots * self.tile_size + sum(sizes)
        self._sizes = sizes

    def cut(self, memory: torch.Tensor) -> list[torch.Tensor]:
        """Return the pieces of `memory` behind the tiles."""
        return list(memory[self.slots * self.tile_size :].split(self._sizes))

    def tile(self, memory: torch.Tensor, number: int) -> torch.Tensor:
        """Return the place of a tile."""
        low, high, first, last = self.spans[number]
        return _shaped(memory[min(number, self.slots - 1) * self.tile_size :], last - first, high - low)

    def stays(self, number: int) -> bool:
        """Return whether a tile is still there after all have been made."""
        return number < self.slots - 1 or number == len(self.spans) - 1


def statistics(hidden: torch.Tensor, head: Head, ids: torch.Tensor, *, moments: bool, leaves: Mark | None) -> Found:
    """Return what is `Found` of every row of `hidden`; without `moments` log-probability and partition function.

    With `leaves` tiles stay in the scratch under that mark.
    """
    tiles = _Tiles(head, len(hidden), keep=leaves is not None)
    table = _compiled.no_letters(hidden)
    with scratch(tiles.size, head.dtype, hidden.device, leaves=leaves, forward_only=leaves is None) as (memory, _):
        wide_memory = tiles.cut(memory)[0]
        for number, (low, high, first, last) in enumerate(tiles.spans):
            if first == 0:
                letters = head.letters(low, high, wide_memory if tiles.widened else None)
            tile = head.logits(hidden[first:last], letters, low, tiles.tile(memory, number))
            _compiled.add_letters(table[first:last], tile, ids[first:last], low, moments)
    return _found(table, len(head.weight))


class Upstream(NamedTuple):
    """Incoming gradients of log-probabilities and entropies (None where there are none), and what they go with."""

    log_p: torch.Tensor
    entropy: torch.Tensor | None
    log_partition: torch.Tensor
    of_entropy: torch.Tensor | None

    def at(self, rows: Any) -> Upstream:
        """Return the rows that an index chooses, contiguous."""
        columns: list[Any] = [None if column is None else column[rows].contiguous() for column in self]
        return Upstream(*columns)

    def scaled(self, factor: float) -> Upstream:
        """Return the incoming gradients times a factor."""
        entropy = None if self.entropy is None else self.entropy * factor
        return self._replace(log_p=self.log_p * factor, entropy=entropy)


class _Slope(NamedTuple):
    """The gradient by the products of one tile, and where it belongs."""

    low: int
    high: int
    first: int
    last: int
    tile: torch.Tensor
    letters: torch.Tensor
    memory: torch.Tensor  # of a part of a widened weight


def _slopes(
    hidden: torch.Tensor, head: Head, ids: torch.Tensor, upstream: Upstream, left: torch.Tensor | None
) -> Iterator[_Slope]:
    """Yield the gradients of all tiles, last one first: that is where the forward pass has stopped.

    `left` is a tensor of the forward pass, by which its tiles are known where they are still there.
    """
    tiles = _Tiles(head, len(hidden), keep=True)
    upstream = upstream.scaled(head.factor)
    with scratch(tiles.size, head.dtype, hidden.device) as (memory, mark):
        there = left is not None and mark is not None and mark.is_of(left)
        wide_memory, slope_memory, sum_memory = tiles.cut(memory)
        before = -1
        for number in reversed(range(len(tiles.spans))):
            low, high, first, last = tiles.spans[number]
            if low != before:
                letters, before = head.letters(low, high, wide_memory if tiles.widened else None), low
            tile = tiles.tile(memory, number)
            if not (there and tiles.stays(number)):
                head.logits(hidden[first:last], letters, low, tile)
            slope = head.cap_slope(tile, _shaped(slope_memory, last - first, high - low) if head.softcap else tile)
            _compiled.letter_gradients(tile, ids[first:last], low, upstream.at(slice(first, last)), tile)
            yield _Slope(low, high, first, last, head.through_cap(tile, slope), letters, sum_memory)


def gradients(
    hidden: torch.Tensor,
    head: Head,
    ids: torch.Tensor,
    upstream: Upstream,
    wanted: tuple[bool, bool, bool],
    left: torch.Tensor | None = None,
) -> list[Any]:
    """Return the gradients by hidden states, weight and bias, None where not `wanted`; `left` as in `_slopes`."""
    weight, bias = head.weight, head.bias
    of_hidden = _empty(hidden).zero_() if wanted[0] else None
    of_weight = _empty(weight) if wanted[1] else None
    of_bias = weight.new_zeros(len(weight), dtype=head.dtype) if wanted[2] and bias is not None else None
    if of_weight is not None and not len(hidden):
        of_weight.zero_()
    for slope in _slopes(hidden, head, ids, upstream, left):
        low, high, first, last, tile, letters, memory = slope
        begins, ends = last == len(hidden), first == 0  # of the rows, from the last to the first
        if of_hidden is not None:
            of_hidden[first:last].addmm_(tile, letters)
        if of_weight is not None:
            own = of_weight.dtype == head.dtype
            part = of_weight[low:high] if own else _shaped(memory, high - low, hidden.shape[1])
            part.addmm_(tile.t(), hidden[first:last], beta=float(not begins))
            if ends and not own:
                of_weight[low:high] = saturated(part, of_weight.dtype)
        if of_bias is not None:
            of_bias[low:high] += tile.sum(0)
    return [of_hidden, of_weight, None if of_bias is None or bias is None else narrowed(of_bias, bias.dtype)]


def changes(
    hidden: torch.Tensor,
    head: Head,
    ids: torch.Tensor,
    upstream: Upstream,
    tangents: tuple[torch.Tensor | None, torch.Tensor | None, torch.Tensor | None],
) -> torch.Tensor:
    """Return of every row the derivative along `tangents` of hidden states, weight and bias (None: they do not move).

    `upstream` says of what: of log-probabilities, of entropies, or of a sum of both.
    """
    by_hidden, by_weight, by_bias = (None if move is None else move.to(head.dtype) for move in tangents)
    found = hidden.new_zeros(len(hidden))
    if not len(hidden):
        return found
    for low, high, first, last, tile, letters, _ in _slopes(hidden, head, ids, upstream, None):
        rows = slice(first, last)
        if by_hidden is not None:
            found[rows] += ((tile @ letters) * by_hidden[rows]).sum(1)
        if by_weight is not None:
            found[rows] += ((tile @ by_weight[low:high]) * hidden[rows]).sum(1)
        if by_bias is not None:
            found[rows] += tile @ by_bias[low:high]
    return found


# ---- a frozen head ----


def frozen(
    hidden: torch.Tensor, head: Head, ids: torch.Tensor, *, entropy: bool, moments: bool
) -> tuple[Found, torch.Tensor, torch.Tensor | None]:
    """Return what is `Found`, and the gradients of log-probabilities and of entropies by the hidden states."""
    size = torch.finfo(head.dtype).bits // 8
    letters, units = head.weight.shape
    rows = min(max(1, len(hidden)), max(LEAST_ROWS, CHUNK // (letters * size)))
    widened = head.weight.dtype != head.dtype
    step = min(letters, max(512, TILE // (max(rows, units if widened else 0) * size)))
    spans = _spans(letters, step)
    table = _compiled.no_letters(hidden)
    of_log_p, of_entropy = _empty(hidden), _empty(hidden) if entropy else None
    size_of_tile = rows * step
    sizes = [
        rows * letters,
        step * units if widened else 0,
        0 if head.softcap is None else size_of_tile,
        size_of_tile if entropy else 0,
    ]
    with scratch(sum(sizes), head.dtype, hidden.device) as (memory, _):
        chunk_memory, wide_memory, slope_memory, second_memory = memory.split(sizes)
        for first, last in _spans(len(hidden), rows):
            states, own = hidden[first:last], ids[first:last]
            count = last - first
            tiles = [_shaped(chunk_memory[count * low :], count, high - low) for low, high in spans]
            for (low, high), tile in zip(spans, tiles, strict=True):
                part = head.letters(low, high, wide_memory if widened else None)
                logits = head.logits(states, part, low, tile)
                _compiled.add_letters(table[first:last], logits, own, low, entropy or moments)
            found = _found(table[first:last], letters)
            ones, none = torch.full_like(found.log_p, head.factor), torch.zeros_like(found.log_p)
            by_log_p = Upstream(ones, None, found.log_partition, None).at(slice(None))
            by_entropy = Upstream(none, ones, found.log_partition, found.entropy).at(slice(None))
            for (low, high), logits in zip(spans, tiles, strict=True):
                part = head.letters(low, high, wide_memory if widened else None)
                slope = head.cap_slope(
                    logits, _shaped(slope_memory, last - first, high - low) if head.softcap else logits
                )
                made = [(by_log_p, logits, of_log_p)]
                if of_entropy is not None:  # first: the other takes the logits' place
                    made.insert(0, (by_entropy, _shaped(second_memory, last - first, high - low), of_entropy))
                for upstream, out, result in made:
                    _compiled.letter_gradients(logits, own, low, upstream, out)
                    head.through_cap(out, slope)
                    result[first:last].addmm_(out, part, beta=float(low > 0))
    return _found(table, letters), of_log_p, of_entropy


def _empty(model: torch.Tensor) -> torch.Tensor:
    """Return a tensor of the shape and dtype of `model`, contiguous whatever its strides: the operators promise it."""
    return torch.empty_like(model, memory_format=torch.contiguous_format)


def _shaped(memory: torch.Tensor, rows: int, columns: int) -> torch.Tensor:
    """Return the head of `memory` as a contiguous matrix."""
    return memory[: rows * columns].view(rows, columns)


# ---- logits that are there ----


def _sequences(logits: torch.Tensor) -> Iterator[tuple[slice, torch.Tensor]]:
    """Yield rows by number and their logits, for logits (sequences, tokens, letters)."""
    if logits.is_contiguous():
        yield slice(None), logits.view(-1, logits.shape[-1])
        return
    tokens = logits.shape[1]
    for sequence, rows in enumerate(logits):
        yield slice(sequence * tokens, (sequence + 1) * tokens), rows


def of_logits(
    logits: torch.Tensor, ids: torch.Tensor, moments: bool = True
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Return log p (zero where masked), entropy (undefined without `moments`) and log Σ e^z of every token."""
    table = _compiled.no_letters(ids)
    for rows, part in _sequences(logits):
        _compiled.add_letters(table[rows], part, ids[rows], 0, moments)
    found = _found(table, logits.shape[-1])
    return found.log_p.masked_fill(ids < 0, 0.0), found.entropy, found.log_partition


def through_logits(logits: torch.Tensor, ids: torch.Tensor, upstream: Upstream, out: torch.Tensor) -> None:
    """Write the gradient by logits (sequences, tokens, letters) to `out`, of their shape and dtype."""
    flat = out.view(-1, out.shape[-1])
    for rows, part in _sequences(logits):
        _compiled.letter_gradients(part, ids[rows], 0, upstream.at(rows), flat[rows])
