"""Laws of rewards, preferences and votes, from the keys of a source."""

from __future__ import annotations

import functools
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from alignment_fast import best_of_n, tables
from alignment_fast._operations import operations
from alignment_fast.random import Stream
from alignment_fast.ranking import Comparisons
from alignment_fast.studies.distributions import distribution
from alignment_fast.studies.errors import SpecError
from alignment_fast.studies.functions import user_function
from alignment_fast.studies.values import not_preferences

__all__ = ["OutcomesLaw", "SourceLaw", "comparisons", "law_of", "preferences"]

Floats = NDArray[Any]


def _tail(tail: Floats) -> Floats:
    return tail


@dataclass(frozen=True)
class SourceLaw:
    """A law of one reward, as a function of its upper-tail probability; `source` is what `simulate` takes."""

    source: Any

    @property
    def is_monotone(self) -> bool:
        """Whether the reward is a function of one tail probability."""
        return not isinstance(self.source, best_of_n.Sampler)

    def best_tails(self, n: float, seed: np.random.SeedSequence, first: int, count: int, device: str = "cpu") -> Floats:
        """Return the tail probabilities of the best of n draws, of replicates first to first + count − 1."""
        return _maxima(best_of_n.Quantile(isf=_tail), n, seed, first, count, device)

    def best(self, n: float, seed: np.random.SeedSequence, first: int, count: int, device: str = "cpu") -> Floats:
        """Return the rewards of the best of n draws, of replicates first to first + count − 1."""
        return _maxima(self.source, n, seed, first, count, device)

    def win_rates(self, tails: Floats) -> Floats:
        """Return the chance of each reward to beat one draw, ties one half."""
        return 1.0 - tails

    def log_ratios(self, tails: Floats, n: float) -> Floats:
        """Return log(density of the best of n / density of one draw) at each reward."""
        return np.asarray(np.log(n) + (n - 1.0) * np.log1p(-tails))

    def draws(self, seed: np.random.SeedSequence, first: int, count: int, number: int) -> Floats:
        """Return (count, number) independent rewards: a row for each replicate from `first` on."""
        stream = Stream(seed)
        if isinstance(self.source, best_of_n.Gaussian):
            normal = stream.normal((count, number), replicate=first, num_threads=1)
            return np.asarray(self.source.mean + self.source.std * normal)
        return self.at(stream.uniform((count, number), replicate=first, num_threads=1))

    def at(self, tails: Floats) -> Floats:
        """Return the rewards at tail probabilities, with the bits of `best` at those of `best_tails`."""
        flat = np.ascontiguousarray(tails).reshape(-1)
        rewards = np.empty(flat.shape)
        operations("best_of_n").apply_transform(self.source.transform(), flat, rewards)
        return rewards.reshape(tails.shape)


class OutcomesLaw(SourceLaw):
    """A finite alphabet with probabilities and rewards."""

    def __init__(self, p: Floats, reward: Floats, *, log: bool = False) -> None:
        super().__init__(best_of_n.Table(p, reward, log=log))
        weight = np.exp(p - p.max()) if log else p
        self._set("p", weight / weight.sum())
        self._set("reward", reward)
        self._set("law", best_of_n.BestOfN(p, reward, log=log))
        order = np.argsort(-reward, kind="stable")
        order = order[self.p[order] > 0]
        first = np.flatnonzero(np.r_[True, np.diff(reward[order]) != 0])
        mass = np.add.reduceat(self.p[order], first)
        self._set("letters", order[first])  # one outcome of each level of the reward, descending
        self._set("middle", np.clip(1.0 - (np.cumsum(mass) - 0.5 * mass), 0.0, 1.0))

    p: Floats
    reward: Floats
    law: best_of_n.BestOfN
    letters: NDArray[np.intp]
    middle: Floats

    def _set(self, name: str, value: Any) -> None:
        object.__setattr__(self, name, value)

    def levels(self, tails: Floats) -> NDArray[np.intp]:
        """Return the level of the reward at each tail probability, 0 for the best."""
        return np.asarray(np.searchsorted(self.source.ladder, tails, side="right") - 1)

    def win_rates(self, tails: Floats) -> Floats:
        """Return the chance of each reward to beat one draw, ties one half."""
        return np.asarray(self.middle[self.levels(tails)])

    def log_ratios(self, tails: Floats, n: float) -> Floats:
        """Return log(probability under the best of n / under one draw) of each reward."""
        return np.asarray(self.log_ratio_of(self.law.log_pmf(n))[self.levels(tails)])

    def log_ratio_of(self, log_policy: Floats) -> Floats:
        """Return log(policy / p) at each level of the reward, for a policy that is p times a function of the reward."""
        return np.asarray((log_policy - self.law.log_pmf(1))[self.letters])

    def at(self, tails: Floats) -> Floats:
        """Return the rewards at tail probabilities."""
        return np.asarray(self.source.value[self.levels(tails)])


