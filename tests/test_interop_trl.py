"""The losses of TRL's trainers against TRL's own code, called on stand-ins of trainers, and a tiny trainer switched."""

import os
import warnings
from collections import defaultdict
from types import SimpleNamespace

import pytest

torch = pytest.importorskip("torch")
from alignment_fast.interop import trl as ours  # noqa: E402

pytestmark = pytest.mark.frontends
os.environ.setdefault("HF_HUB_OFFLINE", "1")

PAIRS, PLACES = 5, 7
DPO = ours.SEMANTICS["trl>=0.29"].losses
DIVERGENCES = ("forward_kl", "js_divergence", "alpha_divergence")
OF_DIVERGENCES = ("sigmoid", "sigmoid_norm", "hinge", "ipo", "exo_pair", "robust", "discopop", "sft")
TOLERANCE = {torch.float64: 1e-12, torch.float32: 2e-6}
# TRL rounds ε to float32 there, whatever the dtype: its loss is off by what that changes in log ε.
ROUNDED = {"exo_pair": 1e-7}


@pytest.fixture(autouse=True)
def one_thread():
    torch.set_num_threads(1)


@pytest.fixture(scope="module")
def trl():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        module = pytest.importorskip("trl", reason="TRL IS NOT INSTALLED: its losses have NOT been compared")
        import trl.trainer.dpo_trainer
        import trl.trainer.kto_trainer
        import trl.trainer.reward_trainer  # noqa: F401
    return module


# ---- stand-ins ----


def outputs_of(dtype, seed):
    generator = torch.Generator().manual_seed(seed)

    def draw():
        return torch.rand((2 * PAIRS, PLACES), dtype=torch.float64, generator=generator).to(dtype)

    mask = completion_mask()[:, 1:]
    names = ("entropy", "mean_logits", "log_sum_sq_probs")
    found = {name: -draw() for name in names} | {"is_top1": mask.bool()}
    return SimpleNamespace(log_probs=-3 * draw() * mask, **found)


def completion_mask():
    mask = torch.zeros(2 * PAIRS, PLACES + 1, dtype=torch.int64)
    for row in range(2 * PAIRS):
        mask[row, 1 : 3 + row % 5] = 1
    return mask


class Model:
    """Stands in for a model: gives log-probabilities that were drawn."""

    training = True
    is_gradient_checkpointing = False

    def __init__(self, outputs):
        self.outputs = outputs

    def __call__(self, **_):
        return self.outputs


def trainer_of(dtype, **options):
    same = SimpleNamespace(device=torch.device("cpu"), gather=lambda x: x, gather_for_metrics=lambda x: x)
    policy, reference = outputs_of(dtype, 1), outputs_of(dtype, 2)
    policy.log_probs.requires_grad_()
    settings = {
        "beta": 0.5,
        "label_smoothing": 0.1,
        "f_divergence_type": "reverse_kl",
        "f_alpha_divergence_coef": 0.4,
        "ld_alpha": None,
        "use_weighting": False,
    } | options
    weights = settings.pop("loss_weights", None) or [1.0] * len(settings["loss_types"])
    return SimpleNamespace(
        model=Model(policy),
        ref_model=Model(reference),
        accelerator=same,
        aux_loss_enabled=False,
        precompute_ref_logps=False,
        args=SimpleNamespace(gradient_checkpointing_kwargs=None, discopop_tau=0.07),
        loss_weights=weights,
        _metrics={"train": defaultdict(list)},
        _total_train_tokens=0,
        _tp_size=1,
        **settings,
    )


def theirs(trl, stand_in):
    mask = completion_mask()
    inputs = {"completion_mask": mask, "input_ids": mask.clone(), "attention_mask": torch.ones_like(mask)}
    compute = trl.trainer.dpo_trainer.DPOTrainer._compute_loss
    return compute(stand_in, stand_in.model, inputs, False)


