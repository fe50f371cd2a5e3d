"""Errors of NVSwitches in the kernel log: the lines of each belong together, in whatever order they come."""

from drivers.verification.answer import Answer
from drivers.verification.parse_xid import parse_xid
from fleet.models.verification import Category, Severity, Verdict

HARMLESS = (Category.HARDWARE, Severity.INFO)
FATAL = (Category.HARDWARE, Severity.ERROR)


def told(answer: Answer) -> tuple[Verdict, list[tuple[Category, Severity]]]:
    return answer.verdict, [(finding.category, finding.severity) for finding in answer.findings]


def sxid(code: int, word: str, severity: int) -> list[str]:
    """The three lines that the driver prints of one."""
    lines = (
        f"{word}, Link 60 Minion Link DLREQ interrupt",
        f"Severity {severity} Engine instance 60 Sub-engine instance 00",
        "Data {0x0000003c, 0x0000003c, 0x00000000, 0x0000003c}",
    )
    return [f"[  117.984502] nvidia-nvswitch3: SXid (PCI:0000:c1:00.0): {code}, {line}\n" for line in lines]


def test_one_that_is_not_fatal_is_only_told_whichever_line_comes_first():
    # Many a sound host prints it at each boot.
    lines = sxid(22013, "Non-fatal", 0)

    answers = [parse_xid("".join(order)) for order in (lines, lines[::-1])]

    assert [(Verdict.PASSED, [HARMLESS])] * 2 == [told(answer) for answer in answers]
    assert (Verdict.PASSED, []) == told(parse_xid("".join(lines), ignored=(22013,)))


def test_one_that_is_fatal_fails_the_host_among_others_and_after_a_harmless_one_of_its_kind():
    harmless, fatal = sxid(22013, "Non-fatal", 0), sxid(20034, "Fatal", 1)

    assert (Verdict.FAILED, [HARMLESS, FATAL]) == told(parse_xid("".join(harmless + fatal)))
    assert (Verdict.FAILED, [FATAL]) == told(parse_xid("".join(sxid(20034, "Non-fatal", 0) + fatal)))


def test_lines_without_the_one_that_says_whether_it_is_fatal_prove_nothing():
    assert (Verdict.INCONCLUSIVE, []) == told(parse_xid("".join(sxid(20034, "Fatal", 1)[1:])))
    others = sxid(22013, "Non-fatal", 0)
    assert (Verdict.INCONCLUSIVE, [HARMLESS]) == told(parse_xid("".join(others + sxid(20034, "Fatal", 1)[1:])))


def test_a_host_in_the_old_persistence_mode_is_as_well_as_others():
    line = "NVRM: Persistence mode is deprecated and will be removed in a future release. Please use "

    assert (Verdict.PASSED, []) == told(parse_xid(f"[   20.123456] {line}nvidia-persistenced instead.\n"))
