"""How long a BMC that restarts is borne with, and when it is believed again."""

import asyncio
from datetime import timedelta

import pytest

from drivers.redfish.patience import Patience
from fleet.errors import BadAnswer, Refused, StaleAttempt, Unreachable

AWAY, CONFUSED, DENIED = Unreachable("away"), BadAnswer("half"), Refused("401")


class Bmc:
    """Answers as its script says, then well."""

    def __init__(self, *script: Exception | str) -> None:
        self.script, self.reads = list(script), 0

    async def read(self) -> str:
        self.reads += 1
        answer = self.script.pop(0) if self.script else f"read {self.reads}"
        if isinstance(answer, Exception):
            raise answer
        return answer


def patience(silent_for: float = 10.0) -> Patience:
    patient = Patience(timedelta(seconds=silent_for), 3, timedelta(milliseconds=1))
    patient.expect("gpu01")
    return patient


async def test_one_good_answer_is_enough_of_a_bmc_that_was_never_silent() -> None:
    bmc = Bmc()
    assert ("read 1", 1) == (await patience().read("gpu01", bmc.read), bmc.reads)


async def test_after_a_silence_the_last_of_three_good_answers_in_a_row_counts() -> None:
    bmc = Bmc(AWAY, "good", "good", CONFUSED, DENIED, "good", "good", "last")
    assert ("last", 8) == (await patience().read("gpu01", bmc.read), bmc.reads)


@pytest.mark.parametrize("error", [AWAY, CONFUSED, DENIED])
async def test_nothing_is_borne_of_a_bmc_that_has_no_reason_for_it(error: Exception) -> None:
    patient = patience()
    for host in ("gpu02", "gpu01"):
        bmc = Bmc(error)
        patient.calm("gpu01")
        with pytest.raises(type(error)):
            await patient.read(host, bmc.read)
        assert 1 == bmc.reads


async def test_a_silence_is_borne_for_its_time_and_not_again() -> None:
    patient, bmc = patience(silent_for=0.05), Bmc(*[AWAY] * 100_000)
    async with asyncio.timeout(5):
        with pytest.raises(Unreachable):
            await patient.read("gpu01", bmc.read)
        reads = bmc.reads
        with pytest.raises(Unreachable):
            await patient.read("gpu01", bmc.read)
    assert (True, reads + 1) == (reads > 2, bmc.reads)


async def test_what_is_no_fault_of_the_bmc_is_never_borne() -> None:
    with pytest.raises(StaleAttempt):
        await patience().read("gpu01", Bmc(StaleAttempt("taken over")).read)
