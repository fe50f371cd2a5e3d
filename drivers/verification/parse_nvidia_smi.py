"""nvidia-smi's counts: its CSV queries, its XML report (`-q -x`) and its NVLink states.

What a GPU does not support reads `[N/A]` and is a doubt where it was asked for, never a zero.
"""

import csv
import re
from collections.abc import Mapping, Sequence
from xml.etree import ElementTree as Xml

from drivers.verification.answer import Answer, doubt
from drivers.verification.gpu_counts import Expected, Gpu, gpu_finding, judge_counts
from fleet.errors import BadAnswer
from fleet.models.command import CommandResult
from fleet.models.verification import Category, Finding, Severity

GPU_FIELDS = (
    "uuid",
    "ecc.mode.current",
    "ecc.errors.uncorrected.volatile.total",
    "pcie.link.width.current",
    "pcie.link.width.max",
)
ROW_FIELDS = ("gpu_uuid", "remapped_rows.pending", "remapped_rows.failure")
_COUNT = re.compile(r"\d{1,12}")
_LINK = re.compile(r"\s+Link (\d{1,2}): (<inactive>|(\d{1,4}(?:\.\d{1,4})?) GB/s)")
_ALL_DOWN = re.compile(r"\s*(?:NVML: )?Unable to retrieve NVLink information as all links are inactive", re.IGNORECASE)
_LINKS_OF = re.compile(r"GPU (\d{1,2}): [^\n]*\(UUID: ((?:GPU|MIG)-[0-9a-f-]{36})\)")
_LOST = re.compile(r"^.*(?:GPU is lost|device handle for GPU.*: Unknown Error).*$", re.MULTILINE)
"""No line on permissions or a blocked device, which speaks of how the tool is run."""
_NONE = re.compile(r"^No devices were found$", re.MULTILINE)
_INFOROM = re.compile(r"^.*infoROM is corrupted.*$", re.MULTILINE)
_SRAM, _SRAM_SPLIT = ("sram_uncorrectable",), ("sram_uncorrectable_parity", "sram_uncorrectable_secded")
"""Newer drivers count parity and SECDED errors of the SRAM apart."""


def plain_fault(results: Sequence[CommandResult], gpus: int) -> Answer | None:
    """What queries that failed say of the GPUs all the same, on a host of so many; None when they say nothing of them.

    The tool is there and the driver answers it, so that a GPU which it can't reach is no doubt.
    """
    said = "\n".join(f"{result.stdout}\n{result.stderr}" for result in results if result.status)
    told, severity = "", Severity.ISOLATE
    if lost := _LOST.search(said):
        told = lost[0]
    elif _NONE.search(said):
        told = f"0 of {gpus} GPUs are there"
    elif corrupted := _INFOROM.search(said):
        told, severity = corrupted[0], Severity.ERROR
    if not told:
        return None
    return Answer((Finding(category=Category.HARDWARE, summary=f"nvidia-smi: {told.strip()}", severity=severity),))


def parse_csv(gpus_csv: str, rows_csv: str, expected: Expected) -> Answer:
    """Judge `--query-gpu` and `--query-remapped-rows` with their headers, of `GPU_FIELDS` and `ROW_FIELDS`."""
    try:
        rows = {row["gpu_uuid"]: row for row in _table(rows_csv, ROW_FIELDS)}
        gpus = [_of_csv(row, rows.get(row["uuid"], {})) for row in _table(gpus_csv, GPU_FIELDS)]
    except BadAnswer as error:
        return doubt(f"nvidia-smi: {error}")
    return judge_counts(gpus, expected)


