from alignment_fast.interop import arena_rank as arena_rank
from alignment_fast.interop import bigcode as bigcode
from alignment_fast.interop import choix as choix
from alignment_fast.interop import evalica as evalica
from alignment_fast.interop import fastchat as fastchat
from alignment_fast.interop import human_eval as human_eval
from alignment_fast.interop import inspect_ai as inspect_ai
from alignment_fast.interop import jax as jax
from alignment_fast.interop import lighteval as lighteval
from alignment_fast.interop import numba as numba
from alignment_fast.interop import scipy as scipy
from alignment_fast.interop import torch as torch
from alignment_fast.interop import trl as trl
from alignment_fast.interop import verl as verl

__all__ = ["bigcode", "choix", "human_eval", "inspect_ai", "lighteval", "numba", "scipy", "verl"]
