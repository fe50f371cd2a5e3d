from datetime import timedelta

from fleet.models.matrix import Verdict
from fleet.models.verification import VerificationTask
from fleet.models.work import BoardAction
from fleet.policy.boarding import board, repair_steps
from tests.host_policy.build import (
    ANYTHING,
    COMPONENTS,
    DESIRED,
    OBSERVED,
    PINS,
    cluster,
    component,
    entry,
    pool,
    stack,
)

AS_DESIRED = {**OBSERVED, **DESIRED}


def keys(boarding):
    return [s.key for s in boarding.steps]


def safe(boarding):
    return {s.key: s.safe_before for s in boarding.steps if s.key.startswith(("apply", "reboot"))}


def test_a_visit_applies_deepest_layer_first_reboots_once_and_verifies():
    found = board(cluster(), pool(), OBSERVED, (ANYTHING,))
    assert (found.action, keys(found)) == (
        BoardAction.VISIT,
        [
            "drain",
            "apply:bmc",
            "apply:kernel",
            "apply:gpu-driver",
            "reboot",
            "verify:health",
            "verify:performance",
            "verify:fabric",
            "gate",
            "return",
        ],
    )


def test_the_resulting_set_and_the_expected_time_are_told():
    found = board(cluster(), pool(), OBSERVED, (ANYTHING,))
    assert found.resulting == {k: v for k, v in AS_DESIRED.items() if k not in PINS}
    assert found.expected_seconds == (60 + 30 + 15 + 15) * 60
    assert found.reason == "boards bmc 1.1, kernel 6.1.9, gpu-driver 550.90"


def test_nothing_due_is_current():
    found = board(cluster(), pool(), AS_DESIRED, (ANYTHING,))
    assert (found.action, found.steps, found.reason) == (BoardAction.CURRENT, (), "nothing is due")


def test_without_a_needed_reboot_there_is_none():
    found = board(cluster(), pool(), {**OBSERVED, "kernel": "6.1.9"}, (ANYTHING,))
    assert "reboot" not in keys(found)


def test_the_pools_versions_override_the_clusters():
    found = board(cluster(), pool(desired={"bmc": "1.0", "kernel": "6.1.0"}), OBSERVED, (ANYTHING,))
    assert [k for k in keys(found) if k.startswith("apply")] == ["apply:gpu-driver"]


def test_a_pending_reboot_makes_every_later_step_unsafe_to_stop_at():
    found = board(cluster(), pool(), OBSERVED, (ANYTHING,))
    assert safe(found) == {"apply:bmc": True, "apply:kernel": True, "apply:gpu-driver": False, "reboot": False}


def test_a_prefix_that_is_not_allowed_is_no_safe_point():
    bmc_alone = entry({"bmc": "1.1", "kernel": "6.1.0"}, {}, Verdict.BROKEN)
    found = board(cluster(), pool(), OBSERVED, (ANYTHING, bmc_alone))
    assert safe(found) == {"apply:bmc": True, "apply:kernel": False, "apply:gpu-driver": False, "reboot": False}


def test_half_an_atomic_group_is_no_safe_point():
    components = tuple(component("bmc", "firmware", atomic_with=("nic",)) if c.name == "bmc" else c for c in COMPONENTS)
    bound = cluster(stack=stack(components), desired={"bmc": "1.1", "nic": "28.2", "gpu-driver": "550.90"})
    found = board(bound, pool(), OBSERVED, (ANYTHING,))
    assert safe(found) == {"apply:bmc": True, "apply:nic": False, "apply:gpu-driver": True}


def test_what_does_not_fit_into_the_budget_rides_later_by_priority():
    found = board(cluster(), pool(visit_budget=timedelta(minutes=20)), OBSERVED, (ANYTHING,))
    assert [k for k in keys(found) if k.startswith("apply")] == ["apply:bmc", "apply:gpu-driver"]
    assert found.deferred == {"kernel": "it does not fit into the visit budget of 20m this time"}


def test_an_upgrade_that_is_not_allowed_stays_out_and_leaves_its_room_to_others():
    broken = entry({"gpu-driver": "550.90"}, {}, Verdict.BROKEN)
    found = board(cluster(), pool(visit_budget=timedelta(minutes=25)), OBSERVED, (ANYTHING, broken))
    assert [k for k in keys(found) if k.startswith("apply")] == ["apply:kernel"]
    assert "broken" in found.deferred["gpu-driver"]


def test_the_upgrade_of_lower_priority_gives_way():
    together = entry({"gpu-driver": "550.90", "kernel": "6.1.9"}, {}, Verdict.BROKEN)
    found = board(cluster(), pool(), OBSERVED, (ANYTHING, together))
    assert (list(found.deferred), "apply:gpu-driver" in keys(found)) == (["kernel"], True)


