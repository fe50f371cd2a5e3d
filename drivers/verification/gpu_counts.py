"""What a healthy host's GPUs count: how many there are, ECC, row remapping, PCIe lanes."""

import re
from dataclasses import dataclass

from drivers.verification.answer import Answer
from fleet.models.verification import Category, Finding, Severity

_UUID = re.compile(r"(GPU|MIG)-[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_COUNT = re.compile(r"\d{1,12}")
_WIDTH = re.compile(r"(\d{1,2})x?")
_GONE = {
    "GPU is lost": ("the driver has lost it", Severity.ISOLATE),
    "GPU requires reset": ("it requires a reset", Severity.RESET),
}
"""What nvidia-smi says in the place of any value of a GPU that is there no more; in CSV between brackets."""
_SAID = {"no": False, "0": False, "yes": True, "1": True}


@dataclass(frozen=True)
class Expected:
    """What a healthy host shows; `pcie_width` None: each GPU's own maximum."""

    gpus: int
    ecc: bool = True
    pcie_width: int | None = None


@dataclass(frozen=True)
class Gpu:
    """One GPU as reported; the words as they stood."""

    uuid: str
    ecc: str
    uncorrected: str
    width: str
    most_width: str
    pending: str
    failure: str


def judge_counts(gpus: list[Gpu], expected: Expected) -> Answer:
    """Compare what was reported with what is expected; a word that says neither is a doubt."""
    findings: list[Finding] = []
    doubts: list[str] = []
    names = {gpu.uuid for gpu in gpus}
    if len(names) != len(gpus) or not all(_UUID.fullmatch(name) for name in names):
        doubts.append("nvidia-smi: expected a UUID of its own for every GPU")
    if len(gpus) < expected.gpus:
        summary = f"{len(gpus)} of {expected.gpus} GPUs are there"
        findings.append(Finding(category=Category.HARDWARE, summary=summary, severity=Severity.ISOLATE))
    elif len(gpus) > expected.gpus:
        doubts.append(f"nvidia-smi: {len(gpus)} GPUs, expected {expected.gpus}")
    for gpu in gpus:
        gone = _gone(gpu)
        if gone is not None:
            findings.append(gone)
            continue
        told = [_pcie(gpu, expected.pcie_width)]
        if expected.ecc:
            told += [_ecc(gpu), _rows(gpu)]
        for answer in told:
            findings += answer.findings
            doubts += [f"{gpu.uuid[:40]}: {text}" for text in answer.doubts]
    return Answer(tuple(findings), tuple(doubts))


def gpu_finding(
    uuid: str, told: str, severity: Severity = Severity.ERROR, category: Category = Category.HARDWARE
) -> Finding:
    """A finding on one GPU."""
    return Finding(category=category, summary=f"{uuid[:40]}: {told}", severity=severity)


def _gone(gpu: Gpu) -> Finding | None:
    words = (gpu.ecc, gpu.uncorrected, gpu.width, gpu.most_width, gpu.pending, gpu.failure)
    said = [_GONE[plain] for word in words if (plain := word.strip("[]")) in _GONE]
    return gpu_finding(gpu.uuid, *said[0]) if said else None


def _ecc(gpu: Gpu) -> Answer:
    if gpu.ecc == "Disabled":
        return Answer((gpu_finding(gpu.uuid, "ECC is off", category=Category.SOFTWARE),))
    if gpu.ecc != "Enabled":
        return Answer(doubts=(f"ECC mode reads {gpu.ecc[:20]!r}",))
    if not _COUNT.fullmatch(gpu.uncorrected):
        return Answer(doubts=(f"uncorrected ECC errors read {gpu.uncorrected[:20]!r}",))
    if int(gpu.uncorrected):
        told = f"{gpu.uncorrected} uncorrected ECC error(s) since the driver was loaded"
        return Answer((gpu_finding(gpu.uuid, told, Severity.RESET),))
    return Answer()


def _rows(gpu: Gpu) -> Answer:
    findings, doubts = [], []
    for word, told, severity in (
        (gpu.pending, "a row remapping waits for a reset", Severity.RESET),
        (gpu.failure, "row remapping failed", Severity.ISOLATE),
    ):
        said = _SAID.get(word.lower())
        if said:
            findings.append(gpu_finding(gpu.uuid, told, severity))
        elif said is None:
            doubts.append(f"row remapping reads {word[:20]!r}")
    return Answer(tuple(findings), tuple(doubts))


def _pcie(gpu: Gpu, wanted: int | None) -> Answer:
    width, most = _WIDTH.fullmatch(gpu.width), _WIDTH.fullmatch(gpu.most_width)
    if width is None or most is None or not 0 < int(width[1]) <= int(most[1]):
        return Answer(doubts=(f"PCIe width reads {gpu.width[:20]!r} of {gpu.most_width[:20]!r}",))
    least = wanted or int(most[1])
    if int(width[1]) < least:
        return Answer((gpu_finding(gpu.uuid, f"PCIe has {width[1]} of {least} lanes"),))
    return Answer()
