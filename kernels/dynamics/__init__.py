"""Trajectories of policies that are trained on pairwise preferences between their own samples.

P[i, j] is the chance that response i beats response j, P + Pᵀ = 1, and M = P − 1/2 its skew part. Source:
arXiv:2602.12180.
"""
