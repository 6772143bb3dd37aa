"""Validation metrics from resamples, one resample at a time, as verl defines them; over all subsets by enumeration."""

from collections import defaultdict
from functools import partial
from itertools import permutations
from statistics import fmean, pstdev

import numpy as np


def bootstrap_metric(data, subset_size, reduce_fns, n_bootstrap=1000, seed=42):
    np.random.seed(seed)  # noqa: NPY002
    objects = np.array(data, dtype=object)
    rows = np.random.choice(len(objects), size=(n_bootstrap, subset_size), replace=True)  # noqa: NPY002
    values = [np.array([function(objects[row]) for row in rows], dtype=np.float64) for function in reduce_fns]
    return [(float(np.mean(one)), float(np.std(one))) for one in values]


def calc_maj_val(data, vote_key, val_key):
    votes = [row[vote_key] for row in data]
    common = max(votes, key=votes.count)
    return next(row[val_key] for row in data if row[vote_key] == common)


def process_validation_metrics(data_sources, sample_uids, infos_dict, seed=42, expected_acc_counts=None):
    groups = defaultdict(lambda: defaultdict(lambda: defaultdict(list)))
    for place in range(len(data_sources)):
        for name in infos_dict:
            groups[data_sources[place]][sample_uids[place]][name].append(infos_dict[name][place])
    if expected_acc_counts:
        sources = [s for s in groups if any(v is not None for p in groups[s].values() for v in p.get("acc", []))]
        for (source, uid), count in expected_acc_counts.items():
            if source in sources:
                seen = [value for value in groups[source][uid].get("acc", []) if value is not None]
                groups[source][uid]["acc_success_only"] = seen
                groups[source][uid]["acc"] = seen + [0.0] * (count - len(seen))
    each = defaultdict(lambda: defaultdict(lambda: defaultdict(list)))
    for source in groups:
        for prompt in groups[source].values():
            for name in prompt:
                for metric, value in of_variable(prompt, name, seed).items():
                    each[source][name][metric].append(value)
    result = defaultdict(lambda: defaultdict(lambda: defaultdict(float)))
    for source in each:
        for name in each[source]:
            for metric in each[source][name]:
                result[source][name][metric] = np.mean(each[source][name][metric])
    return result


def of_variable(prompt, name, seed):
    values = [value for value in prompt[name] if value is not None]
    if not values or isinstance(values[0], str):
        return {}
    n, votes = len(values), prompt.get("pred")
    found = {f"mean@{n}": float(np.mean(values))}
    if n > 1:
        found[f"std@{n}"] = float(np.std(values))
    size = 2
    while n > 1:
        size = min(size, n)
        best, worst = bootstrap_metric(values, size, [np.max, np.min], seed=seed)
        found |= {f"best@{size}/mean": best[0], f"best@{size}/std": best[1]}
        found |= {f"worst@{size}/mean": worst[0], f"worst@{size}/std": worst[1]}
        if votes is not None and len(votes) == n and None not in votes:
            rows = [{"val": value, "pred": vote} for value, vote in zip(values, votes, strict=True)]
            majority = partial(calc_maj_val, vote_key="pred", val_key="val")
            (found[f"maj@{size}/mean"], found[f"maj@{size}/std"]) = bootstrap_metric(rows, size, [majority], seed=seed)[
                0
            ]
        if size == n:
            return found
        size *= 2
    return found


def over_subsets(data, size, function):
    """Return mean and standard deviation of a function of `size` of the data, in every order of every subset."""
    values = [float(function(list(chosen))) for chosen in permutations(data, size)]
    return fmean(values), pstdev(values)
