"""Carry the scenario through: let everything happen at its time, then wait until all is at rest."""

import asyncio
import time
from pathlib import Path
from typing import Any

import yaml

from bench.scenario.fleet import CLUSTER, URGENT, Share, shares
from bench.scenario.plan import Event, Happens, ScenarioPlan
from bench.scenario.seen import seen
from bench.scenario.site import BY, ScenarioSite
from fleet.errors import DriverError, Refused
from fleet.models.train import DomainState
from starter.demo.progress import Teller

LOOK_EVERY = 1.0
PEOPLE_EVERY = 10.0
"""Seconds between two rounds of the people who mend hosts and report work."""
UNDRAIN_AFTER = 45.0
"""Seconds that an outsider has its hosts."""
EMERGENCY = "hole"
REPAIRS = 8
"""Hosts that people mend in one round."""


class Scenario:
    """One run."""

    def __init__(self, site: ScenarioSite, plan: ScenarioPlan) -> None:
        self.site, self.plan = site, plan
        self.kills = {Happens.KILL_WORKER: 0, Happens.KILL_SERVER: 0}
        self.began = time.monotonic()
        self._theirs: list[tuple[float, str]] = []
        self._people_at = 0.0

    @property
    def clock(self) -> float:
        """Seconds since the trains started."""
        return time.monotonic() - self.began

    async def run(self) -> float:
        """Until everything is at rest again; the seconds it took. Raises `Refused` when it takes too long."""
        events = self.plan.events(self.site.pools)
        while events or not await self._at_rest():
            if self.clock > self.plan.within:
                raise Refused(f"the scenario is not at rest within {self.plan.within:.0f} s: {await self._left()}")
            while events and events[0].at <= self.clock:
                await self._happen(events.pop(0))
            await self._people()
            await self._tell(len(events))
            await asyncio.sleep(LOOK_EVERY)
        return self.clock

    async def _happen(self, event: Event) -> None:
        site = self.site
        if event.what is Happens.KILL_WORKER:
            site.kill_worker()
            self.kills[event.what] += 1
        elif event.what is Happens.KILL_SERVER:
            await site.kill_server()
            self.kills[event.what] += 1
        elif event.what is Happens.FAIL:
            site.world.kill_daemon(event.subject)
        elif event.what is Happens.DRAIN:
            self._drained(event.subject)
        elif event.what is Happens.SUBMIT:
            duration = ("--duration", "20s")
            site.command("op", "submit", *event.subject.split(), *duration, *BY, "work on its power")
        elif event.what is Happens.CANCEL:
            await site.cancel_newest()
        else:
            self._emergency()

    def _drained(self, host: str) -> None:
        try:
            self.site.drain(host)
        except DriverError:
            return  # drained already: the outsider looks elsewhere
        self._theirs.append((self.clock + UNDRAIN_AFTER, host))

    def _emergency(self) -> None:
        """A hole in the driver of two hundred training hosts, as far beyond the buffer as two more domains."""
        training = self.site.pools[0]
        spec = {
            "name": EMERGENCY,
            "cluster": CLUSTER,
            "pools": [training.name],
            "upgrades": [{"component": "gpu-driver", "version": URGENT}],
            "hosts": {"names": f"{training.prefix}[0001-{min(200, training.hosts // 2):04}]"},
            "width": 2,
        }
        file = self.site.stage.folder / "emergency.yaml"
        file.write_text(yaml.safe_dump(spec))
        self.site.command(
            "emergency", "start", str(file), "--planned-buffer", str(training.beyond), *BY, "a hole in it"
        )

    async def _people(self) -> None:
        """What people do now and then, and whoever restarts a worker that ended by itself."""
        self.site.worker_died()
        if self.clock < self._people_at:
            return
        self._people_at = self.clock + PEOPLE_EVERY
        due = [host for at, host in self._theirs if at <= self.clock]
        self._theirs = [(at, host) for at, host in self._theirs if at > self.clock]
        await self.site.undrain_theirs(due)
        await self.site.report_work()
        await self.site.repair(REPAIRS)
        await self.site.look_after_the_silent()

    async def _at_rest(self) -> bool:
        return not self._theirs and not await self._left()

    async def _left(self) -> list[str]:
        """What is not over yet, in words."""
        store = self.site.store
        facts = await store.facts(CLUSTER, await store.clock())
        found = [f"{len(facts.leases)} leases"] if facts.leases else []
        found += [f"{len(facts.requests)} requests"] if facts.requests else []
        found += [f"{operation.id} {operation.state}" for operation in await store.operations(over=False)]
        found += [f"{e.id} {e.state}" for e in await store.emergencies() if not e.over]
        for pool in self.site.pools:
            cycle = await store.cycle(CLUSTER, pool.name, 1)
            if cycle is None or cycle.closed_at is None:
                found.append(f"the cycle of {pool.name}")
        return found

    async def _tell(self, events: int) -> None:
        for pool in self.site.pools:
            cycle = await self.site.store.cycle(CLUSTER, pool.name, 1)
            domains = cycle.domains if cycle is not None else ()
            done = sum(d.state in (DomainState.VISITED, DomainState.SKIPPED) for d in domains)
            # A pipe shows a line only when it is new, so it has to say itself how far the pool is.
            line = f"{done} domains over; {sum(self.kills.values())} kills, {events} events to come"
            self.site.teller.show(pool.name, done, len(domains), "domains", line)


async def run_scenario(folder: Path, plan: ScenarioPlan) -> dict[str, Any]:
    """The report: what was done, and what the outside observer and the requests' own rows say of it."""
    teller = Teller()
    pools: tuple[Share, ...] = shares(plan.hosts)
    site = ScenarioSite(folder, pools, plan.seed, teller)
    try:
        await site.up()
        teller.say(f"Temporal UI: {site.stage.ui}")
        scenario = Scenario(site, plan)
        took = await scenario.run()
        found = await seen(site, plan)
        kills = {kind.value: count for kind, count in scenario.kills.items()}
        return {**found, "kills": kills, "took_s": round(took, 1), "refused": len(site.refused)}
    finally:
        teller.close()
        await site.close()
