"""Seeded adversarial searches: how many cases they try, and the worst that they find.

Few cases in CI; by hand ``ALIGNMENT_FAST_SEARCH=100000 pytest -m search``, and with ``ALIGNMENT_FAST_SEARCH_RECORD``
the name of a file, each search adds a line to it: what was searched, how many cases, the largest error as a share of
the bound, the error and the case. The worst of a kind stand in ``tests/searches.json``, from where
``docs/generated/accuracy.py`` takes them.
"""

import json
import os


def cases(few):
    """Return the number of cases, `few` unless the environment says otherwise."""
    return int(os.environ.get("ALIGNMENT_FAST_SEARCH", few))


def plain(case):
    """Return a case as text, arrays with all their digits."""
    return repr([getattr(part, "tolist", lambda part=part: part)() for part in case or ()])


class Worst:
    """The case of a search whose error is the largest share of what is allowed."""

    def __init__(self, kind, quantity):
        self.kind, self.quantity = kind, quantity
        self.count, self.share, self.error, self.case = 0, 0.0, 0.0, None

    def see(self, error, allowed, case):
        """Take note of one case: an error that is NaN is larger than any."""
        self.count += 1
        share = float(error / allowed) if error else 0.0
        if not share <= self.share:
            self.share, self.error, self.case = share, float(error), case

    def see_all(self, shares, case):
        """Take note of many cases, by their errors as shares of what is allowed; `case` is that of the largest."""
        self.count += len(shares) - 1
        self.see(float(max(shares)), 1.0, case)
        self.error = None if self.case is case else self.error

    def hold(self):
        """Assert that no error was beyond what is allowed, after writing the worst down."""
        if file := os.environ.get("ALIGNMENT_FAST_SEARCH_RECORD"):
            with open(file, "a", encoding="utf-8") as record:
                record.write(json.dumps({**vars(self), "case": plain(self.case)}) + "\n")
        assert self.share <= 1, (self.quantity, self.error, self.case)
