"""Readers of the files that commands take: outcomes, pools of samples, votes."""
