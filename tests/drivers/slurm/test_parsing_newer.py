"""The parsers on the newer shape, and on answers of any shape that can't be believed."""

import json

import pytest

from drivers.slurm.jobs import parse_jobs
from drivers.slurm.nodes import parse_nodes
from drivers.slurm.standing import takes_jobs
from fleet.errors import BadAnswer, Unreachable
from fleet.models.scheduler import JobState, NodeBase
from tests.drivers.slurm.newer import answer, job, node, number


def one_node(**changes):
    return parse_nodes(answer("nodes", node(**changes)), "scontrol show nodes --json")["gpu001"]


def one_job(**changes):
    (read,) = parse_jobs(answer("jobs", job(**changes)), "squeue --json").values()
    return read


def drained(node):
    """The rule of the port's users, as far as one node's record goes."""
    clean = node.powered and not (node.completing or node.not_responding or node.rebooting)
    return node.draining and node.base is NodeBase.IDLE and clean


@pytest.mark.parametrize("words", [["IDLE", "DRAIN"], ["DRAIN", "IDLE"], ["IDLE", "DRAIN", "MAINTENANCE", "RESERVED"]])
def test_a_drained_node_is_read_from_a_list_of_words(words):
    read = one_node(state=words, reason="maintrain:planned:v")

    assert (True, "maintrain:planned:v") == (drained(read), read.reason)


@pytest.mark.parametrize("word", ["BLOCKED", "PERFCTRS"])
def test_a_node_that_another_job_keeps_free_is_well(word):
    assert takes_jobs(one_node(state=["IDLE", word]))
    assert drained(one_node(state=["IDLE", "DRAIN", word]))


@pytest.mark.parametrize(
    "words",
    [
        ["DOWN", "DRAIN"],
        ["UNKNOWN", "DRAIN"],
        ["ERROR", "DRAIN"],
        ["FUTURE", "DRAIN"],
        ["ALLOCATED", "DRAIN"],
        ["MIXED", "DRAIN"],
        ["IDLE", "DRAIN", "COMPLETING"],
        ["IDLE", "DRAIN", "NOT_RESPONDING"],
        ["IDLE", "DRAIN", "POWERED_DOWN"],
        ["IDLE", "DRAIN", "POWERING_UP"],
        ["IDLE", "DRAIN", "REBOOT_ISSUED"],
        ["IDLE", "DRAIN", "FAIL"],
        ["IDLE", "DRAIN", "INVALID_REG"],
        ["IDLE", "DRAIN", "A_FLAG_OF_TOMORROW"],
        ["IDLE", "DOWN", "DRAIN"],
        ["DRAINED"],
        ["DRAIN"],
        ["IDLE"],
    ],
)
def test_a_node_in_any_doubt_never_reads_as_drained(words):
    assert not drained(one_node(state=words))


def test_a_draining_node_with_allocated_cpus_is_not_idle():
    assert NodeBase.MIXED == one_node(state=["IDLE", "DRAIN"], alloc_cpus=8).base


@pytest.mark.parametrize("word", ["SLEEPING", "", "?", "DRAINED"])
def test_an_unknown_state_word_reads_as_unknown(word):
    assert NodeBase.UNKNOWN == one_node(state=[word]).base


def test_the_rest_of_a_node_is_read():
    read = one_node(reservation="window", comment="rack 7", features=["h100", "nvl"], reason_set_by_user="root")

    assert ("window", "rack 7", ("h100", "nvl"), "root") == (
        read.reservation,
        read.comment,
        read.features,
        read.reason_by,
    )


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["RUNNING"], JobState.RUNNING),
        ("RUNNING", JobState.RUNNING),
        (["RUNNING", "CONFIGURING"], JobState.CONFIGURING),
        (["RUNNING", "SIGNALING"], JobState.RUNNING),
        (["SUSPENDED"], JobState.SUSPENDED),
        (["CANCELLED", "COMPLETING"], JobState.COMPLETING),
        (["COMPLETED", "STAGE_OUT"], JobState.COMPLETING),
        (["A_WORD_OF_TOMORROW"], JobState.RUNNING),
        (["PENDING"], JobState.OTHER),
        (["PENDING", "REQUEUED"], JobState.OTHER),
        (["COMPLETED"], JobState.OTHER),
        (["NODE_FAIL"], JobState.OTHER),
    ],
)
def test_a_job_holds_its_hosts_unless_it_says_clearly_that_it_does_not(words, expected):
    assert expected == one_job(job_state=words).state


