"""The findings of Chen et al., "How sampling shapes LLM alignment" (arXiv:2602.12180), computed again.

The parameters of the paper's figures are not known in full; those here are chosen to show what it finds, and results
stand beside what theory says of them. Policies are trained on their own samples and drawn to their own past, by MRS-IPO
and MRS-DPO of `alignment_fast.dynamics`.
"""

from alignment_fast.reproduce.sampling.bifurcation import exponents, visits
from alignment_fast.reproduce.sampling.collapse import ORDERED, collapse_paths, collapses
from alignment_fast.reproduce.sampling.cycle import (
    CYCLE,
    exact_threshold,
    oscillations,
    paths,
    phase_diagram,
    thresholds,
)
from alignment_fast.reproduce.sampling.grids import grid, methods
from alignment_fast.reproduce.sampling.matrices import Matrices, drawn, of_folder, of_scored_responses
from alignment_fast.reproduce.sampling.stored import FIELDS, StoredSweep
from alignment_fast.reproduce.sampling.summary import kinds, matrix_rows, summary

__all__ = [
    "CYCLE",
    "FIELDS",
    "ORDERED",
    "Matrices",
    "StoredSweep",
    "collapse_paths",
    "collapses",
    "drawn",
    "exact_threshold",
    "exponents",
    "grid",
    "kinds",
    "matrix_rows",
    "methods",
    "of_folder",
    "of_scored_responses",
    "oscillations",
    "paths",
    "phase_diagram",
    "summary",
    "thresholds",
    "visits",
]
