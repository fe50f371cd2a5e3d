"""A ledger in memory that applies settlements as the store does, a cluster that misbehaves at random, and a checker
beside them that counts for itself and shares no code with the policy.
"""

import heapq
from collections import Counter
from datetime import UTC, datetime, timedelta
from random import Random

from fleet.models.facts import LedgerFacts
from fleet.models.ledger import Autostop, Counted, LeaseHost, Request, RequestClass, Settlement
from fleet.models.observation import Observation, ObservedHost
from fleet.models.override import Override, OverrideInForce
from fleet.models.scheduler import Node, NodeBase
from fleet.models.stop import Stop, StopKind
from fleet.policy.grants import settle
from tests.policy.chances import SHAPES
from tests.policy.checker import Checker
from tests.policy.make import GLOBS, host, in_force, request

START = datetime(2026, 1, 1, tzinfo=UTC)
STEP_S = 4  # an event takes up to this
LONGEST_LEASE_S = 600
QUEUE = 12
WINTER = "large/c1/winter"
"""The large-scale maintenance."""


class LedgerModel:
    """The facts, the events that change them, and `settle_now`, which decides, commits and checks."""

    def __init__(self, rng: Random, pools, members: dict[str, str]) -> None:
        self.rng, self.pools = rng, pools
        self.seconds = 0
        self.hosts = {name: host(name, pool_name, since=START) for name, pool_name in members.items()}
        self.truth = dict.fromkeys(self.hosts, "up")
        self.seen_as = {
            (name, state): ObservedHost(host=name, node=Node(**{"name": name, "base": NodeBase.IDLE, **shape}))
            for name in self.hosts
            for state, shape in SHAPES.items()
        }
        self.leases: dict[str, LeaseHost] = {}
        self.ends: list[tuple[int, str, str]] = []
        self.requests: dict[str, Request] = {}
        self.overrides: list[OverrideInForce] = []
        self.urgent: dict[str, str] = {}
        self.autostops: dict[str, Autostop] = {}
        self.stops: list[Stop] = []
        self.blind_until = 0
        self.view: dict[str, str] = {}
        self.observation: Observation | None = None
        self.asked = 0
        self.names = list(self.hosts)
        self.tally: Counter[str] = Counter()
        self.checker = Checker(self, LONGEST_LEASE_S)
        self.look()

    @property
    def now(self) -> datetime:
        return START + timedelta(seconds=self.seconds)

    def event(self, kind: str) -> None:
        """One random event, after the leases whose time has come."""
        self.seconds += self.rng.randrange(STEP_S)
        while self.ends and self.ends[0][0] <= self.seconds:
            _, name, holder = heapq.heappop(self.ends)
            if name in self.leases and self.leases[name].holder == holder:
                self._release(name)
        getattr(self, kind)()

    def time_passes(self) -> None:
        """Nothing else."""

    # --- the cluster

    def look(self) -> None:
        if self.seconds < self.blind_until:
            return
        self.view = dict(self.truth)
        shown = {name: self.seen_as[name, state] for name, state in self.view.items()}
        self.observation = Observation(cluster="c1", began_at=self.now, hosts=shown)

    def outage(self) -> None:
        self.blind_until = self.seconds + 300

    def _somewhere(self) -> str:
        return self.names[self.rng.randrange(len(self.names))]

    def fail(self) -> None:
        self.truth[self._somewhere()] = "down"

    def taken_by_another(self) -> None:
        name = self._somewhere()
        if name not in self.leases:
            self.truth[name] = ("foreign", "nhc")[self.rng.randrange(2)]

    def heal(self) -> None:
        name = self._somewhere()
        self.truth[name] = "ours" if name in self.leases else "up"

    # --- people

    def set_stop(self, kind: StopKind = StopKind.STOP) -> None:
        scope = ({}, {"cluster": "c1"}, {"cluster": "c1", "pool": self.pools[0].name})[self.rng.randrange(3)]
        self.stops.append(Stop(kind=kind, actor="alice", reason="power work", at=self.now, **scope))

    def set_freeze(self) -> None:
        self.set_stop(StopKind.FREEZE)

    def lift(self) -> None:
        if self.stops:
            self.stops.pop()

    def resume(self) -> None:
        self.autostops[self.pools[self.rng.randrange(len(self.pools))].name] = Autostop(reason="resumed by alice")

    def pause(self) -> None:
        paused = Autostop(stopped=True, since=self.now, reason="paused: 3 hosts inconclusive")
        self.autostops[self.pools[0].name] = paused

    def decommission(self) -> None:
        name = self._somewhere()
        if name not in self.leases:
            self.hosts[name] = self.hosts[name].model_copy(update={"decommissioned": True})

    def recommission(self) -> None:
        name = self._somewhere()
        if self.hosts[name].decommissioned:
            self.hosts[name] = self.hosts[name].model_copy(update={"decommissioned": False})

    # --- requests and leases

    def _ask(self, kind: RequestClass, hosts: list[str], of: str = "op", **more) -> None:
        waiting = sum(r.kind is not RequestClass.REPAIR for r in self.requests.values())
        if not hosts or (waiting >= QUEUE and kind not in (RequestClass.REPAIR, RequestClass.EMERGENCY)):
            return
        self.asked += 1
        name = f"{of}/{self.asked}"
        self.requests[name] = request(name, hosts, kind, asked_at=self.now, **more)

    def _neighbours(self, pool_name: str, most: int) -> list[str]:
        members = [n for n in self.names if self.hosts[n].pool == pool_name]
        count = 1 + self.rng.randrange(min(most, len(members)))
        first = self.rng.randrange(len(members) - count + 1)
        return members[first : first + count]

    def _any_pool(self) -> str:
        return self.pools[self.rng.randrange(len(self.pools))].name

    def ask_train(self) -> None:
        self._ask(RequestClass.TRAIN, self._neighbours(self._any_pool(), 4))

    def ask_small(self) -> None:
        self._ask((RequestClass.AD_HOC, RequestClass.ROLLBACK)[self.rng.randrange(2)], [self._somewhere()])

    def ask_across(self) -> None:
        self._ask(RequestClass.AD_HOC, [n for p in self.pools for n in self._neighbours(p.name, 2)])

    def ask_emergency(self) -> None:
        """Whole or in part, by the promises or some way past them."""
        self._ask_past(RequestClass.EMERGENCY, "op", partial=bool(self.rng.randrange(2)))

    def ask_large(self) -> None:
        """A stop of a large-scale maintenance, by the promises or some way past them."""
        self._ask_past(RequestClass.LARGE, WINTER, partial=True)

    def _ask_past(self, kind: RequestClass, of: str, *, partial: bool) -> None:
        pool = self.pools[self.rng.randrange(len(self.pools))]
        past = {
            "planned_buffer": {pool.name: pool.planned_buffer + self.rng.randrange(1, 4)},
            "floor": {pool.name: max(0, pool.floor - self.rng.randrange(4))},
        }
        override = Override(actor="ann", reason="a hole", lasts=3600, **past) if self.rng.randrange(2) else None
        self._ask(kind, self._neighbours(pool.name, 6), of, partial=partial, override=override)

    def rush(self) -> None:
        """An emergency has hosts to take in a pool."""
        self.urgent = {self._any_pool(): "emergency/c1/hole"}

    def begin_large(self) -> None:
        """A large-scale maintenance is at work in a pool."""
        self.urgent = {self._any_pool(): WINTER}

    def calm(self) -> None:
        self.urgent = {}

    def ask_repair(self) -> None:
        broken = [n for n in self.names if self.truth[n] in ("down", "nhc")]
        if broken and len(self.requests) < 3 * QUEUE:
            self._ask(RequestClass.REPAIR, [broken[self.rng.randrange(len(broken))]])

    def ask_switch(self) -> None:
        self._ask(RequestClass.PIN_SWITCH, self.names)

    def withdraw(self) -> None:
        if self.requests:
            name = list(self.requests)[self.rng.randrange(len(self.requests))]
            del self.requests[name]
            self.checker.forget(name)

    def hand_over(self) -> None:
        """A planned host failed: its lease becomes repair's without an instant between."""
        name = self._somewhere()
        found = self.leases.get(name)
        if found and found.counted is Counted.PLANNED:
            holder = f"host/c1/{name}"
            taken = {"counted": Counted.FAILED, "holder": holder, "request": holder}
            self.leases[name] = found.model_copy(update=taken)
            self._end_overrides()

    def repaired(self) -> None:
        name = self._somewhere()
        if name in self.leases and self.leases[name].counted is Counted.FAILED:
            self._release(name)

    def _release(self, name: str) -> None:
        del self.leases[name]
        self.truth[name] = "up"
        self.hosts[name] = self.hosts[name].model_copy(update={"released_at": self.now})
        self._end_overrides()

    def _end_overrides(self) -> None:
        """An override ends with its request's last lease."""
        if self.overrides:
            held = {lease.request for lease in self.leases.values()}
            self.overrides = [o for o in self.overrides if o.request in held]

    # --- settling

    def facts(self) -> LedgerFacts:
        return LedgerFacts(
            cluster="c1",
            now=self.now,
            pools=self.pools,
            failed_reasons=GLOBS,
            hosts=self.hosts,
            leases=self.leases,
            requests=tuple(self.requests.values()),
            observation=self.observation,
            autostops=self.autostops,
            stops=tuple(self.stops),
            overrides=tuple(self.overrides),
            urgent=self.urgent,
        )

    def settle_now(self) -> Settlement:
        """One transaction: read, decide, commit, check."""
        decided = settle(self.facts())
        self.checker.before(decided)
        self.autostops = dict(decided.autostops)
        for grant in decided.grants:
            self._commit(self.requests.pop(grant.request), grant.hosts)
        self.checker.after(decided)
        self.tally["settlings"] += 1
        return decided

    def _commit(self, request: Request, hosts: tuple[str, ...]) -> None:
        repair, switch = request.kind is RequestClass.REPAIR, request.kind is RequestClass.PIN_SWITCH
        if (override := request.override) is not None:
            numbers = {"planned_buffer": override.planned_buffer, "floor": override.floor}
            self.overrides.append(in_force(request.id, since=self.now, until=self.now + timedelta(hours=1), **numbers))
        self.tally[f"granted {request.kind}"] += 1
        end = self.seconds + 60 + self.rng.randrange(LONGEST_LEASE_S - 60)
        for name in hosts or request.hosts:
            # A switch gives its hosts back one by one.
            its_end = self.rng.randrange(self.seconds + 60, end + 1) if switch else end
            self.leases[name] = LeaseHost(
                cluster="c1",
                host=name,
                request=request.id,
                holder=request.holder,
                operation=f"{request.holder}#{name}",
                counted=Counted.FAILED if repair else Counted.PLANNED,
                since=self.now,
            )
            self.truth[name] = "ours"
            heapq.heappush(self.ends, (its_end, name, request.holder))
