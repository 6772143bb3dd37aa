"""Log-probabilities of tokens and their gradients in 50-digit arithmetic, one row of logits at a time."""

import functools

import mpmath

DIGITS = 50


def _exact(logits):
    return [mpmath.mpf(float(z)) for z in logits]


def _log_probabilities(logits):
    """Return log p of every letter: relative to the largest logit, which may have more digits than there are here."""
    return _of_row(tuple(float(z) for z in logits))


@functools.lru_cache(maxsize=4)  # several functions are asked about one row
def _of_row(logits):
    exact = _exact(logits)
    top = max(exact)
    log_sum = mpmath.log(mpmath.fsum(mpmath.exp(z - top) for z in exact))
    return [(z - top) - log_sum for z in exact]


def token_logprobs(logits, token):
    """Return log p of `token`."""
    with mpmath.workdps(DIGITS):
        return _log_probabilities(logits)[token]


def logit_gradients(logits, token):
    """Return ∂ log p / ∂ z_v for every v."""
    with mpmath.workdps(DIGITS):
        return [(v == token) - mpmath.exp(x) for v, x in enumerate(_log_probabilities(logits))]


def mean_distance(logits):
    """Return the mean of max z − z under softmax(z): what rounding of the exponents is proportional to."""
    with mpmath.workdps(DIGITS):
        finite = [z for z in _exact(logits) if z > mpmath.ninf]
        top = max(finite)
        return mpmath.fsum(mpmath.exp(x) * (top - z) for x, z in zip(_log_probabilities(finite), finite, strict=True))


def vocabulary(logits):
    """Return log Σ e^z, the entropy and log Σ p²."""
    with mpmath.workdps(DIGITS):
        finite = [z for z in _exact(logits) if z > mpmath.ninf]
        log_p = _log_probabilities(finite)
        entropy = -mpmath.fsum(mpmath.exp(x) * x for x in log_p)
        return finite[0] - log_p[0], entropy, mpmath.log(mpmath.fsum(mpmath.exp(2 * x) for x in log_p))


def vocabulary_gradients(logits, token, factor, entropy_factor):
    """Return factor ∂ log p / ∂ z_v + entropy_factor ∂ entropy / ∂ z_v for every v."""
    with mpmath.workdps(DIGITS):
        log_p = _log_probabilities(logits)
        entropy = -mpmath.fsum(mpmath.exp(x) * x for x in log_p if x > mpmath.ninf)
        return [
            factor * ((v == token) - mpmath.exp(x))
            - (entropy_factor * mpmath.exp(x) * (x + entropy) if x > mpmath.ninf else 0)
            for v, x in enumerate(log_p)
        ]
