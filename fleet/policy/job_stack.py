"""Which versions a job's hosts carried when it started, from the history of what was seen on them.

A version holds from when it was first seen until the next one was. Changes of ours are read back before the host takes
jobs again, so their times are right for every job; what somebody else changed shows with the next reading.
"""

from collections import defaultdict
from collections.abc import Iterable

from fleet.hostlist import natural_key
from fleet.models.job_stack import HostsAlike, JobStack
from fleet.models.scheduler import JobRun
from fleet.models.stack import Stack
from fleet.models.versions import VersionChange


def job_stack(cluster: str, stack: Stack, run: JobRun, history: Iterable[VersionChange]) -> JobStack:
    """Versions on the run's hosts at its start; `history` is that of its hosts, oldest first."""
    depth = {c.name: stack.depth(c) for c in stack.components}
    names = sorted(depth, key=lambda name: depth[name])
    changes = [change for change in history if change.component in depth]
    found: dict[str, dict[str, str]] = {host: {} for host in run.hosts}
    for change in changes:
        if change.host in found and change.at <= run.started:
            found[change.host][change.component] = change.version
    alike: dict[tuple[tuple[str, str], ...], list[str]] = defaultdict(list)
    for host, versions in found.items():
        alike[tuple((name, versions[name]) for name in names if name in versions)].append(host)
    groups = sorted(alike.items(), key=lambda item: (-len(item[1]), natural_key(min(item[1], key=natural_key))))
    return JobStack(
        cluster=cluster,
        run=run,
        groups=tuple(
            HostsAlike(
                hosts=tuple(sorted(hosts, key=natural_key)),
                versions=dict(chosen),
                unknown=tuple(name for name in names if name not in dict(chosen)),
            )
            for chosen, hosts in groups
        ),
        differing=tuple(n for n in names if len({versions.get(n) for versions in found.values()}) > 1),
        changes=tuple(_while_it_ran(run, changes)),
    )


def _while_it_ran(run: JobRun, changes: list[VersionChange]) -> Iterable[VersionChange]:
    known: set[tuple[str, str]] = set()
    for change in changes:
        place = (change.host, change.component)
        during = change.at > run.started and (run.ended is None or change.at <= run.ended)
        # The first time that a component is seen at all says nothing of when it came.
        if during and place in known and change.host in run.hosts:
            yield change
        known.add(place)
