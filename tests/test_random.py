"""Random streams: af_random.h, kernels/random and alignment_fast.random against a plain Python Philox."""

import copy
import hashlib
import json
import pickle
from fractions import Fraction
from pathlib import Path

import mpmath
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.random import MT19937, PCG64, Generator, RandomState, SeedSequence

from alignment_fast._border import rng as _rng
from alignment_fast.kernels.common.cpu import supported_isas
from alignment_fast.kernels.common.scalar import numpy_functions
from alignment_fast.kernels.random import cpu, scalar
from alignment_fast.random import Stream
from bounds import bound
from fresh import output_of
from oracles import philox

KEY = 0x123456789ABCDEF0
STREAM = Stream.from_key(KEY)
TILE = 16384  # draws that one task of a thread writes
END = 2**64

# Philox4x32-10 of the Random123 distribution, tests/kat_vectors: counter, key, words.
KNOWN_ANSWERS = [
    ("00000000 00000000 00000000 00000000", "00000000 00000000", "6627e8d5 e169c58d bc57ac4c 9b00dbd8"),
    ("ffffffff ffffffff ffffffff ffffffff", "ffffffff ffffffff", "408f276d 41c83b0e a20bc7c6 6d5451fd"),
    ("243f6a88 85a308d3 13198a2e 03707344", "a4093822 299f31d0", "d16cfe09 94fdcceb 5001e420 24126ea1"),
]

KINDS = {
    "uint32": lambda stream, *args, **options: stream.uint32(*args, **options),
    "uint64": lambda stream, *args, **options: stream.uint64(*args, **options),
    "uniform32": lambda stream, *args, **options: stream.uniform(*args, dtype=np.float32, **options),
    "uniform64": lambda stream, *args, **options: stream.uniform(*args, **options),
    "normal32": lambda stream, *args, **options: stream.normal(*args, dtype=np.float32, **options),
    "normal64": lambda stream, *args, **options: stream.normal(*args, **options),
}
EXACT = {
    "uint32": philox.word32,
    "uint64": philox.word64,
    "uniform32": lambda *place: float(philox.uniform(*place, "float32")),
    "uniform64": lambda *place: float(philox.uniform(*place, "float64")),
}
CLOSE = {
    "uint32": bound("random.uint32", "uint32"),
    "uint64": bound("random.uint64", "uint64"),
    "uniform32": bound("random.uniform", "float32"),
    "uniform64": bound("random.uniform", "float64"),
}
each_kind = pytest.mark.parametrize("kind", KINDS)


def words_of(text):
    return tuple(int(word, 16) for word in text.split())


@pytest.mark.parametrize(("counter", "key", "answer"), KNOWN_ANSWERS)
def test_published_known_answers(counter, key, answer):
    c, k = words_of(counter), words_of(key)
    place = k[0] | k[1] << 32, c[2] | c[3] << 32, c[0] | c[1] << 32
    assert philox.philox4x32(c, k) == words_of(answer)
    assert cpu.block(*place) == words_of(answer)
    assert tuple(int(word) for word in scalar.philox4x32(*place)) == words_of(answer)


def test_the_known_answer_is_what_the_public_stream_gives():
    assert [f"{word:08x}" for word in Stream.from_key(0).uint32(4)] == KNOWN_ANSWERS[0][2].split()


# First draws around every place where a counter carries: groups of 32 blocks, 2^32 blocks of 4 or 2 draws, the end.
DRAWS = [0, 1, 3, 127, 128, 2**32 - 1, 2**33 - 5, 2**34 - 5, 2**63 - 2, 2**63, END - 300]
REPLICATES = [0, 7, 2**32 - 2, 2**32, 2**63, END - 70]
SHAPES = [(1, 1), (1, 300), (3, 131), (70, 1), (70, 3), (5, 9)]


