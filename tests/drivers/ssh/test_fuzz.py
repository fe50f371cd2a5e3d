"""Damaged answers of the runner on a host end in an error of the tree: no crash, no version that is not there, no
running upgrade that reads as ended. A case is one damaged answer; at least 10,000 for each kind of call.
"""

import asyncio
import random
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drivers.ssh.bound import bound
from drivers.ssh.calls import HostCalls, Ticket
from drivers.ssh.remote import SshRemote
from fleet.errors import BadAnswer, Refused, Unreachable
from fleet.models.command import CommandResult
from fleet.models.hardware import TaskState
from fleet.models.recipe import ReadyRecipe
from fleet.models.ssh import Ssh
from tests.parts import mutate

HOST = "gpu001"
BOOT = "3b2f0d6e-93a7-4a53-8a39-2f6c4fb0a1d5"
TASK = f"dcgm.{'0123456789abcdef' * 2}"
CLOCK = f"{BOOT} 4711\nend\n"
PROBED = "probe 18\nii |1:3.3.5\nexit 0\nprobe 6\nexit 1\nend\n"
TASKS = (
    f"{TASK}\t1\t1:3.3.6\t1\trunning\tUnpacking 100%\n"
    f"gpu-driver.{'fedcba9876543210' * 2}\t2\t550.54.15\t0\tinstall 77\tE: no\nend\n"
)
OPTIONS = Ssh.model_validate({"key": {"file": "key"}, "known_hosts": "known_hosts"})
DCGM = bound("dcgm", ReadyRecipe(kind="ready", name="apt-dcgm"))
fuzz = settings(max_examples=2000, deadline=None, derandomize=True, database=None)
seeds = given(st.integers(0, 2**48))
LOOP = asyncio.new_event_loop()


@pytest.fixture(scope="module", autouse=True)
def _loop() -> Iterator[None]:
    yield
    LOOP.close()


class Told(SshRemote):
    """A remote whose answer is given: what lies above the connection, without one."""

    def __init__(self, status: int | None, stdout: str) -> None:
        self._status, self._stdout = status, stdout

    async def read(self, host: str, argv: Sequence[str], within: float, stdin: bytes = b"") -> CommandResult:
        return CommandResult(argv=tuple(argv), status=self._status, stdout=self._stdout, stderr="what", seconds=0.1)

    async def read_bytes(
        self, host: str, argv: Sequence[str], within: float, stdin: bytes = b""
    ) -> tuple[CommandResult, bytes]:
        return await self.read(host, argv, within, stdin), self._stdout.encode(errors="replace")

    run = read


def calls(text: str, status: int | None = 0) -> HostCalls:
    return HostCalls(Told(status, text), OPTIONS)


def told() -> AbstractContextManager[None]:
    return suppress(BadAnswer, Refused, Unreachable)


def damaged(text: str, chance: random.Random) -> Iterator[str]:
    yield mutate.characters(text, chance, 3)
    yield mutate.characters(text, chance, 1)
    yield mutate.cut(text, chance)
    yield mutate.lines(text, chance)
    yield mutate.noise(chance) + "\nend\n"


def test_sound_answers_are_read() -> None:
    assert Ticket(BOOT, "4711") == LOOP.run_until_complete(calls(CLOCK).ticket(HOST))
    assert [(0, "ii |1:3.3.5"), (1, "")] == LOOP.run_until_complete(calls(PROBED).probe(HOST, [["a"], ["b"]]))
    assert ["running", "install 77"] == [t.what for t in LOOP.run_until_complete(calls(TASKS).tasks(HOST))]


@pytest.mark.parametrize("text", [CLOCK, PROBED, TASKS])
def test_an_answer_cut_anywhere_is_none(text: str) -> None:
    for end in range(len(text) - 1):
        with pytest.raises(BadAnswer):
            LOOP.run_until_complete(_each(calls(text[:end])))


async def _each(asked: HostCalls) -> None:
    await asked.ticket(HOST)
    await asked.tasks(HOST)
    await asked.probe(HOST, [["a"], ["b"]])


@fuzz
@seeds
def test_a_clock(seed: int) -> None:
    for text in damaged(CLOCK, random.Random(seed)):
        with told():
            ticket = LOOP.run_until_complete(calls(text).ticket(HOST))
            assert ticket.since.isdecimal()
            assert len(BOOT) == len(ticket.boot_id)


@fuzz
@seeds
def test_probes(seed: int) -> None:
    for text in damaged(PROBED, random.Random(seed)):
        with told():
            (status, said), _ = LOOP.run_until_complete(calls(text).probe(HOST, [["a"], ["b"]]))
            assert "1:3.3.6" != DCGM.version(HOST, status, said)


@fuzz
@seeds
def test_tasks(seed: int) -> None:
    for text in damaged(TASKS, random.Random(seed)):
        with told():
            noted = LOOP.run_until_complete(calls(text).tasks(HOST))
            assert not [t.id for t in noted if DCGM.device_task(t).state is TaskState.DONE]


@settings(fuzz, max_examples=500)
@given(st.integers(1, 255) | st.none(), st.sampled_from([CLOCK, PROBED, TASKS, ""]))
def test_no_answer_of_a_call_that_failed_is_read(status: int | None, text: str) -> None:
    with pytest.raises((BadAnswer, Refused, Unreachable)):
        LOOP.run_until_complete(calls(text, status).tasks(HOST))
