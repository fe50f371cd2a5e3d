"""Cohorts: whole domains, in an order that a hash fixes, and nobody is moved by hosts that come or go."""

from hypothesis import given
from hypothesis import strategies as st

from fleet.models.fleetfile import FleetFile
from fleet.policy.cohorts import cohort_domains, in_scope, next_cohort, phase_of
from tests.host_policy.build import cluster
from tests.rollouts.make import host, spec

EAST = FleetFile(version=1, clusters=(cluster(),))


def hosts(count=16, **changes):
    return [host(f"gpu{n:03}", rack=f"rack{(n - 1) // 4}", **changes) for n in range(1, count + 1)]


def domains(members):
    return cohort_domains(EAST, {"east": members})


def frozen_by(of, members, phases=None):
    """Host → phase, as the phases open one after the other."""
    found = {}
    for index in range(len(of.phases) if phases is None else phases):
        found.update(dict.fromkeys(next_cohort(of, index, domains(members), found), index))
    return found


def test_a_cohort_is_whole_domains_and_counts_those_of_earlier_phases():
    found = frozen_by(spec(), hosts())

    sizes = [sum(1 for p in found.values() if p == index) for index in range(3)]
    assert [4, 4, 0] == sizes
    racks = {h.name: h.rack for h in hosts()}
    assert 2 == len({racks[name] for _, name in found})


def test_a_small_count_is_rounded_up_to_a_domain():
    one = spec(phases=({"name": "canary", "cohort": {"count": 1}}, {"name": "rest"}))

    assert 4 == len(frozen_by(one, hosts()))


def test_a_phase_may_choose_by_names_features_or_hardware_model():
    members = [*hosts(8, model="h100"), *(h.model_copy(update={"model": "b200"}) for h in hosts(16)[8:])]
    by_model = spec(
        phases=({"name": "canary", "cohort": {"percent": 100, "hosts": {"model": "b200"}}}, {"name": "rest"})
    )
    by_name = spec(phases=({"name": "canary", "cohort": {"hosts": {"names": "gpu[001-002]"}}}, {"name": "rest"}))

    assert {f"gpu{n:03}" for n in range(9, 17)} == {name for _, name in frozen_by(by_model, members)}
    assert {"gpu001", "gpu002"} == {name for _, name in frozen_by(by_name, members)}


def test_what_is_not_known_of_a_host_fits_no_criterion():
    assert not in_scope(spec(hosts={"model": "h100"}), host())
    assert not in_scope(spec(hosts={"feature": "ib"}), host())
    assert in_scope(spec(hosts={"feature": "ib"}), host(features=("ib",)))


def test_hosts_that_join_later_belong_to_the_last_phase():
    assert 2 == phase_of(spec(), None)
    assert 0 == phase_of(spec(), 0)


@given(
    st.sets(st.integers(1, 40), min_size=1),
    st.sets(st.integers(41, 60)),
    st.sets(st.integers(1, 40)),
    st.integers(1, 2),
)
def test_hosts_that_come_or_go_move_nobody(there, come, go, opened):
    """The first phases open with one fleet, the next with another: who was in a cohort stays there."""
    before = [h for h in hosts(60) if int(h.name[3:]) in there]
    after = [h for h in hosts(60) if int(h.name[3:]) in (there - go) | come]
    first = frozen_by(spec(), before, opened)
    then = dict(first)
    for index in range(opened, 3):
        then.update(dict.fromkeys(next_cohort(spec(), index, domains(after), then), index))

    assert first == {key: then[key] for key in first}
    assert all(then.get(("east", h.name), 2) >= opened for h in after if ("east", h.name) not in first)


@given(st.sets(st.integers(1, 60), min_size=9))
def test_the_same_hosts_give_the_same_cohort_in_whatever_order_they_come(there):
    members = [h for h in hosts(60) if int(h.name[3:]) in there]

    assert frozen_by(spec(), members) == frozen_by(spec(), members[::-1])
