"""Random streams addressed by (seed, purpose, replicate, draw): any part of any stream, in any order, on any device.

The generator is Philox4x32-10 [1]_, a keyed bijection of a 128-bit counter, so there is no state to carry or to split.
A value depends on the seed, the purpose, the replicate and the number of the draw, and never on the number of threads,
the instruction set, the chunk size or the device. ``docs/reference/random_streams.md`` states the rules and golden
values, which do not change within a major version.

.. [1] J. K. Salmon, M. A. Moraes, R. O. Dror, D. E. Shaw, "Parallel random numbers: as easy as 1, 2, 3", SC11 (2011).
"""

import math
import operator

import numpy as np
from numpy.typing import DTypeLike, NDArray

from alignment_fast._border.arrays import device_of
from alignment_fast._border.devices import output
from alignment_fast._border.outputs import fits
from alignment_fast._border.rng import DRAWS, Seed, stream_key
from alignment_fast._border.scalars import refuse_beyond
from alignment_fast._operations import operations

__all__ = ["Stream"]

_END = 2**64
_WORDS = (np.dtype(np.uint32), np.dtype(np.uint64))
_REALS = (np.dtype(np.float32), np.dtype(np.float64))

Shape = int | tuple[int] | tuple[int, int]


def _rows_and_length(shape):
    """Return (R, n) of a shape n, (n,) or (R, n)."""
    try:
        lengths = tuple(map(operator.index, shape)) if isinstance(shape, (tuple, list)) else (operator.index(shape),)
    except TypeError:
        raise TypeError(f"shape must be n or (R, n) of integers, not {shape!r}") from None
    if not 1 <= len(lengths) <= 2 or min(lengths) < 0:
        raise ValueError(f"shape must be n or (R, n) with lengths >= 0, not {shape!r}")
    refuse_beyond(math.prod(lengths), "the number of values of shape")
    return lengths if len(lengths) == 2 else (1, lengths[0])


def _counter(value, count, name):
    """Return `value` as an integer such that value + count <= 2^64."""
    try:
        start = operator.index(value)
    except TypeError:
        raise TypeError(f"{name} must be an integer, not {value!r}") from None
    if not 0 <= start <= _END - max(count, 1):
        raise ValueError(f"{name} = {start}: the range {name} .. {name} + {count} does not lie in 0 .. 2**64")
    return start


def _checked(dtype, kinds):
    """Return `dtype` as one of `kinds`."""
    dtype = np.dtype(dtype)
    if dtype not in kinds:
        raise TypeError(f"dtype must be float32 or float64, not {dtype}")
    return dtype


def _output(out, dtype, shape):
    """Return the array to write, and its two-dimensional view."""
    if out is None:
        out = np.empty(shape, dtype)
    elif device_of(out) != "cpu":
        return out, _on_device(out, dtype, shape)
    elif not isinstance(out, np.ndarray) or out.dtype != dtype:
        raise TypeError(f"out must be an array of {dtype}, not {getattr(out, 'dtype', type(out).__name__)}")
    elif not fits(out, dtype, shape):
        raise ValueError(f"out must be a writeable C-contiguous array of shape {shape}, not of shape {out.shape}")
    return out, out if out.ndim == 2 else out.reshape(1, -1)


def _on_device(out, dtype, shape):
    found = output(out, "out")
    if found.dtype != dtype:
        raise TypeError(f"out must be an array of {dtype}, not {found.dtype}")
    if found.shape != shape:
        raise ValueError(f"out must be an array of shape {shape}, not of shape {found.shape}")
    return found if found.ndim == 2 else found.reshape(1, -1)


