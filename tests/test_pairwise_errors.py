"""Bad input to the pairwise losses: one clear error, before any work."""

import numpy as np
import pytest

import alignment_fast as af

pytestmark = pytest.mark.frontends

X = np.array([-1.0, -2.0, -3.0])
FOUR = (X, X, X, X)
NAN = float("nan")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"loss_type": "sigmoidd"}, r"loss_type 'sigmoidd' is not known to preference_loss; near it: sigmoid"),
        ({"loss_type": "apo"}, r"near it: .*apo_zero"),
        ({"loss_type": 3}, r"loss_type 3 is not known"),
        ({"loss_type": "kto"}, r"'kto' is no loss of preference_loss"),
        ({"beta": 0.0}, r"beta must be positive and finite, not 0"),
        ({"beta": -1.0}, r"beta must be positive"),
        ({"beta": NAN}, r"beta must be positive"),
        ({"beta": np.inf}, r"beta must be positive"),
        ({"label_smoothing": -0.1}, r"label_smoothing must lie in \[0, 1\] for loss_type 'sigmoid', not -0.1"),
        ({"label_smoothing": NAN}, r"label_smoothing must lie in \[0, 1\]"),
        ({"loss_type": "robust", "label_smoothing": 0.5}, r"label_smoothing must lie in \[0, 1/2\)"),
        ({"loss_type": "exo_pair"}, r"label_smoothing must lie in \(0, 1\) for loss_type 'exo_pair', not 0"),
        ({"loss_type": "hinge", "label_smoothing": 1.5}, r"label_smoothing must lie in \[0, 1\]"),
        ({"reduction": "average"}, r"reduction must be one of 'mean', 'sum', 'none', not 'average'"),
        ({"score": "kl"}, r"score must be one of 'reverse_kl'"),
        (
            {"score": "forward_kl", "loss_type": "apo_zero"},
            r"'forward_kl' does not apply to loss_type 'apo_zero'",
        ),
        ({"gamma": 1.0}, r"loss_type 'sigmoid' takes no gamma; its parameters: none besides beta"),
        ({"alpha": 1.0}, r"takes no alpha"),
        ({"loss_type": "simpo", "lam": 1.0}, r"takes no lam; its parameters: gamma"),
        ({"loss_type": "simpo", "gamma": NAN}, r"gamma must be finite"),
        ({"loss_type": "discopop", "tau": 0.0}, r"tau must lie in \(0, 1\]"),
        ({"loss_type": "discopop", "tau": 2.0}, r"tau must lie in \(0, 1\]"),
        ({"weight": np.ones(2)}, r"weight of shape \(2,\) and log-probabilities of shape \(3,\) differ"),
        ({"chosen_length": np.ones(3)}, r"needs chosen_length and rejected_length together"),
        ({"loss_type": "sigmoid_norm"}, r"'sigmoid_norm' needs chosen_length and rejected_length together"),
        ({"chosen_length": X, "rejected_length": X}, r"chosen_length\[0\] = -1 is not a positive number of tokens"),
        ({"loss_type": "aot", "weight": -X}, r"'aot' couples the pairs of a batch"),
        ({"loss_type": "aot", "chosen_length": -X, "rejected_length": -X}, r"'aot' takes no lengths"),
        ({"out": {"gradient": X}}, r"out\['gradient'\] is no result of this function"),
        ({"grad": True, "out": {"grad_policy_chosen": np.ones(2)}}, r"out\['grad_policy_chosen'\] must be a writable"),
        (
            {"grad": True, "out": {"grad_policy_chosen": np.ones(3, "f4")}},
            r"array of shape \(3,\), not float32",
        ),
        ({"num_threads": 0}, r"num_threads must be a positive integer"),
    ],
)
def test_values_that_do_not_fit(options, message):
    with pytest.raises(ValueError, match=message):
        af.pairwise.preference_loss(*FOUR, **options)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"beta": "0.1"}, r"beta must be one number, not '0.1'"),
        ({"beta": np.ones(3)}, r"beta must be one number"),
        ({"loss_type": "simpo", "gamma": [1.0]}, r"gamma must be one number"),
        ({"out": [X]}, r"out must be a mapping"),
    ],
)
def test_types_that_do_not_fit(options, message):
    with pytest.raises(TypeError, match=message):
        af.pairwise.preference_loss(*FOUR, **options)