def mine(stand_in):
    mask, log_p = completion_mask()[:, 1:], stand_in.model.outputs.log_probs
    weight = ours.wpo_weights(log_p, stand_in.model.outputs.log_sum_sq_probs, mask)
    lengths = mask.sum(1).chunk(2)
    reference = stand_in.ref_model.outputs.log_probs
    return ours.dpo_loss(
        *ours.sequence_scores(log_p, mask, ld_alpha=stand_in.ld_alpha),
        *ours.sequence_scores(reference, mask, ld_alpha=stand_in.ld_alpha),
        loss_type=stand_in.loss_types,
        loss_weights=stand_in.loss_weights,
        beta=stand_in.beta,
        label_smoothing=stand_in.label_smoothing,
        f_divergence_type=stand_in.f_divergence_type,
        f_alpha_divergence_coef=stand_in.f_alpha_divergence_coef,
        discopop_tau=stand_in.args.discopop_tau,
        chosen_length=lengths[0],
        rejected_length=lengths[1],
        weight=weight if stand_in.use_weighting else None,
        token_nll=-log_p.chunk(2)[0][mask.chunk(2)[0].bool()].mean(),
    )


def assert_equal(trl, stand_in, dtype):
    log_p = stand_in.model.outputs.log_probs
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        expected = theirs(trl, stand_in)
    (their_gradient,) = torch.autograd.grad(expected, log_p)
    found = mine(stand_in)
    (my_gradient,) = torch.autograd.grad(found, log_p)
    tolerance = max(TOLERANCE[dtype], *(ROUNDED.get(name, 0.0) for name in [*stand_in.loss_types, ""]))
    torch.testing.assert_close(found, expected, rtol=tolerance, atol=tolerance)
    torch.testing.assert_close(my_gradient, their_gradient, rtol=tolerance, atol=tolerance)


# ---- DPO ----


@pytest.mark.parametrize("loss_type", DPO)
@pytest.mark.parametrize("dtype", TOLERANCE, ids=str)
def test_losses(trl, loss_type, dtype):
    assert_equal(trl, trainer_of(dtype, loss_types=[loss_type]), dtype)


@pytest.mark.parametrize("loss_type", OF_DIVERGENCES)
@pytest.mark.parametrize("divergence", DIVERGENCES)
@pytest.mark.parametrize("dtype", TOLERANCE, ids=str)
def test_divergences(trl, loss_type, divergence, dtype):
    """With TRL's constants, which matter to means per token."""
    stand_in = trainer_of(dtype, loss_types=[loss_type], f_divergence_type=divergence)
    if divergence == "alpha_divergence" and dtype == torch.float64:
        with pytest.raises(KeyError):
            theirs(trl, stand_in)
        assert mine(stand_in).isfinite()
    else:
        assert_equal(trl, stand_in, dtype)


@pytest.mark.parametrize("loss_type", [name for name in DPO if not name.startswith("aot") and name != "sft"])
def test_length_desensitisation_and_weights(trl, loss_type):
    """TRL multiplies by weights in place, where ``"sft"`` and ``"hinge"`` do not survive it: both are errors there."""
    assert_equal(trl, trainer_of(torch.float64, loss_types=[loss_type], ld_alpha=0.3), torch.float64)
    if loss_type != "hinge":
        assert_equal(trl, trainer_of(torch.float64, loss_types=[loss_type], use_weighting=True), torch.float64)


def test_discounts():
    log_p, mask = -torch.rand(4, 5, dtype=torch.float64), torch.tensor([[0, 0, 1, 1, 1], [0, 1, 1, 0, 0]] * 2)
    chosen, _ = ours.sequence_scores(log_p * mask, mask, discount=0.9)
    expected = [log_p[0, 2] + 0.9 * log_p[0, 3] + 0.81 * log_p[0, 4], log_p[1, 1] + 0.9 * log_p[1, 2]]
    torch.testing.assert_close(chosen, torch.stack(expected))
    with pytest.raises(ValueError, match="discount must be in"):
        ours.sequence_scores(log_p, mask, discount=0.0)


def test_sums_of_losses(trl):
    weights = [0.8, 0.2, 1.0]
    stand_in = trainer_of(torch.float64, loss_types=["sigmoid", "bco_pair", "sft"], loss_weights=weights)
    assert_equal(trl, stand_in, torch.float64)


