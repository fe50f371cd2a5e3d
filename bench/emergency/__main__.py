"""`python -m bench.emergency`: time emergencies, write bench/results/emergency.json and its part of docs/limits.md.

The exit code is 1 when the outside observer saw a violation, or a host of the last one was left behind.
"""

import json
from pathlib import Path

from bench import limits
from bench.emergency.plan import EmergencyPlan
from bench.emergency.running import run_emergencies
from runtime.exiting import run_and_exit
from runtime.settings import load_settings

WHERE = Path(__file__).parents[1] / "results" / "emergency.json"


async def _main() -> int:
    folder: Path = load_settings().data / "bench-emergency"
    plan = EmergencyPlan()
    found = await run_emergencies(folder, plan)
    WHERE.write_text(json.dumps(found, indent=1) + "\n")
    limits.write_anew()
    print(f"{found['whole_hosts']} in {found['whole_s']} s, {found['violations']} violations; written: {WHERE}")
    return 0 if found["whole_hosts"] == {"done": plan.whole} and not found["violations"] else 1


if __name__ == "__main__":
    run_and_exit(_main)
