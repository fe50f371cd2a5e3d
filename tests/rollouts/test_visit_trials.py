"""What a visit tells of the upgrades that boarded."""

from datetime import timedelta

import pytest

from fleet.models.host import HostSet, Standing
from fleet.models.noticing import OpenedRepair, OpeningCause
from fleet.models.stack import Upgrade
from fleet.models.verification import Category, Finding, Severity, Verdict, Verification, VerificationTask
from fleet.models.work import HostOutcome, HostWork, Outcome, Step, StepAction, StepKind, StepRecord
from fleet.policy.visit_trials import noticed_failures, production_failures, soaking, visit_trial
from tests.host_policy.build import NOW
from tests.rollouts.make import rollout, spec, trial

DRIVER, BMC = Upgrade(component="gpu-driver", version="550.90"), Upgrade(component="bmc", version="1.1")
ROLLOUTS = (rollout(), rollout(spec("bmc", "1.1", "1.0")))


def outcome(how, *applied):
    return HostOutcome(
        cluster="east",
        pool="gpu-train",
        host="gpu001",
        operation="visit/1#gpu001",
        visit="visit/1",
        outcome=how,
        reason="because",
        applied=applied,
        at=NOW,
    )


def work():
    steps = [Step(key=f"apply:{u.component}", kind=StepKind.APPLY, upgrade=u, expected="1m") for u in (BMC, DRIVER)]
    return HostWork(cluster="east", pool="gpu-train", host="gpu001", operation="visit/1#gpu001", steps=tuple(steps))


def record(step, action=StepAction.GO_ON, verification=None, **more):
    return StepRecord(
        **more,
        cluster="east",
        host="gpu001",
        operation="visit/1#gpu001",
        step=step,
        action=action,
        reason="because",
        started=NOW,
        ended=NOW,
        verification=verification,
    )


def verified(verdict, *findings):
    return Verification(task=VerificationTask.HEALTH, verdict=verdict, findings=findings)


def test_a_host_that_returned_upgraded_is_a_success_of_all_that_boarded():
    found = visit_trial(None, outcome(Outcome.UPGRADED, BMC, DRIVER), (), ROLLOUTS, "h100")

    assert {"bmc": "1.1", "gpu-driver": "550.90"} == found.versions
    assert ("gpu-driver/550.90", "bmc/1.1") == found.rollouts
    assert (False, False, "h100") == (found.failed, found.inconclusive, found.model)


def test_a_host_that_failed_a_verification_fails_all_that_was_applied_by_the_gravest_finding():
    findings = (
        Finding(category=Category.PERFORMANCE, summary="slow", severity=Severity.WARNING),
        Finding(category=Category.HARDWARE, summary="broken", severity=Severity.ISOLATE),
    )
    steps = [record("apply:bmc"), record("apply:gpu-driver")]
    steps.append(record("verify:health", StepAction.HAND_OVER, verified(Verdict.FAILED, *findings)))

    found = visit_trial(work(), outcome(Outcome.HANDED_OVER), steps, ROLLOUTS)

    assert (True, "hardware") == (found.failed, found.category)
    assert 2 == len(found.rollouts)


def test_an_upgrade_that_failed_to_apply_is_tried_alone():
    steps = [record("apply:bmc"), record("apply:gpu-driver", StepAction.HAND_OVER)]

    assert ("gpu-driver/550.90",) == visit_trial(work(), outcome(Outcome.HANDED_OVER), steps, ROLLOUTS).rollouts


def test_an_inconclusive_verification_is_no_failure():
    steps = [record("apply:bmc"), record("verify:health", StepAction.HAND_OVER, verified(Verdict.INCONCLUSIVE))]
    found = visit_trial(work(), outcome(Outcome.HANDED_OVER), steps, ROLLOUTS)

    assert (False, True) == (found.failed, found.inconclusive)


def test_a_visit_that_broke_off_without_a_step_that_says_why_is_no_failure_of_what_was_applied():
    steps = [record("apply:bmc"), record("apply:gpu-driver"), record("verify:health", verification=verified("passed"))]

    found = visit_trial(work(), outcome(Outcome.HANDED_OVER), steps, ROLLOUTS)

    assert (False, True, 2) == (found.failed, found.inconclusive, len(found.rollouts))


@pytest.mark.parametrize("failed_at", ["apply:gpu-driver", "reboot", "gate"])
def test_a_component_that_a_load_dropped_in_mid_visit_has_no_version_blamed(failed_at):
    """No step knows any more whether it shows after its reboot only, how long it may take, or how to read it back."""
    steps = [record("apply:bmc"), record("apply:gpu-driver"), record("reboot")]
    steps = [*(s for s in steps if s.step != failed_at), record(failed_at, StepAction.HAND_OVER)]
    told = (work(), outcome(Outcome.HANDED_OVER), steps, ROLLOUTS, "h100")

    kept, dropped = visit_trial(*told, {"bmc", "gpu-driver"}), visit_trial(*told, {"bmc"})
    assert ((True, False), (False, True)) == ((kept.failed, kept.inconclusive), (dropped.failed, dropped.inconclusive))


