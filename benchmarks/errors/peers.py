"""Elementary functions as others write them: by the library's function, else by the usual formula."""

import importlib.util

import numpy as np
from scipy import special


def of_numpy(name):
    """Return the function of NumPy or SciPy, and how one would write it."""
    return {
        "exp": (np.exp, "np.exp(x)"),
        "expm1": (np.expm1, "np.expm1(x)"),
        "log": (np.log, "np.log(x)"),
        "log1p": (np.log1p, "np.log1p(x)"),
        "log1mexp": (lambda x: np.log1p(-np.exp(-x)), "np.log1p(-np.exp(-x))"),
        "softplus": (lambda x: np.logaddexp(np.zeros((), x.dtype), x), "np.logaddexp(0, x)"),
        "sigmoid": (special.expit, "scipy.special.expit(x)"),
        "normal_cdf": (special.ndtr, "scipy.special.ndtr(x)"),
        "log_normal_cdf": (special.log_ndtr, "scipy.special.log_ndtr(x)"),
        "normal_ppf": (special.ndtri, "scipy.special.ndtri(x)"),
        "normal_isf": (lambda x: -special.ndtri(x), "-scipy.special.ndtri(x)"),
    }[name]


def of_torch(name):
    """Return the function of PyTorch on arrays, and how one would write it; None where PyTorch is not installed."""
    if importlib.util.find_spec("torch") is None:
        return None
    import torch

    torch.set_num_threads(1)

    function, text = {
        "exp": (torch.exp, "torch.exp(x)"),
        "expm1": (torch.expm1, "torch.expm1(x)"),
        "log": (torch.log, "torch.log(x)"),
        "log1p": (torch.log1p, "torch.log1p(x)"),
        "log1mexp": (lambda x: torch.log1p(-torch.exp(-x)), "torch.log1p(-torch.exp(-x))"),
        "softplus": (torch.nn.functional.softplus, "torch.nn.functional.softplus(x)"),
        "sigmoid": (torch.sigmoid, "torch.sigmoid(x)"),
        "normal_cdf": (torch.special.ndtr, "torch.special.ndtr(x)"),
        "log_normal_cdf": (torch.special.log_ndtr, "torch.special.log_ndtr(x)"),
        "normal_ppf": (torch.special.ndtri, "torch.special.ndtri(x)"),
        "normal_isf": (lambda x: -torch.special.ndtri(x), "-torch.special.ndtri(x)"),
    }[name]
    return (lambda x: function(torch.from_numpy(x)).numpy()), text


def peers_of(name):
    """Return {library: (function of an array, formula)}."""
    found = {"NumPy, SciPy": of_numpy(name), "PyTorch": of_torch(name)}
    return {library: peer for library, peer in found.items() if peer is not None}
