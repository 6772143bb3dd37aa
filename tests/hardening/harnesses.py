"""What is fuzzed: one function of bytes for every reader, and one for the border that arrays cross.

A function returns in silence where the package does what it promises for these bytes; everything else is a fault: an
exception of another kind, another result of the same table packed or of the same numbers in another layout.
"""

import contextlib
import gzip
import io
import tempfile
from pathlib import Path

import numpy as np

KEPT_SPEC = Path(__file__).parent / "corpus" / "spec" / "plain"
FOLDER = Path(tempfile.mkdtemp(prefix="fuzz_"))


# ---- tables ----


def outcome_of_table(path):
    """Return what a table holds, or the words of the refusal without the name of the file."""
    from alignment_fast import tables

    try:
        found = [tables.column_names(path)]
    except tables.TableError as error:
        return str(error)
    for column in found[0][:1] + found[0][-1:]:
        for kind in ({}, {"text": ["it"]}, {"words": ["it"]}, {"lists": ["it"]}):
            try:
                found.append(list(tables.read_columns(path, {"it": column}, **kind)))
            except tables.TableError as error:
                found.append(str(error))
    return found


def table(ending, packed=True):
    """Return the fuzzed function of files of one ending."""

    def one(data):
        path = FOLDER / f"table{ending}"
        path.write_bytes(data)
        plain = outcome_of_table(path)
        if packed and data[:2] != b"\x1f\x8b":
            path.write_bytes(gzip.compress(data, 1))
            packed_one = outcome_of_table(path)
            assert repr(packed_one) == repr(plain), f"packed, the table is another one: {packed_one}, {plain}"

    return one


def commands(data):
    """Give a file to one of the commands that read tables, chosen by the first byte."""
    from alignment_fast import cli

    if not data:
        return
    chosen = ("rank", "curve", "pass-at-k", "gain", "compare", "best-of-n")[data[0] % 6]
    options = {"gain": ("--kl", "0.1"), "best-of-n": ("--n", "2", "--replicates", "20")}.get(chosen, ())
    path = FOLDER / ("file.jsonl" if data[0] & 128 else "file.csv")
    path.write_bytes(data[1:])
    error = io.StringIO()
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(error):
        code = cli.main([chosen, str(path), *options])
    assert code in (0, 2, 3), code
    assert code == 0 or error.getvalue().count("\n") == 1, error.getvalue()


# ---- studies ----


def spec(data):
    from alignment_fast.studies.errors import SpecError
    from alignment_fast.studies.spec import read_spec

    path = FOLDER / "spec.toml"
    path.write_bytes(data)
    with contextlib.suppress(SpecError):
        read_spec(path)


def store(data):
    """Open what may be a store, and ask for all that it holds."""
    from alignment_fast.studies.errors import StoreError
    from alignment_fast.studies.spec import read_spec
    from alignment_fast.studies.store import Store

    path = FOLDER / "study.db"
    path.write_bytes(data)
    with contextlib.suppress(StoreError), Store(path, write=False) as opened:
        opened.integrity()
        opened.names()
        study = opened.find(read_spec(KEPT_SPEC))
        for ask in (opened.blocks, opened.groups, opened.set_aside, opened.origins, opened.snapshots):
            list((study and ask(study)) or ())


# ---- the border that arrays cross ----


class Choices:
    """Decisions read from bytes, one after the other; 0 behind their end."""

    def __init__(self, data):
        self._data, self._at = data, 0

    def below(self, n):
        self._at += 1
        return self._data[self._at - 1] % n if self._at <= len(self._data) else 0

    def one_of(self, options):
        return options[self.below(len(options))]


class Array(np.ndarray):
    pass


DTYPES = ("f8", "f4", "f2", ">f8", ">f4", "i8", "i4", "u1", "?", "g", "c16", "O", "U3", "M8[s]")
VALUES = (0.25, 0.5, 1.0, 0.0, 2.0, -1.0, 1e300, 1e-310, np.inf, -np.inf, np.nan, -0.0)
SHAPES = ((3,), (1,), (0,), (2, 3), (3, 2), (0, 3), (3, 0), (), (1, 1, 3), (2, 1, 3))
LAYOUTS = ("plain", "strided", "reversed", "Fortran", "offset", "read-only", "broadcast", "subclass", "masked", "list")
FUNCTIONS = {  # how many arrays it takes
    "information.entropy": 1,
    "information.kl_divergence": 2,
    "information.renyi_entropy": 2,
    "information.log_mgf": 2,
    "information.cumulants": 1,
    "best_of_n.BestOfN": 2,
    "best_of_n.curve": 1,
    "best_of_n.pass_at_k": 3,
    "best_of_n.kl_estimator": 2,
    "best_of_n.calibrated_rewards": 1,
    "best_of_n.best_of_majority": 2,
    "pairwise.margin_loss": 1,
    "pairwise.preference_loss": 4,
    "pairwise.sequence_logprobs": 2,
    "pairwise.batch_kl": 2,
    "policy.kl_estimators": 2,
    "policy.hodge": 1,
    "policy.ipo": 2,
    "policy.classify": 1,
    "policy.tilt": 3,
    "ranking.elo": 2,
    "ranking.Comparisons": 2,
    "ranking.paired_scores": 1,
    "ranking.krippendorff_alpha": 1,
}
REFUSALS = (ValueError, TypeError, IndexError, OverflowError)


