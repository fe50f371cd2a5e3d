"""DCGM's diagnostic: `dcgmi diag -r LEVEL -j` of 3.x and 4.x, its exit status, and what its errors point to.

The exit status is DCGM's return code as a byte. Of a run that was stopped, killed, or stood behind another one, nothing
is believed. A clean answer has every required test, with a pass for each GPU; what is skipped is not passed.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from drivers.verification.answer import Answer, json_object, objects, text_of
from fleet.errors import BadAnswer
from fleet.models.verification import Category, Finding, Severity

TEST_FAILED = 226
"""A test failed, by an error that does not call for isolation (-30)."""
ISOLATE = 205
"""A test failed by an error for which the host should be isolated (-51)."""
RUNS_ALREADY = 217
NOT_RUN = {RUNS_ALREADY: "another diagnostic is running already", 203: "it was killed", 190: "it was stopped"}
REQUIRED = {
    1: ("software",),
    2: ("software", "memory", "pcie"),
    3: ("software", "memory", "pcie", "diagnostic", "memory_bandwidth", "targeted_stress", "targeted_power"),
}
"""Tests that a level stands for, by their 4.x names; the level's others depend on the GPU and may be skipped."""
_ROOTS = {3: ("DCGM GPU Diagnostic", "DCGM Diagnostic"), 4: ("DCGM Diagnostic",)}
_VERSION = re.compile(r"(\d{1,2})\.\d{1,3}(\.\d{1,4})*")
_NAMES_OF_3 = {"gpu_memory": "memory"}
_DEPLOYMENT_TESTS = 9
"""3.x spreads the software checks over at least so many tests of its category Deployment."""
_SEVERITY = {2: Severity.ISOLATE, 6: Severity.RESET}
_PERFORMANCE, _SOFTWARE, _HARDWARE = range(1, 3), range(3, 9), range(9, 16)


def parse_dcgm(stdout: str, status: int, gpus: int, level: int, required: tuple[str, ...] | None = None) -> Answer:
    """Judge a diagnostic that ended with `status`, on a host of `gpus` GPUs."""
    if status in NOT_RUN:
        return Answer(doubts=(f"no diagnostic: {NOT_RUN[status]} (exit status {status})",))
    try:
        answer = _judge(json_object(stdout), gpus, required or REQUIRED[min(level, max(REQUIRED))])
    except BadAnswer as error:
        answer = Answer(doubts=(f"dcgmi diag: {error}",))
    if status == ISOLATE:
        return Answer(_isolated(answer.findings), answer.doubts)
    if status != 0 and not answer.findings:
        return Answer(doubts=(*answer.doubts, f"dcgmi diag ended with exit status {status} and names no failed test"))
    return answer


def _isolated(findings: tuple[Finding, ...]) -> tuple[Finding, ...]:
    """The findings of a run that calls for isolation; where none of them says so itself (3.x), any may be meant."""
    if not findings:
        summary = f"the diagnostic calls for isolation (exit status {ISOLATE})"
        return (Finding(category=Category.HARDWARE, summary=summary, severity=Severity.ISOLATE),)
    if any(finding.severity is Severity.ISOLATE for finding in findings):
        return findings
    return tuple(finding.model_copy(update={"severity": Severity.ISOLATE}) for finding in findings)


def _judge(body: dict[str, Any], gpus: int, required: tuple[str, ...]) -> Answer:
    release = _release(body)
    root = next((body[name] for name in _ROOTS[release] if isinstance(body.get(name), dict)), None)
    if root is None:
        raise BadAnswer(f"expected the results of DCGM {release}")
    findings: list[Finding] = []
    doubts: list[str] = []
    if root.get("runtime_error") or body.get("runtime_error"):
        doubts.append(f"runtime error: {root.get('runtime_error') or body.get('runtime_error')}"[:200])
    passed: dict[str, set[int]] = {}
    deployment = 0
    for category in objects(root, "test_categories"):
        software = text_of(category, "category").lower() == "deployment"
        for test in objects(category, "tests"):
            name = _name(text_of(test, "name"), release, software=software)
            found, doubted, gpu_ids = _test(test, name, gpus, release, software=software)
            findings += found
            doubts += doubted
            passed[name] = passed.get(name, gpu_ids) & gpu_ids
            deployment += software
    for name in required:
        if missing := sorted(set(range(gpus)) - passed.get(name, set())):
            doubts.append(f"test {name} shows no pass for GPU {', '.join(map(str, missing))}")
    if release == 3 and "software" in required and deployment < _DEPLOYMENT_TESTS:  # noqa: PLR2004
        doubts.append(f"{deployment} deployment tests, expected {_DEPLOYMENT_TESTS} or more")
    return Answer(tuple(findings), tuple(doubts))


