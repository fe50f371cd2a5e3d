"""What the validation reads from a journal, and what it gives to the simulator; `make bench-validation` runs it all."""

from pathlib import Path
from statistics import fmean

import numpy as np
import pytest

from bench.validation.page import WHERE, page, write_anew
from bench.validation.seen import Cycle, Visit, cycle, least_up
from bench.validation.side import Side
from bench.validation.simulated import foretell, running_at
from drivers.simulated.cluster import JournalRow
from simulation.job import Workload
from simulation.validation.check import Check

MEMBERS = [f"gpu{n:03}" for n in range(1, 5)]
UP = {"down": False, "drained": False, "reason": None}


def journal(*changes: tuple[float, str, str | None, dict[str, object]]) -> list[JournalRow]:
    return [JournalRow(n, at, at, kind, host, None, detail) for n, (at, kind, host, detail) in enumerate(changes)]


def drained(at: float, host: int, by: str = "planned") -> tuple[float, str, str, dict[str, object]]:
    reason = f"maintrain:{by}:visit/x#y"
    return at, "drained", MEMBERS[host], {"reason": reason, "now": {"down": False, "drained": True, "reason": reason}}


def returned(at: float, host: int) -> tuple[float, str, str, dict[str, object]]:
    return at, "undrained", MEMBERS[host], {"now": UP}


ONE_CYCLE = journal(
    drained(10, 0),
    drained(11, 1),
    (12, "job_requeued", None, {"lost": 3.0, "hosts": ["gpu001", "gpu002"]}),
    (13, "flash_started", "gpu001", {}),
    returned(20, 0),
    returned(20, 1),
    drained(22, 2),
    (22.5, "drained", "gpu001", {"reason": "admin: disk check", "now": UP | {"drained": True}}),
    (22.6, "job_ended", None, {"hosts": ["gpu002"]}),
    (23.2, "job_ended", None, {"hosts": ["gpu001", "gpu004"]}),
    drained(23, 3),
    (24, "flash_started", "gpu003", {}),
    (24.5, "job_ended", None, {"hosts": ["gpu003"]}),
    (25, "node_down", "gpu002", {"now": UP | {"down": True}}),
    (26, "node_up", "gpu002", {"now": UP}),
    returned(30, 2),
    returned(32, 3),
    drained(50, 0),
)


def test_a_cycle_is_read_from_the_journal() -> None:
    found = cycle(ONE_CYCLE, MEMBERS, 0, 40, domain=2)

    assert (Visit(10, 12, 20), Visit(22, 23.2, 32)) == found.visits
    assert (4, 2) == (found.hosts, found.most_planned)
    assert (1, 6.0) == (found.interrupted, found.lost_host_s)
    assert (22, 2, [8, pytest.approx(8.8)]) == (found.took_s, found.between_s, found.work_s)
    assert 3.2 == pytest.approx(found.drain_s)
    assert 4 - (10 + 9 + 8 + 9) / 22 == pytest.approx(found.mean_up)


def test_the_fewest_hosts_up_are_counted_as_the_scheduler_has_them_whatever_took_them() -> None:
    found = cycle(ONE_CYCLE, MEMBERS, 0, 40, domain=2)

    assert (2, 0) == (found.most_planned, found.least_up)
    assert 2 == least_up(ONE_CYCLE, MEMBERS, 0, 21)
    assert 3 == least_up(ONE_CYCLE, MEMBERS, 33, 40)  # the administrator's drain was there before


def test_jobs_that_have_run_a_while_have_so_much_less_to_do() -> None:
    jobs = Workload.of(submit_s=[0, 0, 5, 30, 90], hosts=[1, 2, 3, 4, 5], run_s=[8, 50, 20, 7, 7])
    found = running_at(jobs, began_s=10, lasts_s=40)

    assert [2, 3, 4] == found.hosts.tolist()
    assert ([0, 0, 20], [40, 15, 7]) == (found.submit_s.tolist(), found.run_s.tolist())


def test_the_scenarios_jobs_fill_its_load_from_the_first_second() -> None:
    side = Side()
    jobs = side.jobs()

    assert jobs.hosts[jobs.submit_s == 0].sum() / side.hosts == pytest.approx(side.load, rel=0.15)
    assert (jobs.hosts * jobs.run_s).sum() / (side.hosts * side.lasts_s) == pytest.approx(side.load, rel=0.25)
    assert {1, 2, 4, 8} == set(np.unique(jobs.hosts).tolist())


def test_the_simulator_foretells_a_cycle_of_the_scenario() -> None:
    visits = tuple(Visit(12.0 * n, 12.0 * n + 2, 12.0 * n + 10) for n in range(8))
    first = Cycle(visits, 64, 56, 8, 57.0, 16, 250.0)
    told = foretell(Side(), [first], began_s=10, every_s=100)

    assert (64, 56, 8) == (told["hosts"].mean, told["least_up"].mean, told["most_planned"].mean)
    assert 0 < told["drain_s"].mean < 8 * 2.0 + 1.0
    assert 8 * fmean(first.work_s) <= told["visits_s"].mean <= 8 * 10.5
    assert 5 < told["interrupted"].mean < 30


def test_the_page_has_every_check_under_its_group_and_says_how_many_are_off() -> None:
    checks = [
        Check("A", "one", 1.0, 1.0, 0.01),
        Check("B", "two", 1.0, 2.0, 0.01),
        Check("A", "three", 2.0, 2.0, 0.0),
        Check("C", "told", 5.0, 5.0, 0.0, source="a paper", put_in=True),
    ]
    text = page(checks, None)

    assert (
        "**2 of 3 figures that the simulator was not told are within what is allowed** (A: 2 of 2; B: 0 of 1)." in text
    )
    assert "The other 1 lines are *put in*" in text
    assert "| told | 5 | 5 | +0.0% | 0% | *put in*; a paper |" in text
    assert text.index("| one |") < text.index("| three |") < text.index("## B") < text.index("| two |")


def test_the_page_is_what_the_kept_figures_make(tmp_path: Path) -> None:
    made = tmp_path / "validation.md"
    write_anew(made)

    assert WHERE.read_text() == made.read_text()
