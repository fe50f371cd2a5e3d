"""Stops to come as maintenance reservations that begin later: Slurm starts no job that would run into one.

Seen on 22.05.8: a job whose time limit reaches into it stays in line, a shorter one starts; with IGNORE_JOBS it is made
over running jobs, which go on; a reservation that has begun does not take another beginning. It is short, so that one
whose keeper has died is over soon.
"""

import math
from collections.abc import Mapping

from drivers.clock import wall
from drivers.slurm.command import SlurmCommand
from drivers.slurm.reservations import GONE, TAKEN, Reservation, reservations, run_harmless
from fleet import hostlist
from fleet.ids import NEXT_RESERVATION
from fleet.models.announcement import Announcement
from fleet.ports.fence import Fence

TOLERANCE = 30.0
"""Seconds by which a beginning may differ from the plan before it is moved."""

Argv = tuple[str, ...]


async def announce(slurm: SlurmCommand, plans: Mapping[str, Announcement], fence: Fence) -> None:
    """See `fleet.ports.scheduler`; `plans` by whole name."""
    shown = {r.name: r for r in await reservations(slurm) if r.name.startswith(NEXT_RESERVATION)}
    todo: list[tuple[Argv, str]] = [(_delete(name), GONE) for name in shown if name not in plans]
    for name, plan in plans.items():
        todo += _towards(shown.get(name), name, plan)
    if not todo:
        return
    await fence()
    for argv, harmless in todo:
        await run_harmless(slurm, argv, harmless)


def _towards(mine: Reservation | None, name: str, plan: Announcement) -> list[tuple[Argv, str]]:
    """What makes a reservation be the plan."""
    nodes = f"nodes={hostlist.compact(frozenset(plan.hosts))}"
    minutes = max(1, math.ceil(plan.lasts / 60))
    when = (f"starttime=now+{round(plan.begins_in)}", f"duration={minutes}")
    this = f"reservationname={name}"
    create = ("scontrol", "create", "reservation", this, *when, "users=root", "flags=maint,ignore_jobs", nodes)
    if mine is None:
        return [(create, TAKEN)]
    moved = abs(mine.begins - wall() - plan.begins_in) > TOLERANCE
    if mine.active and moved:
        return [(_delete(name), GONE), (create, TAKEN)]
    if moved or mine.nodes != frozenset(plan.hosts):
        times = () if mine.active else when
        return [(("scontrol", "update", this, *times, "flags=maint,ignore_jobs", nodes), GONE)]
    return []


def _delete(name: str) -> Argv:
    return ("scontrol", "delete", f"reservationname={name}")
