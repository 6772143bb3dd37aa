"""PTX run on the processor: every function of a PTX text becomes a C function over `runtime.h`, compiled by gcc.

An instruction is the C function of its name (``add.rn.f32`` is ``add_rn_f32``): what runtime.h does not define does
not compile, so nothing is run that is not known exactly. What has no such form is translated here: memory, jumps,
calls, lanes. A product without a rounding of its own, which an assembler might fuse, has no C function.
"""

import ctypes
import functools
import hashlib
import itertools
import os
import re
import subprocess
import tempfile
from pathlib import Path

import numpy as np

HERE = Path(__file__).parent
RUNTIME = (HERE / "runtime.h").read_text("utf-8")
FLAGS = ("-O1", "-w", "-std=gnu11", "-ffp-contract=off", "-fno-strict-aliasing", "-fwrapv", "-fPIC", "-shared")
FLAGS += ("-Werror=implicit-function-declaration", "-frounding-math", "-U_FORTIFY_SOURCE")
if os.uname().machine == "x86_64":
    FLAGS += ("-mfma",)
WARP = {"shfl", "vote", "redux", "bar"}  # at which lanes meet
IGNORED = {"membar", "fence", "prefetch", "nanosleep", "pragma"}
SPECIAL = {
    **{f"%tid.{axis}": f"t->tid[{i}]" for i, axis in enumerate("xyz")},
    **{f"%ctaid.{axis}": f"t->ctaid[{i}]" for i, axis in enumerate("xyz")},
    **{f"%ntid.{axis}": f"t->home->request->block[{i}]" for i, axis in enumerate("xyz")},
    **{f"%nctaid.{axis}": f"t->home->request->grid[{i}]" for i, axis in enumerate("xyz")},
    "%laneid": "(t->flat % LANES)",
    "WARP_SZ": "LANES",
}


class UnknownInstructionError(ValueError):
    """PTX that this translator has no exact meaning for."""


@functools.cache
def known_instructions():
    """Return the names of the C functions of runtime.h."""
    command = ["gcc", "-E", "-P", "-x", "c", str(HERE / "runtime.h")]
    plain = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    return {*re.findall(r"\bstatic \w+ (\w+)\(", plain), *re.findall(r"^#define (\w+_u32)\(", RUNTIME, re.MULTILINE)}


def statements(body):
    """Yield the statements of a function's body, its braces and labels among them."""
    text = ""
    for letter in body:
        label = letter == ":" and re.fullmatch(r"\s*[\w$]+", text)
        if letter == ";" or label or (letter in "{}" and not text.strip()):
            text = " ".join(f"{text}{'' if letter == ';' else letter}".split())
            if text:
                yield text
            text = ""
        else:
            text += letter


def bits_of(kind):
    """Return the width of a PTX type such as "f32"."""
    return 8 if kind == "pred" else int(re.sub(r"\D", "", kind))


def c_name(name):
    """Return the C identifier of a PTX name."""
    return "v_" + re.sub(r"\W", "_", name.lstrip("%"))


def parts(text):
    """Return the operands of a list, whose commas may stand in brackets too."""
    found, depth = [""], 0
    for letter in text:
        depth += (letter in "[{(") - (letter in "]})")
        if letter == "," and depth == 0:
            found.append("")
        else:
            found[-1] += letter
    return [part.strip() for part in found if part.strip()]


