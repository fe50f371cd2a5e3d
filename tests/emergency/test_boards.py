"""What a plan says that boards, and what of it does not."""

from fleet.models.emergency import EmergencyState
from starter.emergency_plan import boarding_of
from tests.emergency.make import emergency, rows
from tests.host_policy.build import ANYTHING, DESIRED, OBSERVED, cluster


def boards(**spec):
    row = emergency(EmergencyState.RUNNING, **spec).model_copy(update={"targets": DESIRED})
    hosts = rows()[:1]
    return boarding_of(cluster(), row, hosts, (ANYTHING,), {hosts[0].host: OBSERVED})


def test_what_does_not_fit_with_the_rest_is_told_beforehand():
    told = "bmc 1.1, gpu-driver 550.90; another stop: kernel: it does not fit into the visit budget of 20m this time"

    assert ({told: 1}, {}) == boards(budget="20m")


def test_what_boards_whole_is_told_as_such():
    assert ({"bmc 1.1, kernel 6.1.9, gpu-driver 550.90": 1}, {}) == boards(budget="2h")
