"""Preference losses and their gradients, from log-probabilities of pairs of answers."""
