"""A person's word on a rollout, and what is wrong with a spec in the light of the fleet file."""

import pytest
from pydantic import ValidationError

from fleet.errors import Refused
from fleet.models.fleetfile import FleetFile
from fleet.models.messages import Command
from fleet.models.rollout import RollBack, RolloutSpec
from fleet.models.rollouts import RolloutState
from fleet.policy.rollout_checks import completed, spec_problems
from fleet.policy.rollout_orders import Verb, ordered, refusal
from tests.host_policy.build import NOW, cluster
from tests.rollouts.make import PHASES, rollout, spec

ANN = Command(actor="ann", reason="it hangs")
EAST = FleetFile(version=1, clusters=(cluster(),))
RUNNING, PAUSED, OFFBOARDED, COMPLETE = RolloutState


def test_an_order_says_who_and_why():
    paused = ordered(rollout(), Verb.PAUSE, ANN, NOW)

    assert (PAUSED, "ann: it hangs") == (paused.state, paused.reason)
    assert RUNNING is ordered(paused, Verb.RESUME, ANN, NOW).state


def test_offboarding_does_what_the_spec_says_and_a_roll_back_never_leaves_a_host():
    leave = rollout(spec(on_offboard={"roll_back": "leave"}))
    at_once = rollout(spec(on_offboard={"roll_back": "at_once"}))

    assert RollBack.LEAVE is ordered(leave, Verb.OFFBOARD, ANN, NOW).roll_back
    assert RollBack.WITH_TRAINS is ordered(leave, Verb.ROLL_BACK, ANN, NOW).roll_back
    assert RollBack.AT_ONCE is ordered(at_once, Verb.ROLL_BACK, ANN, NOW).roll_back
    left = ordered(leave, Verb.OFFBOARD, ANN, NOW)
    assert RollBack.WITH_TRAINS is ordered(left, Verb.ROLL_BACK, ANN, NOW).roll_back


@pytest.mark.parametrize(
    ("state", "verb"),
    [
        (PAUSED, Verb.PAUSE),
        (RUNNING, Verb.RESUME),
        (OFFBOARDED, Verb.RESUME),
        (OFFBOARDED, Verb.OFFBOARD),
        (OFFBOARDED, Verb.APPROVE),
        (COMPLETE, Verb.PAUSE),
        (RUNNING, Verb.APPROVE),
    ],
)
def test_an_order_that_makes_no_sense_is_refused_with_the_reason(state, verb):
    with pytest.raises(Refused, match=r"gpu-driver/550.90 (is|has)"):
        ordered(rollout(state=state, roll_back=RollBack.WITH_TRAINS), verb, ANN, NOW)


def test_a_complete_rollout_may_still_be_offboarded():
    assert "" == refusal(rollout(state=COMPLETE), Verb.OFFBOARD, ANN)
    assert "expected a reason" == refusal(rollout(), Verb.OFFBOARD, Command(reason=" "))


def test_an_approval_is_for_the_next_phase_that_needs_one():
    phases = (*PHASES[:2], {"name": "everywhere", "approval": True})
    waiting = rollout(spec(phases=phases), phase=0)
    approved = ordered(waiting, Verb.APPROVE, ANN, NOW)

    assert 2 == approved.approved
    assert "has its approval of phase everywhere" in refusal(approved, Verb.APPROVE, ANN)
    assert "no phase ahead" in refusal(approved.model_copy(update={"phase": 2}), Verb.APPROVE, ANN)


def test_two_who_approve_the_same_phase_do_not_approve_the_one_after_it():
    phases = (PHASES[0], {**PHASES[1], "approval": True}, {"name": "everywhere", "approval": True})
    first = ordered(rollout(spec(phases=phases), phase=0), Verb.APPROVE, ANN, NOW)

    with pytest.raises(Refused, match=r"has its approval of phase .*, which opens when its gate does"):
        ordered(first, Verb.APPROVE, ANN, NOW)

    opened = first.model_copy(update={"phase": 1})
    assert (1, 2) == (first.approved, ordered(opened, Verb.APPROVE, ANN, NOW).approved)


def test_a_spec_without_clusters_is_for_those_that_have_the_component():
    assert ("east",) == completed(spec(clusters=()), EAST).clusters


@pytest.mark.parametrize(
    ("changes", "place", "words"),
    [
        ({"clusters": ("west",)}, "clusters.0", "expected one of the clusters east, found 'west'"),
        ({"component": "cuda"}, "component", "expected a host-facing component of the stack of cluster east"),
        ({"component": "moon", "clusters": ()}, "component", "expected a host-facing component of some cluster"),
        ({"pools": ("storage",)}, "pools.0", "expected one of the pools gpu-train, found 'storage'"),
        ({"hosts": {"names": "gpu[1-"}}, "hosts.names", "expected a hostlist"),
        ({"depends_on": ("bmc/1.1", "bmx/1.1")}, "depends_on.1", "host-facing component of its clusters, found 'bmx/1"),
    ],
)
def test_a_spec_that_the_fleet_file_does_not_bear_out_is_told(changes, place, words):
    found = spec_problems(spec(**changes), EAST)

    assert [place] == [where for where, _ in found]
    assert words in found[0][1]


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"phases": ()}, "at least 1 item"),
        ({"phases": (PHASES[0], PHASES[0], PHASES[2])}, "expected each phase name once"),
        ({"phases": PHASES[:2]}, "phases.1.cohort: expected none"),
        ({"phases": (PHASES[2], {"name": "more"})}, "phases.0.cohort: expected one"),
        ({"prior": "550.90"}, "expected prior, stages and version to differ"),
        ({"depends_on": ("gpu-driver/550.90",)}, "expected other rollouts than this one"),
        ({"image": {"sha256": "0" * 64}}, "expected either url or file"),
        ({"image": {"url": "https://x/y", "sha256": "abc"}}, "String should match pattern"),
        ({"phases": ({"name": "a", "max_failure_rate": "200%"},)}, "expected a percentage such as 5%"),
        ({"hosts": {}}, "expected at least one of names, feature, model"),
    ],
)
def test_a_malformed_spec_is_told(changes, words):
    with pytest.raises(ValidationError, match=words):
        spec(**changes)


def test_a_spec_survives_the_store():
    of = spec(phases=({"name": "a", "max_failure_rate": "5%", "soak": "1h30m"},))

    assert of == RolloutSpec.model_validate_json(of.model_dump_json())
