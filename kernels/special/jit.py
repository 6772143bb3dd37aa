"""Compiled functions of the package inside a user's own ``@numba.njit`` code.

Machine code that Numba makes holds no address and no symbol of ours: a symbol by name together with Numba's cache is a
segmentation fault in the next process. It imports the table of functions (af_api.h), a capsule whose name has the
number of its ABI, when it first needs it, and keeps the address in a global of its own; so it can be cached, runs
under ``prange`` and where nobody has registered anything, and raises ImportError where the installed version has
another ABI.

Arrays go to the kernels; numbers to the twins of the scalar functions (kernels/common/jit.py), which are inlined.
"""

import numpy as np
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.core.registry import cpu_target
from numba.extending import intrinsic, overload
from numba.np.arrayobj import make_array

from alignment_fast.kernels.common.jit import scalar_functions

MODULE, CAPSULE = "alignment_fast.kernels.special.cpu", "C_API_1"
ANOTHER_ABI = f"the installed alignment_fast has another ABI than {CAPSULE}: clear Numba's cache"

ELEMENTWISE = (
    *("exp", "expm1", "log", "log1p", "log1mexp", "softplus", "sigmoid"),
    *("normal_cdf", "log_normal_cdf", "normal_ppf", "normal_isf"),
)
# Members of af_api after `abi`, `size` and `isa`, which are two words of 64 bits.
MEMBERS = (
    *(f"{name}_{suffix}" for name in ELEMENTWISE for suffix in ("f64", "f32")),
    *(f"{name}_{suffix}" for name in ("log_sum_exp", "softmax", "log_softmax") for suffix in ("f64", "f32")),
    *("entropy_f64", "cross_entropy_f64", "divergence_f64"),
)

_BYTES = ir.IntType(8).as_pointer()
_SIZE, _INT = ir.IntType(64), ir.IntType(32)


# ---- machine code ----


def _imported_table(context, builder):
    """Return the address of the table, or NULL; with the GIL, and without an exception."""
    module, api = builder.module, context.get_python_api(builder)

    def call(name, *arguments):
        kind = ir.FunctionType(_BYTES, [argument.type for argument in arguments])
        return builder.call(cgutils.get_or_insert_function(module, kind, name), arguments)

    def text(value):
        return context.insert_const_string(module, value)

    table = cgutils.alloca_once_value(builder, ir.Constant(_BYTES, None))
    gil = api.gil_ensure()
    found = call("PyImport_ImportModule", text(MODULE))
    with builder.if_then(cgutils.is_not_null(builder, found)):
        capsule = call("PyObject_GetAttrString", found, text(CAPSULE))
        with builder.if_then(cgutils.is_not_null(builder, capsule)):
            builder.store(call("PyCapsule_GetPointer", capsule, text(f"{MODULE}.{CAPSULE}")), table)
    api.err_clear()  # what follows raises an exception of its own; the module stays, and with it the capsule
    api.gil_release(gil)
    return builder.load(table)


def _member(context, builder, name, kind):
    """Return the function `name` of the table, of an LLVM function type."""
    module, cell_name = builder.module, "_alignment_fast_table"
    if cell_name in module.globals:
        cell = module.globals[cell_name]
    else:
        cell = ir.GlobalVariable(module, _BYTES, cell_name)
        cell.linkage, cell.initializer = "internal", ir.Constant(_BYTES, None)
    with builder.if_then(cgutils.is_null(builder, builder.load(cell)), likely=False):
        builder.store(_imported_table(context, builder), cell)
    table = builder.load(cell)
    with builder.if_then(cgutils.is_null(builder, table), likely=False):
        context.call_conv.return_user_exc(builder, ImportError, (ANOTHER_ABI,))
    place = builder.gep(builder.bitcast(table, _BYTES.as_pointer()), [ir.Constant(_SIZE, 2 + MEMBERS.index(name))])
    return builder.load(builder.bitcast(place, kind.as_pointer().as_pointer()))


def _data(context, builder, kind, value):
    array = make_array(kind)(context, builder, value)
    return array.data, array.nitems


def _called(name, result, arrays, flags=0):
    """Return an intrinsic that calls the function `name` with the length of the first array, all arrays, and flags."""

    def generate(context, builder, signature, arguments):
        kinds, numbers = signature.args[: len(arrays)], arguments[: len(arrays)]
        data = [_data(context, builder, kind, value) for kind, value in zip(kinds, numbers, strict=True)]
        given = [data[0][1], *(pointer for pointer, _ in data)]
        given += [builder.zext(flag, _INT) for flag in arguments[len(arrays) :]]
        returned = ir.VoidType() if result is types.void else context.get_value_type(result)
        function = _member(context, builder, name, ir.FunctionType(returned, [value.type for value in given]))
        value = builder.call(function, given)
        return context.get_dummy_value() if result is types.void else value

    if len(arrays) == 1:
        return intrinsic(lambda typingctx, x: (result(x), generate))
    if not flags:
        return intrinsic(lambda typingctx, x, y: (result(x, y), generate))
    return intrinsic(lambda typingctx, x, y, flag: (result(x, y, types.boolean), generate))


