"""Facts to write in these tests."""

import asyncio
from datetime import UTC, datetime, timedelta

from fleet.models.fleetfile import FleetFile
from fleet.models.host import Host
from fleet.models.ledger import Grant, LeaseHost, Request, RequestClass, Settlement
from fleet.models.observation import Observation, ObservedHost
from fleet.models.scheduler import Node, NodeBase
from fleet.models.train import Domain, Visit, VisitState
from fleet.models.work import HostOutcome, Outcome
from store import open_store

NOW = datetime(2026, 3, 1, 12, 0, 0, 123456, tzinfo=UTC)
C = "c1"
P = "gpu-train"
DRIVER = {"kind": "plugin", "factory": "site:driver", "options": {"rack": 1}}


def later(seconds):
    return NOW + timedelta(seconds=seconds)


def pool(name):
    return {
        "name": name,
        "hosts": {"names": "gpu[001-064]"},
        "domain": {"size": 4},
        "failure_buffer": 2,
        "cycle_bound": "30d",
        "drain": {"deadline": "10m"},
        "visit_budget": "2h",
    }


def fleet_file(*pools, cluster=C):
    return FleetFile.model_validate(
        {
            "version": 1,
            "clusters": [
                {
                    "name": cluster,
                    "drivers": dict.fromkeys(("scheduler", "hardware", "verifier"), DRIVER),
                    "stack": {
                        "layers": ["firmware", "driver", "library"],
                        "split": "driver",
                        "reboot_duration": "5m",
                        "components": [
                            {"name": "bmc", "layer": "firmware", "duration": "10m"},
                            {"name": "gpu-driver", "layer": "driver", "duration": "10m", "reboot": True},
                            {"name": "cuda", "layer": "library", "duration": "10m"},
                        ],
                    },
                    "pins": {"cuda": "12.4"},
                    "desired": {"bmc": "2.0"},
                    "pools": [pool(name) for name in pools or (P,)],
                }
            ],
        }
    )


def host(name, **more):
    return Host(**{"cluster": C, "name": name, "pool": P, "since": NOW, **more})


def hosts(count):
    return tuple(host(f"gpu{number:04}", rack=f"r{number // 8}") for number in range(count))


def request(id_, *names, **more):
    return Request(
        **{
            "id": id_,
            "cluster": C,
            "kind": RequestClass.TRAIN,
            "holder": f"holder/{id_}",
            "hosts": names,
            "asked_at": NOW,
            "expected_seconds": 600.0,
            "why": "bmc 2.0",
            **more,
        }
    )


def grant_all(facts):
    """A policy that grants whatever waits."""
    return Settlement(reason="all", grants=tuple(Grant(request=r.id, reason="free") for r in facts.requests))


def nothing(facts):
    """A policy that decides nothing."""
    return Settlement(reason="nothing")


def lease(name, operation, **more):
    return LeaseHost(
        **{
            "cluster": C,
            "host": name,
            "request": f"request/{operation}",
            "holder": f"host/{C}/{name}",
            "operation": operation,
            "counted": "failed",
            "since": NOW,
            **more,
        }
    )


def outcome(name, operation, **more):
    return HostOutcome(
        **{
            "cluster": C,
            "pool": P,
            "host": name,
            "operation": operation,
            "outcome": Outcome.UPGRADED,
            "reason": "bmc 1.0 to 2.0",
            "at": NOW,
            **more,
        }
    )


def domains(*names):
    return tuple(Domain(name=name, hosts=(f"{name}-1", f"{name}-2")) for name in names)


def visit(id_, domain, **more):
    return Visit(
        **{
            "id": id_,
            "cluster": C,
            "pool": P,
            "cycle": 1,
            "domain": domain,
            "attempt": 1,
            "state": VisitState.WAITING,
            "opened_at": NOW,
            "taken": (f"{domain}-1",),
            "left_out": {f"{domain}-2": "in repair"},
            **more,
        }
    )


async def ready(store, *, members=4):
    """A store with a fleet file in force and hosts gpu0000, gpu0001, …"""
    await store.load_fleet(fleet_file(), "text", "ann", "first", NOW)
    await store.sync_hosts(C, hosts(members), NOW)


def look(seconds=0, *, error="", reason=None):
    node = Node(name="gpu0000", base=NodeBase.IDLE, reason=reason)
    seen = {"gpu0000": ObservedHost(host="gpu0000", node=node, jobs=("7",))}
    return Observation(cluster=C, began_at=later(seconds), hosts={} if error else seen, error=error)


def settling_elsewhere(url, decide, now=NOW):
    """A settling on a loop and connections of its own, as in another process; await it for its end."""

    async def elsewhere():
        other = await open_store(url)
        await other.settle(C, now, decide)
        await other.close()

    return asyncio.create_task(asyncio.to_thread(asyncio.run, elsewhere()))
