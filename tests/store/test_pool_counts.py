"""Counts over time: a span goes on while nothing changes, ends when something does, and leaves what nobody saw."""

from datetime import timedelta

from fleet.models.observation import SetCounts
from fleet.models.report import Interruption, Out, PoolSpan
from fleet.policy.thinning import thinned
from tests.store import facts as f

GAP = timedelta(minutes=5)
REPAIR, VISIT = Out(pool=f.P, cause="repair"), Out(pool=f.P, cause="maintenance")


def counts(up, planned=0, **more):
    values = {"planned_buffer": 4, "failure_buffer": 2, "floor": 2, "causes": {"maintenance": planned}, **more}
    return PoolSpan(since=f.NOW, until=f.NOW, counts=SetCounts(up=up, planned=planned), **values)


async def look(store, seconds, span, outs=None):
    await store.record_counts(f.C, f.later(seconds), {f.P: span}, outs or {}, GAP)


async def told(store, begin=-1000, end=1_000_000, desired=None):
    return await store.report_facts(f.C, f.later(begin), f.later(end), desired or {})


def seconds(moment):
    return (moment - f.NOW).total_seconds()


async def spans(store):
    found = (await told(store)).spans.get(f.P, ())
    return [(seconds(s.since), seconds(s.until), s.counts.up) for s in found]


async def test_a_span_goes_on_while_nothing_changes(store):
    for second in (0, 15, 30, 75, 90):
        await look(store, second, counts(4))

    assert [(0, 75, 4)] == await spans(store)


async def test_a_change_ends_a_span_where_the_next_begins(store):
    await look(store, 0, counts(4))
    await look(store, 15, counts(2, planned=2))
    await look(store, 30, counts(2, planned=2))
    await look(store, 45, counts(4))

    assert [(0, 15, 4), (15, 45, 2), (45, 45, 4)] == await spans(store)
    found = (await told(store)).spans[f.P][1]
    assert counts(2, planned=2).model_copy(update={"since": f.later(15), "until": f.later(45)}) == found


async def test_a_changed_promise_or_cause_begins_a_new_span(store):
    await look(store, 0, counts(4))
    await look(store, 15, counts(4, floor=3))
    await look(store, 30, counts(4, floor=3, seen=False))
    await look(store, 45, counts(4, floor=3, causes={"repair": 0}))

    assert [0, 15, 30, 45] == [begin for begin, _, _ in await spans(store)]


async def test_looks_that_are_far_apart_leave_a_time_that_nobody_saw(store):
    await look(store, 0, counts(4))
    await look(store, 70, counts(4))
    await look(store, 400, counts(4))
    await look(store, 480, counts(4))

    assert [(0, 70, 4), (400, 480, 4)] == await spans(store)


async def test_a_look_that_was_overtaken_changes_nothing(store):
    await look(store, 30, counts(4))
    await look(store, 30, counts(3))
    await look(store, 15, counts(2))

    assert [(30, 30, 4)] == await spans(store)


async def test_times_out_follow_their_cause_and_the_lease(store):
    await look(store, 0, counts(4), {"gpu1": VISIT})
    await look(store, 15, counts(4), {"gpu1": VISIT, "gpu2": REPAIR})
    await look(store, 30, counts(4), {"gpu1": REPAIR.model_copy(update={"since": f.later(22)})})

    found = [(o.host, o.cause, seconds(o.since), o.until and seconds(o.until)) for o in (await told(store)).outs]
    assert [
        ("gpu1", "maintenance", 0, 22),
        ("gpu2", "repair", 15, 30),
        ("gpu1", "repair", 22, None),
    ] == found


async def test_a_host_under_one_lease_that_was_seen_as_something_else_in_between_keeps_both_times(store):
    leased = VISIT.model_copy(update={"since": f.later(1)})
    await look(store, 5, counts(4), {"gpu1": leased})
    await look(store, 20, counts(4), {"gpu1": REPAIR})
    await look(store, 35, counts(4), {"gpu1": leased})

    found = [(o.cause, seconds(o.since)) for o in (await told(store)).outs]
    assert [("maintenance", 1), ("repair", 20), ("maintenance", 35)] == found


async def test_a_run_of_a_job_is_interrupted_once(store):
    run = Interruption(
        cluster=f.C, pool=f.P, job="7", restarts=0, at=f.NOW, verb="requeued", hosts=3, operation="visit/x"
    )
    await store.record_interruptions([run])
    again = run.model_copy(update={"restarts": 1, "at": f.later(9)})
    await store.record_interruptions([run.model_copy(update={"hosts": 2}), again])

    assert (run, again) == (await told(store)).interruptions
    assert (again,) == (await told(store, begin=5)).interruptions


async def test_old_spans_are_thinned_and_older_ones_forgotten(store):
    await look(store, 0, counts(4))
    for n, up in enumerate((3, 4, 3, 4)):
        await look(store, 20 * (n + 1), counts(up, planned=4 - up))
    await look(store, 3600, counts(4), {"gpu1": VISIT})
    await look(store, 3700, counts(3), {})

    await store.tidy_counts(f.C, (f.later(-5), f.later(3000)), thinned, f.later(-10))
    assert [(0, 80, 3), (3600, 3700, 4), (3700, 3700, 3)] == [
        s for s in await spans(store) if s[1] - s[0] > 0 or s[0] == 3700
    ]
    await store.tidy_counts(f.C, (f.later(-5), f.later(3000)), thinned, f.later(9000))
    assert ([], ()) == (await spans(store), (await told(store)).outs)


async def test_a_report_has_the_cycles_of_its_time_with_their_domains(store):
    await f.ready(store)
    for number in (1, 2):
        await store.open_cycle(f.C, f.P, number, f.domains("d1", "d2"), f.later(number * 100), f.later(900))
    await store.close_cycle(f.C, f.P, 1, f.later(150))
    await store.skip(f.C, f.P, "d1", "ann", "busy", f.later(210))

    found = (await told(store, begin=0, end=500)).cycles
    assert [(1, 2, 0, 0), (2, 2, 0, 1)] == [(c.number, c.domains, c.visited, c.skipped) for c in found]
    assert [2] == [c.number for c in (await told(store, begin=160, end=500)).cycles]


async def test_reach_counts_members_and_those_that_came_from_another_version(store):
    await f.ready(store, members=3)
    for host, versions in (("gpu0000", ("1", "2")), ("gpu0001", ("2",)), ("gpu0002", ("1", "2")), ("gone", ("2",))):
        for n, version in enumerate(versions):
            await store.record_versions(f.C, host, {"bmc": version}, f.later(n))

    found = (await told(store, desired={"bmc": frozenset({"3"})})).carried
    assert [("2", 3, 2, False), ("3", 0, 0, True)] == [(c.version, c.hosts, c.gained, c.desired) for c in found]
    assert () == (await told(store, begin=5)).carried
