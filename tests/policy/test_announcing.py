"""A scheduler is told of the next stop of a train, at a time that it will hardly begin before."""

from datetime import timedelta

import pytest

from fleet.models.facts import TrainFacts
from fleet.models.pin import PinSpec, PinState, PinSwitch
from fleet.models.stop import Stop, StopKind
from fleet.models.train import Cycle, Domain, DomainProgress, DomainState, Visit, VisitState
from fleet.policy.announcing import LASTS, next_announced, switch_announced
from tests.store import facts as f

LEAD = timedelta(minutes=2)
POOL = f.fleet_file().clusters[0].pools[0].model_copy(update={"notice": timedelta(minutes=30)})
UP = {"d1-1", "d1-2", "d2-1", "d2-2"}


def progress(name, state, **more):
    hosts = (f"{name}-1", f"{name}-2")
    noticed = None if state is DomainState.DUE else f.NOW
    return DomainProgress(domain=Domain(name=name, hosts=hosts), state=state, **{"noticed_at": noticed, **more})


def visiting(name, state, **more):
    visit = Visit(
        **{"id": f"v/{name}", "cluster": f.C, "pool": f.P, "cycle": 1, "domain": name, "attempt": 1},
        state=state,
        opened_at=f.NOW,
        **more,
    )
    return progress(name, DomainState.VISITING, visit=visit.id), {visit.id: visit}


def told(*domains, at=0, visits=None, up=frozenset(UP), closed=None, stops=(), **more):
    cycle = Cycle(
        cluster=f.C, pool=f.P, number=1, opened_at=f.NOW, due_at=f.later(9e6), closed_at=closed, domains=domains
    )
    facts = TrainFacts(
        cluster=f.C,
        pool=POOL,
        now=f.later(at),
        hosts=(),
        cycle=cycle,
        stops=stops,
        open_visits=tuple(visits or ()),
        visit_seconds=3600.0,
        cycle_asked=True,
        **more,
    )
    return next_announced(facts, visits or {}, up, LEAD)


def test_the_next_stop_is_announced_for_the_end_of_its_notice():
    found = told(progress("d1", DomainState.NOTICED), progress("d2", DomainState.DUE), at=600)

    assert (("d1-1", "d1-2"), 1200.0, LASTS.total_seconds()) == (found.hosts, found.begins_in, found.lasts)


def test_a_stop_that_its_jobs_put_off_a_little_is_announced_for_their_date():
    found = told(progress("d1", DomainState.NOTICED), at=600, avoided={"d1": f.later(3000)})
    assert 2400.0 == found.begins_in


def test_one_ahead_is_announced_for_the_end_of_the_visit_under_way():
    d1, visits = visiting("d1", VisitState.RUNNING, granted_at=f.later(-60))
    found = told(d1, progress("d2", DomainState.NOTICED), visits=visits)

    assert (("d2-1", "d2-2"), 3540.0) == (found.hosts, found.begins_in)


def test_a_visit_that_waits_for_its_grant_goes_before_one_of_which_jobs_were_only_told():
    d1, visits = visiting("d1", VisitState.WAITING)
    found = told(progress("d2", DomainState.NOTICED), d1, visits=visits, at=1790)

    assert (("d1-1", "d1-2"), LEAD.total_seconds()) == (found.hosts, found.begins_in)


def test_hosts_that_are_out_are_not_announced():
    assert ("d1-2",) == told(progress("d1", DomainState.NOTICED), up={"d1-2", "d2-1"}).hosts
    assert told(progress("d1", DomainState.NOTICED), up={"d2-1"}) is None


def test_a_stop_that_does_not_come_in_its_time_is_announced_no_longer():
    d1, visits = visiting("d1", VisitState.WAITING)
    deadline = POOL.drain.deadline.total_seconds()

    assert LEAD.total_seconds() == told(d1, visits=visits, at=1800 + deadline).begins_in
    assert told(d1, visits=visits, at=1801 + deadline) is None


@pytest.mark.parametrize(
    "more",
    [
        {"closed": f.NOW},
        {"stops": (Stop(kind=StopKind.STOP, actor="ann", reason="storm", at=f.NOW),)},
    ],
)
def test_nothing_is_announced_of_a_train_that_does_not_go_on(more):
    assert told(progress("d1", DomainState.NOTICED), **more) is None


def test_nothing_is_announced_where_drains_speak_for_themselves_or_nothing_is_planned():
    d1, visits = visiting("d1", VisitState.RUNNING, granted_at=f.NOW)

    assert told(d1, progress("d2", DomainState.DUE), visits=visits) is None
    assert told(d1, visits={}) is None
    assert told(progress("d1", DomainState.VISITED)) is None


def dated(at) -> PinSwitch:
    """An approved one."""
    spec = PinSpec(cluster=f.C, component="nccl", version="2", window=timedelta(hours=1), at=at)
    said = {"why": "new", "started_by": "ann", "started_at": f.NOW, "changed_at": f.NOW, "approved_by": "ann"}
    return PinSwitch(id="pin/c/nccl", number=1, prior="1", state=PinState.ASKING, spec=spec, **said)


@pytest.mark.parametrize(
    ("changes", "hours", "expected"),
    [
        ({}, 3, 3 * 3600.0),
        ({"state": PinState.REQUESTING}, 0, LEAD.total_seconds()),
        ({"approved_by": ""}, 3, None),
        ({"state": PinState.CLOSING}, 0, None),
        ({}, -1, None),
    ],
    ids=["approved", "due", "not approved", "closed", "long past its date"],
)
def test_a_dated_pin_switch_is_announced_on_every_host_from_its_approval_until_it_closes(changes, hours, expected):
    switch = dated(at=f.NOW + timedelta(hours=hours)).model_copy(update=changes)

    found = switch_announced(switch, UP, f.NOW, LEAD)

    assert expected == (found.begins_in if found is not None else None)
    assert found is None or set(found.hosts) == UP


def test_a_pin_switch_without_a_date_has_nothing_to_announce():
    assert switch_announced(dated(at=None), UP, f.NOW, LEAD) is None
