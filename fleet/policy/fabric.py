"""With whom a host measures the fabric: hosts of its domain that are ready too, else an idle production host.

A borrowed production host runs an ordinary short job and needs no lease.
"""

from collections.abc import Collection, Mapping, Sequence
from datetime import timedelta
from enum import StrEnum

from fleet.models.base import Decision, Moment
from fleet.models.units import format_duration

MOST_PARTNERS = 32


class FabricAction(StrEnum):
    """What the fabric verification of a host does next."""

    RUN = "run"
    WAIT = "wait"
    BORROW = "borrow"
    INCONCLUSIVE = "inconclusive"


class Partners(Decision):
    """The answer, with the partners' names, sorted and without the host itself."""

    action: FabricAction
    partners: tuple[str, ...] = ()


def partners(
    host: str,
    ready: Mapping[str, Moment],
    still_coming: Collection[str],
    idle: Sequence[str],
    ready_since: Moment,
    now: Moment,
    fabric_wait: timedelta,
) -> Partners:
    """Choose the partners of a host that is ready since `ready_since`.

    `ready`: hosts of the domain that are ready, and since when; `still_coming`: those expected to become so;
    `idle`: production hosts without a job.
    """
    others = sorted(name for name in ready if name != host)
    coming = sorted(name for name in still_coming if name != host and name not in ready)
    waited = now - ready_since
    if coming and waited < fabric_wait:
        left = format_duration(fabric_wait - waited)
        return Partners(action=FabricAction.WAIT, reason=f"waits up to {left} for {len(coming)} host(s) of its domain")
    if others:
        late = f"; {len(coming)} host(s) are late" if coming else ""
        return Partners(
            action=FabricAction.RUN,
            partners=tuple(others[:MOST_PARTNERS]),
            reason=f"{len(others)} other host(s) of the domain are ready{late}",
        )
    free = sorted(name for name in set(idle) - {host, *coming})
    if free:
        return Partners(
            action=FabricAction.BORROW,
            partners=(free[0],),
            reason=f"no other host of the domain is ready; {free[0]} is idle in production",
        )
    return Partners(
        action=FabricAction.INCONCLUSIVE, reason="no partner: no other host of the domain is ready, none is idle"
    )
