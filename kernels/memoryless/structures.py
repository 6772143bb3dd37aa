"""What operations on laws of sums take and return: plain data."""

from typing import NamedTuple

import numpy as np


class TypesProblem(NamedTuple):
    """The types of m letters, as the enumeration reads them.

    Parameters
    ----------
    constant : float
        What the terms of a type are taken from.
    terms : array (letters, m + 1)
        Term of each letter for each of its counts.
    exponents : array (rank, letters)
        Integers, as float64: rewards are combinations of the generators.
    generators : array (rank,)
        What the exponents multiply.
    start : array (blocks,) of int64
        Where each block of types begins: block b holds those with n_1 = b.

    """

    constant: float
    terms: np.ndarray
    exponents: np.ndarray
    generators: np.ndarray
    start: np.ndarray


class TypeSums(NamedTuple):
    """Sums of rewards and log-probabilities (types,) in enumeration order."""

    reward: np.ndarray
    log_mass: np.ndarray


class SortedSums(NamedTuple):
    """Sums in ascending order (n,), and where each of them stood."""

    reward: np.ndarray
    order: np.ndarray


class TiltedWindow(NamedTuple):
    """A window of the law of a sum as one tilt shows it.

    Parameters
    ----------
    theta, shift : float
        A log-probability is log(mass) − theta s + shift.
    noise, smooth : float
        Absolute and relative error of the masses.
    least : float
        Nothing is taken before the first and behind the last mass above it.
    first, size : int
        Sums first .. first + size − 1.
    mass : array (n,)
        Mass of the sum s at s modulo n >= size.

    """

    theta: float
    shift: float
    noise: float
    smooth: float
    least: float
    first: int
    size: int
    mass: np.ndarray
