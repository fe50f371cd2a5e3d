"""What a large-scale maintenance is granted: as planned work is, but that it has its pools to itself."""

from fleet.models.ledger import Autostop, RequestClass, WaitKind
from fleet.models.override import Override
from fleet.models.windows import Window
from fleet.policy.grants import settle
from tests.policy.make import facts, lease, names, pool, request

LARGE = "large/c1/winter"
STOP = f"{LARGE}/1"
NIGHT = Window(days=["mon"], opens="22:00", closes="23:30", zone="UTC")
"""It is a Sunday's noon."""


def asked(hosts, **changes):
    return request(STOP, hosts, RequestClass.LARGE, partial=True, **changes)


def granted(known):
    return {g.request: g.hosts for g in settle(known).grants}


def waits(known):
    return {w.request: (w.kind, w.reason) for w in settle(known).waits}


def named(**numbers):
    return Override(actor="ann", reason="winter", lasts=3600, **numbers)


def test_while_it_is_at_work_in_a_pool_nothing_else_begins_there_but_repair_and_emergencies():
    others = [request("visit/c1/gpu-train/1/d003/1", ["gpu009"]), request("op/1", ["gpu010"], RequestClass.AD_HOC)]
    urgent = [request("emergency/c1/hole/1", ["gpu012"], RequestClass.EMERGENCY)]

    known = facts(requests=[asked(names(2)), *others, *urgent], urgent={"gpu-train": LARGE})

    assert {STOP: ("gpu001", "gpu002"), "emergency/c1/hole/1": ()} == granted(known)
    told = waits(known)
    assert {WaitKind.EMERGENCY} == {kind for kind, _ in told.values()}
    assert f"waits for {LARGE}, which goes before all others" == told["op/1"][1]


def test_it_waits_for_an_emergency():
    known = facts(requests=[asked(names(2))], urgent={"gpu-train": "emergency/c1/hole"})

    assert {STOP: (WaitKind.EMERGENCY, "waits for emergency/c1/hole, which goes before all others")} == waits(known)


def test_once_it_is_at_work_it_goes_before_requests_that_are_old():
    old = request("op/1", names(4), RequestClass.AD_HOC, asked_at=asked(["gpu001"]).asked_at.replace(year=2025))

    assert {"op/1": ()} == granted(facts(requests=[asked(names(4)), old]))
    assert {STOP: tuple(names(4))} == granted(facts(requests=[asked(names(4)), old], urgent={"gpu-train": LARGE}))


def test_autostops_and_windows_hold_it_as_they_hold_a_train():
    paused = {"gpu-train": Autostop(stopped=True, reason="paused: gpu009")}

    assert [WaitKind.AUTOSTOP] == [k for k, _ in waits(facts(requests=[asked(["gpu001"])], autostops=paused)).values()]
    closed = facts(requests=[asked(["gpu001"], expected_seconds=4200)], pools=[pool(windows=(NIGHT,))])
    assert [WaitKind.WINDOW] == [kind for kind, _ in waits(closed).values()]


def test_it_takes_what_its_override_names_and_no_more():
    known = {"leases": [lease(n, f"{LARGE}/0") for n in names(4)]}
    past = named(planned_buffer={"gpu-train": 6}, floor={"gpu-train": 6})

    assert {} == granted(facts(requests=[asked(names(6, 5))], **known))
    assert {STOP: ("gpu005", "gpu006")} == granted(facts(requests=[asked(names(6, 5), override=past)], **known))
