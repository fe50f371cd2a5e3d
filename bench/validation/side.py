"""The scenario that runs twice, on the real system and in the simulator: its fleet, its jobs and how long things take.

Everything takes seconds, so that two cycles of a train take a minute or two. The jobs are submitted to the simulated
cluster from outside, second by second, and the very same ones are given to the simulator.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from bench import instant
from simulation.job import Workload

POOL = "train"
CYCLES = 2


@dataclass(frozen=True)
class Side:
    """Sizes and times, seconds."""

    hosts: int = 64
    domain: int = 8
    load: float = 0.8
    mean_s: float = 40.0
    spread: float = 0.5
    checkpoint_s: float = 10.0
    drain_s: float = 2.0
    flash_s: float = 0.5
    reboot_s: float = 1.0
    verify_s: float = 0.3
    fill_s: float = 5.0
    """The jobs run so long before the train starts."""
    lasts_s: float = 400.0
    """Jobs are submitted for so long, or until the cycles are over."""
    seed: int = 11

    @property
    def hostlist(self) -> str:
        """The pool's hosts."""
        return f"gpu[001-{self.hosts:03}]"

    def jobs(self) -> Workload:
        """Gangs of one to eight hosts, as many as fill the load; the first ones are met on their way."""
        rng = np.random.default_rng(self.seed)
        sizes = np.array([1, 2, 4, 8])
        mean_size = float(sizes.mean())
        running = round(self.load * self.hosts / mean_size)
        later = round(self.load * self.hosts * self.lasts_s / (mean_size * self.mean_s))
        mu = np.log(self.mean_s) - self.spread**2 / 2
        run_s = np.exp(rng.normal(mu, self.spread, running + later))
        run_s[:running] *= rng.random(running)
        submit_s = np.concatenate([np.zeros(running), np.sort(rng.random(later) * self.lasts_s)])
        return Workload.of(
            submit_s=submit_s,
            hosts=rng.permutation(np.resize(sizes, running + later)),
            run_s=np.maximum(run_s, 1.0),
            restart_s=np.zeros(running + later),
            checkpoint_s=np.full(running + later, self.checkpoint_s),
        )

    def document(self, versions: dict[str, str]) -> dict[str, Any]:
        """The fleet file; `versions` are the ones desired."""
        installed = {"nic-firmware": "device-firmware@1.0", "gpu-driver": "driver@550.1"}
        pool = instant.pool(
            POOL,
            self.hostlist,
            self.domain,
            floor=self.hosts - 2 * self.domain,
            planned_buffer=self.domain,
            cycle_bound="1h",
            notice="0s",
            drain={"deadline": f"{self.drain_s:g}s", "requeueable": "requeue", "max_returns": 1000},
            desired=versions,
        )
        found = instant.fleet(installed, self.hostlist, self.domain, "500ms", [pool])
        cluster = found["clusters"][0]
        cluster["stack"]["reboot_duration"] = f"{1000 * self.reboot_s:.0f}ms"
        for component in cluster["stack"]["components"][:2]:
            component["duration"] = f"{1000 * self.flash_s:.0f}ms"
        drivers = cluster["drivers"]
        drivers["hardware"] |= {"spread": 0.1, "verify_duration": f"{1000 * self.verify_s:.0f}ms"}
        drivers["scheduler"]["jobs"] |= {"checkpoint": f"{self.checkpoint_s:g}s"}
        return found
