"""Laws, losses and measures where plain formulas lose digits: python benchmarks/errors/quantities.py, half a minute.

Every case is made of numbers that both sides get alike; the exact value is computed from these in 60 digits.
"""

import importlib.util

import mpmath
import numpy as np
import record
from scipy import special, stats

import alignment_fast as af

MP = mpmath.mp.clone()
MP.dps = 60
SIZE = 200


def exact(numbers):
    return [MP.mpf(float(one)) for one in np.ravel(numbers)]


def normalised(masses):
    masses = exact(masses)
    total = MP.fsum(masses)
    return [one / total for one in masses]


def close_distributions():
    rng = np.random.default_rng(1)
    p = rng.dirichlet(np.ones(SIZE))
    q = p * (1 + 1e-7 * rng.normal(size=SIZE))
    return p, q / q.sum()


def rewarded():
    rng = np.random.default_rng(2)
    return rng.dirichlet(np.ones(SIZE)), rng.normal(size=SIZE)


def divergence():
    """Kullback-Leibler divergence of two distributions 1e-7 apart."""
    p, q = close_distributions()
    value = MP.fsum(a * MP.log(a / b) for a, b in zip(normalised(p), normalised(q), strict=True))
    peers = {"stats.entropy(p, q)": stats.entropy(p, q), "np.sum(p * np.log(p / q))": np.sum(p * np.log(p / q))}
    return value, af.information.kl_divergence(p, q), peers


def renyi():
    """Rényi divergence of order 1 + 1e-9."""
    rng = np.random.default_rng(3)
    p, q = rng.dirichlet(np.ones(SIZE), 2)
    order = 1 + 1e-9
    a = MP.mpf(order)
    value = MP.log(MP.fsum(x**a * y ** (1 - a) for x, y in zip(normalised(p), normalised(q), strict=True))) / (a - 1)
    plain = np.log(np.sum(p**order * q ** (1 - order))) / (order - 1)
    return value, af.information.renyi_divergence(p, q, order), {"np.log(np.sum(p**a * q**(1 - a))) / (a - 1)": plain}


def log_mgf():
    """log E exp(t r) at t = 1e-9."""
    p, reward = rewarded()
    t = 1e-9
    value = MP.log(MP.fsum(a * MP.exp(MP.mpf(t) * r) for a, r in zip(normalised(p), exact(reward), strict=True)))
    peers = {
        "special.logsumexp(t * r, b=p)": special.logsumexp(t * reward, b=p),
        "np.log(np.sum(p * np.exp(t * r)))": np.log(np.sum(p * np.exp(t * reward))),
    }
    return value, af.information.log_mgf(reward, t, p=p), peers


def cumulant():
    """Third cumulant of rewards at a distance of 1e4 from zero."""
    p, reward = rewarded()
    reward = reward + 1e4
    masses, rewards = normalised(p), exact(reward)
    mean = MP.fsum(a * r for a, r in zip(masses, rewards, strict=True))
    value = MP.fsum(a * (r - mean) ** 3 for a, r in zip(masses, rewards, strict=True))
    raw = [np.sum(p * reward**k) for k in (1, 2, 3)]
    peers = {
        "raw moments": raw[2] - 3 * raw[1] * raw[0] + 2 * raw[0] ** 3,
        "np.sum(p * (r - m)**3)": np.sum(p * (reward - np.sum(p * reward)) ** 3),
    }
    return value, af.information.cumulants(reward, 3, p=p)[..., -1], peers


def best_of_n_kl():
    """KL divergence of the best of 1 + 1e-6 draws of 200 outcomes from one draw."""
    p, reward = rewarded()
    n = 1 + 1e-6
    order = np.argsort(reward)
    value, below = MP.zero, MP.zero
    for mass in normalised(p[order]):
        won = (below + mass) ** MP.mpf(n) - below ** MP.mpf(n)
        value += won * MP.log(won / mass)
        below += mass
    f = np.cumsum(p[order])
    won = np.diff(f**n, prepend=0.0)
    return value, af.best_of_n.BestOfN(p, reward).kl(n), {"np.diff(F**n), np.sum": np.sum(won * np.log(won / p[order]))}


