"""A small simulated fleet for whole-fleet scenarios, on a real Temporal server, with real worker processes, and
watched by the outside observer, which reads the simulated cluster's own journal."""

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Coroutine, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

import yaml

from drivers.simulated.cluster import JournalRow, SimulatedCluster
from drivers.simulated.journal import JournalReplay
from fleet.models.facts import LedgerFacts
from fleet.models.operation import Operation
from fleet.models.train import Cycle
from fleet.models.work import HostOutcome
from fleet.ports.store import Store
from starter.demo.lifted import lifted_limits
from starter.demo.observer import Observer
from starter.demo.simulated import pool_limits
from starter.demo.stage import Stage
from starter.fleetfile import read_fleet
from store import open_store
from tests.scenarios.crashes import crashing

Answer = TypeVar("Answer")
ROOT = Path(__file__).parents[2]
CLUSTER, POOL = "sim", "gpu"
WHERE = f"{CLUSTER}/{POOL}"
LOOK_EVERY = 0.1
PATIENCE = 3
"""How many times what a wait is said to take it may take: five workers' tests share the cores of a machine."""


def fleet_document(
    hosts: int = 6, domain: int = 3, faults: Sequence[dict[str, Any]] = (), **pool: Any
) -> dict[str, Any]:
    """A fleet file as a document: two upgrades with a reboot, times of about a second. Interruptions cost nothing, so
    that domains come in their fixed order.
    """
    return {
        "version": 1,
        "clusters": [
            {
                "name": CLUSTER,
                "drivers": {
                    "scheduler": {
                        "kind": "simulated",
                        "state": "sim.sqlite",
                        "poll": "100ms",
                        "jobs": {
                            "load": 0.6,
                            "sizes": {1: 0.5, 2: 0.5},
                            "mean": "20s",
                            "requeueable": 1.0,
                            "interactive": 0,
                        },
                    },
                    "hardware": {
                        "kind": "simulated",
                        "state": "sim.sqlite",
                        "seed": 11,
                        "hosts": f"gpu[001-{hosts:03}]",
                        "hosts_per_rack": domain,
                        "hosts_per_nvlink": domain,
                        "installed": {"nic-firmware": "1.0", "gpu-driver": "550.1", "nccl": "2.21"},
                        "verify_duration": "500ms",
                        "spread": 0,
                        "faults": list(faults),
                    },
                    "verifier": {"kind": "simulated"},
                },
                "stack": {
                    "layers": ["device-firmware", "driver", "nccl"],
                    "split": "driver",
                    "reboot_duration": "1500ms",
                    "components": [
                        {"name": "nic-firmware", "layer": "device-firmware", "duration": "1s", "reboot": True},
                        {
                            "name": "gpu-driver",
                            "layer": "driver",
                            "duration": "1s",
                            "reboot": True,
                            "relates_to": ["nccl"],
                        },
                        {"name": "nccl", "layer": "nccl", "duration": "1s"},
                    ],
                },
                "pins": {"nccl": "2.21"},
                "desired": {"nic-firmware": "1.1", "gpu-driver": "550.2"},
                "matrix": [{"components": {"gpu-driver": "550.*"}, "pins": {"nccl": "2.21"}}],
                "observe_every": "500ms",
                "host_back_within": "20s",
                "versions_settle_within": "2s",
                "reboot_begins_within": "5s",
                "pools": [
                    {
                        "name": POOL,
                        "hosts": {"names": f"gpu[001-{hosts:03}]"},
                        "domain": {"size": domain, "group_by": "rack"},
                        "failure_buffer": 2,
                        "floor": max(0, hosts - domain - 2),
                        "cycle_bound": "10m",
                        "drain": {"deadline": "1s"},
                        "visit_budget": "30s",
                        "verify_duration": "2s",
                        "fabric_wait": "40s",
                        "autostop": {"settle": "2s", "stale_after": "60s"},
                        "job_costs": {"restart": "0s", "checkpoint": "0s"},
                        **pool,
                    }
                ],
            }
        ],
    }


