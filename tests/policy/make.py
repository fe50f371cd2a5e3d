"""Small fleets for the policy tests."""

from datetime import UTC, datetime, timedelta

from fleet import ids
from fleet.models.facts import LedgerFacts
from fleet.models.host import Host
from fleet.models.ledger import Counted, LeaseHost, Request, RequestClass
from fleet.models.observation import Observation, ObservedHost
from fleet.models.override import Override, OverrideInForce
from fleet.models.pool import AutostopPolicy, DomainSpec, DrainPolicy, HostSelector, Pool
from fleet.models.scheduler import Node, NodeBase
from fleet.models.stop import Stop, StopKind

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
GLOBS = ("Not responding*", "NHC:*")


def ago(**parts) -> datetime:
    return NOW - timedelta(**parts)


def pool(name="gpu-train", **changes) -> Pool:
    given = {
        "name": name,
        "hosts": HostSelector(partition=name),
        "domain": DomainSpec(size=4),
        "failure_buffer": 2,
        "cycle_bound": timedelta(days=10),
        "drain": DrainPolicy(deadline=timedelta(minutes=10)),
        "visit_budget": timedelta(hours=1),
        "autostop": AutostopPolicy(settle=timedelta(minutes=10), stale_after=timedelta(minutes=2)),
        **changes,
    }
    return Pool(**given)


def host(name, pool="gpu-train", **changes) -> Host:
    return Host(**{"cluster": "c1", "name": name, "pool": pool, "since": ago(days=90), **changes})


def node(name, **changes) -> Node:
    return Node(**{"name": name, "base": NodeBase.IDLE, **changes})


def seen(name, **changes) -> ObservedHost:
    return ObservedHost(host=name, node=node(name, **changes))


def request(name, hosts, kind=RequestClass.TRAIN, **changes) -> Request:
    override = Override(actor="ann", reason="cuda 12.6", lasts=3600) if kind is RequestClass.PIN_SWITCH else None
    given = {
        "override": override,
        "id": name,
        "cluster": "c1",
        "kind": kind,
        "holder": name,
        "hosts": tuple(hosts),
        "asked_at": ago(minutes=1),
    }
    return Request(**{**given, **changes})


def lease(name, holder="visit/x", counted=Counted.PLANNED, **changes) -> LeaseHost:
    given = {
        "cluster": "c1",
        "host": name,
        "request": holder,
        "holder": holder,
        "operation": ids.operation(holder, name),
        "counted": counted,
        "since": ago(minutes=5),
    }
    return LeaseHost(**{**given, **changes})


def in_force(holder="pin/c1/cuda", **changes) -> OverrideInForce:
    given = {"request": holder, "holder": holder, "actor": "ann", "reason": "cuda 12.6"}
    return OverrideInForce(**{**given, "since": ago(minutes=5), "until": ago(minutes=-55), **changes})


def stop(kind=StopKind.STOP, **changes) -> Stop:
    return Stop(**{"kind": kind, "actor": "alice", "reason": "power work", "at": ago(minutes=3), **changes})


def names(count, first=1) -> list[str]:
    return [f"gpu{i:03d}" for i in range(first, first + count)]


def facts(*, pools=None, hosts=None, leases=(), requests=(), nodes=None, looked=None, autostops=None, stops=(), **rest):
    """A ledger over 12 healthy hosts of `gpu-train`, unless told otherwise; `nodes` overrides how some are seen."""
    members = [host(n) for n in names(12)] if hosts is None else hosts
    shown = {h.name: seen(h.name) for h in members} | (nodes or {})
    given = {
        "cluster": "c1",
        "now": NOW,
        "pools": tuple([pool()] if pools is None else pools),
        "failed_reasons": GLOBS,
        "hosts": {h.name: h for h in members},
        "leases": {one.host: one for one in leases},
        "requests": tuple(requests),
        "observation": Observation(cluster="c1", began_at=looked or ago(seconds=10), hosts=shown),
        "autostops": autostops or {},
        "stops": tuple(stops),
    }
    return LedgerFacts(**{**given, **rest})