def test_a_failed_test_speaks_all_the_same_once_a_load_dropped_a_component():
    failed = record("verify:health", StepAction.HAND_OVER, verified(Verdict.FAILED))
    steps = [record("apply:bmc"), record("apply:gpu-driver"), failed]
    assert visit_trial(work(), outcome(Outcome.HANDED_OVER), steps, ROLLOUTS, "h100", {"bmc"}).failed


def test_a_failure_after_a_roll_back_is_not_told_of_what_was_rolled_back():
    steps = [record("apply:bmc"), record("apply:gpu-driver"), record("gate", StepAction.ROLL_BACK)]
    steps.append(record("apply:gpu-driver:back1"))
    after = [*steps, record("verify:health:back1", StepAction.HAND_OVER, verified(Verdict.FAILED))]
    on_the_way = [*steps[:3], record("apply:gpu-driver:back1", StepAction.HAND_OVER)]

    assert ("bmc/1.1",) == visit_trial(work(), outcome(Outcome.HANDED_OVER), after, ROLLOUTS).rollouts
    assert visit_trial(work(), outcome(Outcome.HANDED_OVER), on_the_way, ROLLOUTS) is None


@pytest.mark.parametrize("how", [Outcome.GIVEN_BACK, Outcome.LEFT_OUT, Outcome.CURRENT, Outcome.DECOMMISSIONED])
def test_a_visit_that_tried_nothing_tells_nothing(how):
    assert visit_trial(None, outcome(how), (), ROLLOUTS) is None
    assert visit_trial(work(), outcome(Outcome.HANDED_OVER), [record("drain")], ROLLOUTS) is None


def test_a_host_that_fails_in_nobodys_hands_after_its_return_fails_what_it_carries():
    recent = [trial(name) for name in ("gpu001", "gpu002", "gpu003")] + [trial("gpu004", inconclusive=True)]
    recent.append(trial("gpu005", failed=True))
    where = {
        t.host: Standing(host=t.host, set=HostSet.UP if t.host == "gpu002" else HostSet.FAILED, reason="down")
        for t in recent
    }
    found = production_failures(recent, where, ["gpu003"], NOW)

    assert ["gpu001", "gpu004"] == [t.host for t in found]
    assert [False, False] == [t.inconclusive for t in found]
    assert ("visit/1#gpu001~production", True, True) == (found[0].operation, found[0].failed, found[0].in_production)


def test_a_host_that_got_a_repair_for_going_down_after_its_return_fails_what_it_carries():
    recent = [trial("gpu001"), trial("gpu002"), trial("gpu003"), trial("gpu004", failed=True)]
    row = {"cluster": "c1", "pool": "gpu", "cause": OpeningCause.NOTICED, "reason": "it went down", "actor": "m"}
    before, after = recent[0].at - timedelta(minutes=1), recent[0].at + timedelta(minutes=1)
    lost = {"gpu001": after, "gpu002": before, "gpu004": after}
    noticed = [OpenedRepair(**row, host=h, operation=f"repair/c1/{h}/1", at=at, lost_at=at) for h, at in lost.items()]

    found = noticed_failures(recent, noticed, NOW)

    assert [("visit/1#gpu001~production", "it went down", True)] == [(t.operation, t.detail, t.failed) for t in found]


def test_what_an_earlier_visit_brought_is_carried_on_until_it_has_soaked_or_was_replaced():
    bmc, driver = trial("gpu001", at=1, rollouts=("bmc/1.1",)), trial("gpu001", at=2)
    back = trial("gpu001", at=3, versions={"bmc": "1.0"}, rollouts=())
    day = timedelta(days=1)

    assert {"gpu-driver": "550.90", "bmc": "1.1"} == soaking(driver, [bmc], day).versions
    assert ("gpu-driver/550.90", "bmc/1.1") == soaking(driver, [bmc], day).rollouts
    assert driver == soaking(driver, [bmc], timedelta(hours=1))
    assert driver == soaking(driver, [bmc.model_copy(update={"inconclusive": True})], day)
    assert ({"bmc": "1.0", "gpu-driver": "550.90"}, ("gpu-driver/550.90",)) == (
        (found := soaking(back, [bmc, driver], day)).versions,
        found.rollouts,
    )


def test_a_hand_over_that_no_upgrade_brought_about_tells_nothing():
    steps = [record("apply:bmc"), record("apply:gpu-driver"), record("gate", StepAction.HAND_OVER, blameless=True)]

    found = visit_trial(work(), outcome(Outcome.HANDED_OVER), steps, ROLLOUTS)

    assert (True, False) == (found.inconclusive, found.failed)
