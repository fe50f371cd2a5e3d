"""The next rung of a repair: it only goes up, it is bounded, and a person stands at the end of every ladder."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from fleet.models.ladder import Ladder, ReimageHook, Repair, Rung, RungLimits
from fleet.models.rungs import Failure, LadderFacts, NextRung, RungEnd, RungRecord
from fleet.models.verification import Category, Finding, Severity, Verdict, Verification, VerificationTask
from fleet.models.work import Climb, StepAction, StepRecord
from fleet.policy.ladder import failure_of, last_judged, next_rung, refused, stands_still

NOW = datetime(2026, 3, 1, tzinfo=UTC)
ALL = tuple(Rung)
HARDWARE = Failure(category=Category.HARDWARE, severity=Severity.ERROR, reason="GPU 3 is unhealthy")


def repair(*rungs: Rung, **limits: int) -> Repair:
    """Those rungs for whatever fails."""
    ladder = Ladder(hardware=rungs, software=rungs, performance=rungs, unknown=rungs)
    reflash = {"components": ("bmc",)} if Rung.REFLASH in rungs else None
    return Repair.model_validate({"ladder": ladder, "limits": RungLimits(**limits), "reflash": reflash})


def climbed(*rungs: Rung, end: RungEnd | None = RungEnd.FAILED) -> tuple[RungRecord, ...]:
    return tuple(
        RungRecord(
            cluster="c",
            pool="p",
            host="h",
            operation="repair/c/h/1",
            attempt=number,
            rung=rung,
            category=None,
            reason="",
            began=NOW,
            ended=NOW,
            end=end,
        )
        for number, rung in enumerate(rungs, start=1)
    )


def chosen(repair_: Repair, failure: Failure = HARDWARE, *before: Rung, **facts: int) -> NextRung:
    return next_rung(repair_, failure, LadderFacts(climbed=climbed(*before), **facts))


def test_an_empty_ladder_asks_a_person():
    found = chosen(Repair())
    assert (None, "there is no ladder of hardware failures: GPU 3 is unhealthy") == (found.rung, found.reason)


def test_the_lowest_rung_comes_first_and_says_what_for():
    found = chosen(repair(Rung.RETRY, Rung.REBOOT))
    assert (Rung.RETRY, "retry, for a hardware failure: GPU 3 is unhealthy") == (found.rung, found.reason)


def test_each_category_has_its_own_rungs():
    own = Repair(ladder=Ladder(hardware=(Rung.REBOOT,), unknown=(Rung.POWER_CYCLE,)))
    assert Rung.POWER_CYCLE is chosen(own, Failure(reason="a step broke off")).rung
    assert Rung.REBOOT is chosen(own).rung
    assert None is chosen(own, Failure(category=Category.SOFTWARE, reason="")).rung


def test_it_never_goes_back_down_when_the_category_changes():
    own = Repair(ladder=Ladder(hardware=(Rung.GPU_RESET, Rung.REBOOT), unknown=(Rung.POWER_CYCLE,)))
    assert None is chosen(own, HARDWARE, Rung.POWER_CYCLE).rung


@pytest.mark.parametrize(
    ("failure", "words"),
    [
        (Failure(inconclusive=True, reason="dcgmi: not found"), "inconclusive"),
        (Failure(category=Category.HARDWARE, severity=Severity.ISOLATE, reason="NVLink"), "somebody must look"),
        (Failure(barred=True, reason="not allowed"), "no rung could help"),
    ],
)
def test_what_no_rung_may_touch_goes_to_a_person_at_once(failure, words):
    found = chosen(repair(*ALL), failure)
    assert None is found.rung
    assert words in found.reason


def test_a_tool_that_asks_for_a_reset_gets_it_at_once_where_the_ladder_has_it():
    reset = HARDWARE.model_copy(update={"severity": Severity.RESET})
    assert Rung.GPU_RESET is chosen(repair(*ALL), reset).rung
    assert Rung.RETRY is chosen(repair(Rung.RETRY, Rung.REBOOT), reset).rung


@pytest.mark.parametrize(
    ("facts", "words"),
    [({"on_host": 2}, "2 rung(s) were climbed on this host"), ({"in_cluster": 9}, "9 rung(s) were climbed in this")],
)
def test_a_limit_that_is_reached_is_named(facts, words):
    found = chosen(repair(*ALL, per_host_per_day=2, per_cluster_per_day=9), **facts)
    assert None is found.rung
    assert words in found.reason


def test_a_rung_is_repeated_only_as_often_as_allowed():
    twice = repair(Rung.RETRY, Rung.REBOOT, per_rung=2)
    assert Rung.RETRY is chosen(twice, HARDWARE, Rung.RETRY).rung
    assert Rung.REBOOT is chosen(twice, HARDWARE, Rung.RETRY, Rung.RETRY).rung


def test_a_rung_that_was_refused_is_not_asked_for_again():
    facts = LadderFacts(climbed=climbed(Rung.GPU_RESET, end=RungEnd.REFUSED))
    assert Rung.REBOOT is next_rung(repair(*ALL, per_rung=5), HARDWARE, facts).rung


def test_a_rung_that_would_do_nothing_is_left_out():
    facts = LadderFacts(climbed=climbed(Rung.POWER_CYCLE))
    assert Rung.REIMAGE is next_rung(repair(*ALL), HARDWARE, facts, without=(Rung.REFLASH,)).rung


@st.composite
def ladders(draw: st.DrawFn) -> Ladder:
    one = st.sets(st.sampled_from(ALL)).map(lambda found: tuple(sorted(found, key=lambda r: r.height)))
    return Ladder(hardware=draw(one), software=draw(one), performance=draw(one), unknown=draw(one))


FAILURES = st.builds(
    Failure,
    category=st.none() | st.sampled_from(Category),
    severity=st.sampled_from(Severity),
    inconclusive=st.booleans(),
    barred=st.booleans(),
    reason=st.just("it failed"),
)


@given(ladders(), st.integers(1, 5), st.lists(st.tuples(FAILURES, st.sampled_from(RungEnd)), max_size=40))
def test_every_climb_goes_up_is_bounded_and_ends_at_a_person(ladder, per_rung, failures):
    """Whatever fails in whatever order: heights never fall, no rung comes too often, inconclusive never climbs."""
    limits = RungLimits(per_rung=per_rung, per_host_per_day=1000, per_cluster_per_day=1000)
    own = Repair.model_construct(ladder=ladder, limits=limits, reflash=None, reimage=None)
    done: list[RungRecord] = []
    for failure, end in failures:
        found = next_rung(own, failure, LadderFacts(climbed=tuple(done)))
        if failure.inconclusive or failure.barred or failure.severity is Severity.ISOLATE:
            assert None is found.rung
        if found.rung is None:
            continue
        assert found.rung in ladder.of(failure.category)
        record = climbed(found.rung, end=end)[0]
        done.append(record.model_copy(update={"attempt": len(done) + 1}))
    heights = [record.rung.height for record in done]
    assert sorted(heights) == heights
    assert all(heights.count(rung.height) <= per_rung for rung in ALL)
    assert len(done) <= len(ALL) * per_rung


@given(ladders(), st.integers(1, 3), st.integers(0, 6), st.integers(0, 6), FAILURES)
def test_no_rung_is_climbed_beyond_a_limit(ladder, most, on_host, in_cluster, failure):
    limits = RungLimits(per_host_per_day=most, per_cluster_per_day=most + 1)
    own = Repair.model_construct(ladder=ladder, limits=limits, reflash=None, reimage=None)
    found = next_rung(own, failure, LadderFacts(on_host=on_host, in_cluster=in_cluster))
    if on_host >= most or in_cluster > most:
        assert None is found.rung


def record(action: StepAction = StepAction.HAND_OVER, *findings: Finding, verdict: Verdict | None = None, **more):
    verified = None
    if verdict is not None:
        verified = Verification(task=VerificationTask.HEALTH, verdict=verdict, findings=findings)
    values = {"cluster": "c", "host": "h", "operation": "o", "step": "verify:health", "reason": "the reason", **more}
    return StepRecord(action=action, started=NOW, ended=NOW + timedelta(seconds=1), verification=verified, **values)


def test_the_worst_finding_decides_the_category():
    found = failure_of(
        [
            record(StepAction.GO_ON, step="drain"),
            record(
                StepAction.HAND_OVER,
                Finding(category=Category.PERFORMANCE, summary="slow", severity=Severity.ERROR),
                Finding(category=Category.SOFTWARE, summary="nagging", severity=Severity.WARNING),
                Finding(category=Category.HARDWARE, summary="row remap", severity=Severity.RESET),
                verdict=Verdict.FAILED,
            ),
        ],
        Climb.ON,
        "",
    )
    assert (Category.HARDWARE, Severity.RESET, "health: row remap") == (found.category, found.severity, found.reason)


def test_equally_bad_findings_point_to_hardware_first():
    both = [Finding(category=c, summary=c) for c in (Category.PERFORMANCE, Category.SOFTWARE, Category.HARDWARE)]
    found = failure_of([record(StepAction.HAND_OVER, *both, verdict=Verdict.FAILED)], Climb.ON, "")
    assert Category.HARDWARE is found.category


def test_an_inconclusive_verification_is_no_failure_of_a_kind():
    found = failure_of([record(verdict=Verdict.INCONCLUSIVE)], Climb.ON, "")
    assert (True, None) == (found.inconclusive, found.category)


@pytest.mark.parametrize(
    ("records", "reason"),
    [
        ([], "it broke off"),
        ([record(StepAction.GO_ON)], "it broke off"),
        ([record(step="reboot", reason="not back")], "not back"),
        ([record(verdict=Verdict.FAILED)], "the reason"),
    ],
)
def test_what_no_finding_explains_is_unknown(records, reason):
    found = failure_of(records, Climb.ON, "it broke off")
    assert (None, None, False, reason) == (found.category, found.severity, found.inconclusive, found.reason)


def test_what_is_barred_is_a_persons_whatever_the_records_say():
    found = failure_of([record(verdict=Verdict.INCONCLUSIVE)], Climb.BARRED, "not allowed")
    assert (True, "not allowed") == (found.barred, found.reason)


def test_a_rung_of_which_all_steps_were_skipped_was_refused():
    skipped, done = record(StepAction.SKIP), record(StepAction.GO_ON)
    assert [False, True, True, False] == [
        refused(records) for records in ([], [skipped], [skipped, skipped], [done, skipped])
    ]


def test_what_was_refused_says_nothing_new_of_the_host():
    failed, passed_over = climbed(Rung.RETRY), climbed(Rung.GPU_RESET, end=RungEnd.REFUSED)
    later = passed_over[0].model_copy(update={"attempt": 2})
    assert [0, 1, 1] == [last_judged(found) for found in ((), failed, (*failed, later))]


@pytest.mark.parametrize("rungs", [("reboot", "retry"), ("retry", "retry"), ("person",)])
def test_rungs_out_of_order_are_refused(rungs):
    with pytest.raises(ValidationError):
        Ladder(hardware=rungs)


def test_reflash_without_components_is_refused():
    with pytest.raises(ValidationError, match="reflash: expected its components"):
        Repair(ladder=Ladder(hardware=(Rung.REFLASH,)))


@pytest.mark.parametrize("argv", [("reinstall",), ("{host}",), ("reinstall", "{host}", "{version}"), ("a", "{host")])
def test_a_hook_without_its_host_or_with_another_placeholder_is_refused(argv):
    with pytest.raises(ValidationError, match="no other placeholder"):
        ReimageHook(argv=argv)


def test_a_hook_gets_the_host_as_an_argument():
    hook = ReimageHook(argv=("reinstall", "--host={host}", "{host}"))
    assert ("reinstall", "--host=gpu1", "gpu1") == hook.words("gpu1")


def test_a_ladder_stands_still_when_nothing_has_come_of_it_for_long():
    hook = ReimageHook.model_validate({"argv": ["reinstall", "{host}"], "within": "3h"})
    plain = repair(*ALL).model_copy(update={"reimage": hook})
    hours, done = timedelta(hours=1), climbed(Rung.RETRY)
    under_way, reimaging = climbed(Rung.REBOOT, end=None), climbed(Rung.REIMAGE, end=None)
    under_way, reimaging = ((r.model_copy(update={"ended": None}),) for (r,) in (under_way, reimaging))

    assert "" == stands_still(plain, (), NOW, NOW + 4 * hours)
    assert "no next rung was decided for more than 4h" == stands_still(plain, (), NOW, NOW + 5 * hours)
    assert "" == stands_still(plain, done, NOW - 9 * hours, NOW + 4 * hours)
    told = "the rung reboot has been under way for more than 4h"
    assert told == stands_still(plain, under_way, NOW, NOW + 5 * hours)
    assert "" == stands_still(plain, reimaging, NOW, NOW + 10 * hours)
    assert "the rung reimage" in stands_still(plain, reimaging, NOW, NOW + 11 * hours)
