"""Write the function tables of every family from the prototypes in its ``spec.py``.

    python -P kernels/common/generate_tables.py            spec.py -> table.inc, table.pxi
    python -P kernels/common/generate_tables.py --check    fails when a file is not what spec.py gives

``table.inc`` holds the C struct ``af_table`` and its row for one instruction set, by designated initialisers;
``table.pxi`` is the same struct for Cython, included by ``cpu.pyx`` below the structs that it names.
"""

import argparse
import re
import sys
from keyword import iskeyword
from pathlib import Path
from textwrap import wrap

from alignment_fast.kernels.common.spec import row_modules

KERNELS = Path(__file__).parents[1]
WIDTH = 120
PROTOTYPE = re.compile(r"(?P<result>\w+) (?P<name>\w+)\((?P<arguments>.*)\)")

C_TEXT = """\
/* Written by kernels/common/generate_tables.py from kernels/{source}: change that. */
#ifndef AF_TABLE
#define AF_TABLE
typedef struct {{
    const char *isa;
{members}
}} af_table;
#endif

#if defined(__GNUC__) || defined(__clang__)
#pragma GCC diagnostic push
#pragma GCC diagnostic error "-Wincompatible-pointer-types"
#endif
static const af_table AF_FN(af_table_row) = {{
    .isa = AF_ISA,
{row}
}};
#if defined(__GNUC__) || defined(__clang__)
#pragma GCC diagnostic pop
#endif
"""

CYTHON_TEXT = """\
# Written by kernels/common/generate_tables.py from kernels/{source}: change that.
cdef extern from *:
    ctypedef struct af_table:
{members}
    const af_table *af_select(const char *isa)
"""


def parsed(prototype):
    """Return result type, name and arguments of a C prototype; every argument has a name, which Cython can read."""
    match = PROTOTYPE.fullmatch(prototype)
    if match is None:
        raise ValueError(f"{prototype!r} is not a prototype 'type name(type name, ...)'")
    arguments = match["arguments"].split(", ")
    for argument in arguments:
        words = re.findall(r"\w+", argument)
        if len([word for word in words if word != "const"]) != 2 or iskeyword(words[-1]):
            raise ValueError(f"{prototype!r}: {argument!r} is not a type and a name that Cython can read")
    return match["result"], match["name"], arguments


def pointer(prototype, indent, end):
    """Return the member of a struct that points to such a function, in lines of at most WIDTH characters."""
    result, name, arguments = parsed(prototype)
    head = f"{indent}{result} (*{name})("
    # An argument does not break within itself: its spaces are set aside while the line is wrapped.
    text = ", ".join(argument.replace(" ", "\0") for argument in arguments) + ")" + end.replace(" ", "\0")
    lines = wrap(text, WIDTH, initial_indent=head, subsequent_indent=" " * len(head), break_long_words=False)
    return "\n".join(lines).replace("\0", " ")


def c_text(source, prototypes):
    """Return the text of table.inc."""
    members = "\n".join(pointer(prototype, " " * 4, ";") for prototype in prototypes)
    names = [parsed(prototype)[1] for prototype in prototypes]
    row = "\n".join(f"    .{name} = AF_FN({name})," for name in names)
    return C_TEXT.format(source=source, members=members, row=row)


def cython_text(source, prototypes):
    """Return the text of table.pxi."""
    members = "\n".join(pointer(prototype, " " * 8, " noexcept nogil") for prototype in prototypes)
    return CYTHON_TEXT.format(source=source, members=members.replace("ptrdiff_t", "Py_ssize_t"))


def texts():
    """Return the text of every file, by its path."""
    found = {}
    for family, module in row_modules().items():
        source = "/".join(module.__name__.split(".")[-2:]) + ".py"
        for name, text in (("table.inc", c_text), ("table.pxi", cython_text)):
            found[KERNELS / family / name] = text(source, module.TABLE)
    return found


def main():
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--check", action="store_true", help="only compare the files with the prototypes")
    check = parser.parse_args().check
    for path, text in texts().items():
        if path.exists() and path.read_text(encoding="utf-8") == text:
            continue  # a file that is not touched is not compiled again
        if not check:
            path.write_text(text, encoding="utf-8")
        else:
            sys.exit(f"{path.relative_to(KERNELS)} is not what the prototypes give: run {Path(__file__).name}")


if __name__ == "__main__":
    main()
