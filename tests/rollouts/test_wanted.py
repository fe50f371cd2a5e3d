"""What a host is wanted to carry: rollouts before the fleet file, and never a version that was offboarded."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fleet.models.rollout import RollBack
from fleet.models.rollouts import RolloutFacts, RolloutState
from fleet.models.work import BoardAction
from fleet.policy.boarding import board
from fleet.policy.compatibility import allowed
from fleet.policy.rollout_blame import separable
from fleet.policy.wanted import NO_ROLLOUTS, wanted
from tests.host_policy.build import ANYTHING, COMPONENTS, DESIRED, OBSERVED, cluster, pool, stack
from tests.rollouts.make import host, rollout, spec

DRIVER = "gpu-driver"


def want(rollouts, observed=None, phases=None, desired=None, name="gpu001"):
    """What gpu001 is wanted to carry; `phases` are its cohorts."""
    east = cluster(desired=DESIRED if desired is None else desired)
    facts = RolloutFacts(rollouts=tuple(rollouts), cohorts={name: phases} if phases else {})
    return wanted(east, pool(), host(name), {**OBSERVED, **(observed or {})}, facts)


def test_a_fleet_without_rollouts_wants_what_its_file_desires():
    found = wanted(cluster(), pool(), host(), OBSERVED, NO_ROLLOUTS)

    assert DESIRED == found.versions
    assert {} == found.waits
    assert board(cluster(), pool(), OBSERVED, (ANYTHING,), found) == board(cluster(), pool(), OBSERVED, (ANYTHING,))


def test_a_rollout_that_is_open_for_the_host_goes_before_the_fleet_file():
    found = want([rollout(spec(version="560.1"), phase=0)], phases={"gpu-driver/560.1": 0})

    assert "560.1" == found.versions[DRIVER]
    assert "1.1" == found.versions["bmc"]


def test_a_host_whose_phase_is_not_open_does_not_get_the_version_from_the_fleet_file_either():
    found = want([rollout(phase=0)])

    assert DRIVER not in found.versions
    assert "gpu-driver/550.90 reaches this host in phase everywhere, which is not open" == found.waits[DRIVER]


def test_a_host_whose_phase_is_not_open_goes_on_to_what_else_the_fleet_file_desires():
    found = want([rollout(spec(version="560.1"), phase=0)])

    assert "550.90" == found.versions[DRIVER]


@pytest.mark.parametrize("state", [RolloutState.PAUSED, RolloutState.RUNNING])
def test_a_host_keeps_what_a_rollout_brought_it(state):
    back = want(
        [rollout(spec(version="560.1"), phase=0, state=state)],
        {DRIVER: "560.1"},
        {"gpu-driver/560.1": 1},
        {DRIVER: "550.54"},
    )

    assert DRIVER not in back.versions


def test_of_two_rollouts_of_a_component_the_higher_priority_goes_first_then_the_older():
    older = rollout(spec(version="560.1"), phase=2)
    newer = rollout(spec(version="570.1"), at=1, phase=2)
    urgent = rollout(spec(version="580.1", priority=5), at=2, phase=2)

    assert "560.1" == want([older, newer]).versions[DRIVER]
    assert "gpu-driver/570.1 waits for gpu-driver/560.1, which goes first" == want([older, newer]).waits[DRIVER]
    assert "580.1" == want([older, newer, urgent]).versions[DRIVER]


def test_a_newer_rollout_takes_over_from_one_that_is_complete():
    done = rollout(spec(version="560.1"), phase=2, state=RolloutState.COMPLETE)
    newer = rollout(spec(version="570.1"), at=1, phase=0)

    assert "570.1" == want([done, newer], {DRIVER: "560.1"}, {"gpu-driver/570.1": 0}).versions[DRIVER]
    assert "560.1" == want([done, newer], {DRIVER: "560.1"}).versions[DRIVER]


def test_a_complete_rollout_stays_wanted_whatever_the_fleet_file_desires():
    done = rollout(spec(version="560.1"), phase=2, state=RolloutState.COMPLETE)

    assert "560.1" == want([done]).versions[DRIVER]


def test_stages_are_taken_one_after_the_other():
    staged = rollout(spec(version="570.1", stages=("555.1", "560.1")), phase=2)

    path = [want([staged], {DRIVER: v}).versions[DRIVER] for v in ("550.54", "555.1", "560.1", "570.1")]

    assert ["555.1", "560.1", "570.1", "570.1"] == path


def test_a_host_that_carries_an_offboarded_version_goes_back_to_the_prior_one():
    gone = rollout(phase=2, state=RolloutState.OFFBOARDED, roll_back=RollBack.WITH_TRAINS, reason="it hangs")

    found = want([gone], {DRIVER: "550.90"})

    assert "550.54" == found.versions[DRIVER]
    assert found.wanted[0].back or any(w.back for w in found.wanted if w.component == DRIVER)
    assert DRIVER not in want([gone]).versions
    assert "fleet file wants 550.90, which gpu-driver/550.90 offboarded" == want([gone]).waits[DRIVER]


def test_a_host_keeps_an_offboarded_version_where_the_spec_says_to_leave_it():
    gone = rollout(phase=2, state=RolloutState.OFFBOARDED, roll_back=RollBack.LEAVE)

    assert DRIVER not in want([gone], {DRIVER: "550.90"}).versions


def test_a_rollout_that_is_open_takes_a_host_forward_from_an_offboarded_version():
    gone = rollout(phase=2, state=RolloutState.OFFBOARDED)
    better = rollout(spec(version="550.91"), at=1, phase=2)

    assert "550.91" == want([gone, better], {DRIVER: "550.90"}).versions[DRIVER]


def test_a_dependant_waits_for_what_it_depends_on_and_for_ever_when_that_was_offboarded():
    needs = rollout(spec("gpu-driver", "560.1", depends_on=("bmc/1.1",)), at=1, phase=2)
    bmc = rollout(spec("bmc", "1.1", "1.0"), phase=2)
    gone = bmc.model_copy(update={"state": RolloutState.OFFBOARDED, "reason": "bricks"})

    assert "560.1" == want([bmc, needs], {"bmc": "1.1"}).versions[DRIVER]
    assert "560.1" == want([bmc, needs], {"bmc": "1.2"}).versions[DRIVER]
    assert "this host carries 1.0 of bmc" in want([bmc, needs]).waits[DRIVER]
    assert "this host carries unknown of bmc" in want([bmc, needs], {"bmc": "unknown"}).waits[DRIVER]
    assert "which was offboarded: bricks" in want([gone, needs], {"bmc": "1.1"}).waits[DRIVER]


def test_two_that_are_to_be_told_apart_board_on_different_hosts_and_on_about_half_each():
    driver = rollout(spec(version="560.1"), phase=2, apart=("bmc/1.1",))
    bmc = rollout(spec("bmc", "1.1", "1.0"), phase=2)
    names = [f"gpu{n:03}" for n in range(1, 201)]

    boarded = [{w.component for w in want([driver, bmc], desired={}, name=n).wanted} for n in names]

    assert all(len(b) == 1 for b in boarded)
    assert 60 < sum(b == {"bmc"} for b in boarded) < 140


def test_what_boards_only_together_is_not_boarded_apart():
    """Half of the hosts would have a driver without the firmware that it needs, and the others the reverse."""
    driver = rollout(spec(version="560.1"), phase=2, apart=("bmc/1.1",))
    bmc = rollout(spec("bmc", "1.1", "1.0"), phase=2)
    parts = [c.model_copy(update={"atomic_with": (DRIVER,)}) if c.name == "bmc" else c for c in COMPONENTS]
    east = cluster(desired={}, stack=stack(tuple(parts)))

    found = [
        wanted(east, pool(), host(f"gpu{n:03}"), OBSERVED, RolloutFacts(rollouts=(driver, bmc))) for n in range(1, 41)
    ]

    assert all({DRIVER: "560.1", "bmc": "1.1"} == f.versions for f in found)
    assert ("nic/1.1",) == separable(DRIVER, ("bmc/1.1", "nic/1.1"), (east,))
    assert ("bmc/1.1", "nic/1.1") == separable(DRIVER, ("bmc/1.1", "nic/1.1"), (east, cluster()))


def test_a_host_of_another_cluster_or_pool_is_not_in_the_rollouts_scope():
    other = rollout(spec(version="560.1", pools=("inference",)), phase=2)

    assert "550.90" == want([other]).versions[DRIVER]


VERSIONS = ("550.54", "550.90", "560.1", "570.1")


@st.composite
def some_rollouts(draw):
    """Rollouts of two components in any state, phase and order."""
    found = {}
    for n in range(draw(st.integers(0, 4))):
        component, prior = draw(st.sampled_from([("gpu-driver", "550.54"), ("kernel", "6.1.0")]))
        version = draw(st.sampled_from(VERSIONS[1:]))
        made = rollout(
            spec(component, version, prior, priority=draw(st.integers(0, 2))),
            at=n,
            phase=draw(st.integers(-1, 2)),
            state=draw(st.sampled_from(list(RolloutState))),
            roll_back=draw(st.sampled_from(list(RollBack))),
        )
        found[made.id] = made
    return tuple(found.values())


@given(some_rollouts(), st.sampled_from(VERSIONS), st.sampled_from(VERSIONS), st.integers(0, 2))
def test_an_offboarded_version_boards_nowhere_and_no_shut_phase_boards(rollouts, carried, desired, phase):
    cohorts = {r.id: phase for r in rollouts}
    observed = {**OBSERVED, DRIVER: carried}
    east = cluster(desired={DRIVER: desired, "kernel": "6.1.0"})
    facts = RolloutFacts(rollouts=rollouts, cohorts={"gpu001": cohorts})

    wish = wanted(east, pool(), host(), observed, facts)
    boarding = board(east, pool(), observed, (ANYTHING,), wish)

    bad = {(r.spec.component, r.spec.version) for r in rollouts if r.state is RolloutState.OFFBOARDED}
    shut = {
        (r.spec.component, r.spec.version)
        for r in rollouts
        if (r.state is RolloutState.RUNNING and r.phase < phase) or r.state is RolloutState.PAUSED
    }
    boarded = {(s.upgrade.component, s.upgrade.version) for s in boarding.steps if s.upgrade}
    backs = {(w.component, w.version) for w in wish.wanted if w.back}
    assert boarded.isdisjoint(bad)
    assert (boarded - backs).isdisjoint(shut)
    if boarding.action is BoardAction.VISIT:
        assert allowed(boarding.resulting, east, (ANYTHING,)).allowed


@given(some_rollouts(), st.sampled_from(VERSIONS), st.integers(0, 2))
def test_what_boarded_is_what_is_wanted_afterwards_so_no_host_goes_to_and_fro(rollouts, carried, phase):
    facts = RolloutFacts(rollouts=rollouts, cohorts={"gpu001": {r.id: phase for r in rollouts}})
    observed = {**OBSERVED, DRIVER: carried}
    east = cluster(desired={DRIVER: "550.54"})
    seen = [observed[DRIVER]]
    for _ in range(8):
        found = wanted(east, pool(), host(), {**OBSERVED, DRIVER: seen[-1]}, facts).versions.get(DRIVER, seen[-1])
        if found == seen[-1]:
            break
        seen.append(found)

    assert len(seen) == len(set(seen))


def test_a_rollout_that_waits_for_its_offboarded_stage_keeps_no_host_on_another_bad_version():
    hangs, leaks = (
        rollout(spec(version=v), phase=2, at=at, state=RolloutState.OFFBOARDED, reason="it hangs")
        for v, at in (("550.90", 0), ("555.1", 1))
    )
    staged = rollout(spec(version="570.1", stages=("555.1",)), phase=2, at=2)

    found = want([hangs, leaks, staged], {DRIVER: "550.90"})
    then = want([hangs, leaks, staged], {DRIVER: "550.54"})

    assert ("550.54", True) == next((w.version, w.back) for w in found.wanted if w.component == DRIVER)
    assert DRIVER not in then.versions
    assert "gpu-driver/570.1 waits: 555.1 was offboarded" in then.waits[DRIVER]


def test_a_stage_that_another_rollout_brought_everywhere_is_not_taken_back_with_what_came_after_it():
    done = rollout(spec(version="550.70"), phase=2, state=RolloutState.COMPLETE)
    gone = rollout(
        spec(version="550.90", stages=("550.70",)), phase=0, state=RolloutState.OFFBOARDED, reason="it hangs"
    )

    on_stage, on_bad = want([done, gone], {DRIVER: "550.70"}), want([done, gone], {DRIVER: "550.90"})
    alone = want([gone], {DRIVER: "550.70"})

    assert "550.70" == on_stage.versions[DRIVER]
    assert "550.54" == on_bad.versions[DRIVER]
    assert "550.54" == alone.versions[DRIVER]


def test_the_way_back_from_an_offboarded_version_is_not_put_off_to_board_apart():
    gone = rollout(phase=2, state=RolloutState.OFFBOARDED, reason="it hangs")
    bmc = rollout(spec("bmc", "1.1", "1.0"), phase=2, apart=(gone.id,))
    names = [f"gpu{n:03}" for n in range(1, 41)]

    found = [want([gone, bmc], {DRIVER: "550.90"}, desired={}, name=n) for n in names]

    assert all({DRIVER: "550.54", "bmc": "1.1"} == f.versions for f in found)


def test_the_way_back_goes_past_a_prior_version_that_was_offboarded_too():
    first = rollout(spec(version="550.70"), phase=2, state=RolloutState.OFFBOARDED, reason="it leaks")
    then = rollout(spec(version="550.90", prior="550.70"), phase=2, state=RolloutState.OFFBOARDED, reason="it hangs")

    assert "550.54" == want([first, then], {DRIVER: "550.90"}, desired={}).versions[DRIVER]
