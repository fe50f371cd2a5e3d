"""What a host's walk makes of upgrades that were offboarded since they boarded."""

from fleet.models.stack import Upgrade
from fleet.models.work import Outcome, StepAction, StepResult
from tests.workflows.conftest import Bench
from tests.workflows.make import step
from workflows.host_maintenance import HostMaintenance

SKIP = StepResult(action=StepAction.SKIP, reason="it was offboarded: it hangs")


def on_the_way_back(key: str, version: str = ""):
    made = step(key, safe=False)
    if version:
        made = made.model_copy(update={"upgrade": Upgrade(component=key.split(":")[1], version=version)})
    return made.model_copy(update={"key": f"{key}:back1", "back": True})


BACK = StepResult(
    action=StepAction.ROLL_BACK,
    reason="driver 2.0 was offboarded in mid visit and is rolled back: it hangs",
    steps=(
        on_the_way_back("apply:driver", "1.0"),
        on_the_way_back("reboot"),
        on_the_way_back("verify:health"),
        on_the_way_back("gate"),
    ),
)


async def end(bench: Bench):
    handle = await bench.start(HostMaintenance.run, bench.work(), bench.host().id)
    return await handle.result()


async def test_an_upgrade_that_is_left_out_leaves_the_others_and_is_not_expected_at_the_gate(bench):
    bench.fakes.on("apply:driver", SKIP)

    found = await end(bench)

    assert Outcome.UPGRADED == found.outcome
    assert "it was offboarded: it hangs; done" == bench.fakes.asked("return")[0].reason
    assert ["drain", "apply:nic", "apply:driver", "reboot", "verify:health", "gate", "return"] == bench.fakes.steps
    assert ["nic"] == [u.component for u in bench.fakes.asked("gate")[0].applied]


async def test_a_host_for_which_nothing_is_left_is_not_rebooted_and_counts_as_current(bench):
    bench.fakes.on("apply:driver", SKIP)
    bench.fakes.on("apply:nic", SKIP)

    found = await end(bench)

    assert Outcome.CURRENT == found.outcome
    assert ["drain", "apply:nic", "apply:driver", "verify:health", "gate", "return"] == bench.fakes.steps


async def test_a_way_back_is_taken_whole_before_the_host_returns(bench):
    bench.fakes.on("gate", BACK)

    found = await end(bench)

    assert Outcome.ROLLED_BACK == found.outcome
    assert f"{BACK.reason}; done" == bench.fakes.asked("return")[0].reason
    assert [
        "gate",
        "apply:driver:back1",
        "reboot:back1",
        "verify:health:back1",
        "gate:back1",
        "return",
    ] == bench.fakes.steps[-6:]
    applied = bench.fakes.asked("return")[0].applied
    assert [("nic", "2.0"), ("driver", "1.0")] == [(u.component, u.version) for u in applied]


async def test_a_way_back_is_taken_also_by_a_host_that_ended_early(bench):
    bench.fakes.on("apply:driver", StepResult(action=StepAction.SKIP_TO_VERIFY, reason="stopped"))
    bench.fakes.on("gate", BACK)

    found = await end(bench)

    assert Outcome.ROLLED_BACK == found.outcome
    assert "apply:driver:back1" in bench.fakes.steps
    assert "reboot:back1" in bench.fakes.steps


async def test_a_way_back_that_fails_leads_to_repair(bench):
    bench.fakes.on("gate", BACK)
    bench.fakes.on("apply:driver:back1", StepResult(action=StepAction.HAND_OVER, reason="the device says no"))
    handle = await bench.start(HostMaintenance.run, bench.work(), bench.host().id)

    async def in_repair() -> bool:
        return await bench.kind(bench.host()) == "HostRepair"

    await bench.until(in_repair, "the host is in repair")
    assert "the device says no" == bench.fakes.asked("hand_over")[0].reason
    assert handle.id == bench.host().id
