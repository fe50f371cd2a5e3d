"""Evidence in words: what was found, what was tried, and all of it bounded."""

from datetime import UTC, datetime, timedelta

from fleet.evidence import MOST_EVIDENCE, MOST_FINDINGS, bounded, evidence_text, findings_lines, rung_end, rungs_lines
from fleet.models.ladder import Rung
from fleet.models.rungs import RungEnd, RungRecord
from fleet.models.verification import Category, Finding, Severity, Verdict, Verification, VerificationTask
from fleet.models.work import StepAction, StepRecord

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
SICK = Finding(
    category=Category.HARDWARE, summary="GPU 3 is unhealthy", evidence="row remap\n\npending", provider="dcgm"
)


def step(key: str, action: StepAction = StepAction.GO_ON, *findings: Finding, reason: str = "it was so") -> StepRecord:
    verdict = Verdict.FAILED if action is StepAction.HAND_OVER else Verdict.PASSED
    verified = Verification(task=VerificationTask.HEALTH, verdict=verdict, findings=findings) if findings else None
    return StepRecord(
        cluster="c",
        host="h",
        operation="o",
        step=key,
        action=action,
        reason=reason,
        started=NOW,
        ended=NOW,
        verification=verified,
    )


def climbed(rung: Rung | None, attempt: int = 1, **changes) -> RungRecord:
    values = {
        "cluster": "c",
        "pool": "p",
        "host": "h",
        "operation": "r",
        "category": None,
        "reason": "why",
        "began": NOW,
    }
    return RungRecord(rung=rung, attempt=attempt, **{**values, **changes})


def test_a_finding_is_told_with_its_evidence_below_it():
    assert ["- hardware, error: GPU 3 is unhealthy (dcgm)", "    row remap", "    pending"] == findings_lines([SICK])


def test_findings_and_evidence_are_bounded():
    long = SICK.model_copy(update={"evidence": "x" * 10_000, "severity": Severity.WARNING})
    lines = findings_lines([long] * 30)
    assert f"- and {30 - MOST_FINDINGS} more" == lines[-1]
    assert MOST_EVIDENCE + 4 == max(map(len, lines))


def test_a_rung_says_how_it_ended():
    after = {"ended": NOW + timedelta(minutes=2)}
    assert "under way" == rung_end(climbed(Rung.REBOOT))
    assert "cured after 2 min: it passed" == rung_end(
        climbed(Rung.REBOOT, end=RungEnd.CURED, said="it passed", **after)
    )
    assert "refused after 2 min" == rung_end(climbed(Rung.REBOOT, end=RungEnd.REFUSED, **after))


def test_the_person_at_the_end_is_told_without_an_end():
    assert ["1. reboot: why", "    under way", "2. person: why"] == rungs_lines(
        [climbed(Rung.REBOOT), climbed(None, attempt=2)]
    )


def test_a_page_has_the_last_findings_and_the_rungs_without_the_person():
    records = [step("drain"), step("verify:health", StepAction.HAND_OVER, SICK)]
    text = evidence_text(records, [climbed(Rung.REBOOT), climbed(None, attempt=2)])
    assert [
        "Found by verify:health on 2026-03-01 12:00:00Z:",
        "- hardware, error: GPU 3 is unhealthy (dcgm)",
        "    row remap",
        "    pending",
        "Rungs climbed:",
        "1. reboot: why",
        "    under way",
    ] == text.splitlines()


def test_a_step_that_broke_off_after_the_last_finding_is_told_too():
    records = [
        step("verify:health", StepAction.HAND_OVER, SICK),
        step("reboot", StepAction.HAND_OVER, reason="not back"),
    ]
    assert "Ended by reboot: not back" == evidence_text(records, ()).splitlines()[-1]


def test_of_nothing_nothing_is_told():
    assert "" == evidence_text((), ())
    assert "" == evidence_text([step("verify:health", StepAction.GO_ON, SICK)], ())


def test_what_is_bounded_stays_on_its_line():
    assert ("a b", "abc...") == (bounded(" a\n b ", 10), bounded("abcdefgh", 6))
