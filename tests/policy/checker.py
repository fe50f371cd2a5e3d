"""Watches every settlement of a ledger model: invariants 1 to 4 at the grant, and a bound on waiting.

The bound. A request that is older than `reserve_after`, and that waits for nothing but the return of hosts that are
out by plan, is granted within (1 + older + emergencies + set-backs) turns, a turn being the longest lease plus the
longest time in which a release may go unseen. `older` counts requests asked before it that waited when that began;
`emergencies` those granted or waiting ahead of it since; a set-back is a request ahead of it that was reserving and
then could not go on (one of its hosts failed, say). Each of them can cost it a turn, and nothing else can.

A pin switch waits and is waited for like any other, with all hosts as its scope.
"""

from collections import Counter
from dataclasses import dataclass

from fleet.models.ledger import Counted, RequestClass
from fleet.models.stop import StopKind

UNSEEN_S = 150  # until a look is stale and the waiting no longer counts, and the settling after it


@dataclass
class Wait:
    """How long a request has waited for others only."""

    since: int
    older: int
    emergencies: int = 0
    set_backs: int = 0


class Checker:
    """Counts for itself: nothing here calls the policy."""

    def __init__(self, model, longest_lease_s: int) -> None:
        self.model = model
        self.turn = longest_lease_s + UNSEEN_S
        self.waits: dict[str, Wait] = {}
        self.pools = {p.name: p for p in model.pools}
        self.most_turns = 0.0
        self.longest_wait_s = 0

    def forget(self, request: str) -> None:
        self.waits.pop(request, None)

    def before(self, decided) -> None:
        """The decision against the facts it was made from."""
        model = self.model
        granted = [g.request for g in decided.grants]
        answered = sorted(granted + [w.request for w in decided.waits])
        assert sorted(model.requests) == answered, "a request without exactly one answer"
        assert all(w.reason for w in decided.waits), "a wait without its reason"
        taken: Counter[str] = Counter()
        scope = {g.request: g.hosts or model.requests[g.request].hosts for g in decided.grants}
        self.check_switches(decided)
        for name in granted:
            request = model.requests[name]
            taken.update(scope[name])
            pools = set(self.pools) if self.is_switch(request) else {model.hosts[h].pool for h in request.hosts}
            repair = request.kind is RequestClass.REPAIR
            for stop in model.stops:
                if stop.kind is StopKind.FREEZE or not repair:
                    assert not any(stop.covers("c1", p) for p in pools), f"{name} granted under {stop}"
            if repair:
                continue
            assert all(self.state(h) == "up" for h in scope[name]), f"{name} granted hosts that are not up"
            assert all(self.fresh(p) for p in pools), f"{name} granted on a stale look"
            if request.kind is not RequestClass.EMERGENCY:
                others = {pool for pool, whose in model.urgent.items() if not name.startswith(f"{whose}/")}
                assert not pools & others, f"{name} granted before an emergency"
                assert not any(decided.autostops[p].stopped for p in pools), f"{name} granted under an autostop"
                assert all(self.count(p)["failed"] < self.pools[p].failure_buffer for p in pools), name
        assert all(times == 1 and host not in model.leases for host, times in taken.items()), "two holders of a host"
        self.took = {(model.hosts[h].pool, model.requests[g].kind) for g in granted for h in scope[g]}
        overrides = [model.requests[g].override for g in granted]
        self.floors = [o.floor for o in overrides if o is not None]
        self.emergencies = [model.requests[g] for g in granted if model.requests[g].kind is RequestClass.EMERGENCY]
        for name in granted:
            self.forget(name)

    def after(self, decided) -> None:
        """The ledger after the commit."""
        for name, pool in self.pools.items():
            counts = self.count(name)
            numbers = [o.planned_buffer[name] for o in self.model.overrides if name in o.planned_buffer]
            if not self.whole_overrides():
                most = max((pool.planned_buffer, *numbers))
                assert counts["planned"] <= most, f"planned buffer of {name} broken: {counts}, {most} allowed"
            past_floors = (RequestClass.REPAIR, RequestClass.PIN_SWITCH)
            if any(p == name and kind not in past_floors for p, kind in self.took):
                floor = min((pool.floor, *(f[name] for f in self.floors if name in f)))
                assert counts["up"] >= floor, f"a grant took {name} below its floor: {counts}"
        self.watch_the_queue(decided)

    def check_switches(self, decided) -> None:
        """A pin switch takes all that is up when nothing is out by plan; beside it only repair begins."""
        model = self.model
        granted = [model.requests[g.request] for g in decided.grants]
        switches = [r for r in granted if self.is_switch(r)]
        whole = self.whole_overrides()
        if not switches and not whole:
            return
        others = [r.id for r in granted if r.kind not in (RequestClass.REPAIR, RequestClass.PIN_SWITCH)]
        assert not others, f"{others} granted beside a pin switch"
        assert len(switches) + len(whole) == 1, "two pin switches at once"
        planned = {h for h, lease in model.leases.items() if lease.counted is Counted.PLANNED}
        holders = {model.leases[h].request for h in planned}
        assert holders <= {o.request for o in whole}, f"a pin switch beside {holders}"
        for grant in decided.grants:
            if self.is_switch(model.requests[grant.request]):
                up = {n for n, h in model.hosts.items() if not h.decommissioned and self.state(n) == "up"}
                repaired = {h for r in granted if r.kind is RequestClass.REPAIR for h in r.hosts}
                assert set(grant.hosts) == up - repaired, "a pin switch is granted all that is up, and nothing else"

    def whole_overrides(self) -> list:
        """Those that lift every limit, as a pin switch's does."""
        return [o for o in self.model.overrides if not o.planned_buffer and not o.floor]

    def is_switch(self, request) -> bool:
        return request.kind is RequestClass.PIN_SWITCH

    def state(self, host: str) -> str:
        """The host's set by the checker's own reading; `returned` is unknown only until the next look."""
        model = self.model
        lease = model.leases.get(host)
        if lease:
            return "planned" if lease.counted is Counted.PLANNED else "failed"
        seen = model.view[host]
        old = (released := model.hosts[host].released_at) is not None and model.observation.began_at <= released
        if seen in ("down", "nhc", "ours") and old:
            return "returned"
        return {"up": "up", "down": "failed", "nhc": "failed", "foreign": "foreign", "ours": "orphan"}[seen]

    def count(self, pool: str) -> Counter:
        hosts = self.model.hosts.values()
        return Counter(self.state(h.name) for h in hosts if h.pool == pool and not h.decommissioned)

    def fresh(self, pool: str) -> bool:
        return self.model.now - self.model.observation.began_at <= self.pools[pool].autostop.stale_after

    def watch_the_queue(self, decided) -> None:
        model = self.model
        counts = {name: self.count(name) for name in self.pools}
        lost = []
        for request in model.requests.values():
            if request.kind is RequestClass.REPAIR:
                continue
            name = request.id
            if not self.waits_for_others_only(request, decided, counts):
                if self.waits.pop(name, None):
                    lost.append(request)
            elif name not in self.waits:
                older = sum(r.asked_at <= request.asked_at for r in model.requests.values()) - 1
                self.waits[name] = Wait(model.seconds, older)
        waiting = sum(r.kind is RequestClass.EMERGENCY for r in model.requests.values())
        for name, wait in self.waits.items():
            mine = model.requests[name]
            wait.emergencies += len(self.emergencies)
            wait.set_backs += sum(r.asked_at <= mine.asked_at or r.kind is RequestClass.EMERGENCY for r in lost)
            waited = model.seconds - wait.since
            allowed = 1 + wait.older + wait.emergencies + wait.set_backs + waiting
            assert waited <= allowed * self.turn, f"{mine} waits for {waited} s, bound {allowed * self.turn} s"
            self.longest_wait_s = max(self.longest_wait_s, waited)
            self.most_turns = max(self.most_turns, waited / self.turn)

    def waits_for_others_only(self, request, decided, counts) -> bool:
        model, switch = self.model, self.is_switch(request)
        members = [n for n, h in model.hosts.items() if not h.decommissioned]
        hosts_asked = members if switch else request.hosts
        if any(model.hosts[h].decommissioned for h in hosts_asked):
            return False
        need = dict.fromkeys(self.pools, 0) if switch else Counter(model.hosts[h].pool for h in hosts_asked)
        emergency = request.kind is RequestClass.EMERGENCY
        for name, hosts in need.items():
            pool, count = self.pools[name], counts[name]
            stopped = decided.autostops[name].stopped and not emergency
            if name in model.urgent and not emergency:
                return False
            if stopped or not self.fresh(name) or any(s.covers("c1", name) for s in model.stops):
                return False
            if (model.now - request.asked_at) < pool.reserve_after or hosts > pool.planned_buffer:
                return False
            if not switch and count["up"] + count["planned"] + count["returned"] - hosts < pool.floor:
                return False
        on_their_way = [self.state(h) in ("up", "planned", "returned") for h in hosts_asked]
        return any(on_their_way) if switch else all(on_their_way)
