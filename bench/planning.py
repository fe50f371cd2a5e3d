"""`python -m bench.planning`: time and memory of planning a cycle of a very large pool, in a process of its own."""

import json
import resource
import subprocess
import sys
import time
from datetime import UTC, datetime
from typing import Any

from fleet.models.facts import LedgerFacts
from fleet.models.fleetfile import Cluster
from fleet.models.host import Host
from fleet.models.observation import Observation, ObservedHost
from fleet.models.pool import Pool
from fleet.models.scheduler import Node, NodeBase
from fleet.policy.cycle_plan import plan_stops
from fleet.policy.domains import form_domains

HOSTS, COMPONENTS, DOMAIN = 75_000, 50, 72
MIXES = 40
"""Different sets of versions that are found on the hosts: some hosts are a version behind in some components."""


def measure(hosts: int = HOSTS) -> dict[str, Any]:
    """Plan in a process of its own, so that its peak memory is nobody else's: seconds, MiB, and of how much."""
    command = [sys.executable, "-m", "bench.planning", str(hosts)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return dict(json.loads(done.stdout))


def _plan(count: int) -> dict[str, Any]:
    cluster = Cluster.model_validate(_cluster())
    pool, now = cluster.pools[0], datetime.now(UTC)
    hosts = {f"gpu{n:05}": _host(f"gpu{n:05}", n, now) for n in range(count)}
    mixes = [_versions(mix) for mix in range(MIXES)]
    versions = {name: mixes[n % MIXES] for n, name in enumerate(hosts)}
    ledger = _ledger(pool, hosts, now)
    began = time.perf_counter()
    domains = form_domains(tuple(hosts.values()), pool.domain)
    stops = plan_stops(cluster, pool, domains, ledger, cluster.matrix, versions, None)
    seconds = time.perf_counter() - began
    return {
        "seconds": round(seconds, 2),
        "peak_mib": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
        "hosts": sum(len(stop.hosts) + len(stop.left_out) + len(stop.stays) for stop in stops),
        "components": COMPONENTS,
        "stops": len(stops),
        "upgrades": sum(count for stop in stops for count in stop.upgrades.values()),
    }


def _host(name: str, number: int, now: datetime) -> Host:
    return Host(cluster="big", name=name, pool="gpu", rack=f"r{number // DOMAIN:05}", since=now)


def _versions(mix: int) -> dict[str, str]:
    return {f"c{n:02}": "1.0" if (n * 7 + mix) % MIXES < mix % 6 else "1.1" for n in range(COMPONENTS)} | {"nccl": "2"}


def _ledger(pool: Pool, hosts: dict[str, Host], now: datetime) -> LedgerFacts:
    seen = {name: ObservedHost(host=name, node=Node(name=name, base=NodeBase.IDLE)) for name in hosts}
    return LedgerFacts.model_construct(
        cluster="big",
        now=now,
        pools=(pool,),
        failed_reasons=(),
        hosts=hosts,
        leases={},
        requests=(),
        observation=Observation(cluster="big", began_at=now, hosts=seen),
        autostops={},
        stops=(),
    )


def _cluster() -> dict[str, Any]:
    names = [f"c{n:02}" for n in range(COMPONENTS)]
    parts = [{"name": n, "layer": "below", "duration": "5m", "reboot": True, "relates_to": ["nccl"]} for n in names]
    simulated = {"kind": "simulated", "state": "none.sqlite"}
    return {
        "name": "big",
        "drivers": {
            "scheduler": simulated,
            "hardware": {**simulated, "hosts": "gpu[00000-00001]", "installed": {}},
            "verifier": {"kind": "simulated"},
        },
        "stack": {
            "layers": ["below", "above"],
            "split": "below",
            "reboot_duration": "10m",
            "components": [*parts, {"name": "nccl", "layer": "above", "duration": "5m"}],
        },
        "pins": {"nccl": "2"},
        "desired": dict.fromkeys(names, "1.1"),
        "matrix": [{"components": dict.fromkeys(names, "1.*"), "pins": {"nccl": "2"}}],
        "pools": [
            {
                "name": "gpu",
                "hosts": {"names": "gpu*"},
                "domain": {"size": DOMAIN, "group_by": "rack"},
                "failure_buffer": 200,
                "cycle_bound": "30d",
                "visit_budget": "8h",
                "floor": 70_000,
                "drain": {"deadline": "4h"},
                "fabric_wait": "30m",
            }
        ],
    }


if __name__ == "__main__":
    print(json.dumps(_plan(int(sys.argv[1]) if sys.argv[1:] else HOSTS)))
