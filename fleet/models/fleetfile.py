"""The fleet file: every cluster, pool, promise, version and driver. Its field checks are here, cross-checks that
need the real hosts (overlapping selectors, buffers against members) are in `fleet.policy.membership`.
"""

from enum import StrEnum
from typing import Literal

from pydantic import Field, model_validator

from fleet.models.base import Fact, Name, Version
from fleet.models.drivers import Drivers
from fleet.models.event_sink import EventSink
from fleet.models.ladder import Repair
from fleet.models.matrix import MatrixEntry
from fleet.models.pool import Pool
from fleet.models.stack import Stack
from fleet.models.topology import Topology
from fleet.models.units import Duration, parse_duration


class Announce(StrEnum):
    """How a scheduler is told of a train's next stop, beside the signal to jobs."""

    NONE = "none"
    RESERVATION = "reservation"
    """By a maintenance reservation that begins with it: jobs that would not be over by then are not started there."""


class Cluster(Fact):
    """A set of hosts under one scheduler, with one pin per job-facing component."""

    name: Name
    drivers: Drivers
    stack: Stack
    pins: dict[Name, Version] = Field(default_factory=dict, description="job-facing component: its one version")
    desired: dict[Name, Version] = Field(default_factory=dict, description="host-facing component: version to reach")
    matrix: tuple[MatrixEntry, ...] = Field((), description="entries besides those adopted or published")
    hardware_models: dict[str, str] = Field(
        default_factory=dict,
        description="hardware model: glob of the node features that say so, such as {h100: gpu-h100*}; for schedulers "
        "that tell no model",
    )
    publish_versions: tuple[Name, ...] = Field(
        (),
        description="components whose installed version a host shows as a node feature, such as "
        "maintrain.gpu-driver=550.54.15, for jobs to ask for; default none",
    )
    failed_reasons: tuple[str, ...] = Field(
        (
            "Not responding*",
            "Kill task failed*",
            "Prolog error*",
            "Epilog error*",
            "NHC:*",
            "Low *",
            "*reboot timed out*",
        ),
        description="globs of drain reasons that mean a failed host; every other reason is foreign",
    )
    observe_every: Duration = Field(parse_duration("15s"), description="cadence of the dispatcher's observation")
    host_back_within: Duration = Field(parse_duration("30m"), description="time a rebooted host has to come back")
    reboot_begins_within: Duration = Field(
        parse_duration("60s"), description="time within which a host that was told to reboot stops answering"
    )
    versions_settle_within: Duration = Field(
        parse_duration("5m"),
        description="time an inventory has, after a boot, to report what the boot brought into effect",
    )
    repair: Repair = Field(Repair(), description="what is tried with a host in repair before a person is asked")
    topology: Topology = Field(Topology(), description="what hangs on which switch, power feed and cooling loop")
    announce: Announce = Field(
        Announce.NONE, description="reservation: the scheduler starts no job on a next stop that would not be over"
    )
    pools: tuple[Pool, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _consistent(self) -> "Cluster":
        for name in self.pins:
            component = self.stack.component(name)
            if component is None or self.stack.host_facing(component):
                raise ValueError(f"pins.{name}: expected a job-facing component of the stack")
        wanted = [("desired", self.desired)] + [(f"pools.{p.name}.desired", p.desired) for p in self.pools]
        for place, versions in wanted:
            for name in versions:
                component = self.stack.component(name)
                if component is None or not self.stack.host_facing(component):
                    raise ValueError(f"{place}.{name}: expected a host-facing component of the stack")
        for name in self.publish_versions:
            if self.stack.component(name) is None:
                raise ValueError(f"publish_versions: expected components of the stack, found {name!r}")
        names = [p.name for p in self.pools]
        if len(set(names)) != len(names):
            raise ValueError("pools: expected each pool name once")
        return self

    def pool(self, name: str) -> Pool | None:
        """The pool of that name, or None."""
        return next((p for p in self.pools if p.name == name), None)

    def desired_in(self, pool: Pool) -> dict[str, str]:
        """Desired host-facing versions of a pool: the cluster's, overridden by the pool's."""
        return {**self.desired, **pool.desired}


class FleetFile(Fact):
    """The whole file."""

    version: Literal[1]
    clusters: tuple[Cluster, ...] = Field(min_length=1)
    notify: tuple[str, ...] = Field((), description="names of environment variables that hold apprise URLs for pages")
    events: tuple[EventSink, ...] = Field((), description="other systems that are told what happens")

    @model_validator(mode="after")
    def _unique(self) -> "FleetFile":
        names = [c.name for c in self.clusters]
        if len(set(names)) != len(names):
            raise ValueError("clusters: expected each cluster name once")
        sinks = [s.name for s in self.events]
        if len(set(sinks)) != len(sinks):
            raise ValueError("events: expected each sink name once")
        for sink in self.events:
            if missing := sorted(set(sink.clusters) - set(names)):
                raise ValueError(f"events.{sink.name}.clusters: expected clusters of the file, found {missing[0]!r}")
        return self

    def cluster(self, name: str) -> Cluster | None:
        """The cluster of that name, or None."""
        return next((c for c in self.clusters if c.name == name), None)
