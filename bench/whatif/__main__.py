"""`python -m bench.whatif`: ask what if of 75,000 hosts for 90 days; write bench/results/whatif.json, its part of
docs/limits.md, and docs/whatif.md with its pictures.

The exit code is 1 when the same seed did not give the same answer; what is slow is told and is no failure.
"""

import json
import sys

from bench import limits
from bench.whatif import document
from bench.whatif.measuring import WHERE, measure


def main() -> int:
    """Measure, write and print."""
    found = measure()
    WHERE.write_text(json.dumps(found, indent=1) + "\n")
    document.write(found)
    limits.write_anew()
    for name in ("jobs", "load", "wall_s", "cpu_s", "peak_mib", "events", "decisions", "same_answer"):
        print(f"{name:12} {found[name]}")
    print(f"written: {WHERE}, {limits.WHERE}, {document.WHERE}")
    return 0 if found["same_answer"] else 1


if __name__ == "__main__":
    sys.exit(main())
