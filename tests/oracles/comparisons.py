"""Comparisons counted one by one in a dictionary, and what they determine, by going through all chains of wins."""

import math
from fractions import Fraction


def cells(rows):
    """Return {(first, second, home): (wins of first, wins of second, ties)} of rows of comparisons.

    A row is (winner, loser, weight, share of the win that goes to the winner, tied, home: 1 winner, -1 loser, 0).
    """
    found = {}
    for winner, loser, weight, share, tied, home in rows:
        first, second = (winner, loser) if (winner < loser if home == 0 else home == 1) else (loser, winner)
        tally = found.setdefault((first, second, abs(home)), [Fraction(0)] * 3)
        if tied:
            tally[2] += Fraction(weight)
            continue
        tally[first != winner] += Fraction(weight) * Fraction(share)
        tally[first == winner] += Fraction(weight) * (1 - Fraction(share))
    return {key: tuple(tally) for key, tally in sorted(found.items()) if sum(tally) > 0}


def beaten_chains(wins, ties):
    """Return the matrix of whether i beat j, or tied with j, perhaps by way of others (Warshall)."""
    everyone = range(len(wins))
    reach = [[i == j or wins[i][j] > 0 or ties[i][j] > 0 for j in everyone] for i in everyone]
    for k in everyone:
        for i in everyone:
            for j in everyone:
                reach[i][j] |= reach[i][k] and reach[k][j]
    return reach


def score_limits(wins, ties):
    """Return where the score of every item goes, relative to the first of the largest groups that do not fall apart."""
    reach = beaten_chains(wins, ties)
    everyone = range(len(wins))
    groups = [[j for j in everyone if reach[i][j] and reach[j][i]] for i in everyone]
    core = max(groups, key=lambda group: (len(group), -group[0]))[0]
    limits = {(True, True): 0.0, (True, False): math.inf, (False, True): -math.inf, (False, False): math.nan}
    return [limits[reach[i][core], reach[core][i]] for i in everyone]