def reference_loss(loss_type, margin, **options):
    """Return a loss of a margin in 60 digits: sigmoid of a score map, DiscoPOP, EXO."""
    from mpmath import exp, log, log1p, mp, mpf

    with mp.workdps(60):
        margin = mpf(margin)
        if loss_type == "discopop":
            mixed = 1 / (1 + exp(-margin / mpf(0.05)))
            return float(log1p(exp(-margin)) * (1 - mixed) + exp(-margin) * mixed)
        if loss_type == "exo_pair":
            q, eps = 1 / (1 + exp(-margin)), mpf(0.1)
            return float(q * (log(q) - log(1 - eps)) + (1 - q) * (log(1 - q) - log(eps)))
        mapped = (
            1 - exp(-margin) if options["f_divergence_type"] == "forward_kl" else (exp(-margin / 2) - 1) / -mpf(0.5)
        )
        return float(log1p(exp(-mapped)))


@pytest.mark.parametrize(
    ("loss_type", "margin", "dtype", "options"),
    [
        ("discopop", -200.0, torch.float32, {}),
        ("discopop", -3.0, torch.float64, {}),
        ("exo_pair", -2.0, torch.float64, {"label_smoothing": 0.1}),
        ("sigmoid", -75.0, torch.float32, {"f_divergence_type": "forward_kl"}),
        ("sigmoid", -150.0, torch.float32, {"f_divergence_type": "alpha_divergence"}),
        ("sigmoid", -150.0, torch.float64, {"f_divergence_type": "alpha_divergence"}),
    ],
)
def test_where_the_original_differs_these_are_right(loss_type, margin, dtype, options):
    """Beside 60 digits: DiscoPOP below -89, EXO's ε in float64, α-divergences in float64, and large scores."""
    pair = [torch.tensor([x], dtype=dtype) for x in (margin, 0.0, 0.0, 0.0)]
    pair[0].requires_grad_()
    found = ours.dpo_loss(*pair, loss_type=loss_type, beta=1.0, **options)
    # Rounding the argument of an exponential moves it by as many units as it is large.
    rtol = 1e-12 if dtype == torch.float64 else 2e-5
    assert found.item() == pytest.approx(reference_loss(loss_type, margin, **options), rel=rtol)
    found.backward()
    assert pair[0].grad.isfinite().all()
    assert pair[0].grad.item() < 0.0


def test_semantics_of_other_libraries():
    generator = torch.Generator().manual_seed(0)
    pair = [torch.randn(4, dtype=torch.float64, generator=generator) for _ in range(4)]
    margin = (pair[0] - pair[2]) - (pair[1] - pair[3])
    log_sigmoid = torch.nn.functional.logsigmoid
    smoothed = (-0.9 * log_sigmoid(0.1 * margin) - 0.1 * log_sigmoid(-0.1 * margin)).mean()
    for name in ("trl<0.29", "openrlhf", "torchtune"):
        torch.testing.assert_close(ours.dpo_loss(*pair, label_smoothing=0.1, semantics=name), smoothed)
    torch.testing.assert_close(ours.dpo_loss(*pair, label_smoothing=0.1), -log_sigmoid(0.1 * margin).mean())
    plain = ((margin - 5) ** 2).mean()
    for name in ("trl<0.29", "openrlhf"):
        torch.testing.assert_close(ours.dpo_loss(*pair, loss_type="ipo", semantics=name), plain)
    old = ours.dpo_loss(*pair, loss_type="aot_pair", semantics="trl<0.29")
    torch.testing.assert_close(old, ours.dpo_loss(*pair, loss_type="aot_unpaired"))
    exo = ours.dpo_loss(*pair, loss_type="exo_pair", semantics="trl<0.29")
    torch.testing.assert_close(exo, ours.dpo_loss(*pair, loss_type="exo_pair", label_smoothing=1e-3))
    free = ours.dpo_loss(*pair[:2], reference_free=True)
    torch.testing.assert_close(free, -log_sigmoid(0.1 * (pair[0] - pair[1])).mean())


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"loss_type": "simpo"}, "is none of trl>=0.29"),
        ({"loss_type": "sigmoid_norm", "semantics": "trl<0.29"}, "is none of trl<0.29"),
        ({"loss_type": "ipo"}, "needs chosen_length and rejected_length"),
        ({"loss_type": "exo_pair"}, "label_smoothing"),
        ({"loss_type": "nca_pair", "f_divergence_type": "forward_kl"}, "does not apply to loss_type 'nca_pair'"),
        ({"loss_type": "sft"}, "needs token_nll or chosen_length"),
        ({"loss_type": ["sigmoid", "hinge"], "loss_weights": [1.0]}, "one number for each of 2 losses"),
        ({"loss_type": []}, "losses"),
        ({"semantics": "verl"}, "semantics 'verl'"),
    ],
)
def test_what_a_library_does_not_have_is_an_error(options, message):
    pair = [torch.zeros(2)] * 4
    with pytest.raises(ValueError, match=message):
        ours.dpo_loss(*pair, **options)