def _release(body: Mapping[str, Any]) -> int:
    """The major version that wrote it. Raises `BadAnswer` for one whose format we don't know."""
    metadata = body.get("metadata")
    holders: list[object] = [metadata, *(body.get(name) for name in _ROOTS[3]), body]
    for holder in holders:
        if isinstance(holder, dict) and isinstance(holder.get("version"), str):
            found = _VERSION.fullmatch(holder["version"])
            if found and int(found[1]) in _ROOTS and (int(found[1]) == max(_ROOTS)) == (holder is metadata):
                return int(found[1])
            raise BadAnswer(f"unknown format version {holder['version'][:40]!r}")
    raise BadAnswer("expected a version of DCGM")


def _name(name: str, release: int, *, software: bool) -> str:
    plain = re.sub(r"[^a-z0-9]+", "_", name.lower()).strip("_")
    if release == max(_ROOTS):
        return plain
    return "software" if software else _NAMES_OF_3.get(plain, plain)


def _test(
    test: dict[str, Any], name: str, gpus: int, release: int, *, software: bool
) -> tuple[list[Finding], list[str], set[int]]:
    """Findings, doubts, and the GPUs that a test passed on."""
    findings: list[Finding] = []
    doubts: list[str] = []
    passed: set[int] = set()
    shown = text_of(test, "name")[:60]
    results = objects(test, "results")
    for result in results:
        status = text_of(result, "status").lower()
        where, ids = _where(result, gpus, release, software=software)
        warnings = list(_warnings(result))
        if status == "fail":
            findings += _failures(shown, where, warnings, software=software)
        elif status == "pass" and not any(severity in _SEVERITY for _, _, severity in warnings):
            passed |= ids
        elif status in ("pass", "warn"):
            doubts.append(f"{shown}{where}: {status} with a warning: {'; '.join(w for w, _, _ in warnings)[:160]}")
        elif status not in ("skip", "skipped", "not run"):
            doubts.append(f"{shown}{where}: unknown status {status[:20]!r}")
    if release == max(_ROOTS):
        summary = test.get("test_summary")
        status = text_of(summary, "status").lower() if isinstance(summary, dict) else "missing"
        if status == "fail" and not findings:
            assert isinstance(summary, dict)
            findings += _failures(shown, "", list(_warnings(summary)), software=name == "software")
        elif status != "pass":
            passed = set()
    return findings, doubts, passed


def _where(result: dict[str, Any], gpus: int, release: int, *, software: bool) -> tuple[str, set[int]]:
    """Where a result was taken: in words, and as ids of GPUs."""
    if release == max(_ROOTS):
        group, entity = text_of(result, "entity_group"), result.get("entity_id")
        if not isinstance(entity, int) or isinstance(entity, bool):
            raise BadAnswer("expected a number under 'entity_id'")
        return f" on {group[:20]} {entity}", {entity} if group == "GPU" else set()
    ids = result.get("gpu_id", result.get("gpu_ids"))
    if ids is None and software:
        return "", set(range(gpus))
    words = str(ids).split(",")
    if isinstance(ids, bool) or not all(word.strip().isdecimal() for word in words):
        raise BadAnswer("expected GPU numbers under 'gpu_id'")
    return f" on GPU {str(ids)[:40]}", {int(word) for word in words}


def _warnings(result: Mapping[str, Any]) -> Iterator[tuple[str, int, int]]:
    """(text, error category, error severity); 0 where 3.x gives plain text."""
    warnings = result.get("warnings", [])
    for warning in warnings if isinstance(warnings, list) else [warnings]:
        if isinstance(warning, dict):
            category, severity = warning.get("error_category", 0), warning.get("error_severity", 0)
            numbers = [n if isinstance(n, int) else 0 for n in (category, severity)]
            yield str(warning.get("warning", ""))[:300], numbers[0], numbers[1]
        else:
            yield str(warning)[:300], 0, 0


def _failures(test: str, where: str, warnings: list[tuple[str, int, int]], *, software: bool) -> Iterator[Finding]:
    """One finding for each error of a failed result, and one where it names none."""
    for text, category, severity in warnings or [("", 0, 0)]:
        yield Finding(
            category=_category(category, software=software),
            severity=_SEVERITY.get(severity, Severity.ERROR),
            summary=f"{test} failed{where}" + (f": {text[:160]}" if text else ""),
            evidence=text,
        )


def _category(number: int, *, software: bool) -> Category:
    if number in _PERFORMANCE:
        return Category.PERFORMANCE
    if number in _HARDWARE:
        return Category.HARDWARE
    if number in _SOFTWARE or number:
        return Category.SOFTWARE
    return Category.SOFTWARE if software else Category.HARDWARE
