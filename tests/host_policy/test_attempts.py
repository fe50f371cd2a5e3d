from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fleet.errors import HostState
from fleet.models.hardware import DeviceTask, TaskState
from fleet.models.intent import Before, Intent, IntentState
from fleet.models.stack import Upgrade
from fleet.models.work import StepAction
from fleet.policy.attempts import ResumeAction, resume_apply, resume_reboot, unwatched
from fleet.policy.step_ends import after_apply, after_reboot
from tests.host_policy.build import NOW

LIFE, GRACE = timedelta(seconds=10), timedelta(seconds=30)
OLD = DeviceTask(id="1", component="bmc", version="1.0", state=TaskState.DONE)
UPGRADE = Upgrade(component="bmc", version="1.1")
MONDAY, TUESDAY = "2026-11-16T08:00:00Z", "2026-11-17T08:00:00Z"


def intent(task=None, state=IntentState.OPEN, sent=True, **before):
    values = {"version": "1.0", "tasks": ("1",), "boot_id": "a", "remembers_since": MONDAY, **before}
    return Intent(
        operation="op",
        step="apply:bmc",
        token="t",
        before=Before(**values),
        state=state,
        task=task,
        sent=sent,
        opened_at=NOW,
        token_at=NOW,
    )


def task(state=TaskState.RUNNING, id="2", version="1.1"):
    return DeviceTask(id=id, component="bmc", version=version, state=state, message="flash chip error")


def apply(found, tasks, version, age=LIFE, since=MONDAY, long_ago=False):
    return resume_apply(found, tasks, version, "1.1", age, LIFE, since, long_ago=long_ago)


def test_nothing_that_began_is_repeated_only_once_the_earlier_attempt_is_shut_out():
    assert apply(intent(), [OLD], "1.0", LIFE - timedelta(seconds=1)).action is ResumeAction.WAIT
    assert apply(intent(), [OLD], "1.0").action is ResumeAction.BEGIN


def test_what_was_never_sent_begins_at_once():
    assert apply(intent(sent=False), [OLD], "1.0", timedelta(0), TUESDAY).action is ResumeAction.BEGIN


@pytest.mark.parametrize(("before", "now"), [(MONDAY, TUESDAY), (None, TUESDAY), (MONDAY, None), (None, None)])
@pytest.mark.parametrize("known", [("1",), ()])
def test_a_device_that_may_have_restarted_since_proves_nothing_by_showing_no_task(before, now, known):
    found = intent(remembers_since=before, tasks=known)
    tasks = [OLD] if known else []
    assert apply(found, tasks, "1.0", LIFE - timedelta(seconds=1), now).action is ResumeAction.WAIT
    assert apply(found, tasks, "1.0", LIFE, now).action is ResumeAction.UNKNOWN
    assert apply(found, [*tasks, task()], "1.0", LIFE, now).action is ResumeAction.ADOPT
    assert apply(found, tasks, "1.1", LIFE, now).action is ResumeAction.DONE


@pytest.mark.parametrize(
    ("now", "expected"),
    [
        ("2026-11-16T08:00:01Z", ResumeAction.BEGIN),
        ("2026-11-16T08:59:59+01:00", ResumeAction.BEGIN),
        ("2026-11-16T08:00:02Z", ResumeAction.UNKNOWN),
        ("2026-11-16T08:00:00", ResumeAction.UNKNOWN),
        ("a word", ResumeAction.UNKNOWN),
    ],
)
def test_a_device_that_reckons_its_start_anew_for_each_answer_has_not_restarted_for_a_second(now, expected):
    assert apply(intent(), [OLD], "1.0", LIFE, now).action is expected


@pytest.mark.parametrize(("looked", "expected"), [(None, True), (-1, True), (5, True), (6, False), (35, False)])
def test_a_device_is_unwatched_since_it_was_last_read_or_the_intent_was_written(looked, expected):
    half_an_hour, now = timedelta(minutes=30), NOW + timedelta(minutes=36)
    at = None if looked is None else NOW + timedelta(minutes=looked)
    found = intent().model_copy(update={"looked_at": at})
    assert expected == unwatched(found, now, half_an_hour)
    assert not unwatched(found, NOW + half_an_hour, half_an_hour)


