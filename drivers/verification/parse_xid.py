"""Xid and SXid lines of the kernel log, from `journalctl` or `dmesg`.

A line that speaks of Xid or NVRM and can't be read is a doubt, but for those the driver prints as it loads.
"""

import re

from drivers.verification.answer import Answer
from drivers.verification.xids import meaning
from fleet.models.verification import Category, Finding, Severity

_XID = re.compile(
    r"NVRM: Xid \((?:PCI:)?([0-9A-Fa-f]{4,8}:[0-9A-Fa-f]{2}:[0-9A-Fa-f]{2}(?:\.\d)?)\): (\d{1,4})(?!\d)(.*)"
)
_SXID = re.compile(r"SXid \(PCI:([0-9A-Fa-f:.]{7,16})\): (\d{5}), (Non-fatal|Fatal)\b(.*)")
_SXID_MORE = re.compile(r"SXid \(PCI:([0-9A-Fa-f:.]{7,16})\): (\d{5}), (?:Severity \d{1,2} Engine instance |Data \{0x)")
"""What the driver prints beside each SXid, before or after it."""
_SPEAKS = re.compile(r"xid|nvrm", re.IGNORECASE)
_HARMLESS = re.compile(
    r"NVRM: (loading NVIDIA (UNIX|Open) |GPU at PCI:|GPU Board Serial Number: |Your system is not currently"
    r"|Persistence mode is deprecated )"
)
_KERNEL_LINE = re.compile(
    r"\[\s*(\d{1,10}\.\d{6})\] |\[[A-Z][a-z]{2} [A-Z][a-z]{2} [ \d]\d [\d:]{8} \d{4}\] |.{10,80} kernel: "
)
_BOOT = re.compile(r"Linux version \d+\.\d+")
NO_ENTRIES = "-- No entries --"


def parse_xid(log: str, ignored: tuple[int, ...] = ()) -> Answer:
    """Judge the lines of a log; lines of anything else are passed over."""
    findings: dict[tuple[str, int], Finding] = {}
    doubts = []
    told: set[tuple[str, str]] = set()
    beside: list[tuple[str, re.Match[str]]] = []
    for line in log.splitlines():
        spoken = _SPEAKS.findall(line)
        # One mention only: two lines that ran together must not hide behind the harmless one.
        if not spoken or (len(spoken) == 1 and _HARMLESS.search(line)):
            continue
        found = _XID.search(line) or _SXID.search(line)
        if found is not None:
            told.add((found[1], found[2]))
            if int(found[2]) not in ignored:
                _keep(findings, (found[1], int(found[2])), _finding(found, line))
        elif more := _SXID_MORE.search(line):
            beside.append((line, more))
        else:
            doubts.append(_unread(line))
    doubts += [_unread(line) for line, more in beside if (more[1], more[2]) not in told]
    return Answer(tuple(findings.values()), tuple(doubts))


def _keep(findings: dict[tuple[str, int], Finding], key: tuple[str, int], found: Finding) -> None:
    """The first of a kind tells most, and a flood of the same is one finding; but one that fails a host counts."""
    known = findings.get(key)
    if known is None or (known.severity is Severity.INFO and found.severity is not Severity.INFO):
        findings[key] = found


def _unread(line: str) -> str:
    return f"the kernel log has a line that can't be read: {line.strip()[:160]!r}"


def whole_dmesg(log: str) -> str | None:
    """Why a `dmesg` can't be taken for everything since the boot, or None when it can."""
    lines = [line for line in log.splitlines() if line.strip()]
    if not lines or not _KERNEL_LINE.match(lines[0]):
        return "dmesg shows no kernel log"
    if not any(_BOOT.search(line) for line in lines[:5]):
        return "dmesg no longer holds the boot: older lines are lost; journalctl keeps them"
    return None


def shows_kernel_lines(journal: str) -> bool:
    """True when a journal's last lines are the kernel's: the journal can be read and is kept."""
    return any(" kernel: " in line for line in journal.splitlines())


def _finding(found: re.Match[str], line: str) -> Finding:
    where, code = found[1], int(found[2])
    if found.re is _SXID:
        fatal = found[3] == "Fatal"
        return Finding(
            category=Category.HARDWARE,
            severity=Severity.ERROR if fatal else Severity.INFO,
            summary=f"NVSwitch {where}: SXid {code}, {found[3].lower()}",
            evidence=line.strip(),
        )
    xid = meaning(code)
    return Finding(
        category=xid.category,
        severity=xid.severity,
        summary=f"GPU {where}: Xid {code}, {xid.told}",
        evidence=line.strip(),
    )
