from alignment_fast.interop import human_eval as human_eval
from alignment_fast.interop import torch as torch

__all__ = ["human_eval"]
