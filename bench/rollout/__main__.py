"""`python -m bench.rollout`: carry it through, write bench/results/rollout.json and its part of docs/limits.md.

The exit code is 1 when a run's history is too long, a host was left behind, or the outside observer saw a violation.
"""

import json
from pathlib import Path

from bench import limits
from bench.rollout.page import MOST_EVENTS
from bench.rollout.plan import RolloutPlan
from bench.rollout.running import run_rollout
from runtime.exiting import run_and_exit
from runtime.settings import load_settings

WHERE = Path(__file__).parents[1] / "results" / "rollout.json"


async def _main() -> int:
    folder: Path = load_settings().data / "bench-rollout"
    plan = RolloutPlan()
    found = await run_rollout(folder, plan)
    WHERE.write_text(json.dumps(found, indent=1) + "\n")
    limits.write_anew()
    for name, history in found["histories"].items():
        print(f"{name:18} {history['runs']:6} runs, longest {history['longest']} events")
    print(f"{found['upgraded']} hosts in {found['took_s']} s; written: {WHERE}, {limits.WHERE}")
    whole = found["upgraded"] == plan.all_hosts
    return 0 if whole and found["longest_history"] <= MOST_EVENTS and not found["violations"] else 1


if __name__ == "__main__":
    run_and_exit(_main)