# ---- overloads ----


def _real(kind):
    """Return the dtype of a type that is a number or an array of real numbers: float32, or float64; None for others."""
    kind = kind.dtype if isinstance(kind, types.Array) else kind
    if kind in (types.float32, types.float64):
        return kind
    return types.float64 if isinstance(kind, types.Integer | types.Boolean) else None


def _suffix(dtype):
    return "f32" if dtype is types.float32 else "f64"


def _elementwise(name, public):
    @overload(public)
    def typed(x, out=None):
        dtype = _real(x)
        if dtype is None:
            return None
        as_number = np.float32 if dtype is types.float32 else np.float64
        if not isinstance(x, types.Array):
            twin = scalar_functions(str(dtype))[name]
            return lambda x, out=None: twin(as_number(x))
        call = _called(f"{name}_{_suffix(dtype)}", types.void, "xy")
        if isinstance(out, types.NoneType | types.Omitted) or out is None:

            def run(x, out=None):
                numbers = np.ascontiguousarray(x).astype(as_number)
                result = np.empty(x.shape, as_number)
                call(numbers, result)
                return result

            def run_in_place(x, out=None):
                result = np.empty_like(x)
                call(x, result)
                return result

            return run_in_place if x.dtype is dtype and x.layout == "C" else run
        fits = isinstance(out, types.Array) and out.layout == "C" and out.mutable and out.ndim == x.ndim
        if not (fits and out.dtype is dtype and x.dtype is dtype and x.layout == "C"):
            return None

        def write(x, out=None):
            if x.shape != out.shape:
                raise ValueError("out has another shape than x")
            call(x, out)
            return out

        return write


def _row(kind):
    return isinstance(kind, types.Array) and kind.ndim == 1 and _real(kind) is not None


def _log_sum_exp(public):
    @overload(public)
    def typed(a):
        if not _row(a):
            return None
        dtype = _real(a)
        call = _called(f"log_sum_exp_{_suffix(dtype)}", dtype, "x")
        if a.dtype is dtype and a.layout == "C":
            return lambda a: call(a)
        as_number = np.float32 if dtype is types.float32 else np.float64
        return lambda a: call(np.ascontiguousarray(a).astype(as_number))


def _softmax(name, public):
    @overload(public)
    def typed(x):
        if not _row(x):
            return None
        dtype = _real(x)
        as_number = np.float32 if dtype is types.float32 else np.float64
        call = _called(f"{name}_{_suffix(dtype)}", types.void, "xy")

        def run(x):
            if x.size == 0:
                raise ValueError("x is empty")
            numbers = np.ascontiguousarray(x).astype(as_number)
            result = np.empty(x.shape, as_number)
            call(numbers, result)
            return result

        return run


def _entropy(public):
    call = _called("entropy_f64", types.float64, "p")

    @overload(public)
    def typed(p):
        if not _row(p):
            return None

        def run(p):
            value = call(np.ascontiguousarray(p).astype(np.float64))
            if not value == value:
                raise ValueError("p has NaN, a negative value, or no positive mass")
            return value

        return run


def _of_two(name, public):
    call = _called(name, types.float64, "pq", flags=1)

    @overload(public)
    def typed(p, q, normalize_q=True):
        if not _row(p) or not _row(q):
            return None

        def run(p, q, normalize_q=True):
            if p.size != q.size:
                raise ValueError("p and q have different lengths")
            one, other = np.ascontiguousarray(p).astype(np.float64), np.ascontiguousarray(q).astype(np.float64)
            value = call(one, other, bool(normalize_q))
            if not value == value:
                raise ValueError("p or q has NaN, a negative value, or no positive mass")
            return value

        return run


def overload_all(functions):
    """Make `functions`, Python functions by name, callable in compiled code; types that do not fit stay errors."""
    of_two = {"cross_entropy": "cross_entropy_f64", "kl_divergence": "divergence_f64"}
    for name, public in functions.items():
        if name in ELEMENTWISE:
            _elementwise(name, public)
        elif name == "logsumexp":
            _log_sum_exp(public)
        elif name in ("softmax", "log_softmax"):
            _softmax(name, public)
        elif name == "entropy":
            _entropy(public)
        else:
            _of_two(of_two[name], public)
    cpu_target.typing_context.refresh()  # a function that uses one of them may be in the middle of being typed
    cpu_target.target_context.refresh()
