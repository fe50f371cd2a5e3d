"""Domain sizes: the formula against the curve, the curve against gangs laid out host by host, and pools as they are."""

import json
from datetime import timedelta

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fleet.models.host import Host
from fleet.models.job_costs import JobCosts
from fleet.models.pool import DomainSpec, DrainPolicy, Grouping
from fleet.models.replicas import Replicas
from fleet.models.scheduler import Job, JobKind, JobState
from fleet.models.sizing import JobMix, PoolKind, SizeQuestion, VisitLength, VisitModel
from fleet.models.windows import Window
from fleet.policy.sizing import kind_of, sizes, sizing
from fleet.policy.sizing_cost import best, closed_form, cycle_cost, point, smallest, touched, visit_model
from fleet.policy.sizing_facts import size_question
from fleet.policy.windows import ended
from starter.size import as_plain, lines, without_jobs
from tests.policy.make import NOW, ago, pool

HOURS_2 = VisitModel(fixed_seconds=7200.0)
MIX = JobMix(hosts=(1, 16, 128), count=(60, 20, 10), lost_hours=(0.7, 0.7, 0.7))


def question(**changes) -> SizeQuestion:
    given = {"members": 2048, "visit": HOURS_2, "mix": MIX, "bound_days": 60.0, "every_days": 30.0}
    return SizeQuestion(**{**given, **changes})


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 40), st.integers(1, 25))
def test_a_gang_in_a_row_touches_as_many_domains_as_the_formula_says(gang, size):
    begins = np.arange(size)
    counted = np.mean((begins + gang - 1) // size + 1)
    assert counted == pytest.approx(touched(gang, size))


@settings(max_examples=60, deadline=None)
@given(st.integers(2, 200), st.floats(0.1, 3.0), st.floats(2.0, 90.0), st.floats(0.2, 1.0))
def test_the_formula_finds_the_bottom_of_the_curve(gang, lost, every, share):
    mix = JobMix(hosts=(float(gang),), count=(2000 / gang,), lost_hours=(lost,))
    asked = question(mix=mix, every_days=every, bound_days=1e6, open_share=share, visit=VisitModel(fixed_seconds=0.0))
    found = best(point(asked, size) for size in range(1, 501))
    assert abs(found.size - min(500.0, max(1.0, closed_form(asked)))) <= 1.0


def test_the_smallest_size_is_where_the_visits_just_fit_the_bound():
    asked = question(visit=VisitModel(fixed_seconds=7200.0, host_seconds=60.0), bound_days=20.0, every_days=10.0)
    edge = smallest(asked)
    assert [bool(point(asked, size).why_not) for size in (int(edge), int(edge) + 2)] == [True, False]
    assert smallest(question(visit=VisitModel(fixed_seconds=1.0, host_seconds=3600.0), bound_days=1.0)) == float("inf")


def test_a_training_pool_gets_larger_domains_than_the_bound_needs_and_an_inference_pool_does_not():
    alone = JobMix(hosts=(1.0,), count=(1700.0,), lost_hours=(0.1,))
    found = {
        kind: sizing("p", question(mix=mix), 64, sizes(2048), kind_of(mix, replicas))
        for kind, mix, replicas in (("train", MIX, False), ("infer", alone, False), ("store", JobMix(), True))
    }
    assert [PoolKind.TRAINING, PoolKind.INFERENCE, PoolKind.STORAGE] == [f.kind for f in found.values()]
    need = found["train"].smallest
    assert found["train"].best > 2 * need
    assert found["infer"].best == found["store"].best == int(need) + 1
    assert "gangs are interrupted more often" in found["train"].reason
    assert "interrupts hardly fewer jobs" in found["infer"].reason
    assert "no jobs lose by it" in found["store"].reason


def test_what_the_best_size_hangs_on_moves_it_the_right_way():
    found = sizing("p", question(), 64, sizes(2048), kind_of(MIX, False))
    by = {s.what: s.best for s in found.sensitivity}
    assert by["an interruption costs half as much"] < found.best < by["an interruption costs twice as much"]
    assert by["jobs of half the size, as many hosts in use"] < found.best
    assert found.best < by["jobs of twice the size, as many hosts in use"]


def test_a_bound_that_no_size_keeps_is_said():
    found = sizing("p", question(bound_days=0.01, every_days=0.005), 8, sizes(2048), kind_of(MIX, False))
    assert (None, True) == (found.best, found.reason.startswith("no size keeps the bound: a cycle takes"))


def test_a_bound_that_no_size_keeps_is_no_number_that_json_lacks():
    slow = question(visit=VisitModel(fixed_seconds=1.0, host_seconds=3600.0), bound_days=1.0)
    found = sizing("p", slow, 8, sizes(2048), kind_of(MIX, False))
    assert json.loads(json.dumps(as_plain(found), allow_nan=False))["smallest"] is None
    assert any(line.endswith("the bound can't be kept") for line in lines(found))


def test_flashing_a_few_at_once_makes_large_visits_longer():
    visit = VisitModel(fixed_seconds=3600.0, flash_at_once=16, flash_seconds=1800.0)
    assert [3600.0, 3600.0, 5400.0, 9000.0] == [visit.seconds(n) for n in (1, 16, 17, 64)]


def test_visits_that_were_tell_how_long_visits_are():
    line = [VisitLength(hosts=h, seconds=600.0 + 30.0 * h) for h in (4, 8, 8, 16, 32)]
    found = visit_model(line, HOURS_2)
    assert (600.0, 30.0) == pytest.approx((found.fixed_seconds, found.host_seconds))
    assert "5 visits of this pool, 4 to 32 hosts" == found.source
    alike = visit_model([VisitLength(hosts=8, seconds=s) for s in (100.0, 200.0)], HOURS_2)
    assert (150.0, 0.0) == (alike.fixed_seconds, alike.host_seconds)
    assert HOURS_2 == visit_model([], HOURS_2)


@settings(max_examples=200, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 72), st.floats(0.0, 1e6)), max_size=8))
def test_whatever_visits_there_were_they_tell_a_length(seen):
    ended_ = [VisitLength(hosts=h, seconds=s) for h, s in seen]
    assert visit_model(ended_, HOURS_2).seconds(8) >= 0