def parse_xml(report: str, expected: Expected) -> Answer:
    """Judge a whole `nvidia-smi -q -x` report."""
    try:
        # A declared entity could blow the text up; the real report declares none.
        if "<!ENTITY" in report:
            raise BadAnswer("expected no entity declarations")
        root = Xml.fromstring(report)  # noqa: S314 - bounded by the driver, without entities
        found = root.findall("gpu")
        if root.tag != "nvidia_smi_log" or _text(root, "attached_gpus") != str(len(found)):
            raise BadAnswer("expected a report of as many GPUs as it says are attached")
        gpus = [_of_xml(gpu) for gpu in found]
    except (Xml.ParseError, BadAnswer, ValueError) as error:
        return doubt(f"nvidia-smi -q -x: {error}")
    return judge_counts(gpus, expected)


def parse_nvlinks(text: str, gpus: int, links: int) -> Answer:
    """Judge `nvidia-smi nvlink -s`: every GPU must show `links` active ones."""
    findings, doubts = [], []
    active: dict[str, dict[int, bool]] = {}
    current: dict[int, bool] | None = None
    for line in text.splitlines():
        if header := _LINKS_OF.fullmatch(line):
            current = active.setdefault(header[2], {})
        elif _ALL_DOWN.fullmatch(line) and current == {}:
            current.update(dict.fromkeys(range(links), False))
        elif (link := _LINK.fullmatch(line)) and current is not None and int(link[1]) not in current:
            current[int(link[1])] = link[3] is not None and float(link[3]) > 0
        elif line.strip():
            doubts.append(f"nvidia-smi nvlink: unexpected line {line.strip()[:60]!r}")
    if len(active) != gpus:
        doubts.append(f"nvidia-smi nvlink: {len(active)} GPUs shown, expected {gpus}")
    for uuid, states in active.items():
        if len(states) < links:
            doubts.append(f"{uuid}: {len(states)} NVLinks shown, expected {links}")
        elif (up := sum(states.values())) < links:
            findings.append(gpu_finding(uuid, f"{up} of {links} NVLinks are active", Severity.RESET))
    return Answer(tuple(findings), tuple(doubts))


def _table(text: str, fields: tuple[str, ...]) -> list[dict[str, str]]:
    try:
        lines = [[cell.strip() for cell in row] for row in csv.reader(text.splitlines()) if row]
    except csv.Error as error:
        raise BadAnswer(f"expected CSV: {error}") from error
    if not lines or tuple(lines[0]) != fields:
        raise BadAnswer(f"expected the columns {', '.join(fields)}")
    if any(len(line) != len(fields) for line in lines):
        raise BadAnswer("a line has too few or too many columns")
    return [dict(zip(fields, line, strict=True)) for line in lines[1:]]


def _of_csv(row: Mapping[str, str], rows: Mapping[str, str]) -> Gpu:
    uuid, ecc, uncorrected, width, most = (row[field] for field in GPU_FIELDS)
    pending, failure = (rows.get(field, "missing") for field in ROW_FIELDS[1:])
    return Gpu(uuid, ecc, uncorrected, width, most, pending, failure)


def _of_xml(gpu: Xml.Element) -> Gpu:
    volatile = gpu.find("ecc_errors/volatile")
    sram = _SRAM if volatile is None or volatile.find(_SRAM[0]) is not None else _SRAM_SPLIT
    counts = ["missing"] if volatile is None else [_text(volatile, tag) for tag in ("dram_uncorrectable", *sram)]
    known = all(_COUNT.fullmatch(count) for count in counts)
    return Gpu(
        uuid=_text(gpu, "uuid"),
        ecc=_text(gpu, "ecc_mode/current_ecc"),
        uncorrected=str(sum(map(int, counts))) if known else ",".join(counts),
        width=_text(gpu, "pci/pci_gpu_link_info/link_widths/current_link_width"),
        most_width=_text(gpu, "pci/pci_gpu_link_info/link_widths/max_link_width"),
        pending=_text(gpu, "remapped_rows/remapped_row_pending"),
        failure=_text(gpu, "remapped_rows/remapped_row_failure"),
    )


def _text(element: Xml.Element, path: str) -> str:
    """The text of the one element at a path; a word that reads as nothing where there is none or more than one."""
    found = element.findall(path)
    return (found[0].text or "").strip() if len(found) == 1 else "missing"