class Stream:
    """Draws of one seed, addressed by replicate and number of the draw.

    Parameters
    ----------
    seed : None, int, SeedSequence, BitGenerator or Generator
        None takes fresh entropy from the operating system; a generator contributes one 64-bit integer and moves on.
    purpose : int
        Streams of one seed for different purposes are unrelated. Functions of this library use 0 for draws, 1 for
        ties, 2 for the bootstrap, 3 for noise.

    Notes
    -----
    The key is ``SeedSequence(entropy, spawn_key=(*spawn_key, purpose)).generate_state(1, uint64)``; the counter is
    (block of the draw, replicate), 64 bits each, block = draw // draws per block. A block is four 32-bit words, hence
    four draws of `uint32`, float32 `uniform` and float32 `normal`, and two draws of the 64-bit kinds. Streams of
    different keys or replicates are independent; the kinds of one stream are not: they are made of the same words.

    Streams compare, hash and pickle by their key.

    Examples
    --------
    >>> from alignment_fast.random import Stream
    >>> stream = Stream(7)
    >>> stream.uniform(3)
    array([0.90850314, 0.12115715, 0.09429932])
    >>> stream.uniform(2, draw=1)
    array([0.12115715, 0.09429932])
    >>> stream.uniform((2, 3))[0]
    array([0.90850314, 0.12115715, 0.09429932])

    """

    __slots__ = ("_key",)

    def __init__(self, seed: Seed, *, purpose: int = DRAWS) -> None:
        self._key = stream_key(seed, purpose)

    @classmethod
    def from_key(cls, key: int) -> "Stream":
        """Return the stream of a known 64-bit key."""
        stream = cls.__new__(cls)
        stream._key = _counter(key, 1, "key")
        return stream

    @property
    def key(self) -> int:
        """The 64-bit Philox key."""
        return self._key

    def __repr__(self) -> str:
        return f"Stream.from_key({self._key:#018x})"

    def __eq__(self, other: object) -> bool:
        return self._key == other._key if isinstance(other, Stream) else NotImplemented

    def __hash__(self) -> int:
        return hash((Stream, self._key))

    def __reduce__(self) -> tuple:
        return Stream.from_key, (self._key,)

    def uint32(
        self,
        shape: Shape,
        *,
        replicate: int = 0,
        draw: int = 0,
        num_threads: int | None = None,
        out: NDArray[np.uint32] | None = None,
    ) -> NDArray[np.uint32]:
        """Return 32-bit words: draw d is word d mod 4 of block d // 4.

        Parameters
        ----------
        shape : int or (int, int)
            n draws of one replicate, or (R, n): n draws of each of R consecutive replicates.
        replicate : int
            First replicate; replicate + R <= 2**64.
        draw : int
            Index of the first draw; draw + n <= 2**64.
        num_threads : int, optional
            Threads to use; the values do not depend on it.
        out : ndarray, optional
            C-contiguous array of that shape and dtype to write and return; on a CUDA device it is filled there.

        Returns
        -------
        ndarray
            Array of shape (n,) or (R, n).

        Raises
        ------
        ValueError, TypeError
            If an argument is out of range or of the wrong kind.

        Examples
        --------
        >>> Stream.from_key(0).uint32(4)
        array([1713891541, 3781805453, 3159862348, 2600524760], dtype=uint32)

        """
        ops = operations("random")
        ways = ops.short_words, "fill_words", _WORDS
        return self._draw(*ways, np.uint32, shape, replicate, draw, num_threads, out)

    def uint64(
        self,
        shape: Shape,
        *,
        replicate: int = 0,
        draw: int = 0,
        num_threads: int | None = None,
        out: NDArray[np.uint64] | None = None,
    ) -> NDArray[np.uint64]:
        """Return 64-bit words: draw d is words 2(d mod 2), 2(d mod 2) + 1 of block d // 2, the first one high.

        Parameters, errors and the result are those of `uint32`.

        Examples
        --------
        >>> Stream.from_key(0).uint64(2)
        array([ 7361108121267848589, 13571505447122295768], dtype=uint64)

        """
        ops = operations("random")
        ways = ops.short_words, "fill_words", _WORDS
        return self._draw(*ways, np.uint64, shape, replicate, draw, num_threads, out)

    def uniform(
        self,
        shape: Shape,
        *,
        replicate: int = 0,
        draw: int = 0,
        dtype: DTypeLike = np.float64,
        num_threads: int | None = None,
        out: NDArray[np.floating] | None = None,
    ) -> NDArray[np.floating]:
        """Return uniform draws, strictly inside (0, 1).

        float32 is ((u >> 9) + 1/2)·2^-23 of a 32-bit word u, float64 is ((w >> 12) + 1/2)·2^-52 of a 64-bit word w: the
        midpoints of 2^23 or 2^52 equal cells, without rounding. Parameters not named here are those of `uint32`.

        Parameters
        ----------
        shape, replicate, draw, num_threads, out
            As in `uint32`.
        dtype : dtype
            float64 or float32. The two are different draws, not roundings of each other.

        Returns
        -------
        ndarray
            Array of shape (n,) or (R, n); same bits on every machine.

        Examples
        --------
        >>> Stream.from_key(0).uniform(2, dtype="float32")
        array([0.39904648, 0.88052016], dtype=float32)

        """
        ops = operations("random")
        return self._draw(ops.short_uniforms, "fill_uniforms", _REALS, dtype, shape, replicate, draw, num_threads, out)

    def normal(
        self,
        shape: Shape,
        *,
        replicate: int = 0,
        draw: int = 0,
        dtype: DTypeLike = np.float64,
        num_threads: int | None = None,
        out: NDArray[np.floating] | None = None,
    ) -> NDArray[np.floating]:
        """Return standard normal draws by the inverse distribution function: one draw from one uniform, monotone.

        float64 is Φ⁻¹ of the float64 uniform with the same index (|x| <= 8.13); float32 is Φ⁻¹((u + 1/2)·2^-32) of the
        32-bit word u, evaluated in float32 (|x| <= 6.34).

        Parameters
        ----------
        shape, replicate, draw, dtype, num_threads, out
            As in `uniform`.

        Returns
        -------
        ndarray
            Array of shape (n,) or (R, n); Φ⁻¹ within 4 ulp, same bits on every machine.

        Examples
        --------
        >>> Stream.from_key(0).normal((1, 2))
        array([[-0.25581597,  0.63018366]])

        """
        ops = operations("random")
        ways = ops.short_normals, "fill_normals", _REALS
        return self._draw(*ways, dtype, shape, replicate, draw, num_threads, out)

    def _draw(self, short, fill, kinds, dtype, shape, replicate, draw, num_threads, out):
        if out is None and num_threads is None:
            found = short(dtype, self._key, shape, replicate, draw)
            if found is not None:
                return found
        dtype = _checked(dtype, kinds)
        rows, n = _rows_and_length(shape)
        replicate, draw = _counter(replicate, rows, "replicate"), _counter(draw, n, "draw")
        out, view = _output(out, dtype, (rows, n) if isinstance(shape, (tuple, list)) and len(shape) == 2 else (n,))
        getattr(operations("random", device_of(out)), fill)(self._key, replicate, draw, view, num_threads)
        return out
