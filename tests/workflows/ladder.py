"""A repair that climbs, for the tests of its workflow."""

from temporalio.client import WorkflowHandle, WorkflowUpdateFailedError

from fleet.errors import HostState
from fleet.models.ladder import Rung
from fleet.models.messages import HostEnd
from fleet.models.rungs import NextRung
from fleet.models.stack import Upgrade
from fleet.models.work import Climb, HostWork, StepAction, StepKind, StepResult
from tests.workflows.conftest import Bench
from tests.workflows.make import ORDER, step
from workflows.host_repair import HostRepair

FAILED = StepResult(action=StepAction.HAND_OVER, reason="GPU 5 is slow", host_state=HostState.PARTLY_APPLIED)
PERSON = NextRung(rung=None, reason="no rung left")


def rung(name: Rung, *keys: str) -> NextRung:
    """A rung whose steps have these keys, by default its own."""
    chosen = keys or (() if name is Rung.RETRY else (f"rung:{name}",))
    steps = tuple(
        step("drain").model_copy(
            update={
                "key": key,
                "kind": StepKind(key.partition(":")[2] if key.startswith("rung:") else key.partition(":")[0]),
                "upgrade": Upgrade(component=key.partition(":")[2], version="1.0") if "reflash" in key else None,
                "rung": True,
            }
        )
        for key in chosen
    )
    return NextRung(rung=name, steps=steps, reason=f"{name}, for GPU 5")


async def climbing(bench: Bench) -> WorkflowHandle:
    work = bench.work(steps=()).model_copy(
        update={"operation": "repair/1", "trouble": "GPU 5 is slow", "climb": Climb.ON, "origin": "visit#gpu001"}
    )
    return await bench.start(HostRepair.run, work, bench.host().id)


async def end_of(handle: WorkflowHandle) -> HostEnd:
    return HostEnd.model_validate(await handle.result())


def works(bench: Bench) -> list[HostWork]:
    return bench.fakes.asked("climb")


async def takes(handle: WorkflowHandle, update: str) -> bool:
    try:
        await handle.execute_update(update, ORDER)
    except WorkflowUpdateFailedError:
        return False  # something is still being done
    return True


async def waits(handle: WorkflowHandle) -> bool:
    return not (await handle.describe()).raw_description.pending_activities