def test_what_was_sent_long_ago_may_have_ended_and_left_no_task():
    assert apply(intent(), [OLD], "1.0", LIFE - timedelta(seconds=1), long_ago=True).action is ResumeAction.WAIT
    found = apply(intent(), [OLD], "1.0", long_ago=True)
    assert found.action is ResumeAction.UNKNOWN
    assert "its task may have ended and been dropped" in found.reason
    assert apply(intent(), [OLD, task()], "1.0", long_ago=True).action is ResumeAction.ADOPT
    assert apply(intent(), [OLD], "1.1", long_ago=True).action is ResumeAction.DONE
    assert apply(intent(sent=False), [OLD], "1.0", long_ago=True).action is ResumeAction.BEGIN


@pytest.mark.parametrize(
    ("state", "expected"),
    [
        (TaskState.RUNNING, ResumeAction.ADOPT),
        (TaskState.DONE, ResumeAction.DONE),
        (TaskState.FAILED, ResumeAction.FAILED),
    ],
)
@pytest.mark.parametrize("named", ["2", None])
def test_a_task_that_is_named_or_new_is_resumed_by_its_state(state, expected, named):
    found = apply(intent(task=named), [OLD, task(state)], "1.0")
    assert (found.action, found.task) == (expected, "2")


def test_the_version_alone_proves_that_it_is_done():
    assert apply(intent(), [OLD], "1.1").action is ResumeAction.DONE


@pytest.mark.parametrize(
    ("found", "tasks", "version"),
    [
        (intent(), None, "1.0"),
        (intent(), [OLD], None),
        (intent(), [OLD], "0.9"),
        (intent(version=None), [OLD], "1.0"),
        (intent(task="2"), [OLD], "1.0"),
        (intent(), [], "1.0"),
        (intent(), [OLD, task(version="7.7")], "1.0"),
        (intent(), [OLD, task(), task(id="3")], "1.0"),
        (intent(task="2", version="1.1"), [OLD], "1.1"),
        (intent(version="1.1"), [OLD], "1.1"),
    ],
    ids=[
        "tasks unreadable",
        "version unreadable",
        "another version",
        "nothing noted before",
        "the named task is gone",
        "the device forgot",
        "somebody else's task",
        "two new tasks",
        "named, gone, and the version was there before",
        "written again, the version was there before",
    ],
)
def test_what_can_not_be_told_is_unknown(found, tasks, version):
    assert apply(found, tasks, version).action is ResumeAction.UNKNOWN


def test_an_intent_that_was_closed_stays_closed():
    assert apply(intent(state=IntentState.DONE), None, None).action is ResumeAction.DONE
    assert apply(intent(state=IntentState.FAILED), [OLD], "1.0").action is ResumeAction.FAILED


@given(
    st.sampled_from([None, "1", "2", "9"]),
    st.sampled_from([(), ("1",), ("1", "2")]),
    st.sampled_from([None, "1.0", "1.1", "0.9"]),
    st.none() | st.lists(st.builds(task, st.sampled_from(TaskState), st.sampled_from(["1", "2", "3"])), max_size=3),
    st.sampled_from([None, "1.0", "1.1", "0.9"]),
    st.timedeltas(timedelta(0), timedelta(minutes=1)),
    st.booleans(),
    st.tuples(st.sampled_from([None, MONDAY, TUESDAY]), st.booleans()),
)
def test_an_upgrade_never_begins_when_it_may_have_begun_already(
    named, known, before, tasks, version, age, sent, forgets
):
    since, long_ago = forgets
    found = apply(intent(task=named, tasks=known, version=before, sent=sent), tasks, version, age, since, long_ago)
    if found.action is ResumeAction.BEGIN:
        assert tasks is not None
        assert {t.id for t in tasks} == set(known)
        assert version is not None
        assert version == before
        assert not sent or age >= LIFE
        assert not sent or since == MONDAY
        assert not sent or not long_ago
        assert version != "1.1"
        assert named is None


