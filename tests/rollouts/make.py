"""Rollouts to decide about, on the small cluster of the host policies' tests."""

from datetime import timedelta
from typing import Any

from fleet.models.host import Host
from fleet.models.rollout import RolloutSpec
from fleet.models.rollouts import Rollout, Trial
from tests.host_policy.build import NOW

PHASES = (
    {"name": "canary", "cohort": {"count": 4}, "min_successes": 3, "soak": "1h"},
    {"name": "early", "cohort": {"percent": 50}, "min_successes": 2},
    {"name": "everywhere"},
)


def spec(component: str = "gpu-driver", version: str = "550.90", prior: str = "550.54", **changes: Any) -> RolloutSpec:
    values = {"component": component, "version": version, "prior": prior, "phases": PHASES, "clusters": ("east",)}
    return RolloutSpec.model_validate({**values, **changes})


def rollout(of: RolloutSpec | None = None, *, at: float = 0, **changes: Any) -> Rollout:
    """A rollout that was started so many hours after NOW."""
    moment = NOW + timedelta(hours=at)
    values = {
        "spec": of or spec(),
        "started_at": moment,
        "started_by": "ann",
        "changed_at": moment,
        "counted_since": moment,
        "phase_opened_at": moment,
    }
    return Rollout(**{**values, **changes})


def host(name: str = "gpu001", **changes: Any) -> Host:
    return Host(**{"cluster": "east", "name": name, "pool": "gpu-train", "since": NOW, **changes})


def trial(name: str, *, at: float = 1, rollouts: tuple[str, ...] = ("gpu-driver/550.90",), **changes: Any) -> Trial:
    """A visit of a host that ended so many hours after NOW."""
    values = {
        "cluster": "east",
        "host": name,
        "operation": f"visit/{at}#{name}",
        "at": NOW + timedelta(hours=at),
        "versions": dict(r.split("/") for r in rollouts),
        "rollouts": rollouts,
    }
    return Trial(**{**values, **changes})