@pytest.mark.parametrize(("divergence", "margin"), [("forward_kl", -85.0), ("alpha_divergence", -170.0)])
def test_beyond_their_range_scores_saturate(divergence, margin):
    """At 2^110, with the right sign of the gradient. TRL's are right to -88, and stop at e^80."""
    pair = [torch.tensor([x]) for x in (margin, 0.0, 0.0, 0.0)]
    loss = ours.dpo_loss(pair[0].requires_grad_(), *pair[1:], beta=1.0, f_divergence_type=divergence)
    loss.backward()
    assert loss.item() == pytest.approx(2.0**110, rel=1e-6)
    assert -torch.inf < pair[0].grad.item() < 0.0


# ---- the other trainers ----


def scores(count=2, dtype=torch.float64):
    generator = torch.Generator().manual_seed(3)
    return [(-2 * torch.rand(6, dtype=torch.float64, generator=generator) - 0.01).to(dtype) for _ in range(count)]


def assert_same_function(found, expected, tensors):
    tensors = [tensor.requires_grad_() for tensor in tensors]
    tolerance = TOLERANCE[tensors[0].dtype]
    one, other = found(*tensors), expected(*tensors)
    torch.testing.assert_close(one, other, rtol=tolerance, atol=tolerance)
    gradients = [torch.autograd.grad(value, tensors) for value in (one, other)]
    torch.testing.assert_close(*gradients, rtol=tolerance, atol=tolerance)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("dtype", TOLERANCE, ids=str)
@pytest.mark.parametrize("loss_type", ["sigmoid", "hinge", "ipo", "simpo"])
@pytest.mark.parametrize("alpha", [0.0, 0.3, -0.5])
def test_cpo(trl, loss_type, alpha, dtype):
    from trl.experimental.cpo import CPOTrainer

    settings = {"loss_type": loss_type, "beta": 0.3, "label_smoothing": 0.1, "simpo_gamma": 0.4, "alpha": alpha}
    stand_in = SimpleNamespace(accelerator=SimpleNamespace(device="cpu"), **settings)
    assert_same_function(
        lambda *x: ours.cpo_loss(*x, **settings),
        lambda *x: CPOTrainer.cpo_loss(stand_in, *x)[0].mean(),
        scores(dtype=dtype),
    )
    assert ours.cpo_loss(*scores(), **settings | {"loss_type": "alphapo"}) == ours.cpo_loss(
        *scores(), **settings | {"loss_type": "simpo"}
    )


@pytest.mark.filterwarnings("ignore")
def test_orpo(trl):
    from trl.experimental.orpo import ORPOTrainer

    stand_in = SimpleNamespace(accelerator=SimpleNamespace(device="cpu"), beta=0.3)

    def expected(chosen, rejected):
        return 1.5 - ORPOTrainer.odds_ratio_loss(stand_in, chosen, rejected)[0].mean()

    found = scores(dtype=torch.float32)
    assert_same_function(lambda *x: ours.orpo_loss(*x, nll=torch.tensor(1.5), beta=0.3), expected, found)
    certain = [torch.zeros(2, requires_grad=True), torch.full((2,), -1.0)]
    ours.orpo_loss(*certain, nll=torch.tensor(0.0)).backward()
    assert certain[0].grad.isfinite().all()


