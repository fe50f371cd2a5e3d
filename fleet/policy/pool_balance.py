"""One pool while a settling goes on, and what a waiting request asks of it: counts, limits, and the room left."""

from dataclasses import dataclass, field
from datetime import timedelta

from fleet.models.facts import LedgerFacts
from fleet.models.host import Host, HostSet
from fleet.models.ledger import Autostop, Request, RequestClass
from fleet.models.operation_part import OperationPart
from fleet.models.pool import Pool
from fleet.models.stop import Stop, StopKind
from fleet.policy.autostop import autostop
from fleet.policy.limits import Limits, limits, overridden
from fleet.policy.replica_groups import GroupsOut
from fleet.policy.sets import Place, is_settling
from fleet.policy.stopping import earliest


@dataclass(slots=True)
class Ask:
    """A waiting request, with what it needs of each pool."""

    request: Request
    hosts: tuple[str, ...]
    """Each host once."""
    need: dict[str, int]
    """Hosts by pool; hosts that are no members are not in it."""
    aged: bool
    """Older than its pools let a request wait before it reserves."""

    @property
    def is_repair(self) -> bool:
        """Repair takes only hosts that are out."""
        return self.request.kind is RequestClass.REPAIR

    @property
    def part(self) -> OperationPart | None:
        """What it is of a submitted operation."""
        return self.request.part

    @property
    def scope(self) -> tuple[str, ...]:
        """Hosts that its work touches, whether it takes them or not."""
        return self.part.scope if self.part is not None else self.hosts

    @property
    def is_switch(self) -> bool:
        """A pin switch takes all that is up, of every pool, past its buffer and floor."""
        return self.request.kind is RequestClass.PIN_SWITCH


@dataclass(slots=True)
class PoolBalance:
    """One pool while a settling goes on."""

    pool: Pool
    members: int = 0
    up: int = 0
    planned: int = 0
    failed: int = 0
    settling: int = 0
    """Released, and not seen since."""
    reserved: int = 0
    """Hosts set aside for requests that have waited too long; they count against the buffer and the floor."""
    groups: GroupsOut | None = None
    """Replica groups with hosts out; None where the pool has none."""
    windowed: dict[float, str] = field(default_factory=dict)
    """Expected seconds: why such work may not begin now by the pool's windows; empty when it may."""
    limits: Limits = field(init=False)
    autostop: Autostop = field(init=False)
    stop: Stop | None = field(init=False)
    freeze: Stop | None = field(init=False)
    stale: bool = field(init=False)
    """True when the last look is too old, or there was none."""

    def count(self, host: Host, where: Place) -> None:
        """One more member."""
        self.members += 1
        if self.groups is not None and where[0] is not HostSet.UP:
            self.groups.count(host, coming_back=where[0] is HostSet.PLANNED or is_settling(where))
        if where[0] is HostSet.UP:
            self.up += 1
        elif where[0] is HostSet.PLANNED:
            self.planned += 1
        elif where[0] is HostSet.FAILED:
            self.failed += 1
        elif is_settling(where):
            self.settling += 1

    def close(self, facts: LedgerFacts, age: timedelta | None) -> None:
        """All members are counted: what holds for the pool now?"""
        # How old a look is that is still to come, since the clock was put back, nobody knows; as old as it is ahead.
        age = None if age is None else abs(age)
        self.limits = limits(self.pool, self.members)
        before = facts.autostops.get(self.pool.name) or Autostop()
        self.autostop = autostop(self.pool, self.limits, self.failed, age, before, facts.now)
        covering = [s for s in facts.stops if s.covers(facts.cluster, self.pool.name)]
        self.stop, self.freeze = earliest(covering, StopKind.STOP), earliest(covering, StopKind.FREEZE)
        self.stale = age is None or age > self.pool.autostop.stale_after

    def limits_for(self, ask: Ask) -> Limits:
        """What the pool is held to for one ask: its promises, or the numbers that the ask's override names."""
        override = ask.request.override
        return self.limits if override is None else overridden(self.limits, override, self.pool.name)

    def room(self, ask: Ask) -> int:
        """Hosts that an ask may have here now, by planned buffer and floor."""
        return max(0, self.slack(ask))

    def slack(self, ask: Ask) -> int:
        """The same; below 0 as many as would have to come back before there is room for the first."""
        limit = self.limits_for(ask)
        return min(limit.planned_buffer - self.planned, self.up - limit.floor) - self.reserved
