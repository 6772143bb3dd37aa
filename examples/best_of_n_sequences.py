"""Best-of-N over whole sequences: 200 letters of English, rewarded by their Scrabble values, N = exp(0.11 m).

A model of independent letters, so that the KL-constrained optimal policy is a product of tilted letters, and best-of-N
over sequences is known exactly for any N. It does for 26 letters what `alignment-fast reproduce asymptotics` does for
three. Give a folder to get CSV files and figures: python best_of_n_sequences.py out
"""

import csv
import sys
from pathlib import Path

import numpy as np

from alignment_fast.reproduce import asymptotics

M = 200

with open(Path(__file__).with_name("english_letters.csv"), newline="") as file:
    rows = list(csv.DictReader(file))
letters = np.array([row["letter"] for row in rows])
frequency = np.array([float(row["frequency"]) for row in rows])
points = np.array([float(row["reward"]) for row in rows])
english = asymptotics.Setting(frequency / frequency.sum(), points, delta=0.11)

alpha, typical = float(english.policy.alpha), -english.typical
print(f"reference: {english.p @ points:.4f} points per letter; optimal policy: {typical:.4f}, alpha = {alpha:.4f}")

lengths = list(asymptotics.convergence(english, replicates=2000, seed=0, lengths=[10, 20, 50, 100, M]))
print("\n   m  points per letter  estimate    s.e.  second order  D(best||reference)  D(best||optimal)  second order")
for row in lengths:
    print(
        f"{row.m:4}  {row.reward:17.6f}  {row.reward_estimate:8.4f}  {row.reward_se:6.4f}"
        f"  {row.reward_second_order:12.6f}  {row.kl_reference:18.6f}  {row.kl_aligned:16.6f}"
        f"  {row.kl_aligned_second_order:12.6f}"
    )

levels = [-2.0, -2.25, -2.5, -2.75, -3.0, -3.5, -4.0]
rates = list(asymptotics.rate_functions(english, replicates=2000, seed=0, taus=levels, m=M))
print(f"\nlog-probability per letter of so many points per letter or beyond, m = {M}, and its limit")
print("points  best-of-n  estimate    s.e.     limit   optimal     limit")
for row in rates:
    print(
        f"{-row.tau:6.2f}  {-row.best_of_n_exact:9.3g}  {-row.best_of_n_estimate:8.3g}  {row.best_of_n_se:6.1g}"
        f"  {-row.best_of_n:8.4f}  {-row.aligned_exact:8.4f}  {-row.aligned:8.4f}"
    )

orders = list(asymptotics.scaled_cumulants(english, replicates=2000, seed=0, rhos=np.arange(1, 16) / 20, m=M))
print(f"\nscaled cumulants, frozen for best-of-n up to {alpha:.4f}: exact at m = {M}, limit, optimal policy")
for row in orders[::2]:
    print(f"{row.rho:4.2f}  {row.best_of_n_exact:.6f}  {row.best_of_n:.6f}  {row.aligned:.6f}")

(best,) = english.model.sample_sequences(M, 1, delta=english.delta, rng=0)
print(f"\nthe best of e^{english.delta * M:.0f}:", "".join(letters[best]))

if len(sys.argv) > 1:
    from alignment_fast.reproduce.asymptotics import figures

    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    columns = {
        name: asymptotics.columns_of(part)
        for name, part in (("convergence", lengths), ("rate_functions", rates), ("scaled_cumulants", orders))
    }
    for name, table in columns.items():
        with open(folder / f"{name}.csv", "w", newline="") as file:
            csv.writer(file).writerows([table, *zip(*(column.tolist() for column in table.values()), strict=True)])
    drawn = {
        "convergence": figures.convergence_figure(columns["convergence"], "English letters"),
        "rate_functions": figures.rates_figure(columns["rate_functions"], english.typical, "English letters"),
        "scaled_cumulants": figures.cumulants_figure(columns["scaled_cumulants"], alpha, "English letters"),
    }
    for name, figure in drawn.items():
        figure.savefig(folder / f"{name}.png", dpi=150)
