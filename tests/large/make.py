"""Large-scale maintenances for the tests: sixteen hosts in domains of two, on the cluster of `tests.policy.make`."""

from datetime import timedelta

from fleet.models.emergency import Emergency, EmergencyHost, EmergencySpec, EmergencyState
from fleet.models.large import LargePhase, LargeProgress
from tests.policy.make import NOW, ago, names

LARGE = "large/c1/winter"
HOSTS = 16
SPEC = {"name": "winter", "cluster": "c1", "upgrades": [{"component": "gpu-driver", "version": "550.3"}]}
STEPS = [{"domains": 1}, {"domains": 2}, {"domains": "50%"}]


def plan(**changes):
    return {"at": ago(minutes=1), "steps": STEPS, **changes}


def large(state=EmergencyState.RUNNING, progress=None, override=None, plan_=None, **spec):
    return Emergency(
        id=LARGE,
        spec=EmergencySpec.model_validate({**SPEC, "plan": plan_ or plan(), **spec}),
        targets={"gpu-driver": "550.3"},
        override=override,
        state=state,
        progress=progress,
        started_at=ago(days=2),
        started_by="ann",
        why="winter",
        changed_at=ago(days=2),
    )


def at(phase=LargePhase.OUT, number=1, domains=("d001",), **changes):
    values = {"round": number, "domains": {"gpu-train": domains}, "first_stop": 1, "since": NOW - timedelta(minutes=1)}
    return LargeProgress(**{**values, "phase": phase, **changes})


def rows(**changes):
    """A row a host, by domain; `gpu001={...}` alters one."""
    made = []
    for index, name in enumerate(names(HOSTS)):
        values = {"host": name, "pool": "gpu-train", "domain": f"d{index // 2 + 1:03d}", **changes.get(name, {})}
        made.append(EmergencyHost(**values))
    return made


def both(state, number=1, stop=1):
    """The rows of the n-th domain in a state."""
    return {name: {"state": state, "stop": f"{LARGE}/{stop}"} for name in names(2, 2 * number - 1)}
