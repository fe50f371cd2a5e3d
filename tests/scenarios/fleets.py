"""Fleet documents for the scenarios: one without jobs of its own, one with a safe point between its upgrades."""

from collections.abc import Sequence
from typing import Any

from tests.scenarios.site import fleet_document


def quiet(document: dict[str, Any]) -> dict[str, Any]:
    """The same cluster without jobs of its own: the scenario submits those it needs."""
    document["clusters"][0]["drivers"]["scheduler"]["jobs"]["load"] = 0
    return document


def with_safe_point(
    faults: Sequence[dict[str, Any]] = (), takes: tuple[str, str] = ("2s", "1s"), **pool: Any
) -> dict[str, Any]:
    """A first upgrade that needs no reboot, so that work may end after it; quiet. `takes`: it and the next one."""
    document = quiet(fleet_document(faults=faults, **pool))
    cluster = document["clusters"][0]
    first = {"name": "bmc", "layer": "device-firmware", "duration": takes[0], "reboot": False}
    cluster["stack"]["components"][0]["duration"] = takes[1]
    cluster["stack"]["components"].insert(0, first)
    cluster["drivers"]["hardware"]["installed"]["bmc"] = "1.0"
    cluster["desired"]["bmc"] = "1.1"
    return document
