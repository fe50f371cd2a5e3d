"""`maintrain train plan --days`: as a table, as JSON, as a picture, and what is told when the bound can't be met."""

import json
from datetime import timedelta
from html.parser import HTMLParser
from xml.etree import ElementTree

import yaml

from fleet.policy.timetable import timetable
from starter.timetable import Planned, timetable_json, timetable_lines
from tests.cli.conftest import SIMULATED
from tests.policy.timetables.test_timetable import train

POOL = "sim/gpu-train"


class Reader(HTMLParser):
    """Tags, and links to anywhere."""

    def __init__(self) -> None:
        super().__init__()
        self.tags, self.links = [], []

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.links += [name for name, _ in attrs if name in ("href", "src") or name.startswith("on")]


def changed(maintrain, tmp_path, **pool) -> None:
    document = yaml.safe_load(SIMULATED.read_text())
    document["clusters"][0]["pools"][0] |= pool
    path = tmp_path / "changed.yaml"
    path.write_text(yaml.safe_dump(document))
    assert maintrain("fleet", "load", path, "--reason", "another bound").code == 0


def test_the_table_names_every_domain_with_its_time_cost_and_slack(synced):
    before = synced.facts()
    result = synced("train", "plan", POOL, "--days", "14")
    found = json.loads(synced("train", "plan", POOL, "--days", "14", "--json").out)

    assert 0 == result.code
    names = [v["domain"] for v in found["visits"]]
    assert names == sorted(set(names), key=names.index) != []
    assert len(names) == found["visits_in_all"]
    for visit in found["visits"]:
        assert visit["domain"] in result.out
        assert visit["slack_seconds"] > 0
    assert "slack" in result.out
    assert found["reason"] in result.out
    assert ("", []) == (found["at_risk"], found["helps"])
    assert before == synced.facts()


def test_pictures_stand_on_their_own(synced, tmp_path):
    result = synced("train", "plan", POOL, "--svg", tmp_path / "plan.svg", "--html", tmp_path / "plan.html")

    assert 0 == result.code
    picture = ElementTree.fromstring((tmp_path / "plan.svg").read_text())
    assert picture.tag.endswith("svg")
    bars = [e for e in picture.iter() if e.tag.endswith("rect")]
    found = json.loads(synced("train", "plan", POOL, "--days", "14", "--json").out)
    assert len(found["visits"]) == len(bars)
    read = Reader()
    read.feed((tmp_path / "plan.html").read_text())
    assert {"script", "link", "img", "iframe"}.isdisjoint(read.tags)
    assert [] == read.links


def test_a_bound_that_can_not_be_met_is_told_with_what_would_help(synced, tmp_path):
    changed(synced, tmp_path, cycle_bound="90s")

    result = synced("train", "plan", POOL, "--days", "14")

    assert 0 == result.code
    assert "at risk: " in result.out
    for words in ("would help: visits of", "would help: a cycle bound of"):
        assert words in result.out
    again = result.out.partition("a cycle bound of ")[2].split()[0]
    changed(synced, tmp_path, cycle_bound=again)
    assert "at risk" not in synced("train", "plan", POOL, "--days", "14").out


def test_what_jobs_lose_is_not_told_where_they_are_not_known():
    found = timetable(train(2), None)
    planned = Planned("c1/gpu-train", found, timedelta(days=14), "squeue does not answer", "", True)
    said = timetable_lines(planned)
    (first,) = (line for line in "\n".join(said).splitlines() if line.startswith("d1 "))
    assert ["?", "?"] == first.split()[6:8]
    assert "2 visits" == said[-2].strip()
    assert "the jobs are not known: squeue does not answer" == said[-1]
    plain = timetable_json(planned)
    assert (None, None) == (plain["cost_host_hours"], plain["visits"][0]["jobs"])
    assert planned.title.endswith(", its jobs not known")
    stopped = planned._replace(jobs_unknown="", stopped="a storm", asked=False)
    assert stopped.title.endswith(", as if stops were lifted, as if a cycle were asked for")


def test_a_timetable_of_a_train_that_was_not_asked_to_run_says_so(synced):
    result = synced("train", "plan", POOL, "--days", "14")
    assert "as if asked for now: no cycle is (maintrain train start sim/gpu-train)" in result.out
    assert json.loads(synced("train", "plan", POOL, "--days", "14", "--json").out)["cycle_asked"] is False


def test_days_that_are_no_days_and_files_that_can_not_be_written_are_refused(synced, tmp_path):
    assert 2 == synced("train", "plan", POOL, "--days", "0").code
    refused = synced("train", "plan", POOL, "--svg", tmp_path / "nowhere" / "plan.svg")
    assert (2, True) == (refused.code, "expected a file to write" in refused.err)


def test_a_stop_in_force_is_told_and_a_pool_without_hosts_has_nothing_to_visit(loaded):
    empty = loaded("train", "plan", POOL, "--days", "14")
    assert (0, True) == (empty.code, "no domain is left to visit" in empty.out)

    assert loaded("stop", POOL, "--reason", "storm").code == 0
    assert "as if lifted now: stop of pool sim/gpu-train" in loaded("train", "plan", POOL, "--days", "14").out
