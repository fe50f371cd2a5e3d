"""What happens when in the scenario, drawn from one seed: kills, failures, outsiders, people, an emergency."""

import random
from dataclasses import dataclass
from enum import StrEnum

from bench.scenario.fleet import CLUSTER, RACK, Share, feeds, hosts_of

CALLED_OFF = 4
"""Every so many operations, one is called off soon."""
FEEDS = 0.3
"""Share of the operations that are on a power feed, not on a rack."""


class Happens(StrEnum):
    """Kinds of events."""

    KILL_WORKER = "kill_worker"
    KILL_SERVER = "kill_server"
    FAIL = "fail"
    """A production host's daemon dies."""
    DRAIN = "drain"
    """An outsider drains a host."""
    SUBMIT = "submit"
    """A person wants a rack or a feed."""
    CANCEL = "cancel"
    """A person calls the operation off that was submitted last."""
    EMERGENCY = "emergency"


@dataclass(frozen=True, order=True)
class Event:
    """One event, `at` seconds after the trains have started."""

    at: float
    what: Happens
    subject: str = ""
    """A host, or the scope of an operation."""


@dataclass(frozen=True)
class ScenarioPlan:
    """How much of everything."""

    hosts: int = 2000
    kills: int = 50
    kill_every: float = 12.0
    """Seconds between two of them, on average."""
    failures: int = 30
    outsiders: int = 20
    operations: int = 16
    seed: int = 7
    bound: float = 900.0
    """Seconds that no request may wait."""
    within: float = 3000.0
    """Seconds after which a scenario that has not come to its end has failed."""

    @property
    def span(self) -> float:
        """Seconds in which everything begins."""
        return self.kills * self.kill_every

    def events(self, pools: tuple[Share, ...]) -> list[Event]:
        """All of them, in their order."""
        rng = random.Random(self.seed)
        span, every = self.span, hosts_of(pools)
        kills = [Happens.KILL_WORKER] * (self.kills - self.kills // 3) + [Happens.KILL_SERVER] * (self.kills // 3)
        rng.shuffle(kills)
        found = [Event((n + rng.random()) * self.kill_every, what) for n, what in enumerate(kills)]
        found += [Event(rng.uniform(0, span), Happens.FAIL, host) for host in rng.sample(every, self.failures)]
        found += [Event(rng.uniform(0, span), Happens.DRAIN, host) for host in rng.sample(every, self.outsiders)]
        for number in range(self.operations):
            at = rng.uniform(0, span * 0.8)
            found.append(Event(at, Happens.SUBMIT, _scope(rng, pools)))
            if number % CALLED_OFF == 0:
                found.append(Event(at + rng.uniform(0, 20), Happens.CANCEL))
        found.append(Event(span / 2, Happens.EMERGENCY))
        return sorted(found)


def _scope(rng: random.Random, pools: tuple[Share, ...]) -> str:
    """A rack or a feed."""
    if rng.random() < FEEDS:
        return f"cut-power-feed {CLUSTER}/power_feed/{rng.choice(sorted(feeds(pools)))}"
    racks = sum(pool.hosts for pool in pools) // RACK
    return f"service-rack-power {CLUSTER}/rack/rack{rng.randint(1, racks):03}"
