"""What can be wrong with a study."""

__all__ = ["BlockError", "SpecError", "StoreError", "StoreLockedError", "StudyError", "UnfitBlockError"]


class SpecError(ValueError):
    """A spec says something that cannot be; each line of the message begins with the path of a key."""


class StoreError(ValueError):
    """A store holds something else, or cannot be read or written."""


class StoreLockedError(StoreError):
    """Another coordinator writes to the store."""


class BlockError(RuntimeError):
    """Replicates of a block could not be computed."""


class UnfitBlockError(ValueError):
    """The statistics of a block do not merge with those before it; `number` is that of the block."""

    def __init__(self, number: int, reason: str) -> None:
        super().__init__(reason)
        self.number = number


class StudyError(RuntimeError):
    """A study cannot go on; what is stored is safe."""
