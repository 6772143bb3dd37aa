"""What can be wrong with a study; all of it is a ValueError."""

__all__ = ["BlockError", "SpecError", "StoreError", "StoreLockedError", "StudyError"]


class SpecError(ValueError):
    """A spec says something that cannot be; each line of the message begins with the path of a key."""


class StoreError(ValueError):
    """A store holds something else, or cannot be read or written."""


class StoreLockedError(StoreError):
    """Another coordinator writes to the store."""


class BlockError(RuntimeError):
    """Replicates of a block could not be computed."""


class StudyError(RuntimeError):
    """A study cannot go on; what is stored is safe."""
