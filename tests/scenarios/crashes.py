"""A fleet under drivers that kill their worker."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml


def crashing(document: dict[str, Any], folder: Path, points: Sequence[str]) -> dict[str, Any]:
    """The same fleet under drivers that kill their worker at these points (see `tests.parts.crashing`)."""
    inner = folder / "inner.yaml"
    inner.write_text(yaml.safe_dump(document))
    marks = folder / "marks"
    marks.mkdir()
    options = {"inner": str(inner), "marks": str(marks), "points": ",".join(points)}
    kinds = ("scheduler", "hardware", "verifier")
    drivers = {k: {"kind": "plugin", "factory": f"tests.parts.crashing:{k}", "options": options} for k in kinds}
    cluster = {**document["clusters"][0], "drivers": drivers}
    return {**document, "clusters": [cluster]}