@pytest.mark.parametrize(
    ("boot_id", "age", "expected"),
    [
        ("b", timedelta(0), ResumeAction.DONE),
        (None, GRACE, ResumeAction.WAIT),
        ("a", LIFE, ResumeAction.WAIT),
        ("a", GRACE - timedelta(seconds=1), ResumeAction.WAIT),
        ("a", GRACE, ResumeAction.BEGIN),
    ],
)
def test_a_reboot_is_repeated_only_when_the_boot_id_has_stayed_the_same_for_long_enough(boot_id, age, expected):
    assert resume_reboot(intent(), boot_id, age, LIFE, GRACE).action is expected


def test_a_reboot_without_a_boot_id_noted_before_is_unknown():
    assert resume_reboot(intent(boot_id=None), "b", GRACE, LIFE, GRACE).action is ResumeAction.UNKNOWN


@pytest.mark.parametrize(
    ("boot_id", "age", "expected"),
    [
        (None, GRACE, ResumeAction.WAIT),
        ("b", GRACE - timedelta(seconds=1), ResumeAction.WAIT),
        ("b", GRACE, ResumeAction.DONE),
    ],
)
def test_an_answer_after_silence_counts_only_when_it_can_not_be_of_the_old_boot(boot_id, age, expected):
    found = resume_reboot(intent(boot_id=None), boot_id, age, LIFE, GRACE, repeats=False)
    assert found.action is expected


def after(found, version, needs_reboot=False):
    result = after_apply(found, version, UPGRADE, needs_reboot)
    return result.action, result.host_state


DONE = task(TaskState.DONE)


@pytest.mark.parametrize(
    ("found", "version", "needs_reboot", "expected"),
    [
        (DONE, "1.1", False, (StepAction.GO_ON, HostState.PARTLY_APPLIED)),
        (DONE, "1.0", True, (StepAction.GO_ON, HostState.PARTLY_APPLIED)),
        (None, "1.1", False, (StepAction.GO_ON, HostState.PARTLY_APPLIED)),
        (DONE, "1.0", False, (StepAction.HAND_OVER, HostState.PARTLY_APPLIED)),
        (task(TaskState.FAILED), "1.1", False, (StepAction.HAND_OVER, HostState.PARTLY_APPLIED)),
        (task(TaskState.RUNNING), "1.1", False, (StepAction.HAND_OVER, HostState.UNKNOWN)),
        (DONE, None, True, (StepAction.HAND_OVER, HostState.UNKNOWN)),
        (None, "1.0", True, (StepAction.HAND_OVER, HostState.UNKNOWN)),
    ],
)
def test_an_upgrade_goes_on_only_when_the_inventory_or_a_coming_reboot_bears_it_out(
    found, version, needs_reboot, expected
):
    assert after(found, version, needs_reboot) == expected


def test_a_version_unchanged_after_done_is_told_in_words():
    found = after_apply(DONE, "1.0", UPGRADE, False)
    assert found.reason == "bmc 1.1: the device said done, the inventory still reports 1.0"


def test_a_failed_task_is_told_with_the_devices_own_message():
    found = after_apply(task(TaskState.FAILED), "1.0", UPGRADE, False)
    assert found.reason == "bmc 1.1: the device says that it failed: flash chip error"


def test_after_the_reboot_every_version_must_show():
    upgrades = [UPGRADE, Upgrade(component="kernel", version="6.1.9")]
    found = after_reboot({"bmc": "1.1", "kernel": "6.1.0"}, upgrades)
    assert (found.action, found.reason) == (
        StepAction.HAND_OVER,
        "kernel: expected 6.1.9 after the reboot, found 6.1.0",
    )
    assert after_reboot({"bmc": "1.1", "kernel": "6.1.9"}, upgrades).action is StepAction.GO_ON


def test_versions_that_can_not_be_read_after_the_reboot_are_unknown():
    assert after_reboot(None, [UPGRADE]).host_state is HostState.UNKNOWN
    assert after_reboot({}, [UPGRADE]).action is StepAction.HAND_OVER
