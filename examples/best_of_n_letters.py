"""What best-of-N does to a known distribution: the letters of English, rewarded by their Scrabble values.

Nothing here is simulated: the law of the best of n draws is known, for n = 1 as for n = e^100.
"""

import csv
from pathlib import Path

import alignment_fast as af

with open(Path(__file__).with_name("english_letters.csv"), newline="") as file:
    rows = list(csv.DictReader(file))
frequency = [float(row["frequency"]) for row in rows]
reward = [float(row["reward"]) for row in rows]

law = af.best_of_n.BestOfN(frequency, reward)
n = [1, 10, 100, 1000]
for size, mean, kl, win in zip(n, law.expected_reward(n), law.kl(n), law.win_rate(n), strict=True):
    bound = af.best_of_n.kl_upper_bound(size)
    print(f"n = {size:4}: expected reward {mean:6.3f}, KL {kl:.4f} (bound {bound:.4f}), win rate {win:.4f}")

best = law.sample(10, log_n=100.0, rng=0)
print("ten draws of the best of e^100:", " ".join(rows[index]["letter"] for index in best))
