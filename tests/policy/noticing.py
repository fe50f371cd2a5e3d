"""Looks at a small fleet, one after the other, and what the dispatcher makes of them: what its tests share."""

from datetime import timedelta

from fleet import ids
from fleet.models.ledger import Counted
from fleet.models.notice_rule import NoticeRule
from fleet.models.noticing import Noticed, NoticeFacts, OpenedRepair, OpeningCause
from fleet.models.observation import Observation
from fleet.models.scheduler import NodeBase
from fleet.policy.breaker import resumed
from fleet.policy.noticing import notice
from tests.policy.make import NOW, facts, host, lease, names, pool, seen

RULE = NoticeRule(failed_for="1m", looks=2, at_once=3, most=4, window="1h", settle="10m")
EVERY = timedelta(seconds=30)


class Looks:
    """A pool of hosts seen every half minute. `leased` are in the repairs that were opened; a returned one is not."""

    def __init__(self, count: int = 12, rule: NoticeRule = RULE, racks: int = 6) -> None:
        self.now, self.rule = NOW, rule
        self.hosts = [host(n, rack=f"r{i % racks}") for i, n in enumerate(names(count))]
        self.down: dict[str, dict] = {}
        self.losses, self.breakers, self.opened = {}, {}, []
        self.leased: dict[str, str] = {}
        self.stops = ()

    def lose(self, *hosts: str, **node) -> None:
        for name in hosts:
            self.down[name] = node or {"base": NodeBase.DOWN, "not_responding": True, "reason": "Not responding"}

    def find(self, *hosts: str) -> None:
        """They are up again, and out of any repair."""
        for name in hosts:
            self.down.pop(name, None)
            self.leased.pop(name, None)

    def look(self, error: str = "", again: bool = False) -> Noticed:
        """One look, committed as the store does."""
        if not again:
            self.now += EVERY
        nodes = {name: seen(name, **node) for name, node in self.down.items()}
        held = [lease(n, ids.host("c1", n), Counted.FAILED, operation=op) for n, op in self.leased.items()]
        shown = {h.name: seen(h.name) for h in self.hosts} | nodes
        ledger = facts(hosts=self.hosts, pools=[pool()], leases=held, stops=self.stops, now=self.now)
        look = Observation(cluster="c1", began_at=self.now, hosts=shown, error=error)
        recent = tuple(o for o in self.opened if o.at > self.now - self.rule.window)
        given = NoticeFacts(
            ledger=ledger.model_copy(update={"observation": look}),
            rule=self.rule,
            losses=self.losses,
            breakers=self.breakers,
            opened=recent,
        )
        noticed = notice(given)
        self.losses, self.breakers = dict(noticed.losses), {**self.breakers, **noticed.breakers}
        for opening in noticed.opens:
            self._open(opening.host)
        return noticed

    def looks(self, count: int) -> list[str]:
        """Hosts for which a repair was opened in so many looks, in their order."""
        return [o.host for _ in range(count) for o in self.look().opens]

    def resume(self) -> None:
        self.breakers["gpu-train"] = resumed("ann", "the rack lost its power", self.now)

    @property
    def tripped(self) -> bool:
        found = self.breakers.get("gpu-train")
        return found is not None and found.tripped

    def _open(self, name: str) -> None:
        loss, operation = self.losses[name], ids.repair_operation("c1", name, len(self.opened) + 1)
        assert name not in self.leased, "a repair was opened on a leased host"
        self.leased[name] = operation
        self.losses[name] = loss.model_copy(update={"operation": operation})
        values = {"cluster": "c1", "pool": loss.pool, "host": name, "hold": loss.hold, "reason": "down", "actor": "m"}
        row = {**values, "operation": operation, "cause": OpeningCause.NOTICED, "at": self.now, "lost_at": loss.since}
        self.opened.append(OpenedRepair(**row))
