"""nvbandwidth: its JSON (`-j`) and its text. A test case's sum is checked against its matrix.

What counts is the slowest entry: a sum over eight GPUs hides one that is slow.
"""

import re
from collections.abc import Sequence
from typing import Any

from drivers.verification.answer import is_json, json_object, number, object_of, objects, text_of, whole_lines
from fleet.errors import BadAnswer

_VERSION = re.compile(r"v?0\.\d{1,3}(\.\d{1,3})?")
_TEXT_VERSION = re.compile(r"nvbandwidth Version: (\S{1,20})")
_RUNNING = re.compile(r"Running ([a-z0-9_]{1,60})\.")
_SUM = re.compile(r"SUM ([a-z0-9_]{1,60}) (\S+)")
_BANDWIDTH = re.compile(r"memcpy .*\(GB/s\)")
_LEAST_LINES = 4
_MATCHES = 0.001
_ROUNDED = 0.01
"""The text rounds each entry to so much."""


def parse_nvbandwidth(stdout: str, testcases: Sequence[str]) -> dict[str, float]:
    """GB/s of the slowest pair of each of `testcases`. Raises `BadAnswer` unless each is there, passed and whole."""
    found = _of_json(stdout) if is_json(stdout) else _of_text(stdout)
    for name in testcases:
        if name not in found:
            raise BadAnswer(f"test case {name} shows no result")
    return {name: found[name] for name in testcases}


def _of_json(stdout: str) -> dict[str, float]:
    root = object_of(json_object(stdout), "nvbandwidth")
    if not _VERSION.fullmatch(text_of(root, "version")):
        raise BadAnswer(f"unknown version {root['version'][:20]!r}")
    if "error" in root:
        raise BadAnswer(f"error: {str(root['error'])[:160]}")
    lowest: dict[str, float] = {}
    for case in objects(root, "testcases"):
        name, status = text_of(case, "name"), text_of(case, "status")
        if status == "Waived":
            continue
        if status != "Passed" or "error" in case or name in lowest:
            raise BadAnswer(f"test case {name[:60]}: {status[:20]}")
        if not text_of(case, "bandwidth_description").endswith("(GB/s)"):
            raise BadAnswer(f"test case {name[:60]} measures no bandwidth")
        matrix = case.get("bandwidth_matrix")
        if not isinstance(matrix, list) or not all(isinstance(row, list) for row in matrix):
            raise BadAnswer("expected a list of lists under 'bandwidth_matrix'")
        lowest[name] = _lowest(matrix, number(case.get("sum")))
    return lowest


def _of_text(stdout: str) -> dict[str, float]:
    lines = whole_lines(stdout)
    versions = [found[1] for line in lines if (found := _TEXT_VERSION.fullmatch(line))]
    if len(versions) != 1 or not _VERSION.fullmatch(versions[0]):
        raise BadAnswer(f"unknown version {versions[:2]}")
    lowest: dict[str, float] = {}
    for at, line in enumerate(lines):
        if running := _RUNNING.fullmatch(line):
            block = lines[at + 1 : _next(lines, at + 1)]
            if block and not block[0].startswith("Waived"):
                if running[1] in lowest:
                    raise BadAnswer(f"test case {running[1]} is there twice")
                lowest[running[1]] = _of_block(running[1], block)
    return lowest


def _next(lines: list[str], start: int) -> int:
    return next((at for at in range(start, len(lines)) if _RUNNING.fullmatch(lines[at])), len(lines))


def _of_block(name: str, block: list[str]) -> float:
    """The lowest entry of a description, a line of column numbers, a line for each row, an empty one and the sum."""
    sums = [found for line in block if (found := _SUM.fullmatch(line))]
    if len(block) < _LEAST_LINES or len(sums) != 1 or sums[0][1] != name or not _BANDWIDTH.fullmatch(block[0]):
        raise BadAnswer(f"test case {name} has no bandwidths or no sum of its own")
    columns = block[1].split()
    rows: list[list[str]] = []
    for line in block[2:]:
        if not line:
            break
        words = line.split()
        if words[0] != str(len(rows)) or len(words) != len(columns) + 1:
            raise BadAnswer(f"test case {name}: a row does not fit")
        rows.append(words[1:])
    if columns != [str(i) for i in range(len(columns))]:
        raise BadAnswer(f"test case {name}: the columns are not all there")
    return _lowest(rows, number(sums[0][2]))


def _lowest(matrix: list[list[Any]], total: float) -> float:
    if not matrix or len({len(row) for row in matrix}) != 1:
        raise BadAnswer("the rows of a matrix differ in length")
    entries = [number(word) for row in matrix for word in row if word != "N/A"]
    if not entries or min(entries) <= 0:
        raise BadAnswer("a matrix without bandwidths")
    if abs(sum(entries) - total) > total * _MATCHES + len(entries) * _ROUNDED:
        raise BadAnswer(f"the sum of {total:g} is not that of the matrix, {sum(entries):g}")
    return min(entries)
