"""Memoryless language models: laws of additive rewards and of best-of-n over whole sequences, with their errors."""

from alignment_fast.memoryless.expansions import SecondOrder
from alignment_fast.memoryless.model import MemorylessModel
from alignment_fast.memoryless.results import BestOfNErrors, BestOfNLaw, Law, TailEstimate

__all__ = ["BestOfNErrors", "BestOfNLaw", "Law", "MemorylessModel", "SecondOrder", "TailEstimate"]
