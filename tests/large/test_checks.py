"""What is refused before anybody is told, in words that name the place and what was expected."""

import time
from datetime import timedelta

import pytest

from fleet.models.emergency import EmergencyHost, EmergencySpec
from fleet.models.large import LargePhase, LargePlan
from fleet.models.override import Override
from fleet.models.windows import Window
from fleet.policy.large_checks import expected_end, large_problems
from fleet.policy.large_plan import large_step
from fleet.policy.large_rounds import chosen, planned_rounds, round_length, rounds_left
from fleet.policy.limits import limits
from tests.large.make import HOSTS, SPEC, at, large, plan, rows
from tests.policy.make import NOW, facts, host, names, pool

SOON = NOW + timedelta(days=2)
NIGHT = Window(days=["sat"], opens="22:00", closes="23:00", zone="UTC")


def problems(pools=None, override=None, **changes):
    pools = [pool(planned_buffer=8, floor=8)] if pools is None else pools
    spec = EmergencySpec.model_validate({**SPEC, "plan": plan(**{"at": SOON, **changes.pop("plan", {})}), **changes})
    promised = {p.name: limits(p, HOSTS) for p in pools}
    return large_problems(spec, rows(), pools, promised, override, NOW)


def test_a_plan_that_fits_is_not_refused():
    assert [] == problems()


BAD = {
    "plan.at: expected a time to come, found 2026-03-01 11:59:00+00:00, which has passed": {
        "plan": {"at": NOW - timedelta(minutes=1)}
    },
    "plan.until: expected a time when it can be over: 4 rounds end at 2026-03-03 16:40:00+00:00": {
        "plan": {"until": SOON + timedelta(hours=4)}
    },
}


@pytest.mark.parametrize("told", BAD)
def test_a_date_that_can_not_be_kept_is_refused(told):
    assert [told] == [f"{place}: {wanted}" for place, wanted in problems(**BAD[told])]


def test_a_date_outside_a_pools_windows_is_refused_with_the_next_opening():
    [(place, wanted)] = problems(pools=[pool(planned_buffer=8, floor=8, windows=(NIGHT,))])

    assert "plan.at" == place
    assert wanted.startswith("expected a time within the pool's windows: outside pool gpu-train's windows")


def test_steps_beyond_buffer_and_floor_are_refused_with_the_numbers_to_name():
    [(place, wanted)] = problems(pools=[pool(planned_buffer=4, floor=10)])

    assert "plan.steps" == place
    assert "(--planned-buffer gpu-train=8 --floor gpu-train=8); round 3 takes 8 of 16 hosts" in wanted


def test_named_numbers_let_it_go_as_far_as_they_say_and_no_further():
    pools = [pool(planned_buffer=4, floor=10)]
    named = {"actor": "ann", "reason": "winter", "lasts": 86400, "planned_buffer": {"gpu-train": 8}}

    assert [] == problems(pools=pools, override=Override(**named, floor={"gpu-train": 8}))
    [(place, wanted)] = problems(pools=pools, override=Override(**named))
    assert ("plan.steps", True) == (place, "(--floor gpu-train=8)" in wanted)


def test_its_rounds_and_its_end_are_told_beforehand():
    spec = EmergencySpec.model_validate({**SPEC, "plan": plan(at=SOON)})
    rounds = planned_rounds(spec.plan, rows())

    assert [1, 2, 4, 1] == [len(each.domains["gpu-train"]) for each in rounds]
    assert [2, 4, 8, 2] == [each.hosts["gpu-train"] for each in rounds]
    assert SOON + 4 * timedelta(minutes=70) == expected_end(spec, rounds, [pool()])
    assert 4 == rounds_left(large(), 8, 8)
    assert 1 == rounds_left(large(progress=at(number=2)), 4, 8)  # half of all, and not of those that are left


HOURLY = {"pause": "1h"}


@pytest.mark.parametrize(
    ("steps", "ramp", "held"),
    [
        ([{"domains": "50%"}], {"domains": 1, **HOURLY}, [3, 3]),
        ([{"domains": 2}], {"domains": "25%", **HOURLY}, [0, 0, 0, 0]),
        ([{"domains": "50%"}], {"domains": "25%", **HOURLY}, [1, 1]),
        ([{"domains": 3}], {"domains": 1, **HOURLY}, [2, 2, 1]),
    ],
    ids=["a share goes out", "a share returns", "both", "the last round is smaller"],
)
def test_shares_are_of_all_domains_in_what_is_told_beforehand_and_in_what_begins(steps, ramp, held):
    """Told a length, it is not aborted half way for want of the same length."""
    lasts = [timedelta(minutes=70, hours=hours) for hours in held]
    end = sum(lasts, SOON)
    spec = EmergencySpec.model_validate({**SPEC, "plan": plan(at=SOON, steps=steps, ramp_up=ramp)})
    rounds = planned_rounds(spec.plan, rows())

    assert end == expected_end(spec, rounds, [pool()])
    assert [] == problems(plan={"steps": steps, "ramp_up": ramp, "until": end})
    for each, length in zip(rounds, lasts, strict=True):
        assert length == round_length(spec, each.number, [pool()], each.domains, each.every)
        through = {d for before in rounds[: each.number - 1] for d in before.domains["gpu-train"]}
        its = [r.model_copy(update={"state": "done"}) if r.domain in through else r for r in rows()]
        at_gate = at(LargePhase.UP, each.number - 1, tuple(through), passed={"gpu-train": tuple(through)})
        event = large(plan_=plan(steps=steps, ramp_up=ramp, until=NOW + length), progress=at_gate)
        step = large_step(event, its, facts(hosts=[host(name) for name in names(HOSTS)]))
        assert (each.number, each.domains) == (step.progress.round, step.progress.domains)


