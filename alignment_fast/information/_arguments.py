"""Rows of weighted letters: from the caller's arrays to what the information kernels read."""

from alignment_fast._border.call import Arguments, require_alphabet, shapes
from alignment_fast.kernels.information.structures import LetterRows

VARIANTS = ("standard", "natural")


class LetterArguments(Arguments):
    """Arguments over an alphabet, which is their last axis.

    Parameters
    ----------
    weights, rewards : str or None
        Which argument holds the weights, and which the rewards. Without weights they are uniform; without rewards these
        are read from the weights.
    floating_only : collection of str
        Which arguments must be floating-point (log-probabilities).
    optional : collection of str
        Which arguments may be None, and are left out then.
    on_devices : bool
        Whether arrays on a CUDA device are taken.
    **arguments : array_like or None
        The arguments.

    """

    __slots__ = ("ops", "rewards", "weights", "width")

    def __init__(self, weights=None, rewards=None, *, floating_only=(), optional=(), on_devices=False, **arguments):
        super().__init__(arguments, floating_only, optional, on_devices)
        self.weights = weights if weights in self.arrays else None
        self.rewards = rewards if rewards in self.arrays else None
        self.ops = self.operations("information")

    def accept(self, arrays):
        """Return `arrays` in one dtype; alphabets that are empty or differ raise."""
        require_alphabet(arrays)
        self.width = next(iter(arrays.values())).shape[-1]
        for array in arrays.values():
            if array.shape[-1] != self.width:
                raise ValueError(f"last axes (letters of the alphabet) differ: {shapes(arrays)}")
        return super().accept(arrays)

    def letters(self, weight_kind, reward_kind, leading=None, normalize=True):
        """Return the `LetterRows` of these arguments over `leading` axes (default: its own)."""
        weights, rewards = (None if name is None else self.rows(name, leading) for name in (self.weights, self.rewards))
        return LetterRows(
            rewards if weights is None else weights,
            weight_kind,
            weights if rewards is None else rewards,
            reward_kind,
            self.count(leading),
            normalize,
        )

    def check_letters(self, words, leading=None):
        """Raise ValueError for the first bad value if the status word of the weights or of the rewards reports one."""
        self.check(zip((self.weights, self.rewards), words, strict=True), leading)


def weight_kind(ops, p, log):
    """Return the kernel's kind of the weights `p` (None: uniform)."""
    if p is None:
        return ops.WEIGHT_UNIFORM
    return ops.WEIGHT_LOG if log else ops.WEIGHT_PROBABILITY