def _maxima(source: Any, n: float, seed: np.random.SeedSequence, first: int, count: int, device: str) -> Floats:
    number = int(n) if float(n).is_integer() else n
    found = best_of_n.simulate(
        source, number, count, seed=seed, replicate=first, return_maxima=True, num_threads=1, device=device
    )
    assert found.values is not None
    return found.values


def law_of(keys: Mapping[str, Any], folder: Path) -> SourceLaw:
    """Return the law of one reward that a source describes; cells that share a source share its law."""
    return _law(json.dumps(keys, sort_keys=True), folder)


@functools.lru_cache(maxsize=32)
def _law(text: str, folder: Path) -> SourceLaw:
    keys = json.loads(text)
    kind = keys["kind"]
    if kind == "gaussian":
        return SourceLaw(best_of_n.Gaussian(keys["mean"], keys["std"]))
    if kind == "uniform":
        return SourceLaw(best_of_n.Uniform())
    if kind == "quantile":
        return SourceLaw(best_of_n.Quantile(isf=distribution(keys["distribution"], keys["parameters"]).isf))
    if kind == "sampler":
        return SourceLaw(best_of_n.Sampler(user_function(keys["function"], folder), keys["uniforms"]))
    if kind == "memoryless":
        from alignment_fast import memoryless  # loads scipy.signal

        model = memoryless.MemorylessModel(keys["p"], keys["q"], reward=keys["reward"], num_threads=1)
        law = model.reward_law(keys["m"])
        return OutcomesLaw(law.log_pmf, law.support, log=True)
    if kind == "pool":
        scores = _columns(_file(keys, folder), {"score": keys["score"]})["score"]
        return OutcomesLaw(np.ones(len(scores)), scores)
    if kind == "outcomes":
        reward = np.array(keys["reward"], dtype=np.float64)
        return OutcomesLaw(np.ones(len(reward)) if keys["p"] is None else np.array(keys["p"], dtype=np.float64), reward)
    weight = {"log_p": keys["log_p"]} if keys["log_p"] else {"p": keys["p"]} if keys["p"] else {}
    found = _columns(_file(keys, folder), {"reward": keys["reward"], **weight})
    reward = found["reward"]
    return OutcomesLaw(found.get("log_p", found.get("p", np.ones(len(reward)))), reward, log="log_p" in found)


def preferences(keys: Mapping[str, Any], folder: Path) -> Floats:
    """Return the preference matrix (K, K) of a source that has one."""
    if keys["kind"] == "preferences":
        return np.array(keys["P"], dtype=np.float64)
    path = _file(keys, folder)
    names = tables.column_names(path)
    found = _columns(path, {str(place): name for place, name in enumerate(names)})
    P = np.stack([found[str(place)] for place in range(len(names))], axis=1)
    if problem := not_preferences(P.tolist()):
        raise SpecError(f"{keys['file']}: {problem}")
    return P


def comparisons(keys: Mapping[str, Any], folder: Path) -> Comparisons:
    """Return the votes of a source."""
    path = _file(keys, folder)
    roles = {role: keys[role] for role in ("winner", "loser", "first", "second", "outcome") if keys[role] is not None}
    names = tables.column_names(path)
    found = _columns(path, {name: name for name in names}, words=names)
    return Comparisons.from_frame(found, **roles)


def _file(keys: Mapping[str, Any], folder: Path) -> Path:
    """Return the path of a source's file, if it is still the one which the study was begun with."""
    path = folder / str(keys["file"])
    with open(path, "rb") as file:
        if hashlib.file_digest(file, "sha256").hexdigest() != keys["sha256"]:
            raise SpecError(f"{keys['file']} has changed since the study was read")
    return path


def _columns(path: Path, columns: Mapping[str, str], words: tuple[str, ...] = ()) -> dict[str, Any]:
    chunks = list(tables.read_columns(path, columns, words=words))
    return {role: np.concatenate([chunk[role] for chunk in chunks]) for role in columns}
