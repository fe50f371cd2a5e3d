"""The running balance of one settling: where every host is, what each pool has out, and what is spoken for.

It is built once from the facts and then moved by each grant and reservation, so that a settling costs one pass over
the hosts however many requests wait.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field

from fleet.models.facts import LedgerFacts
from fleet.models.host import Host, HostSet
from fleet.models.ledger import Request, RequestClass
from fleet.models.operation_part import ActiveOperation, OperationPart
from fleet.policy.joining_work import joins
from fleet.policy.pool_balance import Ask, PoolBalance
from fleet.policy.replica_groups import GroupsOut, group_of
from fleet.policy.sets import Place, is_settling, is_unseen, place


@dataclass(slots=True)
class Balance:
    """A cluster while a settling goes on."""

    hosts: dict[str, Host]
    places: dict[str, Place]
    """Members that are not decommissioned."""
    pools: dict[str, PoolBalance]
    held: dict[str, str]
    """Host: the holder of its lease, those of this settling included."""
    reserved: dict[str, str] = field(default_factory=dict)
    """Host: the request it is set aside for."""
    overridden_by: str | None = None
    """Who holds the whole cluster under an override, once granted: nothing but repair begins beside it."""
    urgent: dict[str, str] = field(default_factory=dict)
    """Pool: the emergency before which nothing but repair begins there."""
    works: dict[str, str] = field(default_factory=dict)
    """Large-scale maintenance: the kind of operation that it does instead of upgrades."""
    facts: LedgerFacts | None = None
    active: dict[str, list[ActiveOperation]] = field(default_factory=dict)
    """Host: submitted operations on whose scope it is, those granted in this settling included."""

    @classmethod
    def of(cls, facts: LedgerFacts) -> "Balance":
        """Where everything stands before the first grant."""
        look = facts.observation
        seen, observed_at = (look.hosts, look.began_at) if look else ({}, None)
        pools = {p.name: PoolBalance(p, groups=GroupsOut(p.replicas) if p.replicas else None) for p in facts.pools}
        places: dict[str, Place] = {}
        leases, globs = facts.leases, facts.failed_reasons
        for name, host in facts.hosts.items():
            if host.decommissioned:
                continue
            where = places[name] = place(host, seen.get(name), observed_at, leases.get(name), globs)
            if host.pool in pools:
                pools[host.pool].count(host, where)
        age = None if observed_at is None else facts.now - observed_at
        for pool in pools.values():
            pool.close(facts, age)
        held = {name: lease.holder for name, lease in leases.items()}
        overridden_by = next((override.holder for override in facts.overrides if override.whole), None)
        balance = cls(
            facts.hosts,
            places,
            pools,
            held,
            overridden_by=overridden_by,
            urgent=dict(facts.urgent),
            works=facts.works,
            facts=facts,
        )
        for operation in facts.operations:
            balance.activate(operation)
        return balance

    def ask(self, request: Request, facts: LedgerFacts) -> Ask:
        """A request with its needs counted."""
        if len(request.hosts) == 1 and request.part is None and request.kind is not RequestClass.PIN_SWITCH:
            return self._of_one(request, facts)
        if request.kind is RequestClass.PIN_SWITCH:
            # Every pool is asked, those without a host that is up too.
            hosts = tuple(name for name, where in self.places.items() if where[0] is HostSet.UP)
            need = dict.fromkeys(self.pools, 0)
        elif request.part is not None and not request.part.takes:
            # It takes nobody out; what holds in its pools holds for it all the same.
            hosts = ()
            need = {self.hosts[name].pool: 0 for name in request.part.scope if name in self.hosts}
        else:
            hosts, need = tuple(dict.fromkeys(request.hosts)), {}
        for name in hosts:
            host = self.hosts.get(name)
            if host is not None:
                need[host.pool] = need.get(host.pool, 0) + 1
        waits = [self.pools[p].pool.reserve_after for p in need if p in self.pools]
        aged = bool(waits) and facts.now - request.asked_at >= max(waits)
        return Ask(request, hosts, need, aged)

    def _of_one(self, request: Request, facts: LedgerFacts) -> Ask:
        """The same for a single host, as thousands may ask for."""
        host = self.hosts.get(request.hosts[0])
        if host is None:
            return Ask(request, request.hosts, {}, aged=False)
        pool = self.pools.get(host.pool)
        aged = pool is not None and facts.now - request.asked_at >= pool.pool.reserve_after
        return Ask(request, request.hosts, {host.pool: 1}, aged)

    def of_ask(self, ask: Ask) -> Iterator[tuple[PoolBalance, int]]:
        """The pools an ask touches, with how many hosts of each."""
        return ((self.pools[name], need) for name, need in ask.need.items() if name in self.pools)

    def asked_in(self, ask: Ask, pool: PoolBalance) -> list[Host]:
        """Hosts of one pool that an ask names."""
        named = (self.hosts[name] for name in ask.hosts)
        return [host for host in named if host.pool == pool.pool.name]

    def grant(self, ask: Ask) -> None:
        """Move an ask's hosts out."""
        where = HostSet.FAILED if ask.is_repair else HostSet.PLANNED
        for name in ask.hosts:
            pool = self.pools[self.hosts[name].pool]
            if self.places[name][0] is HostSet.UP:
                pool.up -= 1
                if pool.groups is not None:
                    pool.groups.count(self.hosts[name], coming_back=True)
            if not ask.is_repair:
                pool.planned += 1
            self.places[name] = (where, ask.request.holder, "granted just now")
            self.held[name] = ask.request.holder
        if ask.is_switch:
            self.overridden_by = ask.request.holder
        if (part := ask.part) is not None:
            active = ActiveOperation(
                operation=part.operation,
                kind=part.kind,
                not_with=part.not_with,
                hosts=frozenset(part.scope),
                parks=part.parks,
            )
            self.activate(active)

    def activate(self, operation: ActiveOperation) -> None:
        """From now on an operation is to be kept off from on every host of its scope."""
        for name in operation.hosts:
            self.active.setdefault(name, []).append(operation)

    def joined(self, part: OperationPart) -> frozenset[str]:
        """Hosts of a part's scope that are out by other work which it may join."""
        if self.facts is None or not part.parks:
            return frozenset()
        seen = self.facts.observation.hosts if self.facts.observation is not None else {}
        leases = ((name, self.facts.leases.get(name)) for name in part.scope)
        return frozenset(n for n, lease in leases if lease is not None and joins(part.not_with, lease, seen.get(n)))

    def planned(self) -> list[str]:
        """Hosts that are out by plan."""
        return [name for name, where in self.places.items() if where[0] is HostSet.PLANNED]

    def unseen(self) -> list[str]:
        """Hosts of which the next look tells whether they are up."""
        return [name for name, where in self.places.items() if is_unseen(where)]

    def reserve(self, ask: Ask) -> None:
        """Set an ask's hosts aside, and a place in the buffer for each that is not out by plan already: one that is
        brings its place along when it returns. Of work that takes nobody out its scope is set aside, and no place.
        """
        if ask.part is not None and not ask.part.takes:
            for name in ask.scope:
                self.reserved.setdefault(name, ask.request.id)
            return
        for name in ask.hosts:
            if name not in self.reserved:
                self.reserved[name] = ask.request.id
            if self.places[name][0] is not HostSet.PLANNED:
                self.pools[self.hosts[name].pool].reserved += 1
            groups = self.pools[self.hosts[name].pool].groups
            if groups is not None:
                groups.reserved.setdefault(group_of(self.hosts[name], groups.replicas), ask.request.id)

    def within_reach(self, ask: Ask) -> bool:
        """True when an ask waits for nothing but the return of hosts that are out by plan."""
        if ask.is_switch:
            return True
        waits_for = (self.places.get(name) for name in ask.hosts)
        if not all(w is not None and (w[0] in (HostSet.UP, HostSet.PLANNED) or is_settling(w)) for w in waits_for):
            return False
        if not all(
            pool.groups is None or pool.groups.within_reach(self.asked_in(ask, pool)) for pool, _ in self.of_ask(ask)
        ):
            return False
        return all(
            need <= (limit := pool.limits_for(ask)).planned_buffer
            and pool.up + pool.planned + pool.settling - need >= limit.floor
            for pool, need in self.of_ask(ask)
        )