def test_numbers_come_wrapped():
    read = one_job(array_job_id=number(12), array_task_id=number(0), restart_cnt=number(2))

    assert ("12_0", 2) == (read.id, read.restarts)


def test_no_jobs_is_a_quiet_cluster():
    assert {} == parse_jobs(answer("jobs"), "squeue --json")


def test_a_hostlist_is_expanded():
    assert ("a1", "b07", "b08") == one_job(nodes="a1,b[07-08]").hosts


def test_the_controller_away_is_unreachable():
    away = {"description": "Unable to contact slurm controller (connect failure)", "error_number": 1800}

    with pytest.raises(Unreachable):
        parse_nodes(answer("nodes", errors=[away]), "scontrol show nodes --json")


@pytest.mark.parametrize("error", [{"error": "Protocol error", "error_number": 1}, {"errno": -1}, "oops", {}])
def test_errors_count_even_beside_a_full_list(error):
    with pytest.raises(BadAnswer, match="errors inside"):
        parse_nodes(answer("nodes", node(), errors=[error]), "scontrol show nodes --json")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "garbage",
        answer("nodes", node())[:-40],
        "null",
        "[]",
        "{}",
        '{"errors": []}',
        '{"errors": [], "nodes": null}',
        '{"errors": [], "nodes": {}}',
        '{"errors": [], "nodes": ["gpu001"]}',
        '{"nodes": []}',
        '{"errors": {}, "nodes": []}',
        answer("nodes"),
        answer("nodes", node(), node()),
        "[" * 200_000,
    ],
    ids=lambda text: text[:30],
)
def test_an_answer_of_another_shape_is_not_believed(text):
    with pytest.raises(BadAnswer, match=r"expected|errors"):
        parse_nodes(text, "scontrol show nodes --json")


@pytest.mark.parametrize("field", ["name", "state", "alloc_cpus", "reason", "partitions", "comment"])
def test_a_node_without_a_field_is_not_believed(field):
    cut = {key: value for key, value in node().items() if key != field}

    with pytest.raises(BadAnswer, match=f"'{field}'"):
        parse_nodes(answer("nodes", cut), "scontrol show nodes --json")


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("name", "gpu001; reboot"),
        ("name", ""),
        ("name", 7),
        ("state", []),
        ("state", None),
        ("state", 3),
        ("state", [3]),
        ("alloc_cpus", "many"),
        ("alloc_cpus", -1),
        ("alloc_cpus", True),
        ("reason", ["x"]),
        ("partitions", {}),
    ],
)
def test_a_node_with_a_field_of_another_type_is_not_believed(field, value):
    with pytest.raises(BadAnswer, match="expected"):
        one_node(**{field: value})


@pytest.mark.parametrize("field", [key for key in job() if key != "time_limit"])
def test_a_job_without_a_field_is_not_believed(field):
    cut = {key: value for key, value in job().items() if key != field}

    with pytest.raises(BadAnswer, match=f"'{field}'"):
        parse_jobs(answer("jobs", cut), "squeue --json")


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("job_id", number()),
        ("job_id", "one"),
        ("job_state", []),
        ("nodes", "gpu[1-"),
        ("nodes", ""),
        ("batch_flag", "yes"),
        ("requeue", None),
        ("restart_cnt", number(infinite=True)),
        ("array_task_id", {"number": 3}),
    ],
)
def test_a_job_with_a_field_of_another_type_is_not_believed(field, value):
    with pytest.raises(BadAnswer, match="expected"):
        one_job(**{field: value})


def test_a_job_listed_twice_is_not_believed():
    with pytest.raises(BadAnswer, match="once"):
        parse_jobs(answer("jobs", job(), job()), "squeue --json")


def test_messages_stay_short():
    with pytest.raises(BadAnswer) as told:
        parse_nodes(json.dumps({"errors": ["x" * 10_000], "nodes": []}), "sinfo --json")

    assert len(str(told.value)) < 400
