"""Ranks that data allow, by loops over pairs and chains."""

import itertools
import math


def largest_gaps(above, below, deviation, each_item):
    """Return the largest (d_i - d_j) a_ij or (d_j - d_i) b_ij of every replicate: of all i < j, or of every i."""
    items, count = len(deviation), len(deviation[0])
    found = []
    for rows in [[i] for i in range(items)] if each_item else [range(items)]:
        row = []
        for r in range(count):
            largest = 0.0
            for i, j in itertools.product(rows, range(items)):
                if each_item or i < j:
                    d = float(deviation[i][r]) - float(deviation[j][r])
                    largest = max(largest, d * float(above[i][j]), -d * float(below[i][j]))
            row.append(largest)
        found.append(row)
    return found


def sets(estimates, errors, bound):
    """Return [(best, worst)] of ranks: those surely above or below differ by more than `bound` errors."""
    found = []
    for i, one in enumerate(estimates):
        others = [j for j in range(len(estimates)) if j != i]
        above = sum(estimates[j] - one > bound * errors[i][j] for j in others)
        below = sum(one - estimates[j] > bound * errors[i][j] for j in others)
        found.append((1 + above, len(estimates) - below))
    return found


def tiers(better):
    """Return the number of items in the longest chain that ends in each, of all chains."""
    items = range(len(better))
    longest = [1] * len(better)
    for size in range(2, len(better) + 1):
        for chain in itertools.permutations(items, size):
            if all(better[i][j] for i, j in itertools.pairwise(chain)):
                longest[chain[-1]] = max(longest[chain[-1]], size)
    return longest


def paired(scores, clusters, weights):
    """Return the weighted means of systems and the covariance of each two, summed over clusters."""
    total = math.fsum(weights)
    systems = range(len(scores[0]))
    means = [math.fsum(w * row[k] for w, row in zip(weights, scores, strict=True)) / total for k in systems]
    names = sorted(set(clusters))

    def part(name, k):
        rows = zip(scores, clusters, weights, strict=True)
        return math.fsum(w * (row[k] - means[k]) for row, cluster, w in rows if cluster == name) / total

    parts = {(name, k): part(name, k) for name in names for k in systems}
    larger = len(names) / (len(names) - 1)
    covariance = [[larger * math.fsum(parts[g, a] * parts[g, b] for g in names) for b in systems] for a in systems]
    return means, covariance
