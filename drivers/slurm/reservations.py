"""Maintenance reservations of ours, in which no job starts; and the reservation that each node is in.

Seen on 22.05.8: with MAINT no job starts on the nodes, not even one of another reservation that was there before, only
one that somebody submits into ours or into another with MAINT; with IGNORE_JOBS running jobs go on; drained and down
nodes can be in it; `infinite` is a year; `nodes+=` is refused with MAINT, the whole list is not; it survives
`reconfigure` and restarts. Nodes tell that they are in one by state flags, up to a second after it began or ended.
"""

import re
from dataclasses import dataclass

from drivers.clock import wall
from drivers.slurm.command import SlurmCommand, failure
from fleet import hostlist
from fleet.errors import BadAnswer, Refused
from fleet.ids import FABRIC_RESERVATION, NEXT_RESERVATION, RESERVATION_PREFIX
from fleet.models.scheduler import Node
from fleet.ports.fence import Fence

LENGTH = "3650-00:00:00"
"""Days of a reservation of ours: nobody needs one to end by itself, and Slurm wants an end."""
ROUNDS = 4
_SHOW = ("scontrol", "show", "reservation", "-o")
_NONE = "No reservations in the system"
GONE = "requested reservation is invalid"
TAKEN = "duplicate reservation name"
_UNKNOWN_NODE = "invalid node name"
_FIELD = re.compile(r"(?:^| )([A-Za-z]+)=(\S*)")


@dataclass(frozen=True)
class Reservation:
    """One reservation. Times are seconds since 1970 by the controller's clock."""

    name: str
    begins: int
    active: bool
    maint: bool
    nodes: frozenset[str]

    @property
    def ours(self) -> bool:
        """True for one that we made."""
        return self.name.startswith(RESERVATION_PREFIX)


async def close(slurm: SlurmCommand, hosts: tuple[str, ...], name: str, limit: float, fence: Fence) -> None:
    """See `fleet.ports.scheduler`; `name` is the whole name."""
    wanted = frozenset(hosts)
    for _ in range(ROUNDS):
        shown = await reservations(slurm)
        _check_free(shown, wanted, limit)
        mine = next((r for r in shown if r.name == name), None)
        if mine is not None and mine.active and mine.maint and wanted <= mine.nodes:
            return
        await fence()
        nodes = f"nodes={hostlist.compact(wanted | (mine.nodes if mine else frozenset()))}"
        this = f"reservationname={name}"
        if mine is None:
            when = ("starttime=now", f"duration={LENGTH}", "users=root", "flags=maint,ignore_jobs")
            await run_harmless(slurm, ("scontrol", "create", "reservation", this, *when, nodes), harmless=TAKEN)
        else:
            await run_harmless(slurm, ("scontrol", "update", this, "flags=maint,ignore_jobs", nodes), harmless=GONE)
    raise BadAnswer(f"reservation {name} is acknowledged, and does not show as active with all of {len(hosts)} nodes")


async def open_again(slurm: SlurmCommand, name: str, fence: Fence) -> None:
    """See `fleet.ports.scheduler`; `name` is the whole name."""
    for _ in range(ROUNDS):
        if name not in {r.name for r in await reservations(slurm)}:
            return
        await fence()
        await run_harmless(slurm, ("scontrol", "delete", f"reservationname={name}"), harmless=GONE)
    raise BadAnswer(f"reservation {name} is deleted, and shows all the same")


async def under_maintenance(slurm: SlurmCommand, nodes: dict[str, Node]) -> dict[str, Node]:
    """The nodes with the maintenance reservation that each is in. Their own flags say so a second late."""
    # Of several the last one counts: ours, and of ours that in which the fabric is measured, which undrained the node.
    shown = sorted(await reservations(slurm), key=lambda r: (r.ours, r.name.startswith(FABRIC_RESERVATION), r.name))
    # One that announces a stop is no hold: where it has begun, its hosts are in production all the same.
    holds = (r for r in shown if r.active and r.maint and not r.name.startswith(NEXT_RESERVATION))
    told = {name: r.name for r in holds for name in r.nodes}
    changed = {}
    for name, node in nodes.items():
        if (by := told.get(name)) is not None:
            changed[name] = node.model_copy(update={"maintenance": True, "reservation": by})
        elif node.maintenance:
            changed[name] = node.model_copy(update={"maintenance": False})
    return nodes | changed if changed else nodes


async def measured_in(slurm: SlurmCommand, host: str) -> str:
    """The reservation of ours in which the fabric is measured with a host, or ""."""
    names = (r.name for r in await reservations(slurm) if r.active and r.maint and host in r.nodes)
    return next((name for name in names if name.startswith(FABRIC_RESERVATION)), "")


async def reservations(slurm: SlurmCommand) -> tuple[Reservation, ...]:
    """All of them, as of now."""
    return parse_reservations(await slurm.answer(*_SHOW))


def parse_reservations(answer: str) -> tuple[Reservation, ...]:
    """Reservations in scontrol's text, one a line, with times in seconds. Raises `BadAnswer`."""
    lines = [line for line in answer.splitlines() if line.strip()]
    if not lines:
        raise BadAnswer(f"{' '.join(_SHOW)}: expected reservations, or that there are none; found nothing")
    return () if lines == [_NONE] else tuple(_parsed(line) for line in lines)


def _parsed(line: str) -> Reservation:
    fields = dict(_FIELD.findall(line))
    missing = {"ReservationName", "StartTime", "Nodes", "Flags", "State"} - fields.keys()
    if missing or not fields["StartTime"].isdecimal() or fields["State"] not in ("ACTIVE", "INACTIVE"):
        raise BadAnswer(f"{' '.join(_SHOW)}: expected a reservation's fields, found {line[:200]!r}")
    try:
        nodes = hostlist.expand(fields["Nodes"]) if fields["Nodes"] not in ("", "(null)") else ()
    except ValueError as error:
        raise BadAnswer(f"{' '.join(_SHOW)}: expected 'Nodes' to be a hostlist: {error}") from error
    flags = fields["Flags"].split(",")
    return Reservation(
        name=fields["ReservationName"],
        begins=int(fields["StartTime"]),
        active=fields["State"] == "ACTIVE",
        maint="MAINT" in flags,
        nodes=frozenset(nodes),
    )


def _check_free(shown: tuple[Reservation, ...], wanted: frozenset[str], limit: float) -> None:
    """Raise `Refused` for another's reservation that holds one of the nodes, or begins to within `limit` seconds."""
    for other in shown:
        held = wanted & other.nodes
        if held and not other.ours and (other.active or other.begins <= wall() + limit):
            when = "holds" if other.active else f"begins in {max(0, other.begins - wall()) / 60:.0f} minutes on"
            raise Refused(f"reservation {other.name} {when} {hostlist.some(held)}")


async def run_harmless(slurm: SlurmCommand, argv: tuple[str, ...], harmless: str) -> None:
    """Run a command whose failure with these words is none. Raises as the port says."""
    done = await slurm.run(*argv)
    if done.rc != 0 and harmless not in done.err.lower():
        if _UNKNOWN_NODE in done.err.lower():
            raise Refused(f"{' '.join(argv[:3])}: {done.err.strip()[:200]}")
        raise failure(argv, done)
