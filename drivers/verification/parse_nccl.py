"""nccl-tests: the text that `all_reduce_perf` and its kind print, and the file that `-J` writes.

The average bus bandwidth is the mean of all rows, which is checked, so a table that lost or changed a row is not
believed. Wrong values are a fault of the hardware, however fast it was.
"""

import re
from collections import Counter
from dataclasses import dataclass
from typing import Any

from drivers.verification.answer import is_json, json_object, number, object_of, objects, text_of, whole_lines
from fleet.errors import BadAnswer

JSON_VERSIONS = (1, 2)
_RANK = re.compile(r"#\s+Rank\s+(\d{1,6})\s(?:.*\s)?on\s+(\S+) device\s+(\d{1,3}) \[.*")
_BOUNDS = re.compile(r"# Out of bounds values\s*: (\d{1,18}) (OK|FAILED)")
_AVERAGE = re.compile(r"# Avg bus bandwidth\s*: (\S+)(?: (OK|FAILED))?\s*")
_PREFIX = re.compile(r"(?:\[\d+,\d+\]<stdout>:\s?)")
_COLUMNS = 13
_TIMESTAMP = 2
_MATCHES = 0.005
"""Relative difference allowed between the average told and that of the rows, which are rounded to two decimals."""


@dataclass(frozen=True)
class NcclRun:
    """One run that came to its end: bus bandwidth in GB/s, values that came out wrong, processes by host."""

    busbw: float
    wrong: int
    ranks: dict[str, int]


def parse_nccl(stdout: str) -> NcclRun:
    """Read one run, text or JSON. Raises `BadAnswer` for what is not one whole, validated run."""
    return _of_json(json_object(stdout)) if is_json(stdout) else _of_text(stdout)


def _of_text(stdout: str) -> NcclRun:
    lines = [_PREFIX.sub("", line, count=1) for line in whole_lines(stdout)]
    ranks: Counter[str] = Counter()
    seen: set[int] = set()
    rates: list[float] = []
    wrong = 0
    for line in lines:
        if rank := _RANK.fullmatch(line):
            seen.add(int(rank[1]))
            ranks[rank[2]] += 1
        elif line[:1] == " " and line.strip()[:1].isdigit():
            pair, wrongs = _row(line.split())
            rates += pair
            wrong += wrongs
    bounds, average = _only(_BOUNDS, lines), _only(_AVERAGE, lines)
    if (bounds[2] == "OK") != (int(bounds[1]) == 0):
        raise BadAnswer(f"{bounds[1]} values out of bounds and {bounds[2]}")
    if average[2] == "FAILED":
        raise BadAnswer("the average is below the tool's own minimum: it was not asked to judge")
    if seen != set(range(len(seen))) or len(seen) != sum(ranks.values()):
        raise BadAnswer("the ranks are not all there")
    return _checked(rates, number(average[1]), wrong, int(bounds[1]), dict(ranks))


def _row(words: list[str]) -> tuple[list[float], int]:
    """Bus bandwidths out of place and in place, and wrong values, of a row."""
    if len(words) not in (_COLUMNS, _COLUMNS + _TIMESTAMP):
        raise BadAnswer(f"a row has {len(words)} columns, expected {_COLUMNS}")
    rates, wrong = [], 0
    for first in (5, 9):
        time, algbw, busbw, wrongs = words[first : first + 4]
        number(time)
        number(algbw)
        rates.append(number(busbw))
        wrong += _wrong(wrongs, in_place=first == 9)  # noqa: PLR2004
    return rates, wrong


def _wrong(word: object, *, in_place: bool) -> int:
    # Some collectives check nothing in place; a run that checks nothing at all validates nothing.
    if in_place and word in ("N/A", None):
        return 0
    if word in ("N/A", None):
        raise BadAnswer("the run did not check its values (-c 0)")
    return int(number(word))


def _only(pattern: re.Pattern[str], lines: list[str]) -> re.Match[str]:
    found = [match for line in lines if (match := pattern.fullmatch(line))]
    if len(found) != 1:
        raise BadAnswer(f"expected one line like {pattern.pattern[2:20]!r}, found {len(found)}: the run did not end")
    return found[0]


def _of_json(body: dict[str, Any]) -> NcclRun:
    if body.get("version") not in JSON_VERSIONS or isinstance(body.get("version"), bool):
        raise BadAnswer(f"unknown format version {str(body.get('version'))[:20]!r}")
    if not isinstance(body.get("end_time"), str) or body.get("errors") not in ([], [""]):
        raise BadAnswer("the run did not end, or ended with errors")
    config = object_of(body, "config")
    devices = objects(config if "devices" in config else body, "devices")
    if sorted(str(device.get("rank")) for device in devices) != sorted(map(str, range(len(devices)))):
        raise BadAnswer("the ranks are not all there")
    rates, wrong = _rows(objects(body, "results"))
    count, average = _footer(body)
    hosts = dict(Counter(text_of(device, "hostname") for device in devices))
    return _checked(rates, average, wrong, count, hosts)


def _footer(body: dict[str, Any]) -> tuple[int, float]:
    """Values out of bounds, and the average."""
    bounds, average = object_of(body, "out_of_bounds"), object_of(body, "average_bus_bandwidth")
    count = number(bounds.get("count"))
    if (text_of(bounds, "okay") == "true") != (count == 0):
        raise BadAnswer(f"{count:g} values out of bounds and okay is {bounds['okay']!r}")
    if text_of(average, "okay") not in ("true", "unchecked"):
        raise BadAnswer("the average is below the tool's own minimum: it was not asked to judge")
    return int(count), number(average.get("bandwidth"))


def _rows(results: list[dict[str, Any]]) -> tuple[list[float], int]:
    """Bus bandwidths and wrong values of all rows of the JSON."""
    rates: list[float] = []
    wrong = 0
    for row in results:
        for place in ("out_of_place", "in_place"):
            part = object_of(row, place)
            if "nwrong" not in part:
                raise BadAnswer(f"expected 'nwrong' under {place!r}")
            rates.append(number(part.get("bus_bw")))
            wrong += _wrong(part["nwrong"], in_place=place == "in_place")
    return rates, wrong


def _checked(rates: list[float], average: float, wrong: int, out_of_bounds: int, ranks: dict[str, int]) -> NcclRun:
    if not rates or not ranks or average <= 0:
        raise BadAnswer("no rows, no devices or no bandwidth")
    mean = sum(rates) / len(rates)
    if abs(mean - average) > max(mean, average) * _MATCHES + 0.01:
        raise BadAnswer(f"the average of {average:g} GB/s is not that of the rows, {mean:g}")
    return NcclRun(busbw=average, wrong=max(wrong, out_of_bounds), ranks=ranks)
