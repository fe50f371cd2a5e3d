"""A site's own history: which of the formats a file has is told by its first lines, not by its name."""

from collections.abc import Iterable, Iterator
from itertools import chain
from pathlib import Path

from fleet.errors import InvalidInput
from simulation.workloads.acme import NEEDED, read_acme
from simulation.workloads.imported import Imported
from simulation.workloads.sacct import read_sacct
from simulation.workloads.swf import FIELDS, read_swf


def read_file(path: Path, gpus_per_host: int = 8, processors_per_host: int | None = None) -> Imported:
    """Jobs from a file. Raises InvalidInput with file, line, field and what was expected."""
    try:
        # What is not UTF-8 is let through to `_as_text`, for in a log's comments it does no harm.
        with path.open(encoding="utf-8-sig", errors="surrogateescape", newline="") as lines:
            return read_lines(lines, str(path), gpus_per_host, processors_per_host)
    except OSError as error:
        raise InvalidInput(str(path), "", f"can't be read: {error.strerror}") from error


def read_lines(
    lines: Iterable[str], source: str, gpus_per_host: int = 8, processors_per_host: int | None = None
) -> Imported:
    """Jobs from lines; `source` is what complaints call them. Raises InvalidInput like `read_file`."""
    if gpus_per_host < 1:
        raise InvalidInput(source, "gpus_per_host", "expected at least 1")
    rest = _as_text(lines, source)
    empty, first = 0, ""
    for first in rest:
        if first.strip():
            break
        empty += 1
    whole = chain([""] * empty, [first], rest)
    if first.startswith(";") or len(first.split()) == len(FIELDS):
        return read_swf(whole, source, processors_per_host)
    if "|" in first:
        return read_sacct(whole, source, gpus_per_host)
    if set(NEEDED) & set(first.strip().split(",")):
        return read_acme(whole, source, gpus_per_host)
    expected = (
        "expected what `sacct --parsable2` prints, the Acme trace (CSV with node_num, gpu_num, duration …) or the "
        "Standard Workload Format (18 numbers a line)"
    )
    raise InvalidInput(f"{source}:{empty + 1}", "", f"{expected}; found {first.strip()[:60]!r}")


def _as_text(lines: Iterable[str], source: str) -> Iterator[str]:
    """The lines, if all but comments are text."""
    for number, line in enumerate(lines, 1):
        if not line.isascii() and not line.startswith(";") and any("\udc80" <= c <= "\udcff" for c in line):
            raise InvalidInput(f"{source}:{number}", "", "is not text in UTF-8")
        yield line
