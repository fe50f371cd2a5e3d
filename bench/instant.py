"""A fleet whose simulated drivers answer at once: what is measured on it is Maintrain and its server."""

from collections.abc import Mapping, Sequence
from typing import Any

CLUSTER = "bench"
STATE = "bench.sqlite"
NCCL = {"nccl": "2.21"}
"""The pin."""
_RELATES = {"gpu-driver": ["nccl"]}


def fleet(
    components: Mapping[str, str], hostlist: str, domain: int, observe_every: str, pools: Sequence[Mapping[str, Any]]
) -> dict[str, Any]:
    """The fleet file as a document. `components`: host-facing component → its layer and installed version, as
    `layer@version`, deepest first; `domain`: hosts of a rack.
    """
    layers = [told.partition("@")[0] for told in components.values()]
    stack = [_component(name, told.partition("@")[0]) for name, told in components.items()]
    installed = {name: told.partition("@")[2] for name, told in components.items()}
    cluster = {
        "name": CLUSTER,
        "drivers": _drivers(hostlist, domain, {**installed, **NCCL}),
        "stack": {
            "layers": [*layers, "nccl"],
            "split": layers[-1],
            "reboot_duration": "0s",
            "components": [*stack, {"name": "nccl", "layer": "nccl", "duration": "0s"}],
        },
        "pins": NCCL,
        "matrix": [{"components": {"gpu-driver": "550.*"}, "pins": NCCL}],
        "observe_every": observe_every,
        "pools": list(pools),
    }
    return {"version": 1, "clusters": [cluster]}


def pool(name: str, hostlist: str, domain: int, floor: int, **changes: object) -> dict[str, Any]:
    """A pool that is cut into racks."""
    return {
        "name": name,
        "hosts": {"names": hostlist},
        "domain": {"size": domain, "group_by": "rack"},
        "failure_buffer": 2,
        "floor": max(0, floor),
        "visit_budget": "10m",
        "fabric_wait": "30s",
        **changes,
    }


def _component(name: str, layer: str) -> dict[str, Any]:
    return {"name": name, "layer": layer, "duration": "0s", "reboot": True, "relates_to": _RELATES.get(name, [])}


def _drivers(hostlist: str, domain: int, installed: Mapping[str, str]) -> dict[str, Any]:
    hardware = {
        "kind": "simulated",
        "state": STATE,
        "hosts": hostlist,
        "hosts_per_rack": domain,
        "hosts_per_nvlink": domain,
        "installed": installed,
        "spread": 0,
        "verify_duration": "0s",
    }
    scheduler = {"kind": "simulated", "state": STATE, "poll": "250ms", "jobs": {"load": 0}}
    return {"scheduler": scheduler, "hardware": hardware, "verifier": {"kind": "simulated"}}
