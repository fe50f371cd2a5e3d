"""How the verifications of one visit count as the outcome of a trial."""

from collections.abc import Sequence

from fleet.models.verification import Category, Severity, Verdict, Verification


def outcome(verifications: Sequence[Verification]) -> tuple[Verdict, Category | None]:
    """The trial's verdict, and what its failure points to.

    Hardware goes first: a host with a hardware finding says nothing about a version, whatever else failed on it. No
    verification at all is inconclusive.
    """
    failed = [v for v in verifications if v.verdict is Verdict.FAILED]
    if failed:
        harmless = (Severity.INFO, Severity.WARNING)
        found = [f.category for v in failed for f in v.findings if f.severity not in harmless]
        return Verdict.FAILED, Category.HARDWARE if Category.HARDWARE in found else next(iter(found), None)
    if not verifications or any(v.verdict is Verdict.INCONCLUSIVE for v in verifications):
        return Verdict.INCONCLUSIVE, None
    return Verdict.PASSED, None
