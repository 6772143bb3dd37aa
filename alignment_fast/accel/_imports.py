"""Call something right after a module was imported; module, loader and spec stay as they are."""

import contextlib
import sys

_waiting: dict = {}  # module -> {owner: action}
_finding: set = set()


class _Finder:
    """Finds the modules that somebody waits for by the other finders, and runs the actions once they are executed."""

    @staticmethod
    def find_spec(name, path=None, target=None):
        if name not in _waiting or name in _finding:
            return None
        import importlib.util

        _finding.add(name)
        try:
            spec = importlib.util.find_spec(name)
        finally:
            _finding.discard(name)
        if spec is None or not hasattr(spec.loader, "exec_module"):
            return spec
        loader, execute = spec.loader, spec.loader.exec_module

        def exec_module(module):
            loader.__dict__.pop("exec_module", None)
            execute(module)
            for action in _waiting.pop(name, {}).values():
                action(module)

        with contextlib.suppress(AttributeError):  # a loader that takes no attributes: the module stays its own
            loader.exec_module = exec_module  # of this loader alone: its class and its other methods stay
        return spec


def after_import(name, owner, action):
    """Run ``action(module)`` now if module `name` is there, else right after it is executed."""
    module = sys.modules.get(name)
    if module is not None and not getattr(getattr(module, "__spec__", None), "_initializing", False):
        action(module)
        return
    _waiting.setdefault(name, {})[owner] = action
    if _Finder not in sys.meta_path:
        sys.meta_path.insert(0, _Finder)


def forget(owner):
    """Drop every action of `owner` that has not run."""
    for name in list(_waiting):
        _waiting[name].pop(owner, None)
        if not _waiting[name]:
            del _waiting[name]
    if not _waiting and _Finder in sys.meta_path:
        sys.meta_path.remove(_Finder)