def own_trainer(model, ref_model=None, **settings):
    """Stand in for a trainer of single answers, or of triples."""
    same = SimpleNamespace(device=torch.device("cpu"), gather=lambda x: x, gather_for_metrics=lambda x: x)
    return SimpleNamespace(
        model=model,
        ref_model=ref_model,
        accelerator=same,
        aux_loss_enabled=False,
        precompute_ref_logps=False,
        args=SimpleNamespace(gradient_checkpointing_kwargs=None),
        _metrics={"train": defaultdict(list)},
        _total_train_tokens=0,
        _tp_size=1,
        **settings,
    )


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("dtype", TOLERANCE, ids=str)
@pytest.mark.parametrize("tpo_alpha", [0.0, 0.5])
@pytest.mark.parametrize("loss_type", ["sigmoid", "hinge", "ipo", "tpo-l"])
def test_tpo(trl, loss_type, tpo_alpha, dtype):
    from trl.experimental.tpo import TPOTrainer

    options = {"loss_type": loss_type, "beta": 0.3, "label_smoothing": 0.1, "tpo_alpha": tpo_alpha, "tpo_l_gamma": 0.4}
    branches = 3 if tpo_alpha else 2
    generator = torch.Generator().manual_seed(0)
    drawn = torch.randn(branches * 4, PLACES + 1, 9, dtype=torch.float64, generator=generator).to(dtype)
    ids = torch.randint(0, 9, drawn.shape[:2], generator=generator)
    mask = torch.cat([completion_mask()[:4]] * branches)
    inputs = {"completion_mask": mask, "input_ids": ids, "attention_mask": torch.ones_like(mask)}

    def expected(logits):
        model = Model(SimpleNamespace(logits=logits))
        return TPOTrainer._compute_loss(own_trainer(model, **options), model, inputs, False)

    def found(logits):
        log_p = logits[:, :-1].log_softmax(-1).gather(-1, ids[:, 1:, None])[..., 0] * mask[:, 1:]
        answers, lengths = log_p.sum(1).chunk(branches), mask[:, 1:].sum(1).chunk(branches)
        if loss_type in ("ipo", "tpo-l"):
            answers = [total / length for total, length in zip(answers, lengths, strict=True)]
        nll = -log_p.chunk(branches)[2].sum() / lengths[2].sum() if tpo_alpha else None
        return ours.tpo_loss(*answers[:2], nll=nll, **options)

    assert_same_function(found, expected, [drawn])
    if tpo_alpha:
        with pytest.raises(ValueError, match="nll is missing"):
            ours.tpo_loss(*scores(), **options)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("dtype", TOLERANCE, ids=str)
@pytest.mark.parametrize("loss_type", ["kto", "apo_zero_unpaired"])
@pytest.mark.parametrize("labels", [[1, 0, 1, 0, 0, 1], [1] * 6, [0] * 6], ids=["both", "desirable", "undesirable"])
@pytest.mark.parametrize("shift", [0.7, -0.7])
def test_kto(trl, loss_type, labels, shift, dtype):
    """Against TRL's method: the estimate of the divergence is clamped at 0, and one side may be empty."""
    options = {"loss_type": loss_type, "beta": 0.3, "desirable_weight": 2.0, "undesirable_weight": 0.5}
    labels, beyond = torch.tensor(labels, dtype=torch.bool), torch.linspace(-0.1, 0.3, 6).to(dtype) + shift
    mask = torch.ones(6, 2, dtype=torch.int64)
    inputs = dict.fromkeys(("completion_mask", "input_ids", "attention_mask"), mask) | {"label": labels}

    def expected(policy, ref):
        models = [
            Model(SimpleNamespace(log_probs=x[:, None], entropy=torch.zeros(6, 1), mean_logits=torch.zeros(6, 1)))
            for x in (policy, ref)
        ]
        trainer = own_trainer(*models, calculate_KL=loss_type == "kto", **options)
        trainer._compute_kl_logps = lambda model, _: beyond if model is models[0] else torch.zeros_like(beyond)
        return trl.trainer.kto_trainer.KTOTrainer._compute_loss(trainer, models[0], inputs, False)

    # In TRL the reference runs without gradients.
    policy, ref = scores(dtype=dtype)
    assert_same_function(
        lambda x: ours.kto_loss(x, ref, labels, kl=beyond.mean(), **options), lambda x: expected(x, ref), [policy]
    )


def test_bco():
    labels = torch.tensor([True, False, True, False, False, True])

    def expected(policy, ref):
        reward = 0.3 * (policy - ref) - 0.2
        return -torch.nn.functional.logsigmoid(torch.where(labels, reward, -reward)).mean()

    assert_same_function(lambda *x: ours.bco_loss(*x, labels, delta=0.2, beta=0.3), expected, scores())


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_scores_of_16_bits_are_subtracted_in_float32(dtype):
    better, worse = torch.tensor([-100.0]).to(dtype), torch.tensor([-0.1]).to(dtype)
    pair, label = (better.float(), worse.float()), torch.tensor([True])
    for loss in (
        lambda *x: ours.cpo_loss(*x, beta=1.0),
        lambda *x: ours.cpo_loss(*x, beta=1.0, alpha=0.01),
        lambda *x: ours.tpo_loss(*x, beta=1.0, tpo_alpha=0.0),
        lambda *x: ours.bco_loss(*x, label, beta=1.0, delta=0.3),
        lambda *x: ours.reward_loss(*x, center_rewards_coefficient=0.01),
    ):
        assert loss(better, worse).item() == loss(*pair).item()


