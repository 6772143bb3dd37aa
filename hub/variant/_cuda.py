"""The devices of this variant: the processor alone."""

DEVICES = ("cpu", "meta")
KEYS = ("CPU",)


def is_there(tensor):
    """Return whether a tensor is on a CUDA device, which `DEVICES` keeps out."""
    return False
