"""`python -m bench`: measure, write bench/results/throughput.json and docs/limits.md, and print the figures asked for.

The exit code is 1 when the outside observer saw a violation; what is slow is told and is no failure.
"""

from pathlib import Path

from bench import limits, results
from bench.plan import Plan
from bench.running import run_bench
from bench.timetable import measuring as timetable
from runtime.exiting import run_and_exit
from runtime.settings import load_settings

TOLD = (
    "operations_per_s",
    "visits_per_s",
    "bare_visits_per_s",
    "ratio",
    "bare_eager_visits_per_s",
    "activities_per_visit",
    "events_per_host",
    "longest_history",
    "stop_to_last_new_drain_p99_s",
    "grant_p99_ms",
)


async def _main() -> int:
    folder: Path = load_settings().data / "bench"
    found = await run_bench(folder, Plan())
    results.write(found)
    timetable.run()
    limits.write(found)
    for name in TOLD:
        print(f"{name:32} {found[name]}")
    print(f"written: {results.WHERE}, {limits.WHERE}")
    return 1 if found["observed"]["violations"] else 0


if __name__ == "__main__":
    run_and_exit(_main)
