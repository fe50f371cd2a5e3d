"""Record the histories anew: `make histories`, after a change that alters what workflows command.

A small simulated site lives through everything that can happen to a host, a visit, a train and a dispatcher; the server
suggests early to continue as new, so that no story is long. Takes about two minutes.
"""

import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import yaml

from drivers.simulated.cluster import SimulatedCluster
from fleet import ids
from fleet.models.scheduler import JobKind
from tests.replay.early import EarlySite, early_site
from tests.replay.keeping import Run, keep, runs_of, say
from tests.replay.stories import FOLDER
from tests.scenarios.site import CLUSTER, POOL, WHERE, Site, fleet_document

SUGGEST_AT = "limit.historyCount.suggestContinueAsNew=100"
DRIVER = "gpu-driver/550.2"
BY = ("--actor", "operator", "--reason")
NOTE = {"actor": "operator", "reason": "a look at the power feed"}


def _document() -> dict[str, Any]:
    """Six domains of two hosts, a component without a reboot first, so that there is a safe point with work done."""
    faults = [
        {"kind": "gpu_slow", "host": "gpu002"},
        {"kind": "flash_fails", "host": "gpu003"},
        {"kind": "health_fails", "host": "gpu004", "cured_by": ["gpu_reset"]},
    ]
    document = fleet_document(12, 2, faults, failure_buffer=4, floor=2, notice="1s")
    cluster = document["clusters"][0]
    cluster["observe_every"] = "2s"
    cluster["repair"] = {"ladder": {"hardware": ["retry", "gpu_reset"]}, "notice": {"failed_for": "1s"}}
    cluster["drivers"]["scheduler"]["jobs"]["load"] = 0
    cluster["drivers"]["hardware"]["installed"]["cpld"] = "1.0"
    cluster["stack"]["components"][1]["duration"] = "3s"
    cluster["stack"]["components"].insert(0, {"name": "cpld", "layer": "device-firmware", "duration": "3s"})
    cluster["desired"]["cpld"] = "1.1"
    cluster["matrix"].append({"components": {"gpu-driver": "550.*"}, "pins": {"nccl": "2.22"}})
    return document


class Recording:
    """What is waited for and said at the site."""

    def __init__(self, early: EarlySite) -> None:
        self.early, self.site = early, early.site
        self.world: SimulatedCluster = self.site.world()

    def runs(self) -> list["Run"]:
        """What the server remembers."""
        return self.early.ask(runs_of(self.early.client))

    def outcome(self, host: str) -> str:
        found = self.site.outcomes().get(host)
        return found.outcome.value if found else ""

    def until_outcome(self, host: str, outcome: str) -> None:
        self.site.until(lambda: self.outcome(host) == outcome, 120, f"{host} is {outcome}")
        say(f"{host} {outcome}")

    def until_event(self, host: str, kind: str) -> None:
        def seen() -> bool:
            return any(row.host == host and row.kind == kind for row in self.world.journal())

        self.site.until(seen, 120, f"{kind} on {host}")


def _live(recording: Recording) -> None:
    """What happens at the site."""
    site, world = recording.site, recording.world
    run = site.stage.run
    for host in ("gpu009", "gpu010"):
        world.drain_by_other(host, "admin: disk check")
    blocking = world.submit_job(hosts=["gpu007"], kind=JobKind.NOT_REQUEUEABLE)
    run("rollout", "start", str(_spec(site)), *BY, "a new driver")
    site.start_train()
    last = site.until(site.cycle, 30, "the cycle is open").domains[-1].domain.name
    run("train", "skip", WHERE, last, *BY, "its owner asked")

    recording.until_outcome("gpu002", "handed_over")
    run("host", "retry", "gpu002", *BY, "look again")
    recording.until_event("gpu005", "flash_started")
    recording.early.signal(ids.train(CLUSTER, POOL), "stop", NOTE)
    recording.until_outcome("gpu005", "partly_upgraded")

    run("host", "decommission", "gpu003", *BY, "out of warranty")
    site.until(lambda: "gpu002 did not pass" in site.stage.log("up.log"), 60, "the retry of gpu002 failed")
    world.repair_host("gpu002")
    run("host", "repaired", "gpu002", *BY, "a new GPU")
    recording.until_outcome("gpu002", "repaired")
    recording.until_outcome("gpu003", "decommissioned")
    recording.until_outcome("gpu004", "repaired")
    recording.early.signal(ids.train(CLUSTER, POOL), "resume", NOTE)

    recording.until_outcome("gpu007", "given_back")
    recording.early.signal(ids.dispatcher(CLUSTER), "stop", NOTE)
    world.end_job(blocking)
    time.sleep(3)
    recording.early.signal(ids.dispatcher(CLUSTER), "resume", NOTE)
    site.until_happened("flash_started", "gpu007", 120, component="gpu-driver")
    # Its reboot is held until the offboarding is in force, however long the command line takes.
    recording.early.signal(ids.dispatcher(CLUSTER), "freeze", NOTE)
    run("rollout", "offboard", DRIVER, *BY, "kernels hang")
    recording.early.signal(ids.dispatcher(CLUSTER), "resume", NOTE)
    recording.until_outcome("gpu007", "rolled_back")
    site.until_closed(240)
    _switch_pin(site, world)
    _emergency(recording)
    _large(recording)
    _give_away(recording)


