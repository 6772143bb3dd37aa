"""Front ends, studies and acceleration: where each of them is timed beside its host."""

from alignment_fast import studies
from alignment_fast.benchmarks.names import NotTimed

TORCH = "timed beside PyTorch's own losses by benchmarks/test_bench_training.py"
COUNTED = "the host's function by its name; benchmarks/test_bench_hosts.py times it beside the host's formula"
HOST = "the host's function by its name; benchmarks/ranking_peers.py times it beside the host"
FRAMES = "fits data frames; docs/guides/fastchat.md and arena_rank.md have the times beside the host"
SAMPLES = "draws or compares a few numbers with NumPy, as the host does"
KERNELS = "the kernels of benchmarks/test_bench_scalar.py; benchmarks/test_bench_numba.py times them in compiled code"
SCIPY = "timed beside SciPy's own by benchmarks/test_bench_scipy.py"
STUDY = "a study is as long as its simulations; benchmarks/studies_report.py times blocks and the coordinator"
CONTROL = "switches functions of a host over; nothing of its own that repeats"

NAMES = {
    **{
        f"accel.{name}": NotTimed(CONTROL)
        for name in (
            "HOSTS",
            "Row",
            "UnsupportedError",
            "install",
            "installed",
            "print_report",
            "report",
            "start",
            "uninstall",
        )
    },
    **{f"studies.{name}": NotTimed(STUDY) for name in studies.__all__},
    **{
        f"interop.choix.{name}": NotTimed(HOST)
        for name in (
            *(
                "choicerank",
                "ep_pairwise",
                "ilsr_pairwise",
                "ilsr_pairwise_dense",
                "ilsr_rankings",
                "ilsr_top1",
                "lsr_pairwise",
            ),
            *(
                "lsr_pairwise_dense",
                "lsr_rankings",
                "lsr_top1",
                "mm_pairwise",
                "mm_rankings",
                "mm_top1",
                "opt_pairwise",
            ),
            *("opt_rankings", "opt_top1", "rank_centrality", "statdist"),
            *(f"log_likelihood_{of}" for of in ("network", "pairwise", "rankings", "top1")),
        )
    },
    **{
        f"interop.choix.{name}": NotTimed(SAMPLES)
        for name in (
            *("compare", "generate_pairwise", "generate_params", "generate_rankings", "probabilities"),
            *("footrule_dist", "kendalltau_dist", "rmse"),
        )
    },
    **{
        f"interop.scipy.{name}": NotTimed(SCIPY)
        for name in (
            *("entr", "entropy", "kl_div", "log_ndtr", "log_softmax", "logsumexp", "ndtri_exp", "rel_entr", "softmax"),
        )
    },
    **{
        f"interop.numba.{name}": NotTimed(KERNELS)
        for name in (
            *("exp", "expm1", "log", "log1mexp", "log1p", "log_normal_cdf", "normal_cdf", "normal_isf", "normal_ppf"),
            *("register", "sigmoid", "softplus"),
        )
    },
    **{
        f"interop.torch.{name}": NotTimed(TORCH)
        for name in (
            *("bradley_terry_nll", "calls", "linear_logprobs", "log_mgf", "margin_loss", "plackett_luce_nll"),
            *("preference_loss", "renyi_cross_entropy", "renyi_divergence", "renyi_entropy", "sequence_logprobs"),
            "unpaired_loss",
        )
    },
    **{
        f"interop.trl.{name}": NotTimed(TORCH)
        for name in (
            *("SEMANTICS", "Ran", "accelerated", "bco_loss", "cpo_loss", "dpo_loss", "kto_loss", "orpo_loss"),
            *("reward_loss", "sequence_scores", "tpo_loss", "wpo_weights"),
        )
    },
    **{
        f"interop.{name}": NotTimed(COUNTED)
        for name in (
            *("bigcode.estimate_pass_at_k", "lighteval.estimate_pass_at_k", "lighteval.g_pass_at_k"),
            *("lighteval.pass_at_k", "inspect_ai.at_least", "inspect_ai.majority", "inspect_ai.pass_at"),
            *("inspect_ai.pass_k", "verl.bootstrap_metric", "verl.calc_maj_val", "verl.process_validation_metrics"),
        )
    },
    **{
        f"interop.{name}": NotTimed(FRAMES)
        for name in (
            *(f"fastchat.compute_{of}" for of in ("bt", "elo", "style_control")),
            *(f"fastchat.compute_bootstrap_{of}" for of in ("bt", "elo", "style_control")),
            *("fastchat.fit_bt", "arena_rank.BradleyTerry", "arena_rank.ContextualBradleyTerry"),
            *("arena_rank.PairDataset", "arena_rank.ContextualPairDataset", "arena_rank.default_outcome_map"),
        )
    },
    **{f"interop.jax.{name}": NotTimed(TORCH) for name in ("margin_loss", "preference_loss", "unpaired_loss")},
}
