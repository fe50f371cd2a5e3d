"""Cross-checks of a fleet file that no single field can make: hostlists, patterns of the matrix, promises against the
members as far as the file itself tells them. What only the scheduler knows is checked again at `fleet sync`.
"""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import PurePath

from fleet.hostlist import compact, expand
from fleet.models.drivers import SimulatedHardware, SimulatedScheduler, SimulatedVerifier
from fleet.models.fleetfile import Cluster, FleetFile
from fleet.models.hosts import HostsHardware
from fleet.models.matrix import MatrixEntry
from fleet.models.pool import Pool
from fleet.models.units import format_duration
from fleet.models.verifiers import ToolsVerifier
from fleet.policy.limits import problems as limit_problems
from fleet.policy.rung_steps import impossible
from fleet.policy.version_patterns import check as check_pattern
from fleet.policy.windows import problems as window_problems

LEAST_BETWEEN_LOOKS = timedelta(milliseconds=100)
"""Without a pause the dispatcher would do nothing but look, and the scheduler nothing but answer it."""
Found = tuple[str, str]
"""The place, as names joined by dots, and what was expected there."""


def file_problems(fleet: FleetFile) -> list[Found]:
    """Everything wrong with a file whose fields are right by themselves."""
    return [
        (f"clusters.{cluster.name}.{place}", wanted)
        for cluster in fleet.clusters
        for check in (_hostlists, _states, _hands, impossible, _matrix, _members, _windows, _lengths)
        for place, wanted in check(cluster)
    ]


def entry_problems(entry: MatrixEntry, cluster: Cluster) -> list[Found]:
    """What is wrong with an entry of the matrix: its patterns, and names that the stack does not have."""
    found: list[Found] = []
    for part, patterns, facing in (("components", entry.components, True), ("pins", entry.pins, False)):
        for name, pattern in patterns.items():
            component = cluster.stack.component(name)
            if component is None or cluster.stack.host_facing(component) is not facing:
                side = "host-facing" if facing else "job-facing"
                found.append((f"{part}.{name}", f"expected a {side} component of the stack"))
            try:
                check_pattern(pattern)
            except ValueError as error:
                found.append((f"{part}.{name}", str(error)))
    return found


def _hostlists(cluster: Cluster) -> Iterator[Found]:
    lists = [(f"pools.{p.name}.hosts.names", p.hosts.names) for p in cluster.pools]
    if isinstance(cluster.drivers.hardware, SimulatedHardware):
        lists.append(("drivers.hardware.hosts", cluster.drivers.hardware.hosts))
        lists += [(f"drivers.hardware.models.{m}", names) for m, names in cluster.drivers.hardware.models.items()]
    for place, text in lists:
        try:
            if text is not None and not expand(text):
                yield place, "expected at least one host"
        except ValueError as error:
            yield place, f"expected a hostlist such as gpu[001-064]: {error}"


def _states(cluster: Cluster) -> Iterator[Found]:
    scheduler, hardware = cluster.drivers.scheduler, cluster.drivers.hardware
    for place, driver in (("scheduler", scheduler), ("hardware", hardware)):
        if isinstance(driver, SimulatedScheduler | SimulatedHardware):
            path = PurePath(driver.state)
            if path.is_absolute() or ".." in path.parts or not path.name:
                yield f"drivers.{place}.state", f"expected a path below the data folder, found {driver.state!r}"
    if isinstance(scheduler, SimulatedScheduler):
        if not isinstance(hardware, SimulatedHardware):
            yield "drivers.hardware.kind", "expected 'simulated': a simulated scheduler needs simulated hosts"
        elif hardware.state != scheduler.state:
            yield "drivers.hardware.state", f"expected the scheduler's {scheduler.state!r}: they share one cluster"


