"""Figures and tables of Yang et al., "Asymptotics of language model alignment" (arXiv:2404.01730).

Every function gives the exact values of one table or figure, each beside a Monte Carlo estimate with its standard
error. Those that take a `Setting` do so for any memoryless model whose sums of rewards can be enumerated or lie on a
lattice; `TERNARY` is the paper's.
"""

from alignment_fast.reproduce.asymptotics.cumulants import RHOS, cumulant_curves, scaled_cumulants
from alignment_fast.reproduce.asymptotics.ensembles import ENSEMBLE_ROWS, random_ensembles
from alignment_fast.reproduce.asymptotics.estimates import columns_of
from alignment_fast.reproduce.asymptotics.lengths import LENGTHS, convergence, exact_convergence
from alignment_fast.reproduce.asymptotics.rates import TAUS, rate_curves, rate_functions
from alignment_fast.reproduce.asymptotics.setting import TERNARY, Setting
from alignment_fast.reproduce.asymptotics.simplex import DRAWINGS, simplex_curves, simplex_points
from alignment_fast.reproduce.asymptotics.table_one import best_of_n_in_rationals, table_one

__all__ = [
    "DRAWINGS",
    "ENSEMBLE_ROWS",
    "LENGTHS",
    "RHOS",
    "TAUS",
    "TERNARY",
    "Setting",
    "best_of_n_in_rationals",
    "columns_of",
    "convergence",
    "cumulant_curves",
    "exact_convergence",
    "random_ensembles",
    "rate_curves",
    "rate_functions",
    "scaled_cumulants",
    "simplex_curves",
    "simplex_points",
    "table_one",
]
