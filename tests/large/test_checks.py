"""What is refused before anybody is told, in words that name the place and what was expected."""

from datetime import timedelta

import pytest

from fleet.models.emergency import EmergencySpec
from fleet.models.large import LargePlan
from fleet.models.override import Override
from fleet.models.windows import Window
from fleet.policy.large_checks import expected_end, large_problems
from fleet.policy.large_rounds import planned_rounds, rounds_left
from fleet.policy.limits import limits
from tests.large.make import HOSTS, SPEC, large, plan, rows
from tests.policy.make import NOW, pool

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
    assert 4 == rounds_left(large(), 8)


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
