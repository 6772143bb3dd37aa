"""Write ``fragility.json``: the fewest votes that turn the orders of small data, by all removals.

    PYTHONPATH=tests python -P tests/oracles/make_fragility.py

The data are those that tests/test_ranking_fragility.py asks for; what is not in the file is computed there.
"""

import json

from test_ranking_fragility import questions

from oracles import fragility

if __name__ == "__main__":
    found = {fragility.key(*question): fragility.fewest_votes(*question) for question in questions()}
    lines = ",\n".join(f" {json.dumps(key)}: {json.dumps(found[key])}" for key in sorted(found))
    fragility.STORED_IN.write_text(f"{{\n{lines}\n}}\n", "utf-8")
