"""An update that the BMC accepted is one, whatever goes wrong from then on."""

import asyncio
import threading
from pathlib import Path
from typing import Any

import pytest

from fleet.errors import BadAnswer, OutcomeUnknown
from fleet.ports.fence import open_fence
from tests.drivers.redfish.build import odd_mechanism
from tests.drivers.redfish.oddbmc import TASKS, OddBmc, task

PAYLOAD = {"TargetUri": "/mfwupdate", "HttpHeaders": ["User-Agent: maintrain (bios; 2.1)"]}


async def test_a_secret_that_goes_away_for_a_while_once_an_update_was_accepted_changes_nothing(
    bmc: OddBmc, tmp_path: Path
) -> None:
    mechanism = odd_mechanism(bmc, tmp_path, silent_for="1m")
    password, gone = tmp_path / "password", threading.Event()

    def accepted(path: str) -> tuple[int, dict[str, str], Any]:
        password.rename(tmp_path / "aside")
        gone.set()
        bmc.show_tasks(task("0", TaskState="Running", Payload=PAYLOAD))
        return 202, {"Location": f"{TASKS}/0/Monitor"}, None

    bmc.answer = accepted
    begun = asyncio.create_task(mechanism.start_apply("one", "bios", "2.1", open_fence))
    assert await asyncio.to_thread(gone.wait, 60)
    (tmp_path / "aside").rename(password)
    assert ("0", 1) == ((await begun).id, len(bmc.posts))


async def test_a_secret_that_stays_away_once_an_update_was_accepted_does_not_say_that_nothing_began(
    bmc: OddBmc, tmp_path: Path
) -> None:
    def accepted(path: str) -> tuple[int, dict[str, str], Any]:
        (tmp_path / "password").write_bytes(b"")
        return 202, {"Location": f"{TASKS}/0/Monitor"}, None

    bmc.answer = accepted
    with pytest.raises(OutcomeUnknown, match="what became of it can't be told: one: secret: file password"):
        await odd_mechanism(bmc, tmp_path).start_apply("one", "bios", "2.1", open_fence)
    assert 1 == len(bmc.posts)


@pytest.mark.parametrize("address", ["https://[::1", "https://127.0.0.1:one", "https://127.0.0.1:99999"])
async def test_an_answer_that_leads_to_no_address_at_all_is_a_bad_one(
    bmc: OddBmc, tmp_path: Path, address: str
) -> None:
    bmc.answer = lambda path: (202, {"Location": f"{address}{TASKS}/0/Monitor"}, None)
    with pytest.raises(BadAnswer, match="expected a URI, found"):
        await odd_mechanism(bmc, tmp_path).start_apply("one", "bios", "2.1", open_fence)
    assert 1 == len(bmc.posts)
