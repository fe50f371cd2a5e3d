"""Emergencies for the tests: twelve hosts in domains of four, on the cluster of `tests.policy.make`."""

from fleet.models.emergency import Emergency, EmergencyHost, EmergencySpec, EmergencyState
from fleet.models.override import Override
from tests.policy.make import NOW, ago, names

EMERGENCY = "emergency/c1/hole"
SPEC = {"name": "hole", "cluster": "c1", "upgrades": [{"component": "gpu-driver", "version": "550.3"}]}


def named(**numbers):
    return Override(actor="ann", reason="a hole", lasts=3600, **numbers)


def emergency(state=EmergencyState.RUNNING, override=None, **spec):
    return Emergency(
        id=EMERGENCY,
        spec=EmergencySpec.model_validate({**SPEC, **spec}),
        targets={"gpu-driver": "550.3"},
        override=override,
        state=state,
        started_at=ago(minutes=2),
        started_by="ann",
        why="a hole",
        changed_at=NOW,
    )


def rows(**changes):
    """A row a host, by domain; `gpu001={...}` alters one."""
    made = []
    for index, name in enumerate(names(12)):
        values = {"host": name, "pool": "gpu-train", "domain": f"d{index // 4 + 1:03d}", **changes.get(name, {})}
        made.append(EmergencyHost(**values))
    return made
