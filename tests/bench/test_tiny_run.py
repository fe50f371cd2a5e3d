"""A bench run that is too small to say how fast anything is, and large enough to say that everything is measured."""

import asyncio
import json

from bench import limits, results
from bench.plan import Plan
from bench.running import run_bench

ASKED = {
    "operations_per_s": float,
    "visits_per_s": float,
    "bare_visits_per_s": float,
    "ratio": float,
    "activities_per_visit": int,
    "events_per_host": float,
    "stop_to_last_new_drain_p99_s": float,
    "grant_p99_ms": float,
}


def test_a_tiny_run_writes_every_figure_and_sees_no_violation(tmp_path):
    plan = Plan(
        pools=2, hosts=6, domain=3, rounds=1, stops=1, grants=3, waiting=5, crowd=8, planned=500, observe_every="1s"
    )

    found = asyncio.run(run_bench(tmp_path / "data", plan))
    results.write(found, tmp_path / "throughput.json")
    limits.write(found, tmp_path / "limits.md")

    written = json.loads((tmp_path / "throughput.json").read_text())
    assert ASKED == {name: type(written[name]) for name in ASKED}
    assert all(written[name] > 0 for name in ASKED if name != "stop_to_last_new_drain_p99_s")
    assert (0, 12) == (written["observed"]["violations"], written["observed"]["hosts"])
    assert (12, 1, 3, 5) == tuple(written[n] for n in ("visits_timed", "stops", "grants", "waiting_elsewhere"))
    assert (12, 8) == (written["door"]["operations"], written["door"]["waiting"])
    assert 500 == written["planned"]["hosts"]
    assert 60 == written["histories"]["HostMaintenance"]["longest"]
    assert f"| {written['visits_per_s']} ± 0.0 |" in (tmp_path / "limits.md").read_text()


def test_a_percentile_of_few_values_is_the_largest():
    assert 9.0 == results.percentile([1.0, 9.0, 2.0], 99)
    assert 99 == results.percentile(list(range(1, 101)), 99)
