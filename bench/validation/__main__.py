"""`python -m bench.validation`: the simulator beside closed forms, published figures and the real system; writes
bench/results/validation.json and docs/validation.md.

The exit code is 1 when a figure is off by more than what is allowed. `--no-real` leaves the real system out: what it
showed in the run before is kept.
"""

import json
import sys
import time
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from bench import cpu
from bench.validation import page
from bench.validation.side import Side
from bench.validation.together import side_by_side
from runtime.exiting import run_and_exit
from runtime.settings import load_settings
from simulation.validation.all_checks import all_checks
from simulation.validation.check import Check

WHERE = Path(__file__).parents[1] / "results" / "validation.json"


async def _main() -> int:
    began = time.process_time()
    checks = all_checks()
    seconds = time.process_time() - began
    if "--no-real" in sys.argv:
        more, measured = _seen_before()
    else:
        folder: Path = load_settings().data / "bench-validation"
        more, measured = await side_by_side(folder, Side())
    checks += more
    _keep(checks, measured, seconds)
    page.write_anew()
    for check in checks:
        print(check.row())
    off = sum(not c.right for c in checks)
    right, told = page.counted(checks)
    print(f"{right} of {told} that were not put in are within what is allowed; written: {WHERE}, {page.WHERE}")
    return 1 if off else 0


def _seen_before() -> tuple[list[Check], dict[str, Any] | None]:
    """What the last run with the real system showed; nothing without one."""
    if not WHERE.exists():
        return [], None
    found = json.loads(WHERE.read_text())
    return [c for c in page.checks_of(found) if c.group == page.SIDE_BY_SIDE], found["side_by_side"]


def _keep(checks: list[Check], measured: dict[str, Any] | None, seconds: float) -> None:
    found = {
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": cpu.machine(),
        "simulations_cpu_s": round(seconds, 1),
        "checks": [{**asdict(c), "error": round(c.error, 5), "right": c.right} for c in checks],
        "side_by_side": measured,
    }
    WHERE.write_text(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    run_and_exit(_main)
