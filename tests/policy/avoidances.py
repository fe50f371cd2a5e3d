"""Small cycles and requests to keep away for the policy tests."""

from datetime import timedelta

from fleet.models.avoidance import Avoidance, AvoidanceAsk, AvoidancePolicy, AvoidanceSource, AvoidanceState
from fleet.models.facts import AvoidanceFacts, TrainFacts
from fleet.models.train import Cycle, Domain, DomainProgress, DomainState
from fleet.policy.avoidance_bound import avoided_domains
from tests.policy.make import NOW, ago, pool

HOUR = timedelta(hours=1)


def hours(count):
    return NOW + count * HOUR


def domain(number, state=DomainState.DUE, **changes) -> DomainProgress:
    """Domain `d1` has host `h1`, and so on."""
    given = {"domain": Domain(name=f"d{number}", hosts=(f"h{number}",)), "state": state}
    return DomainProgress(**{**given, **changes})


def ask(number=1, until=None, hosts=(1,), **changes) -> AvoidanceAsk:
    """Request `a1` of job `1`, and so on."""
    given = {
        "id": f"a{number}",
        "cluster": "c1",
        "pool": "gpu-train",
        "job": str(number),
        "user": "ann",
        "hosts": tuple(f"h{host}" for host in hosts),
        "until": until or hours(2),
        "source": AvoidanceSource.COMMENT,
        "actor": "ann",
    }
    return AvoidanceAsk(**{**given, **changes})


def row(of, until=None, state=AvoidanceState.GRANTED, **changes) -> Avoidance:
    given = {"ask": of, "state": state, "reason": "so it is", "asked_at": NOW, "changed_at": NOW}
    return Avoidance(**{**given, "until": until or of.until, **changes})


def facts(*rows, domains=3, due=10, policy=None, now=NOW, **changes) -> AvoidanceFacts:
    """A cycle that is due in so many hours, with visits of an hour each."""
    states = domains if isinstance(domains, list) else [domain(n + 1) for n in range(domains)]
    cycle = Cycle(
        cluster="c1", pool="gpu-train", number=1, opened_at=ago(hours=1), due_at=hours(due), domains=tuple(states)
    )
    promised = pool(avoidance=AvoidancePolicy(**(policy or {})))
    given = {"cluster": "c1", "pool": promised, "now": now, "hosts": (), "cycle": cycle, "stops": ()}
    given |= {"open_visits": (), "visit_seconds": 3600.0, "cycle_asked": True}
    given["avoided"] = avoided_domains(cycle, rows, now)
    return AvoidanceFacts(train=TrainFacts(**{**given, **changes}), rows=rows)