@pytest.mark.parametrize("margin", [None, torch.linspace(0, 1, 6, dtype=torch.float64)])
@pytest.mark.parametrize("coefficient", [None, 0.1])
def test_reward_models(trl, margin, coefficient):
    def expected(chosen, rejected):
        inputs = {"attention_mask": torch.ones(1)} | ({} if margin is None else {"margin": margin})
        same = SimpleNamespace(gather=lambda x: x, gather_for_metrics=lambda x: x)
        stand_in = SimpleNamespace(
            model=SimpleNamespace(training=False),
            args=SimpleNamespace(center_rewards_coefficient=coefficient),
            accelerator=same,
            _metrics={"eval": defaultdict(list)},
            _total_train_tokens=0,
        )
        outputs = SimpleNamespace(logits=torch.cat([chosen, rejected])[:, None])
        return trl.trainer.reward_trainer.RewardTrainer.compute_loss(stand_in, lambda **_: outputs, inputs)

    assert_same_function(
        lambda *x: ours.reward_loss(*x, margin=margin, center_rewards_coefficient=coefficient), expected, scores()
    )


# ---- hidden states ----


@pytest.mark.parametrize("frozen", [False, True])
@pytest.mark.parametrize("with_entropy", [False, True])
@pytest.mark.parametrize(("temperature", "softcap", "scale"), [(1.0, None, 1.0), (0.7, 5.0, 0.5)])
def test_hidden_states(trl, frozen, with_entropy, temperature, softcap, scale):
    from trl.kernels import ChunkedLogProbFunction

    from alignment_fast.interop.trl.trainers import Ran, _log_probs

    generator = torch.Generator().manual_seed(0)
    tensors = [torch.randn(shape, generator=generator) for shape in ((9, 6), (40, 6), (40,))]
    targets = torch.randint(0, 40, (9,), generator=generator)
    wanted = ("entropy", "log_sum_sq_probs", "mean_logits", "is_top1")
    settings = (targets, temperature, 16, softcap, scale, wanted)
    passes = []
    ran = Ran()
    for apply in (ChunkedLogProbFunction.apply, lambda *x: _log_probs(ChunkedLogProbFunction, ran, with_entropy, *x)):
        own = [x.clone().requires_grad_(k == 0 or not frozen) for k, x in enumerate(tensors)]
        results = apply(*own, *settings)
        total = (results[0] * torch.linspace(-1, 1, 9)).sum() + (results[1].sum() if with_entropy else 0.0)
        total.backward()
        passes.append((results, [x.grad for x in own if x.requires_grad]))
    (their_results, their_gradients), (my_results, my_gradients) = passes
    for one, other in zip(my_results, their_results, strict=True):
        torch.testing.assert_close(one, other, rtol=2e-6, atol=5e-6)
    torch.testing.assert_close(my_gradients, their_gradients, rtol=1e-5, atol=5e-6)
    assert ran == Ran(log_probs=1)


# ---- what is left to TRL ----


class DPOTrainer:
    """Stands in for a trainer whose model gives no log-probabilities."""

    loss_types, loss_weights, precompute_ref_logps, ref_model = ["sigmoid"], [1.0], False, None

    def __init__(self):
        self.model = torch.nn.Identity()
        self.seen = []

    def _compute_loss(self, model, inputs, return_outputs):
        self.seen.append(self.loss_types)
        return model(inputs["completion_mask"]).sum()


def test_a_model_without_log_probabilities_goes_the_old_way(trl):
    trainer, inputs = DPOTrainer(), {"completion_mask": torch.ones(2, 3)}
    with ours.accelerated(trainer) as ran:
        assert [trainer._compute_loss(trainer.model, inputs, False).item() for _ in range(2)] == [6.0, 6.0]
    assert trainer.seen == [[], ["sigmoid"], ["sigmoid"]]  # the first pass finds out
    assert (ran.losses, len(ran.fallbacks)) == (0, 1)
    assert "no log-probabilities" in ran.fallbacks[0]


