"""The bench of what-if: its figures and pages, from answers of a very small fleet."""

import json
from dataclasses import replace

import pytest

from bench.whatif import document, page
from bench.whatif.measuring import figures
from bench.whatif.repeated import Repeats, repeated
from tests.cli.conftest import CommandLine


@pytest.fixture
def found(tmp_path, capsys):
    maintrain = CommandLine(tmp_path, capsys)

    def ask(*arguments):
        small = ("--hosts", "120", "--days", "4", "--domain", "6", "--cycle", "2d", "--processes", "1")
        return json.loads(maintrain("whatif", *small, *arguments, "--json").out)

    bad = ask("--bad-version", "50%", "--release", "2d", "--policy", "trains", "--policy", "max-unavailable")
    timed = {"how": "one command", "wall_s": 1.0, "cpu_s": 2.0, "load_average_before": 0.1, "bad_share": "50%"}
    tiny = Repeats(
        hosts=60, days=2, cycle_days=0.7, domain=6, jobs=30, seeds=2, chain_hosts=60, chain_days=2, chained=20
    )
    return timed | figures(ask(), ask("--policy", "trains"), bad) | repeated(replace(tiny, chain_domain=6, processes=1))


def test_figures_fill_both_pages(found, tmp_path):
    document.write(found, tmp_path / "whatif.md")
    written = (tmp_path / "whatif.md").read_text()
    assert found["same_answer"]
    assert written.index("## Assumptions") < written.index("## 120 hosts, 4 days") < written.index("## A bad version")
    assert "| hosts up, lowest |" in written
    assert "maxUnavailable, random order" in written.split("## By chance")[1]
    assert " jobs told, 1 as one" in written.split("## Jobs told as one")[1]
    for name in ("up", "time", "interruptions", "reach"):
        assert f"img/whatif-{name}.svg" in written
    section = page.section(found)
    assert "| wall time, s | ≤ 60 | 1 |  |" in section
    assert "the same answer, to the last digit" in section


def test_another_answer_shows(found):
    changed = found["answer"] | {"outcomes": [o | {"seed": 9} for o in found["answer"]["outcomes"]]}
    assert figures(found["answer"], changed, found["bad"])["same_answer"] is False
    assert "**another answer**" in page.section(found | {"same_answer": False})
