"""Memoryless language models: exact laws of additive rewards and of best-of-n over whole sequences."""

from alignment_fast.memoryless.expansions import SecondOrder
from alignment_fast.memoryless.model import MemorylessModel
from alignment_fast.memoryless.results import BestOfNLaw, Law, TailEstimate

__all__ = ["BestOfNLaw", "Law", "MemorylessModel", "SecondOrder", "TailEstimate"]
