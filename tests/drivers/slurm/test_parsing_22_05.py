"""The parsers, on answers recorded from a live Slurm 22.05.8 (see record.py)."""

from pathlib import Path

import pytest

from drivers.slurm.jobs import parse_jobs
from drivers.slurm.nodes import parse_node_text, parse_nodes, split_reason
from fleet.errors import BadAnswer
from fleet.models.scheduler import ClusterView, JobKind, JobState, NodeBase

RECORDED = Path(__file__).parent / "answers" / "22.05"
OURS = "maintrain:planned:visit/loopback/train/1/d1/1#"


def nodes(scene):
    return parse_nodes((RECORDED / scene / "sinfo.json").read_text(), "sinfo --json")


def jobs(scene):
    return parse_jobs((RECORDED / scene / "squeue.json").read_text(), "squeue --json")


def test_every_recorded_node_is_read():
    assert [f"gpu{n:03d}" for n in range(1, 17)] == list(nodes("busy"))


@pytest.mark.parametrize(
    ("host", "base", "flags", "reason"),
    [
        ("gpu001", NodeBase.IDLE, set(), None),
        ("gpu002", NodeBase.ALLOCATED, set(), None),
        ("gpu004", NodeBase.ALLOCATED, {"draining"}, OURS + "gpu004"),
        ("gpu005", NodeBase.MIXED, set(), None),
        ("gpu007", NodeBase.IDLE, {"draining"}, OURS + "gpu007"),
        ("gpu008", NodeBase.IDLE, {"draining"}, "admin: disk [sda] check"),
        ("gpu009", NodeBase.DOWN, set(), "bad fan"),
        ("gpu010", NodeBase.DOWN, {"not_responding"}, "Not responding"),
        ("gpu011", NodeBase.IDLE, {"completing"}, None),
        ("gpu016", NodeBase.IDLE, set(), None),
    ],
)
@pytest.mark.parametrize("form", ["json", "text"])
def test_a_recorded_node_reads_the_same_from_json_and_from_text(form, host, base, flags, reason):
    text = (RECORDED / "busy" / f"{host}.txt").read_text()

    node = nodes("busy")[host] if form == "json" else parse_node_text(text, host)

    shown = {flag for flag in ("draining", "completing", "not_responding", "rebooting") if getattr(node, flag)}
    assert (host, base, flags, reason) == (node.name, node.base, shown, node.reason)
    assert ("train",) == node.partitions


def test_the_reason_comes_without_who_set_it_and_when():
    node = parse_node_text((RECORDED / "busy" / "gpu008.txt").read_text(), "gpu008")

    assert ("admin: disk [sda] check", "root") == (node.reason, node.reason_by)


def test_a_comment_is_read_from_json_and_from_text():
    text = parse_node_text((RECORDED / "busy" / "gpu013.txt").read_text(), "gpu013")

    assert ["ask ops before use"] * 2 == [nodes("busy")["gpu013"].comment, text.comment]


def test_a_busy_draining_node_after_a_controller_restart_is_unknown_and_still_holds_its_job():
    view = ClusterView(began=0, nodes=nodes("restarted"), jobs=jobs("restarted"))

    node = view.nodes["gpu004"]
    assert (NodeBase.UNKNOWN, True, ["2"]) == (node.base, node.draining, [j.id for j in view.jobs_on("gpu004")])


def test_a_gang_job_is_read_with_all_its_hosts():
    job = jobs("busy")["1"]

    assert (JobState.RUNNING, JobKind.REQUEUEABLE, ("gpu002", "gpu003")) == (job.state, job.kind, job.hosts)
    assert ("owner=ml", 0) == (job.comment, job.restarts)


def test_jobs_are_of_three_kinds():
    read = jobs("busy")

    assert (JobKind.REQUEUEABLE, JobKind.NOT_REQUEUEABLE, JobKind.INTERACTIVE) == tuple(read[j].kind for j in "125")


def test_an_array_task_is_named_so_that_its_array_is_not():
    read = jobs("busy")

    assert (("gpu014", "gpu015"), True) == (read["4_0"].hosts, read["4_0"].holds)
    assert ((), False) == (read["4"].hosts, read["4"].holds)


def test_a_completing_job_holds_its_host_and_a_completed_one_does_not():
    read = jobs("busy")

    assert (JobState.COMPLETING, ("gpu011",), True) == (read["8"].state, read["8"].hosts, read["8"].holds)
    assert (JobState.OTHER, ("gpu012",), False) == (read["9"].state, read["9"].hosts, read["9"].holds)


@pytest.mark.parametrize("read", [nodes, jobs])
def test_errors_inside_a_success_are_an_error(read):
    with pytest.raises(BadAnswer, match="Unspecified error"):
        read("away")


def test_the_text_of_another_node_is_not_believed():
    with pytest.raises(BadAnswer, match="expected NodeName=gpu002"):
        parse_node_text((RECORDED / "busy" / "gpu001.txt").read_text(), "gpu002")


@pytest.mark.parametrize("cut", ["", "NodeName=gpu001", "NodeName=gpu001\n   State=IDLE\n", "slurm_load_node: oops"])
def test_text_without_what_it_must_have_is_not_believed(cut):
    with pytest.raises(BadAnswer, match="expected"):
        parse_node_text(cut, "gpu001")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (None, (None, None)),
        ("", (None, None)),
        ("maintrain:repair:r/1 [root@2026-11-22T02:46:36]", ("maintrain:repair:r/1", "root")),
        ("two [a] words [root@Unknown]", ("two [a] words", "root")),
        ("no stamp", ("no stamp", None)),
    ],
)
def test_a_reason_is_split_from_its_stamp(text, expected):
    assert expected == split_reason(text)
