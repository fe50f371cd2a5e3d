"""In which set a host is."""

import pytest

from fleet.models.host import HostSet
from fleet.models.ledger import Counted
from fleet.models.observation import ObservedHost
from fleet.models.scheduler import NodeBase
from fleet.policy.sets import standing, standings
from tests.policy.make import GLOBS, NOW, ago, facts, host, lease, names, seen

H = "gpu001"
OURS = "maintrain:planned:visit/c1/p/1/d001/1#gpu001"


def where(shown, *, released=None, looked=NOW, leased=None):
    found = standing(host(H, released_at=released), shown, looked, leased, GLOBS)
    return found.set, found.owner


SHOWN = {
    "idle": ({}, HostSet.UP, None),
    "mixed and completing": ({"base": NodeBase.MIXED, "completing": True}, HostSet.UP, None),
    "in an ordinary reservation": ({"reservation": "team-a"}, HostSet.UP, None),
    "down": ({"base": NodeBase.DOWN}, HostSet.FAILED, "operator"),
    "down and drained by us": (
        {"base": NodeBase.DOWN, "draining": True, "reason": OURS},
        HostSet.FAILED,
        "operator",
    ),
    "down and drained by another": (
        {"base": NodeBase.DOWN, "draining": True, "reason": "bob"},
        HostSet.FAILED,
        "operator",
    ),
    "not responding": ({"not_responding": True}, HostSet.FAILED, "operator"),
    "drained by health check": ({"draining": True, "reason": "NHC: no /scratch"}, HostSet.FAILED, "operator"),
    "drained by bob": ({"draining": True, "reason": "bob looks"}, HostSet.FOREIGN, "bob looks"),
    "drained without a reason": ({"draining": True}, HostSet.FOREIGN, "somebody who gave no reason"),
    "drained by us with no lease": ({"draining": True, "reason": OURS}, HostSet.UNKNOWN, "operator"),
    "drained with a broken reason of ours": (
        {"draining": True, "reason": "maintrain:nonsense"},
        HostSet.FOREIGN,
        "maintrain:nonsense",
    ),
    "in a maintenance reservation": (
        {"maintenance": True, "reservation": "power"},
        HostSet.FOREIGN,
        "reservation power",
    ),
    "left behind by a measurement": (
        {"maintenance": True, "reservation": "maintrain_fabric_0a1b"},
        HostSet.UNKNOWN,
        "dispatcher/c1",
    ),
    "closed by a pin switch": (
        {"maintenance": True, "reservation": "maintrain_pin_nccl_1_0"},
        HostSet.FOREIGN,
        "our reservation maintrain_pin_nccl_1_0",
    ),
    "powered off": ({"powered": False}, HostSet.FOREIGN, "power saving"),
    "rebooted by another": ({"rebooting": True, "reason": "kernel"}, HostSet.FOREIGN, "kernel"),
    "of unknown state": ({"base": NodeBase.UNKNOWN}, HostSet.UNKNOWN, "operator"),
    "in error": ({"base": NodeBase.ERROR}, HostSet.UNKNOWN, "operator"),
    "to come": ({"base": NodeBase.FUTURE}, HostSet.UNKNOWN, "operator"),
}


@pytest.mark.parametrize("case", SHOWN)
def test_a_host_without_a_lease_is_where_the_scheduler_shows_it(case):
    shape, *expected = SHOWN[case]
    assert tuple(expected) == where(seen(H, **shape))


@pytest.mark.parametrize("shape", [shape for shape, *_ in SHOWN.values()])
@pytest.mark.parametrize("counted", list(Counted))
def test_a_lease_decides_whatever_the_scheduler_shows(shape, counted):
    expected = (HostSet(counted.value), "visit/x")
    assert expected == where(seen(H, **shape), leased=lease(H, counted=counted))


@pytest.mark.parametrize("looked", [None, NOW])
def test_a_host_that_was_never_observed_is_unknown_until_the_dispatcher_looks(looked):
    expected = (HostSet.UNKNOWN, "dispatcher/c1")
    assert expected == where(None, looked=looked)


def test_a_host_that_the_scheduler_does_not_list_is_unknown():
    expected = (HostSet.UNKNOWN, "operator")
    assert expected == where(ObservedHost(host=H, node=None))


@pytest.mark.parametrize("shape", [{"draining": True, "reason": OURS}, {"base": NodeBase.DOWN}])
def test_a_look_from_before_the_release_does_not_make_a_host_an_orphan_or_failed(shape):
    expected = (HostSet.UNKNOWN, "dispatcher/c1")
    assert expected == where(seen(H, **shape), released=ago(seconds=5), looked=ago(seconds=5))


def test_our_drain_seen_after_the_release_is_an_orphan():
    expected = (HostSet.UNKNOWN, "operator")
    shown = seen(H, draining=True, reason=OURS)
    assert expected == where(shown, released=ago(seconds=5), looked=ago(seconds=4))


def test_a_foreign_drain_stays_foreign_in_an_old_look():
    expected = (HostSet.FOREIGN, "bob")
    shown = seen(H, draining=True, reason="bob")
    assert expected == where(shown, released=ago(seconds=5), looked=ago(seconds=9))


def test_every_member_is_in_exactly_one_set_and_the_decommissioned_in_none():
    members = [host(n) for n in names(3)] + [host("gpu009", decommissioned=True)]
    known = facts(hosts=members, leases=[lease("gpu002")], nodes={"gpu003": ObservedHost(host="gpu003", node=None)})
    expected = {"gpu001": HostSet.UP, "gpu002": HostSet.PLANNED, "gpu003": HostSet.UNKNOWN}
    assert expected == {name: s.set for name, s in standings(known).items()}


def test_every_standing_has_its_reason():
    found = [standing(host(H), seen(H, **shape), NOW, None, GLOBS).reason for shape, *_ in SHOWN.values()]
    assert all(found)


@pytest.mark.parametrize(
    ("reason", "expected"),
    [
        ("vendor: RMA 4711", HostSet.FOREIGN),
        ("vendor: RMA 4711, board is shipped", HostSet.FOREIGN),
        (OURS, HostSet.FAILED),
        ("NHC: no /scratch", HostSet.FAILED),
        (None, HostSet.FAILED),
    ],
)
def test_who_was_given_a_host_may_switch_it_off_and_say_more_in_its_drain(reason, expected):
    given = host(H, given="vendor: RMA 4711")
    shown = seen(H, base=NodeBase.DOWN, draining=True, reason=reason)
    assert expected is standing(given, shown, NOW, None, GLOBS).set
