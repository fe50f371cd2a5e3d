"""What one look at a scheduler says of a cluster's members."""

from collections import defaultdict
from collections.abc import Iterable

from fleet.models.host import Host
from fleet.models.observation import ObservedHost
from fleet.models.scheduler import ClusterView


def observed_hosts(members: Iterable[Host], view: ClusterView) -> dict[str, ObservedHost]:
    """Every member with its node, or None where the scheduler does not list it, and the jobs that hold it."""
    jobs: defaultdict[str, list[str]] = defaultdict(list)
    for job in view.jobs.values():
        for host in job.hosts if job.holds else ():
            jobs[host].append(job.id)
    return {
        m.name: ObservedHost(host=m.name, node=view.nodes.get(m.name), jobs=tuple(jobs.get(m.name, ())))
        for m in members
    }
