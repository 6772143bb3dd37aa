"""Elo ratings and the shuffle, game by game in plain Python."""


def ratings(games, n_items, *, k, scale, base, initial):
    """Return ratings after games (winner, loser, outcome of the winner, weight)."""
    rating = [initial] * n_items
    for winner, loser, outcome, weight in games:
        expected = 1.0 / (1.0 + base ** (-(rating[winner] - rating[loser]) / scale))
        rating[winner] += k * weight * (outcome - expected)
        rating[loser] -= k * weight * (outcome - expected)
    return rating


def shuffle(words):
    """Return the permutation that 64-bit words make: the inside-out Fisher-Yates shuffle."""
    order = []
    for i, word in enumerate(words):
        j = word * (i + 1) >> 64
        order.append(i)
        order[i], order[j] = order[j], order[i]
    return order
