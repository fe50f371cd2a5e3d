"""How verifications count as a trial."""

from fleet.models.verification import Category, Finding, Severity, Verdict, Verification, VerificationTask
from fleet.policy.trials import outcome


def verification(verdict: Verdict, *findings: tuple[Category, Severity]) -> Verification:
    told = tuple(Finding(category=c, summary="x", severity=s) for c, s in findings)
    return Verification(task=VerificationTask.HEALTH, verdict=verdict, findings=told)


PASSED, UNSURE = verification(Verdict.PASSED), verification(Verdict.INCONCLUSIVE)
SOFTWARE, HARDWARE = (Category.SOFTWARE, Severity.ERROR), (Category.HARDWARE, Severity.ISOLATE)


def test_a_hardware_finding_goes_before_every_other_failure():
    found = [verification(Verdict.FAILED, SOFTWARE), UNSURE, verification(Verdict.FAILED, HARDWARE)]

    assert (Verdict.FAILED, Category.HARDWARE) == outcome(found)


def test_a_harmless_finding_says_nothing_of_what_failed():
    found = verification(Verdict.FAILED, (Category.HARDWARE, Severity.WARNING), SOFTWARE)

    assert (Verdict.FAILED, Category.SOFTWARE) == outcome([found])
    assert (Verdict.FAILED, None) == outcome([verification(Verdict.FAILED)])


def test_only_a_whole_set_of_passes_is_a_pass():
    assert (Verdict.PASSED, None) == outcome([PASSED, PASSED])
    assert (Verdict.INCONCLUSIVE, None) == outcome([PASSED, UNSURE])
    assert (Verdict.INCONCLUSIVE, None) == outcome([])
