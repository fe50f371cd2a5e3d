"""Evidence in words, for pages and the command line: what verifications found, and which rungs were climbed."""

from collections.abc import Sequence

from fleet.models.rungs import RungRecord
from fleet.models.verification import Finding, Verdict
from fleet.models.work import StepAction, StepRecord
from fleet.view import duration_words

MOST_FINDINGS, MOST_EVIDENCE, MOST_REASON = 8, 600, 300


def last_findings(records: Sequence[StepRecord]) -> tuple[StepRecord, tuple[Finding, ...]] | None:
    """The last verification that did not pass, and what it found; None when there is none."""
    for record in reversed(records):
        found = record.verification
        if found is not None and found.verdict is not Verdict.PASSED:
            return record, found.findings
    return None


def findings_lines(findings: Sequence[Finding]) -> list[str]:
    """Findings, each with its evidence below it."""
    lines: list[str] = []
    for finding in findings[:MOST_FINDINGS]:
        by = f" ({finding.provider})" if finding.provider else ""
        lines.append(f"- {finding.category}, {finding.severity}: {bounded(finding.summary, MOST_REASON)}{by}")
        shown = bounded(finding.evidence, MOST_EVIDENCE, keep_lines=True)
        lines += [f"    {line}" for line in shown.splitlines() if line.strip()]
    if len(findings) > MOST_FINDINGS:
        lines.append(f"- and {len(findings) - MOST_FINDINGS} more")
    return lines


def rungs_lines(rungs: Sequence[RungRecord]) -> list[str]:
    """Rungs in the order they were climbed, with how each ended."""
    lines = []
    for record in rungs:
        lines.append(f"{record.attempt}. {record.name}: {bounded(record.reason, MOST_REASON)}")
        if record.rung is not None:
            lines.append(f"    {rung_end(record)}")
    return lines


def rung_end(record: RungRecord) -> str:
    """How a rung ended, in words."""
    if record.ended is None or record.end is None:
        return "under way"
    took = duration_words((record.ended - record.began).total_seconds())
    said = f": {bounded(record.said, MOST_REASON)}" if record.said else ""
    return f"{record.end} after {took}{said}"


def evidence_text(records: Sequence[StepRecord], rungs: Sequence[RungRecord]) -> str:
    """For a page: the last failed verification's findings, the step that ended the last try, and the rungs."""
    parts: list[str] = []
    found = last_findings(records)
    if found is not None and found[1]:
        parts += [f"Found by {found[0].step} on {found[0].ended:%Y-%m-%d %H:%M:%S}Z:", *findings_lines(found[1])]
    ended = next((r for r in reversed(records) if r.action is StepAction.HAND_OVER), None)
    if ended is not None and (found is None or ended is not found[0]):
        parts.append(f"Ended by {ended.step}: {bounded(ended.reason, MOST_REASON)}")
    climbed = [r for r in rungs if r.rung is not None]
    if climbed:
        parts += ["Rungs climbed:", *rungs_lines(climbed)]
    return "\n".join(parts)


def bounded(text: str, most: int, *, keep_lines: bool = False) -> str:
    """Text of at most so many characters, on one line unless told otherwise."""
    text = text.strip() if keep_lines else " ".join(text.split())
    return text if len(text) <= most else text[: most - 3] + "..."
