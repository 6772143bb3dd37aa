"""Tables of operations: the launches of one family."""

import importlib


def operations(family, device):
    """Return the table of operations of `family` on `device`, loaded when it is first used."""
    return importlib.import_module(f".{family}_{device}", __package__)
