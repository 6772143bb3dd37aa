"""Conformance vectors on CUDA: those of losses, of log-probabilities and of random words, on the stand-in's device."""

import numpy as np
import pytest

import alignment_fast as af
from alignment_fast.conformance.cases import cases
from alignment_fast.conformance.judging import judged

pytestmark = [pytest.mark.cuda, pytest.mark.same_everywhere]

ALL = list(cases())
REAL = ("policy_chosen", "policy_rejected", "ref_chosen", "ref_rejected", "policy", "ref", "margin", "logits", "weight")
INTEGERS = ("token_ids",)
LENGTHS = ("chosen_length", "rejected_length")
# Twice the rounding of sums in the log-probabilities of devices, as cuda_tokens.inc says.
ALLOWED = {"sequence_logprobs": 1.5}
CALLS = {
    "preference_loss": lambda **given: af.pairwise.preference_loss(**given, grad=True),
    "unpaired_loss": lambda **given: af.pairwise.unpaired_loss(**given, grad=True),
    "margin_loss": lambda **given: af.pairwise.margin_loss(**given, grad=True, hess=True),
}


def on_device(cuda, case):
    """Return the arguments of a case, arrays on the device."""
    given = dict(case.arguments)
    for name in given:
        if name in REAL or name in LENGTHS:
            dtype = "float32" if case.dtype == "float16" and name not in REAL[:8] else case.dtype
            given[name] = cuda.array(np.array(given[name], dtype=dtype))
        elif name in INTEGERS:
            given[name] = cuda.array(np.array(given[name]))
        elif name in ("mask", "desirable"):
            given[name] = cuda.array(np.array(given[name], dtype=bool))
    return given


def on_host(found):
    return found.numpy() if hasattr(found, "numpy") else found


@pytest.mark.parametrize("function", [*CALLS, "sequence_logprobs"])
def test_cases_pass_on_a_device(cuda, function):
    def compute(case):
        if function == "sequence_logprobs":
            return {"logprob": on_host(af.pairwise.sequence_logprobs(**on_device(cuda, case)))}
        found = CALLS[function](**on_device(cuda, case))
        return {name: on_host(getattr(found, name)) for name in case.expected}

    for case in ALL:
        if case.function != function or case.group.startswith("preference_loss/aot"):  # devices do not sort
            continue
        outcome = judged(case, compute)
        assert outcome.excess <= ALLOWED.get(function, 1.0), f"{case.id}: {outcome.problem}"
        cuda.forget()


@pytest.mark.parametrize(
    ("function", "name"), [("uint32", "words_u32"), ("uniform", "uniforms"), ("normal", "normals")]
)
def test_random_words_of_the_cases(kernels_of, function, name):
    for case in (case for case in ALL if case.function == function):
        kind = name if function == "uint32" else f"{name}_{case.dtype.replace('float', 'f')}"
        given = case.arguments
        numbers = np.array([int(given[one]) for one in ("key", "replicate", "draw")], np.uint64)
        found = np.empty(given["count"], np.uint32 if function == "uint32" else case.dtype)
        kernels_of("random").launch(f"fill_{kind}", 1, 32, *numbers, *np.array([1, given["count"]], np.int64), found)
        results = {"words" if function == "uint32" else "values": found}
        assert judged(case, lambda case, results=results: results).passed, case.id
