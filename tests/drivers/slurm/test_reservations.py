"""Reservations of ours in Slurm: in whose way they are, and answers that can't be believed."""

import time

import pytest

from drivers.slurm.reservations import parse_reservations
from fleet.errors import BadAnswer, Refused, Unreachable
from fleet.policy.draining import is_measured
from fleet.ports.fence import open_fence
from tests.drivers.slurm.case import SlurmCase
from tests.drivers.slurm.newer import answer, node
from tests.drivers.slurm.stubs import NO_RESERVATIONS, StubSlurm, says
from tests.drivers.slurm.waiting import call, until

HOUR = 3600.0
REASON = "maintrain:planned:visit-gpu001"
OURS = "ReservationName=maintrain_pin_cuda StartTime=100 Nodes=gpu[001-002] Flags=MAINT,IGNORE_JOBS State=ACTIVE"
THEIRS = "ReservationName=team StartTime=4000000000 Nodes=gpu001 Flags=SPEC_NODES State=INACTIVE"


@pytest.fixture
async def case(slurm, tmp_path):
    made = SlurmCase(slurm, tmp_path)
    yield made
    await made.close()


async def reserve(cluster, name: str, starts: str, *flags: str) -> None:
    when = (f"starttime={starts}", "duration=60", "users=root", "nodes=gpu001", *flags)
    await call(cluster, "scontrol", "create", "reservation", f"reservationname={name}", *when)


async def closed(case: SlurmCase) -> list[str]:
    shown = (await case.scheduler.view(time.monotonic())).nodes
    return [name for name, seen in shown.items() if seen.maintenance]


@pytest.mark.parametrize(("starts", "told"), [("now", "team holds gpu001"), ("now+1800", "minutes on gpu001")])
async def test_a_reservation_of_another_on_a_host_is_in_the_way_and_nothing_is_closed(case, slurm, starts, told):
    await reserve(slurm, "team", starts)

    with pytest.raises(Refused, match=told):
        await case.scheduler.close_to_jobs(("gpu001", "gpu002"), "pin_cuda", HOUR, open_fence)

    assert [] == await closed(case)


async def test_one_that_begins_later_or_on_other_hosts_is_not_in_the_way(case, slurm):
    await reserve(slurm, "team", "now+7200")
    await reserve(slurm, "other", "now+100", "flags=maint")
    await call(slurm, "scontrol", "update", "reservationname=other", "nodes=gpu004")

    await case.scheduler.close_to_jobs(("gpu001", "gpu002"), "pin_cuda", HOUR, open_fence)

    assert ["gpu001", "gpu002"] == await closed(case)


async def test_a_reservation_of_another_is_never_lifted(case, slurm):
    await reserve(slurm, "pin_cuda", "now", "flags=maint")

    await case.scheduler.open_to_jobs("pin_cuda", open_fence)

    assert "ReservationName=pin_cuda" in await call(slurm, "scontrol", "show", "reservation", "-o")
    assert ["gpu001"] == await closed(case)


async def test_a_closed_host_stays_closed_while_its_controller_restarts(case, slurm):
    await case.scheduler.close_to_jobs(("gpu001",), "pin_cuda", HOUR, open_fence)

    await case.trouble("unreachable")
    with pytest.raises(Unreachable):
        await closed(case)
    await case.trouble(None)

    assert ["gpu001"] == await closed(case)
    await until(lambda: "MAINTENANCE" in slurm.command("scontrol", "show", "node", "gpu001"))


def test_reservations_are_read_with_their_nodes_and_whether_they_hold() -> None:
    ours, theirs = parse_reservations(f"{OURS}\n{THEIRS}\n")

    assert ("maintrain_pin_cuda", True, True, True) == (ours.name, ours.ours, ours.active, ours.maint)
    assert {"gpu001", "gpu002"} == ours.nodes
    assert ("team", False, False, False) == (theirs.name, theirs.ours, theirs.active, theirs.maint)
    assert () == parse_reservations("No reservations in the system\n")


@pytest.mark.parametrize(
    "said",
    [
        "",
        "\n",
        "slurm_load_reservations error",
        OURS.replace(" State=ACTIVE", ""),
        OURS.replace("State=ACTIVE", "State=SOMEHOW"),
        OURS.replace("StartTime=100", "StartTime=2026-01-01T00:00:00"),
        OURS.replace("gpu[001-002]", "gpu[001"),
    ],
)
def test_an_answer_about_reservations_that_cannot_be_believed_is_an_error(said: str) -> None:
    with pytest.raises(BadAnswer):
        parse_reservations(said)


async def test_a_reading_whose_reservations_cannot_be_believed_is_an_error(tmp_path):
    slurm = StubSlurm(tmp_path, scontrol=[says(answer("nodes", node()))], squeue=[says(answer("jobs"))])
    (slurm.folder / "reservations").write_text("echo garbage")

    with pytest.raises(BadAnswer):
        await slurm.driver().view()

    (slurm.folder / "reservations").write_text(NO_RESERVATIONS)
    assert not (await slurm.driver().view()).nodes["gpu001"].maintenance


async def test_a_reservation_that_is_acknowledged_and_does_not_show_is_an_error(tmp_path):
    slurm = StubSlurm(tmp_path, scontrol=["true"])

    with pytest.raises(BadAnswer, match="does not show"):
        await slurm.driver().close_to_jobs(("gpu001",), "pin_cuda", HOUR, open_fence)


async def test_a_host_measured_within_a_pin_switch_shows_as_measured(tmp_path):
    slurm = StubSlurm(tmp_path, scontrol=[says(answer("nodes", node(state=["IDLE"])))], squeue=[says(answer("jobs"))])
    fabric = OURS.replace("maintrain_pin_cuda", "maintrain_fabric_0a1b")
    (slurm.folder / "reservations").write_text(says(f"{fabric}\n{OURS}"))

    seen = (await slurm.driver().view()).nodes["gpu001"]

    assert ("maintrain_fabric_0a1b", True) == (seen.reservation, is_measured(seen))


async def test_a_host_whose_measurement_ends_between_two_readings_is_undrained_once_more(tmp_path):
    undrained = says(answer("nodes", node(state=["IDLE"])))
    drained = says(answer("nodes", node(state=["IDLE", "DRAIN"], reason=REASON)))
    slurm = StubSlurm(tmp_path, scontrol=[undrained, drained, undrained])
    # The first reading of the node still shows what the measurement made of it; it is over right after that.
    fabric = OURS.replace("maintrain_pin_cuda", "maintrain_fabric_0a1b")
    over = f"if [ -e scontrol.n ]; then {NO_RESERVATIONS}; else echo '{fabric}'; fi"
    (slurm.folder / "reservations").write_text(over)

    await slurm.driver().undrain("gpu001", REASON, open_fence, rebooted=False)

    assert ["scontrol update nodename=gpu001 state=UNDRAIN"] == slurm.updates()
