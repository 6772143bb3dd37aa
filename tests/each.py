"""Tests of many small cases: one test per group of them, for a test costs more than such a case.

All cases of a group are tried, and every one that fails says which it is; a case that skips skips its group.
"""

import pytest


def check_each(cases, check):
    """Call ``check(*case)`` for all (what it is, case); raise everything that failed, each with what it is of."""
    failed = []
    for what, case in cases:
        try:
            check(*case)
        except (Exception, pytest.fail.Exception) as error:
            error.add_note(f"case: {what}")
            failed.append(error)
    if failed:
        raise BaseExceptionGroup(f"{len(failed)} of {len(cases)} cases", failed)


def grouped(cases):
    """Make a test of one case a test of each group, where `cases` are (group, what it is, arguments)."""
    groups: dict[str, list[tuple]] = {}
    for group, what, arguments in cases:
        groups.setdefault(group, []).append((what, arguments))

    def of_groups(check):
        @pytest.mark.parametrize("group", groups)
        def test(group):
            check_each(groups[group], check)

        test.__name__, test.__doc__ = check.__name__, check.__doc__
        return test

    return of_groups