DAILY = Window(days=["mon", "tue", "wed", "thu", "fri", "sat", "sun"], opens="10:00", closes="18:00", zone="UTC")


@pytest.mark.parametrize(
    ("later", "told"),
    [
        ({"domains": 2, "hold": "6h"}, []),
        ({"domains": 2, "hold": "7h"}, ["round 2 needs 8h10m"]),
    ],
)
def test_a_later_round_for_which_no_window_is_ever_long_enough_is_refused(later, told):
    steps = [{"domains": 1}, later]

    found = problems(pools=[pool(planned_buffer=8, floor=8, windows=(DAILY,))], plan={"steps": steps})

    assert ["plan.steps"] * len(told) == [place for place, _ in found]
    assert all(told[0] in wanted for _, wanted in found)


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"until": NOW - timedelta(days=1)}, "until: expected a time after at"),
        ({"steps": [{"domains": 0}]}, "domains: expected at least 1, or a share"),
        ({"steps": [{"domains": 1}], "ramp_up": {"domains": 0}}, "domains: expected at least 1, or a share"),
        ({"steps": [{"domains": "0%"}]}, "domains: expected at least 1, or a share"),
        ({"steps": [{"domains": 1}], "ramp_up": {"domains": "0.0%"}}, "domains: expected at least 1, or a share"),
        ({"duration": "0s"}, "duration: expected a length of time above 0"),
    ],
)
def test_a_plan_that_contradicts_itself_is_refused(changes, told):
    with pytest.raises(ValueError, match=told):
        LargePlan.model_validate(plan(**changes))


def test_it_brings_upgrades_or_does_one_work_and_never_both():
    with pytest.raises(ValueError, match="expected at least one component"):
        EmergencySpec.model_validate({**SPEC, "upgrades": [], "plan": plan()})
    with pytest.raises(ValueError, match="expected at least one component"):
        EmergencySpec.model_validate({**SPEC, "plan": plan(work="reboot")})
    assert "winter in c1 (power cycle)" == large(plan_=plan(work="power_cycle"), upgrades=[]).name


def test_numbers_that_are_named_hold_to_the_last_lease_and_have_no_length():
    named = {"actor": "ann", "reason": "winter", "lasts": None, "planned_buffer": {"gpu-train": 8}}

    found = problems(override=Override(**named), override_lasts="2h")

    assert ["override_lasts"] == [place for place, _ in found]
    assert "until the last host of a stop is back" in found[0][1]


@pytest.mark.parametrize("field", ["at", "until"])
@pytest.mark.parametrize("year", [1, 1999, 2200, 9999])
def test_a_date_in_a_year_that_can_not_be_meant_is_refused(field, year):
    with pytest.raises(ValueError, match=f"{field}: expected a year from 2000 to 2199, found {year}"):
        LargePlan.model_validate(plan(**{field: SOON.replace(year=year)}))


def test_rounds_without_a_foreseeable_end_are_refused():
    steps = [{"domains": 1, "hold": "3650d"}]

    [(place, wanted)] = problems(plan={"steps": steps})

    assert ("plan.steps", True) == (place, wanted.startswith("expected rounds that take 3650d at most together"))
    spec = EmergencySpec.model_validate({**SPEC, "plan": plan(at=SOON, steps=steps)})
    assert expected_end(spec, planned_rounds(spec.plan, rows()), [pool()]) is None


def test_the_rounds_of_a_large_fleet_are_planned_at_once_and_are_those_that_will_be_chosen():
    """A dispatcher's look announces the first of them."""
    hosts = [EmergencyHost(host=f"h{i}", pool="gpu-train", domain=f"d{i // 8}") for i in range(30_000)]
    steps = LargePlan.model_validate({"at": NOW, "steps": [{"domains": 2}, {"domains": 1}]})
    began = time.monotonic()

    rounds = planned_rounds(steps, hosts)

    assert (3749, 8) == (len(rounds), rounds[-1].hosts["gpu-train"])
    assert time.monotonic() - began < 5
    left = {"gpu-train": {h.domain for h in hosts[:400]}}
    for each in planned_rounds(steps, hosts[:400]):
        assert each.domains == chosen(steps, each.number, left, each.every)
        left["gpu-train"] -= set(each.domains["gpu-train"])