def drawn(choices):
    """Return an array in its layout, and its numbers in a plain one; None where the layout has a meaning of its own."""
    shape, kind = choices.one_of(SHAPES), choices.one_of(DTYPES)
    values = [choices.one_of(VALUES) for _ in range(int(np.prod(shape)))]
    with np.errstate(all="ignore"):
        try:
            plain = np.array(values, float).reshape(shape).astype(kind)
        except (TypeError, ValueError):
            plain = np.array(values, float).reshape(shape)
    layout = choices.one_of(LAYOUTS)
    return laid_out(plain, layout), None if layout in ("masked", "list") else plain.astype(
        plain.dtype.newbyteorder("=")
    )


def laid_out(plain, layout):
    """Return the numbers of an array in a layout."""
    if layout == "strided" and plain.ndim:
        return np.repeat(plain, 2, axis=-1)[..., ::2]
    if layout == "reversed" and plain.ndim:
        return plain[..., ::-1].copy()[..., ::-1]
    if layout == "Fortran" and plain.ndim:  # of a number NumPy makes a row
        return np.asfortranarray(plain)
    if layout == "offset" and plain.dtype.kind != "O":
        return np.frombuffer(b"\0" + plain.tobytes(), plain.dtype, plain.size, 1).reshape(plain.shape)  # not aligned
    if layout == "read-only":
        plain = plain.copy()
        plain.flags.writeable = False
    if layout == "broadcast" and plain.ndim > 1:
        return np.broadcast_to(plain[:1], plain.shape)
    if layout == "subclass":
        return plain.view(Array)
    if layout == "masked":
        return np.ma.array(plain, mask=np.arange(plain.size).reshape(plain.shape) == 0)
    return plain.tolist() if layout == "list" else plain


def outcome(function, arrays):
    """Return the bits of the result of a call, or that it refuses: which of two faults it names is left to it."""
    from guard.table import digest

    try:
        result = function(*arrays)
    except REFUSALS:
        return "refused"
    except (RuntimeError, ImportError) as error:  # ConvergenceError; what is not installed
        return type(error).__name__
    try:
        return digest(result)
    except TypeError:
        return type(result).__name__


def border(data):
    """Call a function with arrays in odd layouts: it refuses, or says of them what it says of plain ones."""
    import alignment_fast as af

    choices = Choices(data)
    name = choices.one_of(sorted(FUNCTIONS))
    module, _, attribute = name.partition(".")
    function = getattr(getattr(af, module), attribute)
    odd, plain = zip(*(drawn(choices) for _ in range(FUNCTIONS[name])), strict=True)
    if choices.below(2):  # arrays of one shape
        odd, plain = (odd[0],) * len(odd), (plain[0],) * len(plain)
    given = [np.array(one, copy=True) if isinstance(one, np.ndarray) and one.dtype.kind != "O" else None for one in odd]
    found = outcome(function, odd)
    for one, before in zip(odd, given, strict=True):
        assert before is None or np.asarray(one).tobytes() == np.asarray(before).tobytes(), (
            f"{name} changed an argument"
        )
    if all(one is not None for one in plain) and not any(is_broadcast(one) for one in odd):
        expected = outcome(function, plain)
        assert found == expected, f"{name}{odd}: {found}, and of plain arrays {expected}"


def is_broadcast(array):
    """Return whether rows of an array are one row: what `plain` has of it is not the same."""
    return isinstance(array, np.ndarray) and array.ndim > 1 and array.strides[0] == 0


HARNESSES = {
    "csv": table(".csv"),
    "tsv": table(".tsv"),
    "json": table(".json"),
    "jsonl": table(".jsonl"),
    "npz": table(".npz", packed=False),
    "parquet": table(".parquet", packed=False),
    "commands": commands,
    "spec": spec,
    "store": store,
    "border": border,
}