@pytest.mark.parametrize("missing", [2, 3])
def test_a_missing_reference(missing):
    arrays = [None if i == missing else x for i, x in enumerate(FOUR)]
    with pytest.raises(ValueError, match=r"loss_type 'ipo' needs ref_(chosen|rejected); it is \(Δ"):
        af.pairwise.preference_loss(*arrays, loss_type="ipo")


def test_a_missing_rejected_answer():
    with pytest.raises(ValueError, match="loss_type 'simpo' needs policy_rejected"):
        af.pairwise.preference_loss(X, None, loss_type="simpo")


def test_shapes_that_differ():
    message = r"shapes differ: policy_chosen of shape \(3,\), policy_rejected of shape \(2,\)"
    with pytest.raises(ValueError, match=message):
        af.pairwise.preference_loss(X, X[:2], X, X)


def test_no_broadcasting():
    with pytest.raises(ValueError, match="shapes differ"):
        af.pairwise.preference_loss(X, X, X, X.reshape(3, 1))


def test_integer_log_probabilities():
    with pytest.raises(TypeError, match="ref_chosen must be floating-point"):
        af.pairwise.preference_loss(X, X, np.array([-1, -2, -3]), X)


def test_complex_numbers_and_masked_arrays():
    with pytest.raises(TypeError, match="policy_chosen must be an array of real numbers"):
        af.pairwise.preference_loss(X + 1j, X, X, X)
    with pytest.raises(TypeError, match="policy_rejected is a masked array"):
        af.pairwise.preference_loss(X, np.ma.masked_array(X), X, X)


def test_tensors_that_require_grad():
    torch = pytest.importorskip("torch")
    for dtype in (torch.float64, torch.bfloat16):
        tensors = [torch.tensor(X, dtype=dtype) for _ in range(4)]
        tensors[0].requires_grad_()
        with pytest.raises(TypeError, match="policy_chosen requires grad"):
            af.pairwise.preference_loss(*tensors)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"loss_type": "nca_pair"}, r"'nca_pair' is no loss of margin_loss"),
        ({"loss_type": "bradley_terry", "gamma": NAN}, r"gamma must be finite"),
        ({"target": np.array([0.0, 2.0, 1.0])}, r"target\[1\] = 2 is not in \[0, 1\]"),
        ({"target": np.array([0.0, NAN, 1.0])}, r"target\[1\] = nan is not in \[0, 1\]"),
        ({"target": np.ones(2)}, r"target of shape \(2,\)"),
        ({"out": {"hessian": X}}, r"out\['hessian'\] is no result"),
    ],
)
def test_margins(options, message):
    with pytest.raises(ValueError, match=message):
        af.pairwise.margin_loss(X, **options)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"loss_type": "sigmoid", "kl": 0.0}, r"'sigmoid' is no loss of unpaired_loss; near it: kto"),
        ({"kl": None}, r"'kto' needs a finite kl"),
        ({"kl": np.inf}, r"'kto' needs a finite kl"),
        ({"kl": 0.0, "beta": 0.0}, r"beta must be positive"),
        ({"kl": 0.0, "desirable": np.array([0, 1, 2])}, r"desirable\[2\] = 2 is neither true nor false"),
        ({"kl": 0.0, "desirable": np.array([True, False])}, r"desirable of shape \(2,\)"),
    ],
)
def test_single_answers(options, message):
    with pytest.raises(ValueError, match=message):
        af.pairwise.unpaired_loss(X, X, **{"desirable": np.array([True, False, True]), **options})
