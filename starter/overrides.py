"""How far a person lets an emergency or a large-scale maintenance go, as the command line says, and checked."""

from collections.abc import Sequence
from typing import Annotated

import typer

from fleet.errors import InvalidInput
from fleet.models.emergency import EmergencyHost
from fleet.models.fleetfile import Cluster
from fleet.models.messages import Command
from fleet.models.override import Override
from fleet.models.pool import Pool
from fleet.policy.emergency_checks import override_problem
from fleet.policy.limits import Limits, limits
from fleet.ports.store import Store

Buffer = Annotated[
    list[str] | None,
    typer.Option("--planned-buffer", metavar="[POOL=]N", help="Beyond the planned buffer, to so many hosts out."),
]
Floor = Annotated[
    list[str] | None, typer.Option("--floor", metavar="[POOL=]N", help="Below the floor, to so many hosts up.")
]
Numbers = tuple[list[str], list[str]]
"""What the two options were given."""


def pools_of(cluster: Cluster, hosts: Sequence[EmergencyHost]) -> list[Pool]:
    """The pools that have hosts in it."""
    return [p for p in cluster.pools if any(h.pool == p.name for h in hosts)]


async def promises(store: Store, cluster: Cluster, pools: Sequence[Pool]) -> dict[str, Limits]:
    """Pool: what it promises to the members that it has now."""
    members = [h.pool for h in await store.hosts(cluster.name) if not h.decommissioned]
    return {p.name: limits(p, members.count(p.name)) for p in pools}


async def override_of(
    store: Store,
    cluster: Cluster,
    hosts: Sequence[EmergencyHost],
    asked: Command,
    numbers: Numbers,
    lasts: float | None,
) -> Override | None:
    """The override that the options name, checked; None without any. `InvalidInput` with what was expected."""
    if not any(numbers):
        return None
    pools = pools_of(cluster, hosts)
    names = [p.name for p in pools]
    override = Override(
        actor=asked.actor,
        reason=asked.reason,
        lasts=lasts,
        planned_buffer=_numbers("--planned-buffer", numbers[0], names),
        floor=_numbers("--floor", numbers[1], names),
    )
    wrong = override_problem(override, pools, await promises(store, cluster, pools))
    if wrong is not None:
        raise InvalidInput(wrong[0], "", wrong[1])
    return override


def _numbers(option: str, given: list[str], pools: list[str]) -> dict[str, int]:
    """`N` or `POOL=N`, as often as given."""
    found: dict[str, int] = {}
    for text in given:
        pool, equals, number = text.rpartition("=")
        if not number.isdecimal() or (equals and not pool):
            raise InvalidInput(option, "", f"expected a number of hosts, or POOL=N, found {text!r}")
        if not equals and len(pools) != 1:
            raise InvalidInput(option, "", f"expected POOL=N, since it is for several pools ({', '.join(pools)})")
        name = pool or pools[0]
        if name in found:
            raise InvalidInput(option, "", f"expected each pool once, found {name} again")
        found[name] = int(number)
    return found
