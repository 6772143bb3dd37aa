"""verl: the bootstrap of validation metrics. Where a call falls back, NumPy's global generator is as it was."""

from functools import partial
from typing import Any

import numpy as np
from verl.trainer.ppo import metric_utils as host

from alignment_fast.accel._detour import UnsupportedError
from alignment_fast.interop import verl

_REAL = {float, np.float64}
_NUMBERS = {int, bool, *_REAL}
_VOTES = {str, int, float, bool, type(None)}  # that hash and compare without a word
_SEQUENCES = (list, tuple)


def _types(values: Any) -> set[type]:
    """Return the types of `values`; NaN, of which the host warns, is none that is known."""
    return {Any if type(value) in _REAL and value != value else type(value) for value in values}


def _check_seed(seed: Any) -> None:
    if type(seed) is not int or not 0 <= seed < 2**32:
        raise UnsupportedError("the seed is no int that NumPy takes")


def _known(function: Any, data: Any) -> Any:
    """Return the function to call instead of one of the host's call; raise where that is not certain."""
    if any(function is one for one in (np.max, np.min, np.mean)):
        if _types(data) <= _NUMBERS:
            return function
    elif type(function) is partial and function.func is host.calc_maj_val and not function.args:
        keys = function.keywords
        if set(keys) == {"vote_key", "val_key"} and _types(data) == {dict}:
            votes, values = ([row[keys[name]] for row in data] for name in ("vote_key", "val_key"))
            if _types(votes) <= _VOTES and _types(values) <= _NUMBERS:
                return partial(verl.calc_maj_val, **keys)
    raise UnsupportedError("the data are no plain numbers, or a function is not known")


def _keeping_the_generator(fast: Any) -> Any:
    def call(*arguments: Any) -> Any:
        state = np.random.get_state()  # noqa: NPY002  the host's generator
        try:
            return fast(*arguments)
        except Exception:
            np.random.set_state(state)  # noqa: NPY002
            raise

    return call


@_keeping_the_generator
def bootstrap_metric(data: Any, subset_size: Any, reduce_fns: Any, n_bootstrap: Any, seed: Any) -> Any:
    """Return means and standard deviations over resamples, for functions and data that are certain."""
    _check_seed(seed)
    if type(data) not in _SEQUENCES or type(reduce_fns) not in _SEQUENCES or not data:
        raise UnsupportedError("the data or the functions are no list, or there are none")
    if not all(type(size) is int and size > 0 for size in (subset_size, n_bootstrap)):
        raise UnsupportedError("a size is no positive int")
    return verl.bootstrap_metric(data, subset_size, [_known(one, data) for one in reduce_fns], n_bootstrap, seed)


@_keeping_the_generator
def process_validation_metrics(
    data_sources: Any, sample_uids: Any, infos_dict: Any, seed: Any, expected_acc_counts: Any
) -> Any:
    """Return the metrics of validation, for variables of numbers, strings and None."""
    _check_seed(seed)
    if type(infos_dict) is not dict or not _types(infos_dict.values()) <= {list}:
        raise UnsupportedError("the variables are no dict of lists")
    if not all(type(names) in (*_SEQUENCES, np.ndarray) for names in (data_sources, sample_uids)):
        raise UnsupportedError("sources or uids are no list and no array")
    if not all(_types(values) <= _NUMBERS | _VOTES for values in infos_dict.values()):
        raise UnsupportedError("a variable has values of another type")
    if expected_acc_counts is not None and type(expected_acc_counts) is not dict:
        raise UnsupportedError("the expected counts are no dict")
    return verl.process_validation_metrics(data_sources, sample_uids, infos_dict, seed, expected_acc_counts)


FUNCTIONS = {
    "verl.trainer.ppo.metric_utils": {
        "bootstrap_metric": bootstrap_metric,
        "process_validation_metrics": process_validation_metrics,
    }
}
