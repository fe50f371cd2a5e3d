"""A program that prints one number a GPU, found by a regular expression of the fleet file."""

import re

from drivers.verification.answer import number
from fleet.errors import BadAnswer


def parse_lines(stdout: str, line: str, gpus: int) -> float:
    """The lowest of exactly one number for each of `gpus` GPUs. Raises `BadAnswer`."""
    pattern = re.compile(line)
    values: dict[str, float] = {}
    for text in stdout.splitlines():
        if found := pattern.search(text.strip()):
            if found["gpu"] in values:
                raise BadAnswer(f"GPU {found['gpu'][:10]} has two results")
            values[found["gpu"]] = number(found["value"])
    if set(values) != {str(i) for i in range(gpus)}:
        raise BadAnswer(f"results of {len(values)} GPUs, expected {gpus}")
    return min(values.values())