@pytest.mark.parametrize("draw", DRAWS)
@pytest.mark.parametrize("kind", EXACT)
def test_draws_are_those_of_the_oracle(kind, draw):
    for index, replicate in enumerate(REPLICATES):
        rows, n = SHAPES[index]
        actual = KINDS[kind](STREAM, (rows, n), replicate=replicate, draw=draw)
        assert actual.shape == (rows, n)
        places = [(r, i) for r in sorted({0, rows // 2, rows - 1}) for i in sorted({0, n // 3, n // 2, n - 2, n - 1})]
        for r, i in places:
            exact = EXACT[kind](KEY, replicate + r, draw + i % n)
            assert abs(actual[r, i].item() - exact) <= CLOSE[kind], (replicate, r, i)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("draw", [0, 2**34 - 50])
def test_normals_are_the_inverse_normal_distribution_function(dtype, draw):
    actual = STREAM.normal(100, draw=draw, dtype=dtype)
    for i, value in enumerate(actual):
        error = abs(philox.normal(KEY, 0, draw + i, dtype) - float(value))
        assert error <= bound("random.normal", dtype) * float(np.spacing(abs(value)))


def test_golden_values():
    places = json.loads(Path(__file__).with_name("golden").joinpath("random.json").read_text("utf-8"))
    assert len(places) == 6
    for place in places:
        stream = Stream.from_key(place["key"])
        at = {"replicate": place["replicate"], "draw": place["draw"]}
        assert stream.uint32(8, **at).tolist() == place["uint32"]
        assert stream.uint64(8, **at).tolist() == place["uint64"]
        for dtype in ("float32", "float64"):
            assert [float(x).hex() for x in stream.uniform(8, dtype=dtype, **at)] == place[f"uniform_{dtype}"]
            assert [float(x).hex() for x in stream.normal(8, dtype=dtype, **at)] == place[f"normal_{dtype}"]


@each_kind
@given(data=st.data())
@settings(max_examples=40, deadline=None)
def test_any_slice_of_a_stream_is_the_slice_of_the_whole(kind, data):
    rows, n = data.draw(st.integers(1, 40)), data.draw(st.integers(1, 700))
    replicate = data.draw(st.sampled_from([0, 5, 2**32 - 20, END - rows]))
    draw = data.draw(st.sampled_from([0, 2**33 - 100, 2**34 - 100, END - n]))
    whole = KINDS[kind](STREAM, (rows, n), replicate=replicate, draw=draw)
    r0, d0 = data.draw(st.integers(0, rows - 1)), data.draw(st.integers(0, n - 1))
    r1, d1 = data.draw(st.integers(r0 + 1, rows)), data.draw(st.integers(d0 + 1, n))
    part = KINDS[kind](STREAM, (r1 - r0, d1 - d0), replicate=replicate + r0, draw=draw + d0)
    np.testing.assert_array_equal(part, whole[r0:r1, d0:d1])


@each_kind
@pytest.mark.parametrize("shape", [(1, 5 * TILE + 3), (3, TILE + 1), (300, 1000), (200_000, 1)])
def test_number_of_threads_does_not_change_values(kind, shape):
    one, two, seven = (KINDS[kind](STREAM, shape, replicate=9, draw=77, num_threads=n) for n in (1, 2, 7))
    np.testing.assert_array_equal(one, two)
    np.testing.assert_array_equal(one, seven)
    last = KINDS[kind](STREAM, 1, replicate=9 + shape[0] - 1, draw=77 + shape[1] - 1)
    assert one[-1, -1] == last[0]


@pytest.mark.parametrize("shape", [(2, 3 * TILE + 5), (60, 1000)])
def test_tiles_may_be_filled_in_any_order(shape):
    out = np.zeros(shape)
    for tile in reversed(range(cpu.tile_count(*shape))):
        cpu.normal_f64(KEY, 4, 11, out, tile, tile + 1)
    np.testing.assert_array_equal(out, STREAM.normal(shape, replicate=4, draw=11))


DIGEST = """
import hashlib
from alignment_fast.kernels.common.cpu import ISA
from alignment_fast.random import Stream
digest = hashlib.sha256()
stream = Stream.from_key(0x123456789ABCDEF0)
for shape in [(1, 20001), (3, 333), (777, 3)]:
    for at in [dict(), dict(replicate=2**32 - 5, draw=2**33 - 77), dict(replicate=2**64 - 777, draw=2**64 - 20001)]:
        for draws in (stream.uint32, stream.uint64, stream.uniform, stream.normal):
            digest.update(draws(shape, **at).tobytes())
        for draws in (stream.uniform, stream.normal):
            digest.update(draws(shape, dtype="float32", **at).tobytes())
print(ISA, digest.hexdigest())
"""


def test_every_instruction_set_gives_the_same_bits():
    lines = [output_of(DIGEST, ALIGNMENT_FAST_ISA=isa).split() for isa in supported_isas()]
    assert [line[0] for line in lines] == list(supported_isas())
    assert len({line[1] for line in lines}) == 1


@pytest.mark.parametrize("word", [0, 511, 512, 2**31, 2**32 - 1])
def test_float32_uniforms_are_exact_midpoints(word):
    value = Fraction(float(scalar.uniform_f32(np.uint64(word))))
    assert value == (Fraction(word >> 9) + Fraction(1, 2)) / 2**23
    assert 0 < value < 1


@pytest.mark.parametrize("word", [0, 4095, 4096, 2**63, END - 1])
def test_float64_uniforms_are_exact_midpoints(word):
    value = Fraction(float(scalar.uniform_f64(np.uint64(word))))
    assert value == (Fraction(word >> 12) + Fraction(1, 2)) / 2**52
    assert 0 < value < 1


@pytest.mark.parametrize("draw", range(4))
def test_the_probability_behind_a_float32_normal_is_the_whole_word(draw):
    """In a tail, where float32 has the digits, the next word gives the next draw: no bit of a word is dropped."""
    word = np.uint64(philox.word32(KEY, 0, draw) >> 20)
    below, above = scalar.normal_f32(word + np.arange(2, dtype=np.uint64), numpy_functions("float32")["normal_lower"])
    assert below < above


@pytest.mark.parametrize("near", [0, 2**31, int(0.075 * 2**32), 2**32])
def test_float32_normals_keep_their_digits_at_the_ends_the_middle_and_the_seam(near):
    words = np.arange(max(near - 300, 0), min(near + 300, 2**32), dtype=np.uint64)
    found = scalar.normal_f32(words, numpy_functions("float32")["normal_lower"])
    for word, value in zip(words.tolist(), found, strict=True):
        p = (Fraction(word) + Fraction(1, 2)) / 2**32
        with mpmath.workdps(40):
            exact = mpmath.sqrt(2) * mpmath.erfinv(mpmath.mpf(2 * p.numerator - p.denominator) / p.denominator)
            error = abs(exact - float(value)) / float(np.spacing(abs(value)))
        assert error <= bound("random.normal", "float32"), word


def test_scalar_bodies_are_the_kernels():
    blocks = np.arange(2**32 - 50, 2**32 + 50, dtype=np.uint64)
    words = np.array(scalar.philox4x32(KEY, 2**40 + 1, blocks))
    at = {"replicate": 2**40 + 1}
    np.testing.assert_array_equal(words.T.reshape(-1), STREAM.uint32(400, draw=4 * int(blocks[0]), **at))
    np.testing.assert_array_equal(
        scalar.uniform_f32(words).T.reshape(-1), STREAM.uniform(400, draw=4 * int(blocks[0]), dtype="float32", **at)
    )
    lower = numpy_functions("float32")["normal_lower"]
    np.testing.assert_array_equal(
        scalar.normal_f32(words, lower).T.reshape(-1),
        STREAM.normal(400, draw=4 * int(blocks[0]), dtype="float32", **at),
    )
    doubles = scalar.uniform_f64(scalar.word64(words[::2], words[1::2]))
    np.testing.assert_array_equal(doubles.T.reshape(-1), STREAM.uniform(200, draw=2 * int(blocks[0]), **at))


@each_kind
def test_out_is_written_and_returned(kind):
    expected = KINDS[kind](STREAM, (4, 50), draw=3)
    out = np.zeros_like(expected)
    assert KINDS[kind](STREAM, (4, 50), draw=3, out=out) is out
    np.testing.assert_array_equal(out, expected)


@each_kind
@pytest.mark.parametrize("shape", [0, (0, 5), (5, 0), (0, 0)])
def test_empty_shapes(kind, shape):
    result = KINDS[kind](STREAM, shape, replicate=END - 5, draw=END - 5)
    assert result.shape == ((shape,) if isinstance(shape, int) else shape)


def test_one_dimensional_shapes():
    np.testing.assert_array_equal(STREAM.uniform((7,)), STREAM.uniform(7))
    np.testing.assert_array_equal(STREAM.uniform([1, 7])[0], STREAM.uniform(np.int64(7)))


@pytest.mark.parametrize(
    ("arguments", "options", "error", "message"),
    [
        ((-1,), {}, ValueError, "shape"),
        (((2, 3, 4),), {}, ValueError, "shape"),
        (((),), {}, ValueError, "shape"),
        ((2.5,), {}, TypeError, "shape"),
        ((5,), {"replicate": -1}, ValueError, "replicate = -1"),
        ((5,), {"replicate": 1.5}, TypeError, "replicate"),
        (((3, 5),), {"replicate": END - 2}, ValueError, "replicate = 18446744073709551614"),
        ((5,), {"draw": END - 4}, ValueError, "draw = 18446744073709551612"),
        ((5,), {"draw": END}, ValueError, "draw"),
        ((5,), {"dtype": np.int32}, TypeError, "dtype must be float32 or float64, not int32"),
        ((5,), {"dtype": "float16"}, TypeError, "float16"),
        ((5,), {"num_threads": 0}, ValueError, "num_threads"),
        ((5,), {"out": np.zeros(5, np.float32)}, TypeError, "out must be an array of float64, not float32"),
        ((5,), {"out": [0.0] * 5}, TypeError, "out"),
        ((5,), {"out": np.zeros(4)}, ValueError, "out"),
        ((5,), {"out": np.zeros(10)[::2]}, ValueError, "C-contiguous"),
    ],
)
def test_bad_arguments_are_named(arguments, options, error, message):
    if options.get("num_threads") == 0:
        arguments = (10**6,)  # small calls use no threads and look at no number
    with pytest.raises(error, match=message):
        STREAM.uniform(*arguments, **options)


def test_a_read_only_out_is_refused():
    out = np.zeros(5)
    out.flags.writeable = False
    with pytest.raises(ValueError, match="writeable"):
        STREAM.normal(5, out=out)


# From seeds to keys.


def numpy_key(entropy, spawn_key):
    return int(SeedSequence(entropy, spawn_key=spawn_key).generate_state(1, np.uint64)[0])


def test_the_key_of_an_integer_seed():
    assert Stream(42).key == numpy_key(42, (0,))
    assert Stream(42, purpose=_rng.NOISE).key == numpy_key(42, (3,))
    assert Stream(10**30).key == numpy_key(10**30, (0,))
    assert Stream(np.int64(42)) == Stream(42)


def test_the_key_of_a_seed_sequence_keeps_its_spawn_key():
    child = SeedSequence(42).spawn(2)[1]
    assert Stream(child, purpose=2).key == numpy_key(42, (1, 2))
    assert Stream(SeedSequence(42)) == Stream(42)
    assert Stream(child) == Stream(child)


@pytest.mark.parametrize("make", [lambda: Generator(PCG64(3)), lambda: PCG64(3), lambda: Generator(MT19937(3))])
def test_a_generator_contributes_one_64_bit_integer(make):
    generator, twin = make(), make()
    twin = Generator(twin) if isinstance(twin, PCG64) else twin
    for _ in range(2):
        entropy = int(twin.integers(2**64 - 1, dtype=np.uint64, endpoint=True))
        assert Stream(generator).key == numpy_key(entropy, (0,))


def test_no_seed_is_fresh_entropy():
    assert Stream(None) != Stream(None)


def test_purposes_have_names_and_different_keys():
    purposes = (_rng.DRAWS, _rng.TIES, _rng.BOOTSTRAP, _rng.NOISE)
    assert purposes == (0, 1, 2, 3)
    assert len({Stream(5, purpose=purpose).key for purpose in purposes}) == 4


@pytest.mark.parametrize(
    ("seed", "purpose", "error", "message"),
    [
        (-1, 0, ValueError, "seed must not be negative, got -1"),
        (1.5, 0, TypeError, "seed must be .* not float"),
        ("7", 0, TypeError, "not str"),
        (RandomState(0), 0, TypeError, "not RandomState"),
        (1, -1, ValueError, "purpose"),
    ],
)
def test_bad_seeds_are_named(seed, purpose, error, message):
    with pytest.raises(error, match=message):
        Stream(seed, purpose=purpose)


def test_the_name_of_the_argument_is_the_callers():
    with pytest.raises(TypeError, match="rng must be"):
        _rng.stream_key("7", name="rng")


def test_streams_compare_hash_print_copy_and_pickle_by_key():
    stream = Stream(11)
    assert eval(repr(stream)) == stream
    assert pickle.loads(pickle.dumps(stream)) == stream == copy.deepcopy(stream)
    assert len({stream, Stream(11), Stream(12)}) == 2
    assert stream != stream.key
    with pytest.raises(AttributeError):
        stream.key = 3


@pytest.mark.parametrize("key", [-1, END])
def test_keys_have_64_bits(key):
    with pytest.raises(ValueError, match="key"):
        Stream.from_key(key)


# Sanity of the law; the battery: docs/generated/random_battery.md. Seeds are fixed; bounds are five standard errors.


@pytest.mark.parametrize("at", [{}, {"draw": 2**34 - 10**5}], ids=["start", "carry"])
@pytest.mark.parametrize("shape", [(1, 2**18), (2**18, 1)], ids=["draws", "replicates"])
def test_moments_of_normals_and_uniforms(shape, at):
    n = 2**18
    x, u = STREAM.normal(shape, **at).ravel(), STREAM.uniform(shape, dtype="float32", **at).ravel()
    for values, mean, variance, fourth in [(x, 0, 1, 3), (u.astype(float), 0.5, 1 / 12, 1 / 80)]:
        centred = values - mean
        assert abs(centred.mean()) < 5 * (variance / n) ** 0.5
        assert abs((centred**2).mean() - variance) < 5 * ((fourth - variance**2) / n) ** 0.5
        assert abs((centred[1:] * centred[:-1]).mean()) < 5 * variance / n**0.5


def test_digest_of_a_long_stream():
    words = STREAM.uint32(10**6)
    blocks = np.arange(250_000, dtype=np.uint64)
    expected = np.array(scalar.philox4x32(KEY, 0, blocks), dtype=np.uint32).T
    assert hashlib.sha256(words.tobytes()).digest() == hashlib.sha256(expected.tobytes()).digest()