class Site:
    """One scenario's fleet. Use as a context manager."""

    def __init__(self, folder: Path, document: dict[str, Any], crash_at: Sequence[str] = ()) -> None:
        self.stage = Stage(folder / "data", {"PYTHONPATH": str(ROOT), "MAINTRAIN_LOG_LEVEL": "INFO"})
        self.stage.fresh()
        self.document = document
        self.file = folder / "fleet.yaml"
        loaded = crashing(document, folder, crash_at) if crash_at else document
        self.file.write_text(yaml.safe_dump(loaded))
        self.marks = folder / "marks"
        self._runner = asyncio.Runner()
        self._store: Store | None = None
        self._world: SimulatedCluster | None = None
        self._rows: list[JournalRow] = []
        self.cycles_asked = 0

    def __enter__(self) -> "Site":
        self.stage.run("fleet", "load", str(self.file), "--reason", "scenario")
        self.stage.up()
        self.stage.run("fleet", "sync", "--reason", "scenario")
        return self

    def __exit__(self, *_: object) -> None:
        self.stage.close()
        if self._world is not None:
            self._world.close()
        if self._store is not None:
            self._runner.run(self._store.close())
        self._runner.close()

    def start_train(self, cycles: int = 1) -> None:
        self.stage.run("train", "start", WHERE, "--cycles", str(cycles), "--reason", "scenario")
        self.cycles_asked += cycles

    def world(self) -> SimulatedCluster:
        """The cluster, for what people and jobs do to it."""
        if self._world is None:
            self._world = SimulatedCluster.at(self.stage.folder / "sim.sqlite")
        return self._world

    def journal(self) -> list[JournalRow]:
        """Every change of the cluster so far."""
        self._rows += self.world().journal(self._rows[-1].seq if self._rows else 0)
        return self._rows

    def until(self, what: Callable[[], Any], within: float, why: str, *, often: bool = False) -> Any:
        """Wait until `what` is true, for `within` seconds where nothing else runs; its value. `often`: it may be so for
        a moment only.
        """
        deadline = time.monotonic() + PATIENCE * within
        while (began := time.monotonic()) < deadline:
            found = what()
            if found:
                return found
            # A look by the command line costs a second of processor time, which what is looked at needs itself.
            took = time.monotonic() - began
            time.sleep(LOOK_EVERY if often else max(LOOK_EVERY, 2 * took))
        raise AssertionError(f"not within {PATIENCE * within:g} s: {why}\n{self.stage.log('up.log')[-3000:]}")

    def cycle(self, number: int = 1) -> Cycle | None:
        return self.ask(lambda store: store.cycle(CLUSTER, POOL, number))

    def outcomes(self) -> dict[str, HostOutcome]:
        """The latest outcome of each host."""
        rows = self.ask(lambda store: store.outcomes(CLUSTER))
        return {o.host: o for o in reversed(rows)}

    def all_outcomes(self) -> tuple[HostOutcome, ...]:
        """Every outcome so far, the newest first."""
        return self.ask(lambda store: store.outcomes(CLUSTER))

    def versions(self) -> dict[str, dict[str, str]]:
        """Versions last observed, by host."""
        return self.ask(lambda store: store.versions(CLUSTER))

    def operation(self, op_id: str) -> Operation | None:
        """A submitted operation as it stands."""
        return self.ask(lambda store: store.operation(op_id))

    def leases(self) -> dict[str, Any]:
        return self.now().leases

    def now(self) -> LedgerFacts:
        """What the dispatcher knows: leases, requests and why they wait, stops, autostops."""
        return self.ask(lambda store: store.facts(CLUSTER, datetime.now(UTC)))

    def happened(self, kind: str, host: str | None = None, **detail: Any) -> list[JournalRow]:
        """The rows of the cluster's journal of that kind, on that host, with these details."""
        return [
            row
            for row in self.journal()
            if row.kind == kind and host in (None, row.host) and detail.items() <= row.detail.items()
        ]

    def until_happened(self, kind: str, host: str | None = None, within: float = 60, **detail: Any) -> JournalRow:
        """Wait for the first such row."""
        rows = self.until(lambda: self.happened(kind, host, **detail), within, f"{kind} {host or ''} {detail}")
        return rows[0]

    def until_outcome(self, host: str, outcome: str, within: float = 60) -> HostOutcome:
        """Wait until a host's latest outcome is this one."""

        def found() -> HostOutcome | None:
            last = self.outcomes().get(host)
            return last if last is not None and last.outcome == outcome else None

        return self.until(found, within, f"{host} is {outcome}")

    def our_drains_after(self, at: float) -> list[str]:
        """Hosts that we took out by plan after that instant."""
        ours = (r for r in self.happened("drained", by="maintrain") if r.detail["reason"].startswith("maintrain:plan"))
        return [str(r.host) for r in ours if r.at > at]

    def ask(self, question: Callable[[Store], Coroutine[Any, Any, Answer]]) -> Answer:
        """Read the store; opened once, for the machine is the scenario's."""

        async def ask() -> Answer:
            if self._store is None:
                self._store = await open_store(self.stage.store_url)
            return await question(self._store)

        return self._runner.run(ask())

    def until_closed(self, within: float, number: int = 1) -> None:
        def closed() -> bool:
            cycle = self.cycle(number)
            return cycle is not None and cycle.closed_at is not None

        self.until(closed, within, f"cycle {number} is closed")

    def cycle_until(self, what: Callable[[], Any], within: float, why: str) -> None:
        """Ask for one more cycle whenever the last has closed, until `what` is true.

        A cycle that has nothing to do takes a second, and a rollout may open its next phase just after it: how many
        cycles carry one through its phases is not known before.
        """

        def done() -> bool:
            if what():
                return True
            last = self.cycle(self.cycles_asked)
            if self.cycles_asked == 0 or (last is not None and last.closed_at is not None):
                self.start_train()
            return False

        self.until(done, within, why)

    def observed(self, reboots_per_operation: int = 1) -> dict[str, Any]:
        """What the outside observer saw in the whole journal."""
        inner = self.file if not self.marks.exists() else self.marks.parent / "inner.yaml"
        fleet, _ = read_fleet(inner)
        world = self.world()
        cluster = fleet.clusters[0]
        granted = self.ask(lambda store: store.overrides(cluster.name))
        spans = [(o.since.timestamp(), o.until.timestamp()) for o in granted if o.whole and o.until is not None]
        limits = pool_limits(cluster, {POOL: world.hosts()})
        observer = Observer(limits, reboots_per_operation, spans, lifted_limits(granted))
        for snapshot in JournalReplay(world).more():
            observer.see(snapshot)
        return observer.report()

    def effects(self) -> Counter[tuple[str, str]]:
        """(host, effect) → how often it happened, from the journal."""
        counts: Counter[tuple[str, str]] = Counter()
        for row in self.journal():
            if row.kind == "flash_started":
                counts[str(row.host), f"flash {row.detail['component']}"] += 1
            elif row.kind == "reboot_started":
                counts[str(row.host), "reboot"] += 1
        return counts
