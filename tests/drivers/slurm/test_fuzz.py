"""Damaged answers of Slurm end in an error of the tree: no crash, no busy node that reads as drained, no running job
that reads as ended. A case is one damaged answer of a recorded one; at least 10,000 a parser.
"""

import json
import random
from collections.abc import Iterator
from contextlib import AbstractContextManager, suppress
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from drivers.slurm.jobs import parse_jobs
from drivers.slurm.nodes import parse_node_text, parse_nodes
from fleet.errors import BadAnswer, Unreachable
from fleet.models.scheduler import Node, NodeBase
from tests.drivers.slurm import newer
from tests.parts import mutate

RECORDED = Path(__file__).parent / "answers" / "22.05" / "busy"
BUSY = ("gpu004", "gpu011")
"""Draining with a job on it, and completing."""
fuzz = settings(max_examples=2000, deadline=None, derandomize=True, database=None)
seeds = given(st.integers(0, 2**48))


def of(file: str, root: str, key: str, wanted: tuple[object, ...]) -> str:
    """A recorded answer with a few of its objects and fields, so that damage hits what is read."""
    whole = json.loads((RECORDED / file).read_text())
    read = {*newer.node(), *newer.job(), "state_flags"}
    kept = [{k: v for k, v in item.items() if k in read} for item in whole[root] if item[key] in wanted]
    assert len(wanted) == len(kept)
    return json.dumps({"errors": whole["errors"], root: kept})


RUNNING = tuple(
    job["job_id"] for job in json.loads((RECORDED / "squeue.json").read_text())["jobs"] if job["job_state"] == "RUNNING"
)[:2]
NODES = (
    of("sinfo.json", "nodes", "name", BUSY),
    newer.answer("nodes", newer.node(state=["ALLOCATED", "DRAIN"], alloc_cpus=9)),
    newer.answer("nodes", newer.node(state=["MIXED", "DRAIN"], alloc_cpus=7), newer.node("gpu002", state=["DOWN"])),
)
JOBS = (of("squeue.json", "jobs", "job_id", RUNNING), newer.answer("jobs", newer.job(), newer.job(2)))
TEXTS = {host: (RECORDED / f"{host}.txt").read_text() for host in BUSY}


def told() -> AbstractContextManager[None]:
    return suppress(BadAnswer, Unreachable)


def damaged(text: str, chance: random.Random) -> Iterator[str]:
    yield mutate.characters(text, chance, 3)
    yield mutate.characters(text, chance, 1)
    yield mutate.cut(text, chance)
    yield mutate.noise(chance)
    yield mutate.parts(text, chance) if text.startswith("{") else mutate.lines(text, chance)


def reads_as_drained(node: Node) -> bool:
    away = node.completing or node.not_responding or node.rebooting or not node.powered
    return node.draining and node.base is NodeBase.IDLE and not away


def test_the_samples_are_read() -> None:
    assert [2, 1, 2] == [len(parse_nodes(text, "sinfo")) for text in NODES]
    assert [2, 2] == [len([job for job in parse_jobs(text, "squeue").values() if job.holds]) for text in JOBS]


@fuzz
@seeds
def test_nodes(seed: int) -> None:
    chance = random.Random(seed)
    for text in damaged(chance.choice(NODES), chance):
        with told():
            assert not [node.name for node in parse_nodes(text, "sinfo").values() if reads_as_drained(node)]


@fuzz
@seeds
def test_the_text_of_a_node(seed: int) -> None:
    chance = random.Random(seed)
    host = chance.choice(BUSY)
    for text in damaged(TEXTS[host], chance):
        with told():
            assert not reads_as_drained(parse_node_text(text, host))


@fuzz
@seeds
def test_jobs(seed: int) -> None:
    chance = random.Random(seed)
    for text in damaged(chance.choice(JOBS), chance):
        with told():
            assert not [job.id for job in parse_jobs(text, "squeue").values() if not job.holds]
