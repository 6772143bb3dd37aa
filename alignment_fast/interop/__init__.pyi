from alignment_fast.interop import choix as choix
from alignment_fast.interop import evalica as evalica
from alignment_fast.interop import human_eval as human_eval
from alignment_fast.interop import jax as jax
from alignment_fast.interop import numba as numba
from alignment_fast.interop import scipy as scipy
from alignment_fast.interop import torch as torch
from alignment_fast.interop import trl as trl

__all__ = ["choix", "human_eval", "numba", "scipy"]
