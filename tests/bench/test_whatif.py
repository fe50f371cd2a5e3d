"""The bench of what-if: its figures and pages, from answers of a very small fleet."""

import json

import pytest

from bench.whatif import document, page
from bench.whatif.measuring import figures
from tests.cli.conftest import CommandLine


@pytest.fixture
def found(tmp_path, capsys):
    maintrain = CommandLine(tmp_path, capsys)

    def ask(*arguments):
        small = ("--hosts", "120", "--days", "4", "--domain", "6", "--cycle", "2d", "--processes", "1")
        return json.loads(maintrain("whatif", *small, *arguments, "--json").out)

    bad = ask("--bad-version", "50%", "--release", "2d", "--policy", "trains", "--policy", "max-unavailable")
    timed = {"how": "one command", "wall_s": 1.0, "cpu_s": 2.0, "load_average_before": 0.1, "bad_share": "50%"}
    return timed | figures(ask(), ask("--policy", "trains"), bad)


def test_figures_fill_both_pages(found, tmp_path):
    document.write(found, tmp_path / "whatif.md")
    written = (tmp_path / "whatif.md").read_text()
    assert found["same_answer"]
    assert written.index("## Assumptions") < written.index("## 120 hosts, 4 days") < written.index("## A bad version")
    assert "| hosts up, lowest |" in written
    for name in ("up", "time", "interruptions", "reach"):
        assert f"img/whatif-{name}.svg" in written
    section = page.section(found)
    assert "| wall time, s | ≤ 60 | 1 |  |" in section
    assert "the same answer, to the last digit" in section


def test_another_answer_shows(found):
    changed = found["answer"] | {"outcomes": [o | {"seed": 9} for o in found["answer"]["outcomes"]]}
    assert figures(found["answer"], changed, found["bad"])["same_answer"] is False
    assert "**another answer**" in page.section(found | {"same_answer": False})