def _switch_pin(site: Site, world: SimulatedCluster) -> None:
    """A pin switch, once everybody is in production or in our hands."""
    for host in ("gpu009", "gpu010"):
        world.undrain_by_other(host)
    options = ("--window", "10m", "--max-failed", "2", "--override-floor")
    site.stage.run("pin", "switch", CLUSTER, "nccl", "2.22", *options, *BY, "a new nccl")

    def stands(state: str) -> bool:
        return site.stage.run("pin", "status", CLUSTER).splitlines()[0].endswith(state)

    site.until(lambda: stands("asking"), 90, "the pin switch asks for an approval")
    site.stage.run("pin", "approve", CLUSTER, *BY, "tonight is quiet")
    site.until(lambda: stands("done"), 180, "the pin is switched")
    say("nccl switched")
    _operate(site)


def _operate(site: Site) -> None:
    """A host for an outsider, who works on it and says so."""
    site.stage.run("op", "submit", "replace-nic", f"{CLUSTER}/host/gpu012", *BY, "a broken cage")

    def stands(state: str) -> bool:
        op = site.operation("op/1")
        return op is not None and op.state == state

    site.until(lambda: stands("working"), 60, "the host is held for the outsider")
    site.stage.run("op", "done", "op/1", *BY, "it is in")
    site.until(lambda: stands("done"), 60, "the operation is done")
    say("op/1 done")


def _emergency(recording: Recording) -> None:
    """An emergency for two hosts, stopped and resumed on the way."""
    site, emergency = recording.site, ids.emergency(CLUSTER, "hole")
    spec = {"name": "hole", "cluster": CLUSTER, "upgrades": [{"component": "gpu-driver", "version": "550.3"}]}
    file = site.file.parent / "emergency.yaml"
    file.write_text(yaml.safe_dump({**spec, "hosts": {"names": "gpu[005-006]"}}))
    site.stage.run("emergency", "start", str(file), *BY, "a hole in the driver")
    recording.early.signal(emergency, "stop", NOTE)
    recording.early.signal(emergency, "resume", NOTE)

    def done() -> bool:
        return "550.3): done" in site.stage.run("emergency", "status")

    site.until(done, 120, "the emergency is done")
    say("an emergency done")


def _large(recording: Recording) -> None:
    """A large-scale maintenance for two hosts: one round, then a person's go for the other."""
    site, large = recording.site, ids.large(CLUSTER, "winter")
    plan = {
        "at": (datetime.now(UTC) + timedelta(seconds=12)).isoformat(),
        "steps": [{"domains": 1, "gate": "approval"}],
    }
    spec = {"name": "winter", "cluster": CLUSTER, "upgrades": [{"component": "gpu-driver", "version": "550.4"}]}
    file = site.file.parent / "large.yaml"
    file.write_text(yaml.safe_dump({**spec, "hosts": {"names": "gpu[006-007]"}, "plan": plan}))
    site.stage.run("large", "start", str(file), *BY, "the winter's drivers")

    def stands(words: str) -> bool:
        found = site.ask(lambda store: store.emergency(large))
        return found is not None and words in f"{found.state}: {found.reason}"

    site.until(lambda: stands("a person is to say go"), 120, "it waits at its gate", often=True)
    recording.early.signal(large, "approve", {**NOTE, "round": 1})
    site.until(lambda: stands("done: "), 120, "it is done", often=True)
    say("a large-scale maintenance done")


def _give_away(recording: Recording) -> None:
    """A host that goes down in production, and to its vendor; another that comes back by itself."""
    site, world = recording.site, recording.world
    for host in ("gpu001", "gpu008"):
        world.kill_daemon(host)
    site.until(lambda: {"gpu001", "gpu008"} <= set(site.leases()), 60, "both are in repair")
    site.stage.run("host", "give", "gpu001", "--to", "vendor", *BY, "RMA 4711")
    world.repair_host("gpu008")
    recording.until_outcome("gpu008", "repaired")
    site.stage.run("host", "taken", "gpu001", "--by", "vendor", *BY, "on the truck")
    recording.until_outcome("gpu001", "given_away")


def _spec(site: Site) -> Path:
    """A rollout that is open for every host at once, of what the fleet file desires too."""
    component, _, version = DRIVER.partition("/")
    spec = {
        "component": component,
        "version": version,
        "prior": "550.1",
        "phases": [{"name": "all", "max_failure_rate": 1}],
    }
    path = site.file.parent / "rollout.yaml"
    path.write_text(yaml.safe_dump({**spec, "on_offboard": {"roll_back": "leave"}}))
    return path


def main() -> None:
    """Live, then keep what is to be told."""
    FOLDER.mkdir(exist_ok=True)
    with (
        tempfile.TemporaryDirectory(prefix="histories-") as folder,
        early_site(Path(folder), _document(), (SUGGEST_AT,)) as early,
    ):
        recording = Recording(early)
        _live(recording)
        keep(recording.runs())


if __name__ == "__main__":
    main()