def test_an_atomic_group_stays_out_as_a_whole():
    components = tuple(
        component("bmc", "firmware", atomic_with=("gpu-driver",)) if c.name == "bmc" else c for c in COMPONENTS
    )
    broken = entry({"bmc": "1.1"}, {}, Verdict.BROKEN)
    found = board(cluster(stack=stack(components)), pool(), OBSERVED, (ANYTHING, broken))
    assert (set(found.deferred), [k for k in keys(found) if k.startswith("apply")]) == (
        {"bmc", "gpu-driver"},
        ["apply:kernel"],
    )


def test_an_atomic_group_with_a_member_of_unknown_version_stays_out():
    components = tuple(
        component("bmc", "firmware", atomic_with=("gpu-driver",)) if c.name == "bmc" else c for c in COMPONENTS
    )
    observed = {k: v for k, v in OBSERVED.items() if k != "bmc"}
    found = board(cluster(stack=stack(components)), pool(), observed, (ANYTHING,))
    assert [k for k in keys(found) if k.startswith("apply")] == ["apply:kernel"]


def test_a_host_whose_resulting_set_would_not_be_allowed_is_not_drained():
    found = board(cluster(), pool(), OBSERVED, ())
    assert (found.action, found.steps, set(found.deferred)) == (BoardAction.NOT_ALLOWED, (), set(DESIRED))


def test_a_component_of_unknown_version_is_deferred_with_the_reason():
    observed = {k: v for k, v in OBSERVED.items() if k != "bmc"}
    found = board(cluster(), pool(), observed, (ANYTHING,))
    assert found.deferred == {"bmc": "its version on this host is not known"}


def test_job_facing_drift_is_told_and_never_boarded():
    found = board(cluster(), pool(), {**AS_DESIRED, "cuda": "12.5"}, (ANYTHING,))
    assert (found.action, found.deferred) == (
        BoardAction.CURRENT,
        {"cuda": "pinned at 12.4, the host carries 12.5, which boarding can't change"},
    )
    assert "cuda" in found.reason


def test_a_host_off_its_pins_is_not_drained_for_what_the_gate_would_not_let_back():
    found = board(cluster(), pool(), {**OBSERVED, "cuda": "12.5"}, (ANYTHING,))
    assert (found.action, found.steps) == (BoardAction.NOT_ALLOWED, ())
    assert found.reason == (
        "the host is off its pins, which the gate would not let pass; "
        "cuda: pinned at 12.4, the host carries 12.5, which boarding can't change"
    )


def test_a_host_with_a_pinned_component_that_is_not_observed_is_not_drained():
    found = board(cluster(), pool(), {k: v for k, v in OBSERVED.items() if k != "nccl"}, (ANYTHING,))
    assert (found.action, found.steps) == (BoardAction.NOT_ALLOWED, ())
    assert "nccl: pinned at 2.20, the host carries no known version" in found.reason


def test_a_repaired_host_boards_and_verifies_without_a_drain():
    visit, repair = (
        board(cluster(), pool(), OBSERVED, (ANYTHING,)),
        repair_steps(cluster(), pool(), OBSERVED, (ANYTHING,)),
    )
    assert (repair.action, keys(repair)) == (BoardAction.VISIT, keys(visit)[1:])


def test_a_repaired_host_is_verified_when_nothing_is_due():
    found = repair_steps(cluster(), pool(verify=(VerificationTask.HEALTH,)), AS_DESIRED, (ANYTHING,))
    assert (found.action, keys(found)) == (BoardAction.VISIT, ["verify:health", "gate", "return"])


def test_a_repaired_host_may_return_as_it_is_when_what_is_due_is_not_allowed():
    entries = (ANYTHING, *(entry({name: version}, {}, Verdict.BROKEN) for name, version in DESIRED.items()))
    found = repair_steps(cluster(), pool(), OBSERVED, entries)
    assert (found.action, [k for k in keys(found) if k.startswith("apply")]) == (BoardAction.VISIT, [])


def test_a_repaired_host_with_a_set_that_is_not_allowed_does_not_return():
    assert repair_steps(cluster(), pool(), AS_DESIRED, ()).action is BoardAction.NOT_ALLOWED


def test_for_a_repaired_host_the_first_upgrade_is_safe_only_if_its_present_set_is_allowed():
    broken = entry({"bmc": "1.0"}, {}, Verdict.BROKEN)
    found = repair_steps(cluster(), pool(), OBSERVED, (ANYTHING, broken))
    assert safe(found)["apply:bmc"] is False
