"""Front end with the names, arguments and results of ``scipy.special`` and ``scipy.stats.entropy``.

What is not computed here (complex numbers, masked arrays, other dtypes, options of ufuncs) SciPy computes.
"""

from alignment_fast.interop.scipy.entropies import entropy
from alignment_fast.interop.scipy.sums import log_softmax, logsumexp, softmax
from alignment_fast.interop.scipy.terms import entr, kl_div, log_ndtr, ndtri_exp, rel_entr

__all__ = [
    "entr",
    "entropy",
    "kl_div",
    "log_ndtr",
    "log_softmax",
    "logsumexp",
    "ndtri_exp",
    "rel_entr",
    "softmax",
]
