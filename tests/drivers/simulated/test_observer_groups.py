"""The outside observer on replica groups: hosts out by plan in two of them at once are a breach."""

import pytest

from drivers.snapshot import HostSeen, Snapshot
from starter.demo.observer import Observer
from tests.drivers.simulated.stage import HOSTS, OURS, REPAIR, limits

GROUPS = {host: f"r{n // 4}" for n, host in enumerate(HOSTS)}


def out(reason) -> HostSeen:
    return HostSeen(drained=True, reason=reason)


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        ((HOSTS[0], OURS), (HOSTS[1], OURS), []),
        ((HOSTS[0], OURS), (HOSTS[4], OURS), ["replicas"]),
        ((HOSTS[0], REPAIR), (HOSTS[4], OURS), []),
    ],
    ids=["one group", "two groups", "a host in repair may have failed later"],
)
def test_hosts_out_by_plan_in_more_groups_than_may_be_are_told(first, second, expected):
    observer = Observer([limits(groups=GROUPS)])
    shown = {host: HostSeen() for host in HOSTS}
    observer.see(Snapshot(at=1.0, hosts=shown))
    for at, (host, reason) in enumerate((first, second), 2):
        shown = {**shown, host: out(reason)}
        observer.see(Snapshot(at=float(at), hosts=shown))

    assert expected == [v.kind for v in observer.violations]
