"""The emergency bench's fleet and spec are what the command line takes, and its page tells what was missed."""

from bench.emergency.page import section
from bench.emergency.plan import EmergencyPlan
from fleet.models.emergency import EmergencySpec
from fleet.models.fleetfile import FleetFile
from fleet.policy.emergency_checks import emergency_problems

FOUND = {
    "at": "2026-03-01T12:00:00+00:00",
    "hosts": 1000,
    "domain": 50,
    "room": [{"from_command_s": 2.5, "from_row_s": 0.5}, {"from_command_s": 1.5, "from_row_s": 0.7}],
    "full": [{"from_command_s": 9.0, "from_row_s": 8.0, "from_freed_s": 1.25}],
    "whole_s": 50.0,
    "whole_hosts": {"done": 199, "handed_over": 1},
    "train_goes_on_after_s": 0.3,
    "cycle_due_in_s": 36000,
    "violations": 0,
    "machine": {"cores": 2, "processor": "x"},
    "nice": 0,
    "load_average_before": 1.0,
    "load_average_after": 2.0,
}


def test_its_fleet_and_specs_are_sound():
    fleet = FleetFile.model_validate(EmergencyPlan(hosts=100, domain=10).fleet(2))

    spec = EmergencySpec.model_validate(EmergencyPlan().spec(3, 100))

    assert ([], "550.4") == (emergency_problems(spec, fleet), spec.upgrades[0].version)


def test_the_page_tells_medians_the_longest_and_what_was_missed():
    told = section(FOUND)

    assert "row of the command → first drain | ≤ 2 | 0.70 | 0.70 |  |" in told
    assert "from the start of its process on | ≤ 2 | 2.50 | 2.50 | **missed** |" in told
    assert "first host given back → first drain | ≤ 2 | 1.25 | 1.25 |  |" in told
    assert "199 done, 1 handed over in\n50 s" in told
