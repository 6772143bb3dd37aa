from alignment_fast.interop import human_eval as human_eval

__all__ = ["human_eval"]
