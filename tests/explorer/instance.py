"""Small fleets to be searched whole."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

from fleet import ids
from fleet.models.facts import LedgerFacts
from fleet.models.fleetfile import FleetFile
from fleet.models.host import Host
from fleet.models.ledger import Settlement
from fleet.models.operation import OperationSpec
from fleet.models.scope import ScopePart
from fleet.models.train import Domain, Visit, VisitState
from fleet.policy.grants import settle
from tests.explorer.database import ExploredStore, StepwiseDatabase, at_once
from tests.explorer.deeds import UP, C, Deeds
from tests.explorer.hosts import hosts
from tests.explorer.judge import FAILURE_BUFFER, FLOOR, PLANNED_BUFFER
from tests.explorer.ledger import Ledgers
from tests.explorer.moments import LONG_AGO, NOW
from tests.explorer.operations import operations
from tests.explorer.surroundings import dispatcher, messages, outside, people, time
from tests.explorer.visits import visits
from tests.explorer.world import Part, State, World

PARTS = (visits, hosts, operations, dispatcher, messages, people, outside)
DRIVER = {"kind": "plugin", "factory": "site:driver"}
Policy = Callable[[LedgerFacts], Settlement]


@dataclass(frozen=True)
class Instance:
    """A fleet, the visits to it, and what may go wrong."""

    pools: dict[str, str]
    """Host names of each pool, a letter each."""
    domains: tuple[tuple[str, str], ...]
    """Pool and host names of each domain that is visited. They may intersect, as the scopes of operations do."""
    troubles: tuple[str, ...] = ()
    """Each comes once at most; those named twice, twice."""
    time: bool = False
    """False: nothing grows old, and what has a cause goes on as soon as the cause is gone."""
    parts: tuple[Part, ...] = PARTS
    holds: tuple[str, ...] = ()
    """Host names of each submitted operation, for which an outsider works on them."""

    def open(self, policy: Policy = settle, store: type[ExploredStore] = ExploredStore) -> tuple[World, State]:
        """The world, and its first state."""
        database = StepwiseDatabase()
        facts = store(database)
        pool_of = {host: pool for pool, names in sorted(self.pools.items()) for host in names}
        at_once(facts.load_fleet(self._fleet_file(), "text", "ann", "explored", NOW))
        members = (Host(cluster=C, name=host, pool=pool, since=LONG_AGO) for host, pool in pool_of.items())
        at_once(facts.sync_hosts(C, tuple(members), NOW))
        named = self._open_visits(facts)
        for hosts_of in self.holds:
            at_once(facts.submit_operation(_hold_of(hosts_of), NOW))
        ledgers = Ledgers(database, facts)
        parts = (*self.parts, time) if self.time else self.parts
        world = World(Deeds(ledgers, pool_of, named, policy), tuple(pool_of), tuple(named), parts, self.holds)
        asking, up, idle = (
            tuple(what for _ in whom) for what, whom in ((("ask", 0), named), (UP, pool_of), (None, pool_of))
        )
        return world, State(ledgers.number(ledgers.take()), up, asking, idle, frozenset(), tuple(sorted(self.troubles)))

    def _open_visits(self, facts: ExploredStore) -> dict[str, str]:
        """Visits with their domains, in a cycle of each pool."""
        named = {}
        for pool in self.pools:
            hosts = [names for of, names in self.domains if of == pool]
            cut = tuple(Domain(name=f"d{n:03}", hosts=tuple(names)) for n, names in enumerate(hosts, 1))
            at_once(facts.open_cycle(C, pool, 1, cut, NOW, NOW + timedelta(days=9)))
            for domain in cut:
                visit = ids.visit(C, pool, 1, domain.name, 1)
                named[visit] = domain.name
                row = {"cluster": C, "pool": pool, "cycle": 1, "domain": domain.name, "attempt": 1, "opened_at": NOW}
                at_once(facts.open_visit(Visit(id=visit, state=VisitState.WAITING, **row)))
        return named

    def _fleet_file(self) -> FleetFile:
        return _fleet_file(tuple(self.pools), "100s" if self.time else "0s")


def _hold_of(names: str) -> OperationSpec:
    """An operation of a kind that may overlap with a visit's, so that the grants and the parking decide."""
    return OperationSpec(
        kind="replace-leaf-switch",
        scope=(ScopePart(cluster=C, kind="host", name=",".join(names)),),
        duration=timedelta(hours=1),
        actor="ann",
        reason="explored",
        key=names,
    )


def _fleet_file(pools: tuple[str, ...], settle: str) -> FleetFile:
    tick = "100s"
    promises = {
        "domain": {"size": 2},
        "planned_buffer": PLANNED_BUFFER,
        "failure_buffer": FAILURE_BUFFER,
        "floor": FLOOR,
        "cycle_bound": "9d",
        "drain": {"deadline": "10s"},
        "visit_budget": "20s",
        "reserve_after": tick,
        "autostop": {"settle": settle, "stale_after": tick},
    }
    stack = {
        "layers": ["firmware", "driver", "library"],
        "split": "driver",
        "reboot_duration": "5s",
        "components": [{"name": "bmc", "layer": "firmware", "duration": "10s"}],
    }
    cluster = {
        "name": C,
        "drivers": dict.fromkeys(("scheduler", "hardware", "verifier"), DRIVER),
        "stack": stack,
        "pools": [{"name": pool, "hosts": {"partition": pool}, **promises} for pool in pools],
    }
    return FleetFile.model_validate({"version": 1, "clusters": [cluster]})