def far_winner():
    """log-probability that the best of a million draws is an outcome of rank 100 of 200."""
    p, reward = rewarded()
    order = np.argsort(reward)
    n, at = 10**6, SIZE // 2
    masses = normalised(p[order])
    below, to = MP.fsum(masses[:at]), MP.fsum(masses[: at + 1])
    value = n * MP.log(to) + MP.log1p(-((below / to) ** n))
    f = np.cumsum(p[order])
    with np.errstate(divide="ignore"):
        plain = np.log(f[at] ** n - f[at - 1] ** n)
    return value, af.best_of_n.BestOfN(p, reward).log_pmf(n)[order[at]], {"np.log(F**n - F_before**n)": plain}


def one_success():
    """pass@1 with one success in 10^7 samples."""
    total, correct, k = 10**7, 1, 1
    plain = 1.0 - np.prod(1.0 - k / np.arange(total - correct + 1, total + 1))
    return MP.mpf(1) / total, af.best_of_n.pass_at_k(total, correct, k), {"1 - np.prod(1 - k / np.arange(...))": plain}


def sigmoid_loss():
    """DPO's loss of a pair at a margin of 40 / beta, float64."""
    margin, beta = 400.0, 0.1
    value = MP.log1p(MP.exp(-MP.mpf(beta) * MP.mpf(margin)))
    found = af.pairwise.preference_loss([margin], [0.0], [0.0], [0.0], beta=beta).loss
    peers = {
        "-np.log(special.expit(m))": -np.log(special.expit(beta * margin)),
        "np.logaddexp(0, -m)": np.logaddexp(0.0, -beta * margin),
    }
    if importlib.util.find_spec("torch"):
        import torch

        scaled = torch.tensor(beta * margin, dtype=torch.float64)
        peers["-torch.nn.functional.logsigmoid(m)"] = -torch.nn.functional.logsigmoid(scaled)
    return value, found, peers


def token_logprobs():
    """log-probability of the likeliest of 50 257 tokens, float32, a logit 20 above the rest."""
    rng = np.random.default_rng(4)
    logits = rng.normal(size=50_257).astype(np.float32)
    logits[7] = 20.0
    value = -MP.log1p(MP.fsum(MP.exp(one - 20) for at, one in enumerate(exact(logits)) if at != 7))
    found = af.pairwise.sequence_logprobs(logits[None, None], np.array([[7]]))
    peers = {"special.log_softmax(z)[i]": special.log_softmax(logits)[7]}
    if importlib.util.find_spec("torch"):
        import torch

        peers["torch.log_softmax(z, -1)[i]"] = torch.log_softmax(torch.from_numpy(logits), -1)[7]
    return value, found, peers


CASES = (
    *((af.information.kl_divergence, divergence), (af.information.renyi_divergence, renyi)),
    *((af.information.log_mgf, log_mgf), (af.information.cumulants, cumulant)),
    *((af.best_of_n.BestOfN.kl, best_of_n_kl), (af.best_of_n.BestOfN.log_pmf, far_winner)),
    *((af.best_of_n.pass_at_k, one_success), (af.pairwise.preference_loss, sigmoid_loss)),
    (af.pairwise.sequence_logprobs, token_logprobs),
)


def relative_error(found, value):
    """Return |found / value - 1|; None where the value found is not finite."""
    found = float(np.ravel(found)[0])
    return float(f"{float(abs(MP.mpf(found) / value - 1)):.2g}") if np.isfinite(found) else None


def measure(case):
    value, found, peers = case()
    errors = {text: relative_error(one, value) for text, one in peers.items()}
    return {"ours": relative_error(found, value), "peers": errors}


def main():
    for function, case in CASES:
        name = f"{function.__module__.split('.')[1]}.{function.__qualname__}"
        result = {"function": name, "case": case.__doc__.rstrip("."), **measure(case), **record.conditions()}
        record.write("quantities", {case.__name__: result})
        print(name, result["ours"], result["peers"])


if __name__ == "__main__":
    main()
