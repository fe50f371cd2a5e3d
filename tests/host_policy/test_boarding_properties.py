"""Whatever the stack, the versions and the matrix: what boards is allowed, ordered, affordable and safe to stop."""

from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from fleet.models.matrix import Verdict
from fleet.models.work import BoardAction, StepKind
from fleet.policy.boarding import board, repair_steps
from fleet.policy.compatibility import allowed
from fleet.policy.packing import atomic_group
from tests.host_policy.build import OBSERVED, PINS, cluster, component, entry, pool, stack

HOST_FACING = ("gpu-driver", "kernel", "bmc", "nic")
VERSIONS = st.sampled_from(["2", "2", "1", "3"])
minutes = st.integers(1, 9).map(lambda n: timedelta(minutes=n))


@st.composite
def components(draw):
    names = draw(st.permutations(HOST_FACING))
    made = [
        component(
            name,
            draw(st.sampled_from(["firmware", "os", "driver"])),
            reboot=draw(st.sampled_from([False, False, True])),
            duration=draw(minutes),
            relates_to=tuple(draw(st.sets(st.sampled_from(sorted(PINS))))),
            atomic_with=draw(st.sampled_from([(), (), (), tuple(n for n in HOST_FACING if n != name)[:1]])),
        )
        for name in names
    ]
    return (*made, component("cuda", "runtime"), component("nccl", "runtime"))


@st.composite
def entries(draw):
    patterns = st.sampled_from(["1", "2", "1", "2", "3", ">=2"])
    pins = st.sampled_from([PINS, {"cuda": "12.4"}, {"nccl": "2.*"}, {}])
    verdicts = st.sampled_from([Verdict.TESTED, Verdict.BROKEN, Verdict.BROKEN])
    made = st.builds(
        entry, st.dictionaries(st.sampled_from(HOST_FACING), patterns, min_size=1, max_size=2), pins, verdicts
    )
    tested_all = entry(dict.fromkeys(HOST_FACING, "*"), PINS)
    return (*draw(st.sampled_from([(), (tested_all,), (tested_all,)])), *draw(st.lists(made, max_size=4)))


@st.composite
def situations(draw):
    east = cluster(
        stack=stack(draw(components())),
        desired=draw(st.dictionaries(st.sampled_from(HOST_FACING), VERSIONS, min_size=2)),
    )
    observed = draw(st.dictionaries(st.sampled_from(HOST_FACING), VERSIONS))
    train = pool(visit_budget=draw(st.sampled_from([10, 20, 60])) * timedelta(minutes=1))
    return east, train, {**OBSERVED, **dict.fromkeys(HOST_FACING, "1"), **observed}, draw(entries())


def after(east, observed, steps):
    """Host-facing versions once these steps are done."""
    host_facing = {n: v for n, v in observed.items() if n in HOST_FACING}
    return {**host_facing, **{s.upgrade.component: s.upgrade.version for s in steps if s.upgrade}}


@given(situations())
def test_the_resulting_set_of_a_visit_is_allowed(situation):
    east, train, observed, matrix = situation
    found = board(east, train, observed, matrix)
    if found.action is BoardAction.VISIT:
        assert found.resulting == after(east, observed, found.steps)
        assert allowed(found.resulting, east, matrix).allowed
    else:
        assert found.steps == ()


@given(situations())
def test_upgrades_are_applied_deepest_layer_first_with_at_most_one_reboot(situation):
    east, train, observed, matrix = situation
    steps = board(east, train, observed, matrix).steps
    depths = [east.stack.depth(east.stack.component(s.upgrade.component)) for s in steps if s.upgrade]
    kinds = [s.kind for s in steps]
    needed = any(east.stack.component(s.upgrade.component).reboot for s in steps if s.upgrade)
    assert depths == sorted(depths)
    assert kinds.count(StepKind.REBOOT) == needed
    assert kinds == sorted(kinds, key=list(StepKind).index)
    assert len({s.key for s in steps}) == len(steps)


@given(situations())
def test_the_budget_is_never_exceeded(situation):
    east, train, observed, matrix = situation
    steps = board(east, train, observed, matrix).steps
    out = sum((s.expected for s in steps if s.kind in (StepKind.APPLY, StepKind.REBOOT)), timedelta())
    assert out <= train.visit_budget


@given(situations())
def test_wherever_it_is_safe_to_stop_what_is_active_is_allowed_and_no_atomic_group_is_in_halves(situation):
    east, train, observed, matrix = situation
    for found in (board(east, train, observed, matrix), repair_steps(east, train, observed, matrix)):
        boarded = {s.upgrade.component for s in found.steps if s.upgrade}
        for place, step in enumerate(found.steps):
            before = found.steps[:place]
            done = {s.upgrade.component for s in before if s.upgrade}
            if not step.safe_before or not done:
                continue
            rebooted = any(s.kind is StepKind.REBOOT for s in before)
            assert rebooted or not any(east.stack.component(name).reboot for name in done)
            assert all(not (atomic_group(east, name) & boarded) - done for name in done)
            assert allowed(after(east, observed, before), east, matrix).allowed


@given(situations())
def test_an_atomic_group_boards_as_a_whole_or_not_at_all(situation):
    east, train, observed, matrix = situation
    boarded = {s.upgrade.component for s in board(east, train, observed, matrix).steps if s.upgrade}
    due = {n for n, v in east.desired_in(train).items() if observed[n] != v}
    assert all(atomic_group(east, name) & due <= boarded for name in boarded)


@given(situations())
def test_everything_due_boards_or_is_deferred_with_a_reason(situation):
    east, train, observed, matrix = situation
    found = board(east, train, observed, matrix)
    boarded = {s.upgrade.component for s in found.steps if s.upgrade}
    due = {n for n, v in east.desired_in(train).items() if observed[n] != v}
    assert boarded | set(found.deferred) == due
    assert boarded & set(found.deferred) == set()
    assert all(found.deferred.values())


@given(situations(), st.sampled_from(["12.4", "12.5"]))
def test_no_boarding_touches_a_job_facing_component(situation, cuda):
    east, train, observed, matrix = situation
    found = board(east, train, {**observed, "cuda": cuda}, matrix)
    assert {s.upgrade.component for s in found.steps if s.upgrade} & set(PINS) == set()
    assert ("cuda" in found.deferred) == (cuda != PINS["cuda"])


@given(situations(), st.sampled_from(["12.4", "12.5"]))
def test_a_repaired_host_gets_the_pin_in_force_and_no_other_job_facing_version(situation, cuda):
    east, train, observed, matrix = situation
    found = repair_steps(east, train, {**observed, "cuda": cuda}, matrix)
    job_facing = [(u.component, u.version) for s in found.steps if (u := s.upgrade) and u.component in PINS]
    off = found.action is BoardAction.VISIT and cuda != PINS["cuda"]
    assert job_facing == ([("cuda", PINS["cuda"])] if off else [])


@given(situations())
def test_a_repaired_host_is_always_verified_before_its_gate(situation):
    east, train, observed, matrix = situation
    found = repair_steps(east, train, observed, matrix)
    if found.action is BoardAction.VISIT:
        assert [s.key for s in found.steps][-5:] == [*(f"verify:{task}" for task in train.verify), "gate", "return"]
        assert allowed(found.resulting, east, matrix).allowed
    else:
        assert found.action is BoardAction.NOT_ALLOWED
