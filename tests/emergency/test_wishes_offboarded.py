"""Two emergencies want different versions of a component on a host, and that of the later one is offboarded."""

from datetime import timedelta

import pytest

from fleet.models.emergency import Urgent
from fleet.models.host import Host
from fleet.models.rollouts import Offboarded, RolloutFacts, Wanted, WantedSet
from fleet.policy.emergency_wish import overruled, with_urgent
from tests.emergency.make import EMERGENCY, emergency
from tests.policy.make import NOW, ago

FIRST = Urgent(emergency=EMERGENCY, component="gpu-driver", version="550.3", since=NOW)
LATER = Urgent(emergency="emergency/c1/later", component="gpu-driver", version="550.4", since=NOW + timedelta(days=1))
HOST = Host(cluster="c1", name="gpu001", pool="gpu-train", since=ago(days=9))
BY_FILE = WantedSet(
    wanted=(Wanted(component="gpu-driver", version="550.2", source="fleet file", reason="so it says"),),
    reason="by the fleet file",
)
ENDED = Offboarded(
    rollout="gpu-driver/550.4",
    component="gpu-driver",
    versions=("550.4",),
    prior="550.2",
    roll_back="leave",
    reason="hangs",
)


@pytest.mark.parametrize(("carries", "wanted"), [("550.2", "550.3"), ("550.3", "550.3"), ("550.4", "550.2")])
def test_the_first_has_the_say_again_but_for_hosts_that_carry_the_offboarded_version(carries, wanted):
    """How these get rid of it is its rollout's to tell."""
    facts = RolloutFacts(urgent={"gpu001": (LATER, FIRST)})

    found = with_urgent(BY_FILE, HOST, facts, [ENDED], {"gpu-driver": carries})

    assert {"gpu-driver": wanted} == found.versions


def test_the_first_is_overruled_until_then():
    said = (LATER, FIRST)

    assert {"gpu-driver": "emergency/c1/later, which began later, wants 550.4"} == overruled(emergency(), said)
    assert {} == overruled(emergency(), said, [ENDED])
