"""May every host carry both pins, and by what could those get there that may not?"""

from hypothesis import given
from hypothesis import strategies as st

from fleet.models.matrix import Verdict
from fleet.policy.compatibility import allowed
from fleet.policy.pin_check import check_switch, with_pin
from tests.host_policy.build import OBSERVED, PINS, cluster, entry

REST = entry({"kernel": "*", "nic": "*", "gpu-driver": "*"}, {"cuda": "12.4"})
OLD = {"gpu-driver": "550.54", "nic": "28.1"}
HOSTS = {"gpu001": OBSERVED, "gpu002": OBSERVED, "gpu003": {**OBSERVED, "gpu-driver": "550.60"}}


def nccl(driver: str, pin: str, verdict: Verdict = Verdict.TESTED):
    return entry({"gpu-driver": driver, "nic": "*"}, {"nccl": pin}, verdict)


def check(*entries, hosts=None, together=None):
    return check_switch(cluster(), "nccl", "2.22", together or {}, hosts or HOSTS, (REST, *entries))


def test_hosts_whose_set_is_tested_with_both_pins_may_go():
    found = check(nccl("*", "2.*"))
    assert (True, ()) == (found.ok, found.gaps)
    assert "all 3 hosts in production may carry both pins" == found.reason


def test_hosts_that_may_not_are_named_and_grouped_by_what_they_carry():
    found = check(nccl("*", "2.20"), nccl("550.60", "2.22"))
    assert not found.ok
    assert [("gpu001", "gpu002")] == [gap.hosts for gap in found.gaps]
    assert "gpu-driver 550.54 is not tested with nccl 2.22 in this set" in found.gaps[0].reason


def test_a_version_tested_with_both_pins_becomes_a_co_rollout_the_newest_of_them():
    found = check(nccl("*", "2.20"), nccl("550.60", "2.22"), nccl("550.90", "2.22"))
    assert {"gpu-driver": "550.90"} == found.co_rollouts
    assert {} == found.breaking
    assert found.reason.endswith("gpu-driver 550.90 gets them there")


def test_a_version_tested_with_the_new_pin_alone_would_have_to_move_in_the_same_window():
    found = check(nccl("550.*", "2.20"), nccl("560.1", "2.22"))
    assert ({}, {"gpu-driver": "560.1"}) == (found.co_rollouts, found.breaking)
    assert (
        "no version is tested with both pins, so gpu-driver 560.1 would have to move in the same window" in found.reason
    )

    together = check(nccl("550.*", "2.20"), nccl("560.1", "2.22"), together={"gpu-driver": "560.1"})
    assert together.ok


def test_without_any_test_there_is_no_way():
    found = check(nccl("*", "2.20"))
    assert (False, {}, {}) == (found.ok, found.co_rollouts, found.breaking)
    assert found.reason.endswith("something must be tested with it first")


def test_a_broken_entry_stands_in_the_way_whatever_was_tested():
    found = check(nccl("*", "2.*"), nccl("550.60", "2.22", Verdict.BROKEN))
    assert [("gpu003",)] == [gap.hosts for gap in found.gaps]


def test_a_host_that_was_never_read_may_not_go():
    found = check(nccl("*", "2.*"), hosts={**HOSTS, "gpu004": {}})
    assert [("gpu004",)] == [gap.hosts for gap in found.gaps]
    assert "is not known" in found.gaps[0].reason


def test_where_nobody_was_read_that_is_what_must_be_done():
    found = check(nccl("*", "2.*"), hosts={"gpu001": {}})
    assert found.reason.endswith("their versions must be read first")


VERSIONS = st.sampled_from(["550.54", "550.60", "550.90", "560.1"])
ENTRIES = st.lists(
    st.builds(
        nccl,
        st.one_of(VERSIONS, st.sampled_from(["550.*", "*"])),
        st.sampled_from(["2.20", "2.22", "2.*"]),
        st.sampled_from([Verdict.TESTED, Verdict.TESTED, Verdict.BROKEN]),
    ),
    max_size=5,
)


@given(ENTRIES, st.lists(VERSIONS, min_size=1, max_size=4))
def test_what_the_check_answers_is_what_the_matrix_says(entries, drivers):
    hosts = {f"gpu{n}": {**OBSERVED, "gpu-driver": v} for n, v in enumerate(drivers)}
    east, every = cluster(), (REST, *entries)
    both = (east, with_pin(east, "nccl", "2.22"))

    def fits(versions, pins):
        return all(allowed(versions, one, every).allowed for one in pins)

    found = check(*entries, hosts=hosts)
    assert found.ok == all(fits(versions, both) for versions in hosts.values())
    left = {host for gap in found.gaps for host in gap.hosts}
    assert left == {host for host, versions in hosts.items() if not fits(versions, both)}
    if found.co_rollouts:
        assert all(fits({**hosts[host], **found.co_rollouts}, both) for host in left)
    if found.breaking:
        assert all(fits({**hosts[host], **found.breaking}, both[1:]) for host in left)
    assert PINS == east.pins
