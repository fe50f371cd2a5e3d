"""Everything that a look at a rollout reads. The command line looks the same way, without judging or writing."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from activities.trial_window import TrialWindows
from fleet.errors import InvalidInput
from fleet.models.base import Moment
from fleet.models.facts import LedgerFacts
from fleet.models.fleetfile import FleetFile
from fleet.models.host import Host, HostSet, Standing
from fleet.models.phases import PhaseFacts
from fleet.models.rollout import RollBack
from fleet.models.rollouts import HostKey, Offboarded, Rollout, RolloutState, Trial
from fleet.policy.cohorts import in_scope
from fleet.policy.phase_counts import phase_counts
from fleet.policy.rollout_blame import CONTROLS, Blamed
from fleet.policy.sets import standings
from fleet.policy.wanted import next_version
from fleet.ports.store import Store

_OUT = (HostSet.FAILED, HostSet.FOREIGN)
"""Not the unknown: what can't be observed is to go, so that a silent scheduler completes nothing."""


@dataclass(frozen=True)
class RolloutLook:
    """What was read for one rollout."""

    rollout: Rollout
    now: Moment
    fleet: FleetFile
    hosts: Mapping[str, tuple[Host, ...]]
    """Members by cluster."""
    frozen: Mapping[HostKey, int]
    carried: Mapping[HostKey, str]
    """Version of the rollout's component, as last observed."""
    trials: tuple[Trial, ...]
    ledgers: tuple[LedgerFacts, ...]
    depends: tuple[Rollout, ...]
    """The rollouts that it depends on, as far as they were started."""
    ended: tuple[str, ...]
    """Its versions that board nowhere once it is offboarded."""
    bad: tuple[Offboarded, ...] = ()
    """Versions of its component that other rollouts' offboarding took out of every train."""
    visited: frozenset[HostKey] = frozenset()
    """Hosts of visits that were under way before the trials were read: theirs may be missing."""

    @property
    def members(self) -> list[Host]:
        """Hosts of all its clusters that are in service."""
        return [h for its in self.hosts.values() for h in its if not h.decommissioned]

    @property
    def on_offboarded(self) -> list[Host]:
        """Hosts that still carry it although it was offboarded and is to be rolled back."""
        rollout = self.rollout
        if rollout.state is not RolloutState.OFFBOARDED or rollout.roll_back is RollBack.LEAVE:
            return []
        return [h for h in self.members if self.carried.get((h.cluster, h.name)) in self.ended]

    @property
    def to_take_back(self) -> list[Host]:
        """Those of them that visits can take; from repair none returns with it, and what others hold is theirs."""
        if not self.on_offboarded:
            return []
        out = self._taken()
        return [h for h in self.on_offboarded if (h.cluster, h.name) not in out]

    def facts(self, verdict: Blamed, trials: Sequence[Trial] | None = None) -> PhaseFacts:
        """What the gate looks at, with what blame says."""
        told = self.trials if trials is None else trials
        out = self._out()
        return PhaseFacts(
            rollout=self.rollout,
            now=self.now,
            counts=phase_counts(
                self.rollout, self.members, self.frozen, self.carried, told, verdict.forgiven, self.visited
            ),
            out=len(out),
            foreign=out.count(HostSet.FOREIGN),
            on_offboarded=len(self.on_offboarded),
            on_offboarded_out=len(self.on_offboarded) - len(self.to_take_back),
            waits_for=self._waits_for(),
            blamed=verdict.reason if verdict.version else "",
        )

    def _taken(self) -> set[HostKey]:
        """Hosts that no visit takes just now: in repair, or in others' hands."""
        return {(s.cluster, h) for s in self.ledgers for h, at in standings(s).items() if at.set in _OUT}

    def _out(self) -> list[HostSet]:
        """Where the hosts are that don't have the version and can't be taken by a visit just now."""
        rollout = self.rollout
        if rollout.phase < rollout.last_phase:
            return []
        version = rollout.spec.version
        without = [h for h in self.members if in_scope(rollout.spec, h) and self._carries(h) != version]
        where: dict[str, dict[str, Standing]] = {ledger.cluster: standings(ledger) for ledger in self.ledgers}
        seen = (where[h.cluster].get(h.name) for h in without)
        return [standing.set for standing in seen if standing is not None and standing.set in _OUT]

    def _carries(self, host: Host) -> str | None:
        return self.carried.get((host.cluster, host.name))

    def _waits_for(self) -> str:
        for other in self.depends:
            if other.state is RolloutState.OFFBOARDED:
                return f"it depends on {other.id}, which was offboarded: {other.reason}"
        return self._bad_stage()

    def _bad_stage(self) -> str:
        """The version next on some host's path that another rollout's offboarding took out of every train. Not of one
        that no visit takes: it would hold up all the others for as long as it is out.
        """
        spec = self.rollout.spec
        bad = {version: end for end in self.bad for version in end.versions}
        taken = self._taken() if bad else set()
        for host in (h for h in self.members if bad and (h.cluster, h.name) not in taken):
            version = next_version(spec, self._carries(host))
            if version in bad and in_scope(spec, host) and self._carries(host) != spec.version:
                end = bad[version]
                return f"{spec.component} {version} is next on its path, which {end.rollout} offboarded: {end.reason}"
        return ""


async def look_at(store: Store, rollout: Rollout, windows: TrialWindows | None = None) -> RolloutLook:
    """Read what the gate looks at. `windows` keep trials for the next look.

    Raises `InvalidInput` without a fleet file in force.
    """
    spec, record, now = rollout.spec, await store.fleet(), await store.clock()
    if record is None:
        raise InvalidInput("store", "fleet file", "expected one in force: load it with `maintrain fleet load FILE`")
    clusters = [c.name for c in record.fleet.clusters if not spec.clusters or c.name in spec.clusters]
    carried: dict[HostKey, str] = {}
    for name in clusters:
        for host, versions in (await store.versions(name)).items():
            if spec.component in versions:
                carried[name, host] = versions[spec.component]
    visited = frozenset([key for name in clusters for key in await _visited(store, record.fleet, name, now)])
    depends = [await store.rollout(needed) for needed in spec.depends_on]
    all_ended = await store.offboarded(spec.component)
    ended = [end.versions for end in all_ended if end.rollout == rollout.id]
    return RolloutLook(
        rollout=rollout,
        now=now,
        fleet=record.fleet,
        hosts={name: await store.hosts(name) for name in clusters},
        frozen=await store.cohort(rollout.id),
        carried=carried,
        trials=await (windows or TrialWindows(store)).read(rollout.id, clusters, rollout.started_at - CONTROLS),
        ledgers=tuple([await store.facts(name, now) for name in clusters]),
        depends=tuple(other for other in depends if other is not None),
        ended=next(iter(ended), spec.versions),
        bad=tuple(end for end in all_ended if end.rollout != rollout.id),
        visited=visited,
    )


async def _visited(store: Store, fleet: FleetFile, cluster: str, now: Moment) -> list[HostKey]:
    """Hosts of a cluster's visits under way, those that returned already too: a visit tells its trials at its end."""
    found: list[HostKey] = []
    for pool in next((c.pools for c in fleet.clusters if c.name == cluster), ()):
        train = await store.train_facts(cluster, pool.name, now)
        if train is not None and train.cycle is not None:
            under_way = (d.domain.hosts for d in train.cycle.domains if d.visit in train.open_visits)
            found += [(cluster, host) for hosts in under_way for host in hosts]
    return found
