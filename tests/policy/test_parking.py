"""When whoever holds a host of an operation's scope counts as parked."""

from datetime import timedelta

import pytest

from fleet import ids
from fleet.models.facts import LedgerFacts
from fleet.models.observation import Observation
from fleet.models.operation_part import Parking
from fleet.models.scheduler import NodeBase
from fleet.models.work import Step, StepAction, StepKind, StepRecord
from fleet.policy.owners import undrained
from fleet.policy.parking import as_told, boot_due, drained_for, not_parked, parked
from fleet.policy.stopping import Proceed
from tests.policy.make import NOW, ago, facts, lease, seen

HOST, LIFE = "gpu001", timedelta(seconds=5)
DRAINED = seen(HOST, draining=True, reason="ours")


def looked(shown=DRAINED, *, before=10, error=""):
    hosts = {HOST: shown} if shown is not None else {}
    return Observation(cluster="c1", began_at=ago(seconds=before), hosts=hosts, error=error)


def told(shown=DRAINED, effect=None, seconds=60, look=None):
    return not_parked(HOST, look or looked(shown), effect, ago(seconds=seconds), NOW, LIFE)


def test_who_has_passed_a_fence_just_before_may_still_be_sending():
    assert "told just now" == told(seconds=5)


def test_an_effect_that_was_sent_is_waited_for():
    assert "reboot is under way" == told(effect="reboot")


def test_once_both_are_over_and_a_look_shows_it_out_it_has_parked():
    assert "" == told()


OUT = {
    "drained by another": seen(HOST, draining=True, reason="bob"),
    "down": seen(HOST, base=NodeBase.DOWN),
    "in another's maintenance": seen(HOST, maintenance=True, reservation="theirs"),
    "drained and silent": seen(HOST, draining=True, not_responding=True),
}
IN_USE = {
    "up, whoever has its lease": (seen(HOST), "it is in production again"),
    "silent, to answer at any time": (seen(HOST, not_responding=True), "it is in production again"),
    "drained with a job": (seen(HOST, draining=True).model_copy(update={"jobs": ("7",)}), "1 job(s) on it: 7"),
    "drained while a job ends": (seen(HOST, draining=True, completing=True), "a job on it is ending"),
    "measured": (
        seen(HOST, maintenance=True, reservation=f"{ids.FABRIC_RESERVATION}1"),
        "the fabric is measured with it",
    ),
    "not seen": (None, "not looked at since it was told"),
}


@pytest.mark.parametrize("what", OUT)
def test_a_host_on_which_no_job_can_start_is_left_alone(what):
    assert "" == told(OUT[what])


@pytest.mark.parametrize("what", IN_USE)
def test_a_host_on_which_jobs_may_run_is_waited_for(what):
    shown, why = IN_USE[what]

    assert told(shown).startswith(why)


@pytest.mark.parametrize("look", [looked(before=56), looked(error="it is down")])
def test_a_look_begun_before_they_were_told_or_that_failed_says_nothing(look):
    assert told(look=look).startswith("not looked at since it was told")


def test_only_a_host_that_the_last_look_shows_under_our_drain_is_ready():
    held = lease(HOST, holder="op/1")
    ours = seen(HOST, draining=True, reason="maintrain:planned:op/1#gpu001")
    shown = {"drained": ours, "undrained": seen(HOST), "another's": OUT["drained by another"]}
    shown["busy"] = ours.model_copy(update={"jobs": ("7",)})

    assert ["drained"] == [what for what, one in shown.items() if drained_for(held, ledger(held, one))]
    assert not drained_for(held, ledger(held, ours, error="it is down"))


def test_a_look_as_old_as_no_grant_would_be_given_on_tells_of_no_host():
    held = lease(HOST, holder="op/1")
    ours = seen(HOST, draining=True, reason="maintrain:planned:op/1#gpu001")
    ages = {before: as_told(known(held, looked(ours, before=before))) for before in (10, 3600)}

    assert [True, False] == [drained_for(held, one) for one in ages.values()]
    old = told(look=ages[3600].observation, seconds=7200)
    assert "not looked at since it was told: the last look began at 2026-03-01 11:00:00+00:00" == old


def test_a_held_host_that_somebody_undrained_is_told_of():
    held = lease(HOST, holder="op/1")

    assert () == undrained(ledger(held, seen(HOST)))
    assert (HOST,) == undrained(ledger(held, seen(HOST)), {held.operation})
    assert () == undrained(ledger(held, DRAINED), {held.operation})


def ledger(held, shown, error="") -> LedgerFacts:
    return known(held, looked(shown, error=error))


def known(held, look) -> LedgerFacts:
    return facts(leases=[held]).model_copy(update={"observation": look})


def row(step, action=StepAction.GO_ON) -> StepRecord:
    given = {"cluster": "c1", "host": HOST, "operation": "x", "step": step, "action": action, "reason": ""}
    return StepRecord(**given, started=ago(minutes=1), ended=NOW)


def step(key, *, safe=True) -> Step:
    kind = StepKind(key.partition(":")[0])
    return Step(key=key, kind=kind, safe_before=safe, expected=LIFE)


STEPS = [step("drain"), step("apply:bios"), step("apply:nic"), step("reboot", safe=False), step("verify:health")]
#   boarded steps, what was done: what must follow
WALKS = {
    "nothing": (STEPS, [], None),
    "drained": (STEPS, [row("drain")], None),
    "a safe point between two": (STEPS, [row("drain"), row("apply:bios")], None),
    "written": (STEPS, [row("apply:bios"), row("apply:nic")], "reboot, which must follow apply:nic,"),
    "all left out": (STEPS, [row("apply:bios", StepAction.SKIP), row("apply:nic", StepAction.SKIP)], None),
    "ended early": (STEPS, [row("apply:bios"), row("apply:nic", StepAction.SKIP_TO_VERIFY)], None),
    "booted": (STEPS, [row("apply:bios"), row("apply:nic"), row("reboot")], None),
    "reflashed in repair": ([], [row("reflash:nic")], "the boot that must follow reflash:nic"),
    "reflashed and cycled": ([], [row("reflash:nic"), row("power_cycle")], None),
    "written in repair": ([], [row("apply:bios"), row("apply:nic")], "the boot that must follow apply:bios"),
    "written in repair, without a boot": ([], [row("apply:nic"), row("verify:health")], None),
}


@pytest.mark.parametrize("what", WALKS)
def test_what_was_written_waits_for_its_boot(what):
    steps, done, expected = WALKS[what]

    assert expected == boot_due(steps, done, {"bios"})


def test_who_parks_waits_and_asks_again():
    answer = parked(Parking(operation="op/1", since=NOW))

    assert (Proceed.HOLD, "parked for op/1, which works on its scope since 2026-03-01 12:00:00+00:00") == (
        answer.answer,
        answer.reason,
    )