def _hands(cluster: Cluster) -> Iterator[Found]:
    """On real hosts somebody must be able to read and change what is wished for."""
    hardware, verifier = cluster.drivers.hardware, cluster.drivers.verifier
    if isinstance(verifier, ToolsVerifier) and not isinstance(hardware, HostsHardware):
        yield "drivers.hardware.kind", "expected 'hosts': a verifier of kind tools runs through their SSH"
    if isinstance(verifier, SimulatedVerifier) and not isinstance(hardware, SimulatedHardware):
        yield "drivers.verifier.kind", "expected another than 'simulated': the hosts are not simulated"
    if not isinstance(hardware, HostsHardware):
        return
    for name in sorted(hardware.components):
        if cluster.stack.component(name) is None:
            yield f"drivers.hardware: {name}", "expected a component of the stack"
    wished = {*cluster.desired, *cluster.pins, *(name for pool in cluster.pools for name in pool.desired)}
    for name in sorted(wished - hardware.components):
        place = f"pins.{name}" if name in cluster.pins else f"desired.{name}"
        yield place, "expected drivers.hardware to say how it is read: under ssh.components, or in redfish.models"


def _matrix(cluster: Cluster) -> Iterator[Found]:
    for index, entry in enumerate(cluster.matrix):
        for place, wanted in entry_problems(entry, cluster):
            yield f"matrix.{index}.{place}", wanted


def _members(cluster: Cluster) -> Iterator[Found]:
    """Promises and overlaps of the pools whose selector is a hostlist alone: their members are known here."""
    taken: dict[str, str] = {}
    for pool in cluster.pools:
        names = _named(pool)
        if names is None:
            continue
        for problem in limit_problems(pool, len(names)):
            field, _, wanted = problem.partition(": ")
            yield f"pools.{pool.name}.{field}", wanted
        shared = [name for name in names if name in taken]
        if shared:
            other = taken[shared[0]]
            wanted = f"expected each host in one pool, {compact(shared)} is in {other} as well"
            yield f"pools.{pool.name}.hosts.names", wanted
        taken.update((name, pool.name) for name in names)


def _windows(cluster: Cluster) -> Iterator[Found]:
    """A window in which no visit could begin would never be used, and nobody would know why."""
    for pool in cluster.pools:
        for number, wanted in window_problems(pool):
            yield f"pools.{pool.name}.windows.{number}", wanted


def _lengths(cluster: Cluster) -> Iterator[Found]:
    """Lengths of time with which nothing would ever come to rest, or to an end."""
    if cluster.observe_every < LEAST_BETWEEN_LOOKS:
        yield "observe_every", f"expected at least {format_duration(LEAST_BETWEEN_LOOKS)} between two looks"
    lengths = {
        "host_back_within": cluster.host_back_within,
        "reboot_begins_within": cluster.reboot_begins_within,
        **{f"pools.{p.name}.cycle_bound": p.cycle_bound for p in cluster.pools},
        **{f"pools.{p.name}.visit_budget": p.visit_budget for p in cluster.pools},
    }
    for place, length in lengths.items():
        if not length:
            yield place, "expected a length of time above 0"
    for component in cluster.stack.components:
        if component.within is not None and component.within < component.duration:
            wanted = f"expected at least its duration, {format_duration(component.duration)}"
            yield f"stack.components.{component.name}.within", f"{wanted}: every host would go to repair"
    for pool in cluster.pools:
        stale, every = pool.autostop.stale_after, cluster.observe_every
        if stale <= every:
            wanted = f"expected more than observe_every, {format_duration(every)}, found {format_duration(stale)}: "
            why = "each look would be too old for a grant before the next one, and the pool in autostop"
            yield f"pools.{pool.name}.autostop.stale_after", wanted + why


def _named(pool: Pool) -> tuple[str, ...] | None:
    if pool.hosts.names is None or pool.hosts.partition or pool.hosts.feature:
        return None
    try:
        return expand(pool.hosts.names) or None
    except ValueError:  # told by _hostlists
        return None
