"""`python -m bench.blame`: simulate, write bench/results/blame.json and the part of docs/limits.md that shows it.

The exit code is 1 when a good version was blamed in more rollouts than the rule allows; a goal missed is told only.
"""

import json
import sys

from bench import limits
from bench.blame import flaky_page
from bench.blame.measuring import WHERE, measure


def main() -> int:
    """Measure, write and print."""
    found = measure()
    WHERE.write_text(json.dumps(found, indent=1) + "\n")
    jobs = flaky_page.measure()
    flaky_page.WHERE.write_text(json.dumps(jobs, indent=1) + "\n")
    limits.write_anew()
    for row in found["good"]:
        print(f"{row['name']}: blamed in {row['stopped']['blame']['share']:.2%} of rollouts")
    for row in found["bad"]:
        blame = row["rules"]["blame"]
        print(
            f"{row['name']}, {row['rate']:.0%}: found in {blame['found']['share']:.2%}, {blame['harmed']} hosts harmed"
        )
    for row in jobs["rows"]:
        print(f"{row['name']}: blamed in {row['blamed']} of {row['rollouts']} rollouts")
    print(f"{found['took_s']} s; written: {WHERE}, {limits.WHERE}")
    return int(any(row["stopped"]["blame"]["low"] > found["rule"]["false_alarms"] for row in found["good"]))


if __name__ == "__main__":
    sys.exit(main())
