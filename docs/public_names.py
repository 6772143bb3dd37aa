"""Pages of the reference: one for every public module, with a page of its own for each of its names."""

import importlib
import inspect
import pkgutil

import alignment_fast

# Modules that are imported by their own name; all others are files of a package, which offers their names.
MODULES = ("best_of_n.continuous", "errors", "interop.human_eval", "interop.jax", "random")
PRIVATE = ("benchmarks", "kernels", "commands", "reproduce", "studies.estimands")
PAGE = """{title}
{line}

.. currentmodule:: {module}

{first}

.. autosummary::
   :toctree: of

{names}
"""


def public_modules():
    """Return {import name: names}; optional packages must be installed."""
    packages = [
        info.name.removeprefix("alignment_fast.")
        for info in pkgutil.walk_packages(alignment_fast.__path__, "alignment_fast.", onerror=_refuse)
        if info.ispkg
    ]
    public = [name for name in packages if not name.startswith(PRIVATE) and "._" not in f".{name}"]
    found = {"alignment_fast": [*alignment_fast._ATTRIBUTES]}
    for name in sorted([*public, *MODULES]):
        module = importlib.import_module(f"alignment_fast.{name}")
        own = [one for one, value in vars(module).items() if getattr(value, "__module__", "") == module.__name__]
        names = getattr(module, "__all__", None) or [one for one in own if not one.startswith("_")]
        modules = [one for one in names if inspect.ismodule(getattr(module, one, None))]
        found[module.__name__] = sorted(set(names) - set(modules))
    return {name: names for name, names in found.items() if names}


def _refuse(name):
    raise ImportError(f"{name} cannot be imported: its optional package is needed to document it")


def write(folder):
    """Write the pages of modules; those of names are written by Sphinx."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, names in public_modules().items():
        first = (inspect.getdoc(importlib.import_module(name)) or "").split("\n\n")[0]
        listed = "\n".join(f"   {one}" for one in names)
        text = PAGE.format(title=name, line="=" * len(name), module=name, first=first, names=listed)
        (folder / f"{name}.rst").write_text(text, "utf-8")
