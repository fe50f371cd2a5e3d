"""Stops to come in a real Slurm: what may still start, whose reservations stay, and how one is moved."""

import asyncio
import re
import time

import pytest

from drivers.clock import wall
from fleet import ids
from fleet.models.announcement import Announcement
from fleet.ports.fence import open_fence
from tests.drivers.slurm.case import SlurmCase
from tests.drivers.slurm.waiting import call, state_of, until

NAME = f"{ids.NEXT_RESERVATION}gpu"


@pytest.fixture
async def case(slurm, tmp_path):
    made = SlurmCase(slurm, tmp_path)
    yield made
    await made.close()


async def announce(case, begins_in, *hosts):
    plans = {"gpu": Announcement(hosts=hosts, begins_in=begins_in, lasts=600)} if hosts else {}
    await case.scheduler.announce(plans, open_fence)


async def shown(cluster) -> str:
    return await call(cluster, "scontrol", "show", "reservation", "-o")


async def begins(cluster) -> float:
    found = re.search(rf"ReservationName={NAME} StartTime=(\S+)", await shown(cluster))
    assert found is not None
    return time.mktime(time.strptime(found[1], "%Y-%m-%dT%H:%M:%S")) - wall()


async def test_a_job_that_is_over_before_the_stop_starts_and_one_that_is_not_does_not(case, slurm):
    await announce(case, 1800, "gpu001", "gpu002")
    short = await asyncio.to_thread(slurm.submit, "gpu001", 600, options=("-t", "10"))
    long = await asyncio.to_thread(slurm.submit, "gpu002", 600, options=("-t", "60"))

    await until(lambda: state_of(slurm, short) == "RUNNING")
    assert "PENDING" == state_of(slurm, long)


async def test_a_stop_that_moves_is_moved_and_gains_and_loses_hosts(case, slurm):
    await announce(case, 600, "gpu001")
    assert 560 < await begins(slurm) < 610
    await announce(case, 1800, "gpu002", "gpu003")
    assert 1760 < await begins(slurm) < 1810
    assert "Nodes=gpu[002-003] " in await shown(slurm)

    at = await begins(slurm)
    await announce(case, 1810, "gpu002", "gpu003")
    assert at - 15 < await begins(slurm) < at + 1


async def test_one_that_has_begun_is_made_anew_when_its_stop_is_put_off(case, slurm):
    await announce(case, 0, "gpu001")
    await until(lambda: "State=ACTIVE" in slurm.command("scontrol", "show", "reservation", "-o"))
    await announce(case, 900, "gpu001")

    assert 860 < await begins(slurm) < 910
    assert "State=INACTIVE" in await shown(slurm)


async def test_reservations_of_others_and_our_own_closings_stay(case, slurm):
    when = ("starttime=now+3600", "duration=60", "users=root", "nodes=gpu004")
    await call(slurm, "scontrol", "create", "reservation", "reservationname=next_week", *when)
    await case.scheduler.close_to_jobs(("gpu003",), "pin_cuda", 60.0, open_fence)
    await announce(case, 600, "gpu001")
    await announce(case, 0)

    assert {"next_week", "maintrain_pin_cuda"} == set(re.findall(r"ReservationName=(\S+)", await shown(slurm)))
