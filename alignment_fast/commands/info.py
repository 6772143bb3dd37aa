"""``alignment-fast info``: what this installation is and can do."""

from alignment_fast._config import show_config
from alignment_fast.commands.options import Version


def info(version: Version = False) -> None:
    """Print version, instruction sets, threads, GPUs and optional libraries."""
    show_config()