def declared(text):
    """Return {name: (type, count, alignment)} of parameters or variables, in order."""
    found = {}
    for one in parts(text):
        match = re.search(r"(?:\.align (\d+) )?\.([busf]\d+) ([\w$.%]+)(?:\[(\d*)\])?$", one)
        kind = match[2]
        found[match[3]] = kind, int(match[4] or 1), int(match[1] or bits_of(kind) // 8)
    return found


def laid_out(variables):
    """Return ({name: (offset, size)}, total size) of variables one behind the other."""
    places, end = {}, 0
    for name, (kind, count, alignment) in variables.items():
        at = -(-end // alignment) * alignment
        places[name] = at, bits_of(kind) // 8 * count
        end = at + places[name][1]
    return places, end


class Function:
    """One PTX function as C."""

    def __init__(self, module, kind, name, results, parameters, body):
        self.module, self.kind, self.name = module, kind, name
        self.parameters, self.size = laid_out(declared(parameters))
        self.results = list(declared(results))
        self.registers, self.locals, self.shared = {}, {}, {}
        self.calls, self.waits, self.tables = set(), False, {}
        self.label = ""
        self.lines = [self.statement(one) for one in statements(body)]

    # ---- statements ----

    def statement(self, text):
        self.text = text
        if text in ("{", "}"):
            return text
        if text.endswith(":"):
            self.label = text[:-1]
            return f"{c_name(self.label)}:;"
        if text.startswith(".branchtargets "):
            self.tables[self.label] = parts(text.removeprefix(".branchtargets "))
            return ""
        if text.startswith("."):
            return self.declaration(text)
        guard = ""
        if match := re.match(r"@(!?)(%\w+) (.*)", text):
            guard, text = f"if ({match[1]}{c_name(match[2])}) ", match[3]
        name, _, operands = text.partition(" ")
        return f"{guard}{{ {self.instruction(name.split('.'), operands)} }}"

    def declaration(self, text):
        if match := re.match(r"\.reg \.(\w+) (.+)", text):
            for name in parts(match[2]):
                ranged = re.fullmatch(r"(%\w+)<(\d+)>", name)
                names = [f"{ranged[1]}{i}" for i in range(int(ranged[2]))] if ranged else [name]
                self.registers.update(dict.fromkeys(names, bits_of(match[1])))
        elif match := re.match(r"\.(local|shared) (.*)", text):
            for name, (kind, count, alignment) in declared(match[2]).items():
                size = bits_of(kind) // 8 * count
                if match[1] == "local":
                    self.locals[name] = size
                else:
                    self.shared[name] = self.module.reserve_shared(size, alignment)
        elif match := re.match(r"\.param (.*)", text):
            ((name, (kind, count, _)),) = declared(f".param {match[1]}").items()
            return f"uint8_t {c_name(name)}[{bits_of(kind) // 8 * count}] __attribute__((aligned(16)));"
        elif not text.startswith((".pragma", ".loc", ".file")):
            raise UnknownInstructionError(text)
        return ""

    # ---- operands ----

    def value(self, operand):
        operand = operand.strip()
        if operand.startswith("!"):
            return f"!{self.value(operand[1:])}"
        if operand in self.registers:
            return c_name(operand)
        if operand in SPECIAL:
            return SPECIAL[operand]
        if match := re.fullmatch(r"0[fF]([0-9A-Fa-f]{8})|0[dD]([0-9A-Fa-f]{16})", operand):
            return f"0x{match[1] or match[2]}ull"
        if re.fullmatch(r"-?(0x[0-9A-Fa-f]+|\d+)U?", operand):
            return f"{int(operand.rstrip('U'), 0) & (2**64 - 1)}ull"
        return self.place(operand)

    def place(self, name):
        """Return where a variable is: an address, or an offset into shared memory."""
        if name in self.locals:
            return f"(uint64_t){c_name(name)}"
        if name in self.parameters:
            return f"(uint64_t)(p + {self.parameters[name][0]})"
        if name in self.shared or name in self.module.shared:
            return f"{self.shared.get(name, self.module.shared.get(name))}ull"
        if name in self.module.variables:
            return f"(uint64_t){c_name(name)}"
        raise UnknownInstructionError(f"{name} in {self.text}")

    def memory(self, operand, space, size):
        """Return the C expression of the bytes at ``[base+offset]``, checked."""
        base, offset = re.fullmatch(r"\[([\w$.%]+)(?:\+(-?\d+))?\]", operand.replace(" ", "")).groups("0")
        if space == "param":
            if base in self.parameters:
                at = self.parameters[base][0] + int(offset)
                return f"(p + {at})"
            name = f"result_{self.results.index(base)}" if base in self.results else c_name(base)
            return f"({name} + {offset})"
        address = f"({self.value(base)} + ({offset}))"
        if space == "local":
            return f"((uint8_t *){address})"
        if space == "generic":
            return f"generic_at(t, {address}, {size}, {self.local_area()})"
        return f"{'shared' if space == 'shared' else 'global'}_at(t, {address}, {size})"

    def local_area(self):
        if not self.locals:
            return "NULL, 0"
        ((name, size),) = self.locals.items()
        return f"{c_name(name)}, {size}"

    def put(self, target, value):
        return "" if target == "_" else f"{c_name(target)} = {value};"

    # ---- instructions ----

    def instruction(self, name, operands):
        special = getattr(self, f"do_{name[0]}", None)
        if name[0] in IGNORED:
            return ""
        if special is not None:
            done = special(name[1:], operands)
            if done is not None:
                return f"t->site = {next(self.module.sites)}; {done}" if name[0] in WARP else done
        function = "_".join(part for part in name if part != "uni")
        if function not in known_instructions():
            raise UnknownInstructionError(f"{'.'.join(name)} in {self.text}")
        target, *others = parts(operands)
        return self.put(target, f"{function}({', '.join(map(self.value, others))})")

    def do_ret(self, _modifiers, _operands):
        return "return;"

    do_exit = do_ret

    def do_trap(self, _modifiers, _operands):
        return 'fail(t, "trap");'

    def do_bra(self, _modifiers, operands):
        return f"goto {c_name(operands)};"

    def do_brx(self, _modifiers, operands):
        index, table = parts(operands)
        cases = "".join(f"case {i}: goto {c_name(label)};" for i, label in enumerate(self.tables[table]))
        return f"switch ({self.value(index)}) {{ {cases} }}"

    def do_bar(self, modifiers, operands):
        self.waits = True
        return f"exchange(t, {self.value(operands)}, 0);" if "warp" in modifiers else "barrier(t);"

    do_barrier = do_bar

    def do_shfl(self, modifiers, operands):
        self.waits = True
        target, value, by, clamp, mask = parts(operands)
        target, _, inside = target.partition("|")
        found = f"&{c_name(inside)}" if inside else "NULL"
        arguments = ", ".join(map(self.value, (value, by, clamp, mask)))
        return self.put(target, f"shuffle(t, {modifiers[1].upper()}, {arguments}, {found})")

    def do_vote(self, modifiers, operands):
        self.waits = True
        target, vote, mask = parts(operands)
        votes = f"ballot(t, {self.value(vote)}, {self.value(mask)})"
        form = {"ballot": "{}", "any": "{} != 0", "all": f"{{}} == (uint32_t){self.value(mask)}"}[modifiers[1]]
        return self.put(target, form.format(votes))

    def do_redux(self, modifiers, operands):
        self.waits = True
        target, value, mask = parts(operands)
        return self.put(target, f"redux_{'_'.join(modifiers)}(t, {self.value(value)}, {self.value(mask)})")

    def do_ld(self, modifiers, operands):
        target, where = parts(operands)
        return self.moved(modifiers, target, where, "{target} = load{bits}({at} + {offset});")

    def do_st(self, modifiers, operands):
        where, source = parts(operands)
        return self.moved(modifiers, source, where, "store{bits}({at} + {offset}, {value});")

    def moved(self, modifiers, registers, where, form):
        space = next((one for one in modifiers if one in ("global", "shared", "local", "param", "const")), "generic")
        bits = bits_of(modifiers[-1])
        names = parts(registers[1:-1]) if registers.startswith("{") else [registers]
        place = self.memory(where, space, bits // 8 * len(names))
        moves = [
            form.format(target=c_name(name), value=self.value(name), bits=bits, at="at", offset=i * (bits // 8))
            for i, name in enumerate(names)
            if name != "_"
        ]
        signed = modifiers[-1][0] == "s" and form.startswith("{target}")
        if signed and bits < self.registers.get(names[0], bits):
            moves = [move.replace("= load", f"= (int{bits}_t)load") for move in moves]
        return f"uint8_t *at = {place}; {' '.join(moves)}"

    do_ldu = do_ld

    def do_atom(self, modifiers, operands):
        return self.atomic(modifiers, *parts(operands))

    def do_red(self, modifiers, operands):
        return self.atomic(modifiers, "_", *parts(operands))

    def atomic(self, modifiers, target, where, value, *other):
        kind, bits = modifiers[-1], bits_of(modifiers[-1])
        space = "shared" if "shared" in modifiers else "global"
        what = next(one for one in modifiers if one in ("add", "min", "max", "exch", "cas", "or", "and"))
        place, value = self.memory(where, space, bits // 8), self.value(value)
        new = {
            "add": f"add_{'rn_' if kind[0] == 'f' else ''}{kind}(old, {value})",
            "exch": value,
            "cas": f"old == (uint{bits}_t){value} ? {self.value(other[0]) if other else 0} : old",
        }.get(what, f"{what}_{kind}(old, {value})")
        moved = f"uint{bits}_t old = load{bits}(at); store{bits}(at, {new});"
        return f"uint8_t *at = {place}; {moved} {self.put(target, 'old')}"

    def do_cvta(self, modifiers, operands):
        target, source = parts(operands)
        if "shared" in modifiers:
            sign = "-" if "to" in modifiers else "+"
            return self.put(target, f"{self.value(source)} {sign} (uint64_t)t->home->shared")
        return self.put(target, self.value(source))

    def do_mov(self, modifiers, operands):
        target, source = parts(operands)
        if target.startswith("{"):
            names = parts(target[1:-1])
            width = bits_of(modifiers[-1]) // len(names)
            cut = "".join(self.put(name, f"whole >> {i * width}") for i, name in enumerate(names))
            return f"const uint64_t whole = {self.value(source)}; {cut}"
        if source.startswith("{"):
            names = parts(source[1:-1])
            width = bits_of(modifiers[-1]) // len(names)
            pieces = (f"(uint64_t)(uint{width}_t){self.value(name)} << {i * width}" for i, name in enumerate(names))
            return self.put(target, " | ".join(pieces))
        return None

    def do_setp(self, modifiers, operands):
        target, first, second, *joined = parts(operands)
        if "|" in target:
            raise UnknownInstructionError(self.text)
        compare, kind = modifiers[0], modifiers[-1]
        function = f"setp_{compare}_{kind}"
        if function not in known_instructions():
            raise UnknownInstructionError(self.text)
        found = f"{function}({self.value(first)}, {self.value(second)})"
        if joined:
            sign = {"and": "&&", "or": "||", "xor": "!="}[modifiers[1]]
            found = f"{found} {sign} {self.value(joined[0])}"
        return self.put(target, found)

    def do_call(self, _modifiers, operands):
        match = re.fullmatch(r"(?:\((.*?)\), ?)?([\w$]+)(?:, ?\((.*?)\))?", operands)
        callee = self.module.functions[match[2]]
        self.calls.add(callee.name)
        copies = "".join(
            f"memcpy(given + {at}, {c_name(name)}, {size});"
            for name, (at, size) in zip(parts(match[3] or ""), callee.parameters.values(), strict=True)
        )
        results = "".join(f", {c_name(name)}" for name in parts(match[1] or ""))
        buffer = f"uint8_t given[{callee.size or 1}] __attribute__((aligned(16)));"
        return f"{buffer} {copies} {c_name(callee.name)}(t, given{results});"

    def head(self):
        results = "".join(f", uint8_t *result_{i}" for i in range(len(self.results)))
        return f"static void {c_name(self.name)}(thread *t, const uint8_t *p{results})"

    def source(self):
        registers = "".join(f"uint{bits}_t {c_name(name)} = 0;" for name, bits in self.registers.items())
        buffer = "".join(
            f"uint8_t {c_name(n)}[{size}] __attribute__((aligned(16)));" for n, size in self.locals.items()
        )
        lines = "\n".join(line for line in self.lines if line)
        return f"{self.head()} {{ uint64_t cc = 0; {registers} {buffer}\n{lines}\n}}\n"


class Request(ctypes.Structure):
    """`launch_request` of runtime.h."""

    _fields_ = (
        ("grid", ctypes.c_uint32 * 3),
        ("block", ctypes.c_uint32 * 3),
        ("shared", ctypes.c_uint64),
        ("parameters", ctypes.c_void_p),
        ("order", ctypes.c_int32),
        ("n_arrays", ctypes.c_int32),
        ("arrays", ctypes.c_void_p),
    )


class Module:
    """The kernels of a PTX text, ready to be launched.

    Attributes
    ----------
    path : pathlib.Path
        The shared library made of it, found again by its hash.

    """

    def __init__(self, text):
        self.functions, self.shared, self.variables, self.shared_size = {}, {}, {}, 0
        self.sites = itertools.count()
        text = re.sub(r"//[^\n]*", "", re.sub(r"/\*.*?\*/", " ", text, flags=re.S)).rstrip("\0")
        self.path = self.compiled(self.translated(text))
        self.library = ctypes.CDLL(str(self.path))

    def translated(self, text):
        pattern = re.compile(r"\.(entry|func)\s*(?:\(([^)]*)\))?\s*([\w$]+)\s*\(([^)]*)\)[^{;]*([{;])", re.S)
        rest, at, waiting = "", 0, []
        while match := pattern.search(text, at):
            rest += text[at : match.start()]
            at = match.end()
            if match[5] == "{":
                depth = 1
                while depth:
                    depth += (text[at] == "{") - (text[at] == "}")
                    at += 1
                waiting.append((match, text[match.end() : at - 1]))
        initial = self.declare(rest + text[at:])
        for match, body in waiting:  # callees stand before their callers
            squeezed = [" ".join((part or "").split()) for part in (match[2], match[4])]
            self.functions[match[3]] = Function(self, match[1], match[3], *squeezed, body)
        for function in self.functions.values():
            function.waits |= any(self.functions[name].waits for name in function.calls)
        entries = "".join(self.entry(one) for one in self.functions.values() if one.kind == "entry")
        own = " || ".join(
            f"(a >= (uint64_t){c_name(n)} && a + size <= (uint64_t){c_name(n)} + {s})"
            for n, s in self.variables.items()
        )
        checks = f"static int is_variable(uint64_t a, uint64_t size) {{ return {own or 0}; }}\n"
        heads = "".join(f"{one.head()};\n" for one in self.functions.values())
        return RUNTIME + initial + checks + heads + "".join(one.source() for one in self.functions.values()) + entries

    def declare(self, text):
        initial = ""
        for one in (" ".join(one.split()) for one in text.split(";")):
            if match := re.search(
                r"\.(global|const|shared) ((?:\.align \d+ )?\.\w+ [\w$]+(?:\[\d*\])?)(?: = (.*))?$", one
            ):
                ((name, (kind, count, alignment)),) = declared(match[2]).items()
                size = bits_of(kind) // 8 * count
                if match[1] == "shared":
                    self.shared[name] = self.reserve_shared(size if "[]" not in match[2] else 0, alignment)
                    continue
                self.variables[name] = size
                values = match[3] or "{0}"
                values = re.sub(
                    r"0[fFdD]([0-9A-Fa-f]+)", r"0x\1", values if values.startswith("{") else f"{{{values}}}"
                )
                initial += (
                    f"static uint{bits_of(kind)}_t {c_name(name)}[{count}] __attribute__((aligned(16))) = {values};\n"
                )
        return initial

    def reserve_shared(self, size, alignment):
        at = -(-self.shared_size // alignment) * alignment
        self.shared_size = at + size
        return at

    def entry(self, function):
        name, places = function.name, [number for place in function.parameters.values() for number in place]
        numbers = ", ".join(map(str, (len(places) // 2, function.size, *places)))
        return (
            f"const char *run_{name}(const launch_request *request) "
            f"{{ return run_kernel({c_name(name)}, {int(function.waits)}, {self.shared_size}, request); }}\n"
            f"const int32_t parameters_{name}[] = {{{numbers}}};\n"
        )

    @staticmethod
    def compiled(code):
        root = os.environ.get("ALIGNMENT_FAST_TEST_CACHE", tempfile.gettempdir())
        folder = Path(root) / f"alignment_fast_ptx_{os.getuid()}"
        folder.mkdir(mode=0o700, exist_ok=True)
        library = folder / f"{hashlib.sha256((code + repr(FLAGS)).encode()).hexdigest()[:24]}.so"
        if not library.exists():
            own = library.with_suffix(f".{os.getpid()}")
            command = ["gcc", *FLAGS, "-x", "c", "-", "-o", str(own), "-lm"]
            done = subprocess.run(command, input=code, capture_output=True, text=True, check=False)
            if done.returncode:
                raise UnknownInstructionError(done.stderr[:2000])
            own.rename(library)
        return library

    def launch(self, name, grid, block, *arguments, order=0, shared=0):
        """Run a kernel over `arguments`: scalars, and NumPy arrays, the only memory it may touch."""
        function = self.functions[name]
        packed = bytearray(max(function.size, 1))
        arrays = []
        for argument, (at, size) in zip(arguments, function.parameters.values(), strict=True):
            raw = bytes(argument) if isinstance(argument, (bytes, ctypes.Structure)) else None
            if isinstance(argument, np.ndarray):
                arrays += [argument.ctypes.data, argument.ctypes.data + argument.nbytes]
                raw = argument.ctypes.data.to_bytes(8, "little")
            elif raw is None:
                raw = argument.tobytes()
            if len(raw) != size:
                raise TypeError(f"{name}: {len(raw)} bytes for a parameter of {size}")
            packed[at : at + size] = raw
        self.run(name, grid, block, bytes(packed), arrays, order, shared)

    def run(self, name, grid, block, packed, arrays, order=0, shared=0):
        """Run a kernel with packed parameters; `arrays` are the first bytes and the ends of what it may touch."""
        spans = np.array(arrays, np.uint64)
        buffer = ctypes.create_string_buffer(packed, max(len(packed), 1))
        three = ctypes.c_uint32 * 3
        request = Request(
            three(*(*np.atleast_1d(grid), 1, 1)[:3]),
            three(*(*np.atleast_1d(block), 1, 1)[:3]),
            shared,
            ctypes.addressof(buffer),
            order,
            len(spans) // 2,
            spans.ctypes.data,
        )
        run = getattr(self.library, f"run_{name}")
        run.restype = ctypes.c_char_p
        problem = run(ctypes.byref(request))
        if problem:
            raise RuntimeError(f"{name}: {problem.decode()}")


@functools.cache
def module(text):
    """Return the `Module` of a PTX text, translated once per process."""
    return Module(text)
