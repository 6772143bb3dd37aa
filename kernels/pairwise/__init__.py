"""Preference losses of pairs of log-probabilities with their gradients, and log-probabilities of sequences."""
