"""Entry points of the ranking loops: comparisons and their compression, likelihoods and their maxima."""
