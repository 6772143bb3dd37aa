"""Conformance vectors: cases with results from many-digit arithmetic, run against this package and others.

``python -m alignment_fast.conformance`` runs them and writes a page of who passes what; `schema.json` describes the
files in `vectors`, which any language can read.
"""

__all__: list[str] = []
