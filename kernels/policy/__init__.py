"""Preferences over a few responses: axioms, optima of IPO and DPO, policies tilted by scores."""
