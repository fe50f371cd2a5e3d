"""Prices that are kept from stop to stop are those that would be made from nothing."""

from datetime import timedelta

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from fleet.models.facts import TrainFacts
from fleet.models.job_costs import JobCosts
from fleet.models.scheduler import ClusterView, Job, JobKind, JobState
from fleet.models.train import Cycle, Domain, DomainProgress, DomainState
from fleet.policy.timetable import look_ahead, preferred
from fleet.policy.timetable_kept import KeptPrices
from tests.policy.make import NOW, ago, pool

COUNT = 12
HOSTS = [f"g{n}{half}" for n in range(COUNT) for half in "ab"] + ["far1", "far2"]
COMMENTS = ("", "maintrain:job restart=7m13s checkpoint=11m", "maintrain:job saved=2026-03-01T11:50:07Z", "mine")
POOL = pool(
    notice=timedelta(minutes=30), job_costs=JobCosts(restart=timedelta(seconds=631), checkpoint=timedelta(minutes=47))
)


def domain_state(number: int, state: DomainState) -> DomainProgress:
    told = ago(minutes=7) if state is DomainState.NOTICED else None
    return DomainProgress(
        domain=Domain(name=f"d{number}", hosts=(f"g{number}a", f"g{number}b")), state=state, noticed_at=told
    )


def train(after: timedelta, states: list[DomainState], cycle: int, restart: int) -> TrainFacts:
    opened = ago(days=1) + timedelta(hours=cycle)
    return TrainFacts(
        cluster="c1",
        pool=POOL.model_copy(
            update={"job_costs": POOL.job_costs.model_copy(update={"restart": timedelta(seconds=restart)})}
        ),
        now=NOW + after,
        hosts=(),
        cycle=Cycle(
            cluster="c1",
            pool=POOL.name,
            number=cycle,
            opened_at=opened,
            due_at=opened + timedelta(days=9),
            domains=tuple(domain_state(n, s) for n, s in enumerate(states)),
        ),
        stops=(),
        open_visits=(),
        visit_seconds=3600.0,
        cycle_asked=True,
    )


JOBS = st.builds(
    Job,
    id=st.sampled_from("abcdefgh"),
    state=st.sampled_from([JobState.RUNNING, JobState.RUNNING, JobState.OTHER]),
    kind=st.just(JobKind.REQUEUEABLE),
    hosts=st.lists(st.sampled_from(HOSTS), min_size=1, max_size=6, unique=True).map(tuple),
    comment=st.sampled_from(COMMENTS),
    ends_by=st.one_of(st.none(), st.integers(-60, 3000).map(lambda n: NOW + timedelta(minutes=n, microseconds=7 * n))),
    ours=st.sampled_from([False, False, False, True]),
)
LOOKS = st.tuples(
    st.lists(JOBS, max_size=5),
    st.sets(st.sampled_from("abcdefgh"), max_size=3),
    st.integers(0, 7_000_000).map(lambda n: timedelta(milliseconds=n)),
    st.lists(st.sampled_from([DomainState.DUE] * 4 + list(DomainState)), min_size=COUNT, max_size=COUNT),
    st.sampled_from([1, 1, 1, 1, 2]),
    st.sampled_from([600, 600, 600, 601]),
)


@settings(max_examples=120, deadline=None)
@given(st.lists(LOOKS, min_size=2, max_size=6))
def test_whatever_came_before_a_look_answers_as_the_first_one_would(looks):
    kept, jobs, after = KeptPrices(), {}, timedelta(0)
    for came, went, later, states, cycle, restart in looks:
        # Those that stay are read anew, as a scheduler's answer is.
        stay = {name: job.model_copy(deep=True) for name, job in jobs.items() if name not in went}
        jobs, after = {**stay, **{job.id: job for job in came}}, after + later
        facts, view = train(after, states, cycle, restart), ClusterView(began=0.0, nodes={}, jobs=jobs)
        found, expected = look_ahead(facts, view, kept), look_ahead(facts, view)
        times = found.begins + np.array([0.0, 1800.0, 7200.0])
        assert (found.prices.at(times) == expected.prices.at(times)).all()
        assert found.prices.jobs_at(found.begins).tolist() == expected.prices.jobs_at(found.begins).tolist()
        assert preferred(facts, view, kept) == preferred(facts, view)


def test_prices_of_another_pool_or_cycle_are_forgotten():
    kept = KeptPrices()
    job = Job(id="a", state=JobState.RUNNING, kind=JobKind.REQUEUEABLE, hosts=("g0a",))
    view = ClusterView(began=0.0, nodes={}, jobs={"a": job})
    first = train(timedelta(0), [DomainState.DUE] * COUNT, 1, 600)
    assert "d0" != preferred(first, view, kept).preferred[0]
    other = first.model_copy(
        update={"cycle": first.cycle.model_copy(update={"number": 2, "domains": first.cycle.domains[:1]})}
    )
    before = kept.prices
    look_ahead(other, view, kept)
    assert (1, True) == (kept.prices.domains, before is not kept.prices)