def test_each_reason_is_told_once(trl):
    trainer, inputs = DPOTrainer(), {"completion_mask": torch.ones(2, 3, device="meta")}
    with ours.accelerated(trainer) as ran:
        for names in (["sigmoid"], ["new"], ["new"], ["sigmoid"]):
            trainer.loss_types = names
            trainer._compute_loss(trainer.model, inputs, False)
    assert ran.fallbacks == ["batches on meta", "loss types ['new']"]


def test_a_loss_of_the_users_own_is_there_again_afterwards(trl):
    trainer = DPOTrainer()
    own = trainer._compute_loss = lambda model, inputs, return_outputs: torch.zeros(())
    with ours.accelerated(trainer):
        assert trainer._compute_loss is not own
    assert trainer._compute_loss is own


# ---- a trainer ----


def tokenizer():
    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    words = ["<pad>", "<eos>", "<unk>", *[f"w{i}" for i in range(60)]]
    made = Tokenizer(models.WordLevel({word: i for i, word in enumerate(words)}, unk_token="<unk>"))
    made.pre_tokenizer = pre_tokenizers.Whitespace()
    return PreTrainedTokenizerFast(tokenizer_object=made, pad_token="<pad>", eos_token="<eos>", unk_token="<unk>")


def rows():
    generator = torch.Generator().manual_seed(0)

    def text(length):
        return " ".join(f"w{int(i)}" for i in torch.randint(0, 60, (length,), generator=generator))

    from datasets import Dataset

    lengths = [(3 + i % 5, 4 + i % 3) for i in range(12)]
    return Dataset.from_list([{"prompt": text(4) + " ", "chosen": text(a), "rejected": text(b)} for a, b in lengths])


def tiny_trainer(trl, folder, frozen, **options):
    from transformers import LlamaConfig, LlamaForCausalLM, set_seed

    def model():
        set_seed(0)
        sizes = {"vocab_size": 63, "hidden_size": 16, "intermediate_size": 32, "num_hidden_layers": 1}
        heads = {"num_attention_heads": 2, "num_key_value_heads": 2}
        made = LlamaForCausalLM(LlamaConfig(**sizes, **heads, pad_token_id=0, eos_token_id=1, bos_token_id=1))
        made.lm_head.weight.requires_grad_(not frozen)
        return made

    arguments = trl.DPOConfig(
        output_dir=str(folder),
        per_device_train_batch_size=4,
        max_steps=3,
        learning_rate=1e-2,
        logging_steps=1,
        report_to=[],
        use_cpu=True,
        save_strategy="no",
        seed=0,
        disable_tqdm=True,
        bf16=False,
        gradient_checkpointing=False,
        **options,
    )
    return trl.DPOTrainer(
        model=model(), ref_model=model(), args=arguments, train_dataset=rows(), processing_class=tokenizer()
    )


def history(trainer):
    trainer.train()
    return [entry for entry in trainer.state.log_history if "loss" in entry]


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(
    ("frozen", "options"),
    [
        (False, {"loss_type": "sigmoid"}),
        (True, {"loss_type": ["sigmoid", "bco_pair"], "loss_weights": [1.0, 0.5], "use_weighting": True}),
    ],
    ids=["sigmoid", "weighted losses, frozen head"],
)
def test_a_trainer_takes_the_same_steps_and_the_fast_way(trl, tmp_path, frozen, options):
    expected = history(tiny_trainer(trl, tmp_path / "theirs", frozen, **options))
    trainer = tiny_trainer(trl, tmp_path / "ours", frozen, **options)
    with ours.accelerated(trainer) as ran:
        found = history(trainer)
    assert (ran.losses, ran.log_probs, ran.fallbacks) == (3, 6, [])
    assert "_compute_loss" not in trainer.__dict__
    assert trl.trainer.utils._ChunkedLogProbFunction.__name__ == "ChunkedLogProbFunction"
    for one, other in zip(found, expected, strict=True):
        names = [name for name in other if not name.endswith(("runtime", "per_second", "step_time"))]
        assert [one[name] for name in names] == pytest.approx([other[name] for name in names], rel=2e-4, abs=1e-5)
        assert one["loss"] == pytest.approx(other["loss"], rel=1e-6)
