"""`python -m bench.scenario`: carry it through and write report.json in the data folder's `scenario`; at its full size
bench/results/scenario.json and its part of docs/limits.md, too.

The exit code is 1 when the outside observer saw a violation, a request waited beyond the bound, or something is left.
"""

import argparse
import json
from pathlib import Path

from bench import limits
from bench.scenario.plan import ScenarioPlan
from bench.scenario.running import run_scenario
from runtime.exiting import run_and_exit
from runtime.settings import load_settings

WHERE = Path(__file__).parents[1] / "results" / "scenario.json"


async def _main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.scenario", description=__doc__)
    default = ScenarioPlan()
    parser.add_argument("--hosts", type=int, default=default.hosts)
    parser.add_argument("--kills", type=int, default=default.kills)
    parser.add_argument("--seed", type=int, default=default.seed)
    chosen = parser.parse_args()
    plan = ScenarioPlan(hosts=chosen.hosts, kills=chosen.kills, seed=chosen.seed)
    folder: Path = load_settings().data / "scenario"
    report = await run_scenario(folder, plan)
    text = json.dumps(report, indent=1) + "\n"
    (folder / "report.json").write_text(text)
    if (plan.hosts, plan.kills) == (default.hosts, default.kills):
        WHERE.write_text(text)
        limits.write_anew()
    print(
        f"{report['visited']} of {report['hosts']} hosts visited in {report['took_s']} s, "
        f"{sum(report['kills'].values())} kills; {report['violations']} violations; "
        f"longest wait {report['longest_wait_s']} s (bound {report['bound_s']:.0f} s); "
        f"operations {report['operations']}, emergencies {report['emergencies']}; {folder / 'report.json'}"
    )
    return 0 if not report["violations"] and report["longest_wait_s"] <= plan.bound else 1


if __name__ == "__main__":
    run_and_exit(_main)
