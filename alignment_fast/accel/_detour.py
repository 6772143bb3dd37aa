"""Replace what a Python function does, in place: its code, while the function object stays the same.

Every reference to the function (names imported earlier, partials, registries, default arguments, pickles) then goes the
fast version, and no reference has to be searched for. Signature, source, file and line stay those of the host.
"""

import ast
import types
from contextlib import suppress
from time import perf_counter_ns

_VARARGS, _VARKEYWORDS = 0x04, 0x08  # co_flags (inspect.CO_VARARGS, ...; importing inspect costs milliseconds)
_SUSPENDING = 0x20 | 0x80 | 0x200  # generators and coroutines: their code runs after the call has returned


# Reasons that hold numbers of the call would have no end.
_LONGEST_REASON, _MOST_REASONS, _OTHER_REASONS = 120, 32, "other reasons"


class UnsupportedError(Exception):
    """Raised by a fast function before it has any effect: the host does this call. The message is the reason."""


def parameters(code):
    """Return (parameter list, argument list) that repeat the signature of `code` without its defaults."""
    names, positional, keywords = code.co_varnames, code.co_argcount, code.co_kwonlyargcount
    head = list(names[:positional])
    call = list(head)
    if code.co_posonlyargcount:
        head.insert(code.co_posonlyargcount, "/")
    rest = list(names[positional + keywords :])
    if code.co_flags & _VARARGS:
        head.append("*" + rest[0])
        call.append("*" + rest.pop(0))
    elif keywords:
        head.append("*")
    for name in names[positional : positional + keywords]:
        head.append(name)
        call.append(f"{name}={name}")
    if code.co_flags & _VARKEYWORDS:
        head.append("**" + rest[0])
        call.append("**" + rest[0])
    return ", ".join(head), ", ".join(call)


_TEXT = """\
def make({free}):
    def {name}({head}):{keep}
        {slot}_start = {slot}_clock()
        try:
            {slot}_value = {slot}_fast({call})
        except Exception as {slot}_error:
            {slot}_reason = {slot}_error
        else:
            {slot}_spent = {slot}_clock() - {slot}_start
            {slot}_counts[0] += 1
            {slot}_counts[2] += {slot}_spent
            return {slot}_value
        return {slot}_host({slot}_reason, {call})
    return {name}
"""


def detour_code(function, slot):
    """Return code with the signature, free variables, file and line of `function` that calls what its globals hold.

    `slot` is the prefix of these globals, and of the code's own names: it must not occur in `function`.
    """
    code = function.__code__
    head, call = parameters(code)
    free = ", ".join(code.co_freevars)
    # Python wants as many cells as the code names; nothing runs this line.
    keep = f"\n        if 0: ({free},)" if free else ""
    text = _TEXT.format(free=free, name=function.__name__, head=head, call=call, keep=keep, slot=slot)
    tree = ast.parse(text)
    for node in ast.walk(tree):  # tracebacks and coverage see the host's `def` line and nothing else
        if hasattr(node, "lineno"):
            node.lineno = node.end_lineno = code.co_firstlineno
            node.col_offset = node.end_col_offset = 0
    space = {}
    exec(compile(tree, code.co_filename, "exec"), space)
    made = space["make"](*[None] * len(code.co_freevars)).__code__
    return made.replace(co_firstlineno=code.co_firstlineno, co_qualname=code.co_qualname)


class Detour:
    """One function of a host on its detour.

    Parameters
    ----------
    function : function
        The host's.
    fast : callable
        Takes what `function` takes, defaults filled in; raises `UnsupportedError` (or anything else) where the host is
        to do the call, before it has consumed an iterator, warned or had any other effect.
    where : str
        The name for reports: "choix.lsr.ilsr_pairwise".
    counts : mutable sequence of int
        [accelerated, fell back, nanoseconds], counted up by the calls.
    new_reason : callable
        Called with (where, {reason: calls}) when a call falls back for a reason that none had before.

    Raises
    ------
    TypeError
        If `function` is no plain Python function: a class, a ufunc, a Cython function, a generator.

    """

    def __init__(self, function, fast, where, counts, new_reason=lambda where, reasons: None):
        if not isinstance(function, types.FunctionType):
            raise TypeError(f"{where} cannot be replaced: it is no Python function but a {type(function).__name__}")
        if function.__code__.co_flags & _SUSPENDING:
            raise TypeError(f"{where} cannot be replaced: it is a generator or a coroutine")
        self.function, self.where, self.reasons, self.new_reason = function, where, {}, new_reason
        self.code = function.__code__
        self.original = types.FunctionType(
            self.code, function.__globals__, function.__name__, function.__defaults__, function.__closure__
        )
        self.original.__kwdefaults__ = function.__kwdefaults__
        self.original.__qualname__, self.original.__module__ = function.__qualname__, function.__module__
        self.slot = "_alignment_fast_accel_" + where.replace(".", "_")
        # These names stay after `remove`: another thread may still be on the detour.
        function.__globals__.update(
            {f"{self.slot}_fast": fast, f"{self.slot}_host": self.host, f"{self.slot}_clock": perf_counter_ns}
        )
        self.count_in(counts)
        self.own_code = detour_code(function, self.slot)
        function.__code__ = self.own_code

    def count_in(self, counts):
        """Count further calls in `counts`."""
        self.counts = self.function.__globals__[f"{self.slot}_counts"] = counts

    def host(self, error, /, *arguments, **options):
        """Make the call by the host's own code, after `error` in the fast one."""
        reason = str(error) if isinstance(error, UnsupportedError) else f"{type(error).__name__}: {error}"
        error.__traceback__ = None
        self.count_reason(reason[:_LONGEST_REASON])
        return self.original(*arguments, **options)

    def count_reason(self, reason):
        """Count a call that falls back; whatever fails here is not the caller's."""
        self.counts[1] += 1
        if reason not in self.reasons and len(self.reasons) >= _MOST_REASONS:
            reason = _OTHER_REASONS
        calls = self.reasons[reason] = self.reasons.get(reason, 0) + 1
        if calls == 1:
            with suppress(Exception):
                self.new_reason(self.where, dict(self.reasons))

    def remove(self):
        """Give the function its own code back, unless somebody else has replaced it since."""
        if self.function.__code__ is self.own_code:
            self.function.__code__ = self.code
