"""Run a demo as `make demo` does, and read its report."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
INTEGERS = (
    "hosts",
    "visited",
    "min_up",
    "floor",
    "max_planned",
    "planned_buffer",
    "violations",
    "jobs_interrupted",
    "upgrades_applied",
)


def run_demo(data: Path, name: str, *options: str) -> dict[str, Any]:
    """The report of `maintrain demo`, which must have ended with 0."""
    return run_program(data, name, "starter", "demo", *options)


def run_program(data: Path, name: str, *words: str) -> dict[str, Any]:
    """The report of a program, run as a module with its options, which must have ended with 0."""
    environment = {**os.environ, "MAINTRAIN_DATA": str(data), "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-m", *words]
    done = subprocess.run(command, env=environment, cwd=data, capture_output=True, text=True, timeout=800, check=False)
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    report: dict[str, Any] = json.loads((data / name / "report.json").read_text())
    assert all(type(report[key]) is int for key in INTEGERS)
    assert isinstance(report["cycle_s"], float)
    assert report["temporal_ui"].startswith("http://127.0.0.1:")
    assert report["violations"] == 0
    assert report["min_up"] >= report["floor"]
    assert report["max_planned"] <= report["planned_buffer"]
    return report