def test_visits_that_grow_faster_than_their_hosts_have_nothing_fixed():
    # The mean of the seconds, less as much a host as there is, is a hair below nothing.
    were = ((4, 600.0), (4, 900.0), (8, 900.0), (4, 900.0), (16, 36_000.0))
    steep = [VisitLength(hosts=h, seconds=s) for h, s in were]
    assert visit_model(steep, HOURS_2).fixed_seconds == pytest.approx(0.0, abs=1e-6)


def test_waves_of_flashes_that_visits_have_had_are_not_added_again():
    told = VisitModel(fixed_seconds=7200.0, flash_at_once=4, flash_seconds=1800.0)
    found = visit_model([VisitLength(hosts=16, seconds=4 * 3600.0)] * 3, told)
    assert [2.5, 4.0, 8.0] == [found.seconds(n) / 3600 for n in (4, 16, 48)]
    line = [VisitLength(hosts=h, seconds=600.0 + 30.0 * h + 1800.0 * (-(-h // 4) - 1)) for h in (4, 8, 8, 16, 30)]
    found = visit_model(line, told)
    assert [v.seconds for v in line] == pytest.approx([found.seconds(v.hosts) for v in line])
    short = visit_model([VisitLength(hosts=16, seconds=600.0)], told)
    assert 0.0 == short.fixed_seconds


def hosts(count, rack=8) -> tuple[Host, ...]:
    return tuple(
        Host(cluster="c1", name=f"g{n:03d}", pool="gpu-train", since=ago(days=9), rack=f"r{n // rack:02d}")
        for n in range(count)
    )


def job(name, *on, **changes) -> Job:
    given = {"id": name, "state": JobState.RUNNING, "kind": JobKind.REQUEUEABLE, "hosts": on}
    return Job(**{**given, **changes})


POOL = pool(
    domain=DomainSpec(size=8, group_by=Grouping.RACK),
    failure_buffer=4,
    job_costs=JobCosts(restart=timedelta(0), checkpoint=timedelta(hours=2)),
)


def test_a_pools_own_jobs_are_counted_on_the_domains_that_its_topology_makes():
    gang = job("1", *(f"g{n:03d}" for n in range(4, 20)))
    others = (job("2", "g040", ours=True), job("3", "g041", ends_by=NOW), job("4", "elsewhere"))
    asked = size_question(POOL, hosts(64), (gang, *others), (), NOW)
    late = job("5", "g041", ends_by=ago(hours=1))
    assert 2 == len(size_question(POOL, hosts(64), (gang, late), (), NOW).mix.count)
    assert {4: 16, 8: 8, 16: 4} == {s: asked.domains[s] for s in (4, 8, 16)}
    assert {4: 4 * 16.0, 8: 3 * 16.0, 16: 2 * 16.0} == {s: asked.placed_host_hours[s] for s in (4, 8, 16)}
    assert JobMix(hosts=(16.0,), count=(1.0,), lost_hours=(1.0,)) == asked.mix
    assert 7 not in asked.domains
    assert "the fleet file's" in asked.visit.source


def test_sizes_that_break_a_pools_promises_or_its_replica_groups_are_not_taken():
    held = pool(domain=DomainSpec(size=4), planned_buffer=8, failure_buffer=2)
    assert "planned_buffer" in size_question(held, hosts(64), (), (), NOW).refused[16]
    copies = POOL.model_copy(update={"replicas": Replicas(by="rack")})
    assert 8 == max(size_question(copies, hosts(64), (), (), NOW).domains)


def test_windows_count_for_what_is_kept_free_and_for_how_long_a_cycle_takes():
    asked = size_question(
        POOL.model_copy(update={"windows": (Window(opens="00:00", closes="06:00"),)}), hosts(64), (), (), NOW
    )
    always = size_question(POOL, hosts(64), (), (), NOW)
    assert 0.25 == pytest.approx(asked.open_share, abs=0.01)
    assert point(asked, 8).reserved == pytest.approx(point(always, 8).reserved / 4, rel=0.05)
    assert point(asked, 8).cycle_days == pytest.approx(point(always, 8).cycle_days * 4, rel=0.05)


@pytest.mark.parametrize("hour", range(0, 24, 3))
def test_what_share_of_the_time_windows_are_open_is_the_same_at_every_hour(hour):
    """An hour late in the day: asked in the morning, the one after the last of the weeks that are counted."""
    nightly = POOL.model_copy(update={"windows": (Window(opens="22:00", closes="23:00"),)})
    asked = size_question(nightly, hosts(64), (), (), NOW.replace(hour=hour))
    assert 1 / 24 == pytest.approx(asked.open_share)
    assert 28 == len(asked.open_hours)
    assert 8.0 == pytest.approx(point(asked, 8).reserved)


@pytest.mark.parametrize(("minutes", "a_night"), [(150, 2), (180, 2), (190, 1), (370, 1)])
def test_as_many_visits_begin_in_a_window_as_find_their_need_left_of_it(minutes, a_night):
    """Six hours a night, of which the last visit needs three: what a train on these windows does."""
    nightly = pool(
        windows=(Window(opens="20:00", closes="02:00"),),
        drain=DrainPolicy(deadline=timedelta(hours=1)),
        visit_budget=timedelta(hours=2),
        cycle_bound=timedelta(days=20),
    )
    each = timedelta(minutes=minutes)
    ended_s = [VisitLength(hosts=4, seconds=each.total_seconds())]
    for now in (NOW, NOW + timedelta(hours=10)):  # between two windows, and in the middle of one
        asked = size_question(nightly, hosts(64), (), ended_s, now)
        assert 16 / a_night == pytest.approx(point(asked, 4).cycle_days)
        need = nightly.drain.deadline + nightly.visit_budget
        last = ended(nightly.windows, NOW.replace(hour=20), 16, each, need)
        assert abs(last - NOW.replace(hour=20) - timedelta(days=16 / a_night)) < timedelta(days=1)
    bound = nightly.model_copy(update={"cycle_bound": timedelta(days=10)})
    assert bool(point(size_question(bound, hosts(64), (), ended_s, NOW), 4).why_not) is (a_night == 1)


def test_a_visit_longer_than_a_window_holds_up_the_next_one():
    nightly = tuple((24.0 * day, 24.0 * day + 6.0) for day in range(28))
    for hours, nights in ((30, 2), (20, 1), (25, 28 / 23)):  # 25 h: an hour later each night, of five one is missed
        asked = question(open_hours=nightly, need_hours=3.0, visit=VisitModel(fixed_seconds=hours * 3600.0))
        assert nights * point(asked, 64).domains == pytest.approx(point(asked, 64).cycle_days, rel=1e-3)


def test_a_notice_longer_than_visits_paces_the_cycle():
    told = POOL.model_copy(update={"notice": timedelta(days=1), "cycle_bound": timedelta(days=10)})
    asked = size_question(told, hosts(64), (), [VisitLength(hosts=8, seconds=7200.0)], NOW)
    assert [(16.0, "a cycle takes 16d with 1d of notice each, the bound is 10d"), (8.0, "")] == [
        (p.cycle_days, p.why_not) for p in (point(asked, 4), point(asked, 8))
    ]
    assert 6.4 == pytest.approx(smallest(asked))
    assert 2.0 == point(asked, 8).visit_hours


def test_a_best_size_that_the_pools_promises_hold_down_says_so():
    gangs = tuple(job(str(n), *(f"g{h:03d}" for h in range(16 * n, 16 * n + 16))) for n in range(4))
    costly = {"job_costs": JobCosts(checkpoint=timedelta(days=1)), "cycle_bound": timedelta(days=4)}
    said = {}
    for planned in (None, 8):
        asked = size_question(POOL.model_copy(update={**costly, "planned_buffer": planned}), hosts(64), gangs, (), NOW)
        said[planned] = sizing("p", asked, 8, asked.domains, kind_of(asked.mix, False)).reason
    assert said[None].startswith("16 hosts: with fewer, gangs are interrupted more often")
    assert said[8].startswith("8 hosts, for more would cost less but can't be (16: planned_buffer: expected at least")


@pytest.mark.parametrize(("grouping", "smallest_"), [(Grouping.NONE, 50), (Grouping.RACK, 56)])
def test_the_smallest_and_the_largest_size_that_can_be_are_found_between_those_that_are_looked_at_first(
    grouping, smallest_
):
    """Of the large ones each is an eighth larger than the one before."""
    spec = DomainSpec(size=8, group_by=grouping)
    grouped = POOL.model_copy(update={"domain": spec, "cycle_bound": timedelta(days=1)})
    each = [VisitLength(hosts=8, seconds=3600.0)]
    asked = size_question(grouped, hosts(1200), (), each, NOW)
    assert smallest_ == sizing("p", asked, 8, asked.domains, kind_of(asked.mix, False)).best

    held = grouped.model_copy(update={"planned_buffer": smallest_})
    asked = size_question(held, hosts(1200), (), each, NOW)
    assert smallest_ == sizing("p", asked, 8, asked.domains, kind_of(asked.mix, False)).best
    gangs = (job("1", *(f"g{n:03d}" for n in range(1200))),)
    longer = held.model_copy(update={"planned_buffer": 100, "cycle_bound": timedelta(days=9)})
    asked = size_question(longer, hosts(1200), gangs, each, NOW)
    assert {Grouping.NONE: 100, Grouping.RACK: 96}[grouping] == max(s for s in asked.domains if s not in asked.refused)


def test_where_no_size_can_be_small_ones_and_large_ones_say_why():
    held = pool(domain=DomainSpec(size=2), planned_buffer=2, cycle_bound=timedelta(hours=20))
    asked = size_question(held, hosts(64), (), (), NOW)
    reason = sizing("p", asked, 2, asked.domains, kind_of(asked.mix, False)).reason
    assert reason.startswith("no size can be (1: a cycle takes ")
    assert "; 64: planned_buffer: expected at least a domain's 64 hosts" in reason


def test_jobs_that_lose_nothing_cost_nothing_at_any_size():
    free = POOL.model_copy(update={"job_costs": JobCosts(restart=timedelta(0), checkpoint=timedelta(0))})
    said = job("1", *(f"g{n:03d}" for n in range(16)), comment="maintrain:job restart=0s checkpoint=0s")
    for pool_, jobs in ((free, (job("1", "g000", "g001"),)), (POOL, (said,))):
        asked = size_question(pool_, hosts(64), jobs, (), NOW)
        found = sizing("p", asked, 8, asked.domains, kind_of(asked.mix, False))
        assert {0.0} == {p.interrupted for p in found.points}
        assert {found.best} == {s.best for s in found.sensitivity if "visits" not in s.what}


@pytest.mark.parametrize("replicas", [None, Replicas(by="rack")])
def test_a_size_above_all_of_a_pools_hosts_is_all_of_them(replicas):
    wide = POOL.model_copy(update={"domain": DomainSpec(size=72, group_by=Grouping.RACK), "replicas": replicas})
    asked = size_question(wide, hosts(16), (job("1", "g000", "g008"),), (), NOW)
    found = sizing("p", asked, wide.domain.size, asked.domains, kind_of(asked.mix, replicas is not None))
    now = found.point(found.today)
    assert (16, 16 * 24.0, 1 if replicas is None else 2) == (now.size, now.reserved, now.domains)
    assert any("today)" in line for line in lines(found)[2].splitlines())


def test_jobs_that_can_not_be_read_are_not_told_to_be_none():
    asked = size_question(POOL, hosts(64), (), (), NOW)
    found = without_jobs(sizing("p", asked, 8, asked.domains, kind_of(asked.mix, False)), "squeue does not answer")
    said = "\n".join(lines(found))
    assert (None, ()) == (found.best, found.sensitivity)
    assert "best: not known, for its jobs are not" in said
    assert "the jobs are not known: squeue does not answer" in said
    assert "nothing gangs" not in said


def test_a_pool_without_hosts_has_no_size():
    asked = size_question(POOL, (), (), (), NOW)
    assert {} == asked.domains
    assert "it has no hosts" == sizing("p", asked, 8, asked.domains, kind_of(asked.mix, False)).reason


def test_the_cost_of_a_cycle_is_that_of_every_gang_with_all_of_its_hosts():
    mix = JobMix(hosts=(10.0,), count=(3.0,), lost_hours=(2.0,))
    assert 3 * 10 * 2 * touched(10, 5) == pytest.approx(cycle_cost(mix, 5))
