"""How many cases a seeded adversarial search looks at: few in CI, ``ALIGNMENT_FAST_SEARCH=100000`` by hand."""

import os


def cases(few):
    """Return the number of cases, `few` unless the environment says otherwise."""
    return int(os.environ.get("ALIGNMENT_FAST_SEARCH", few))
