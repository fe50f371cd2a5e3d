"""Offboarded in mid visit: what no longer boards, and the way back for what was just applied."""

from datetime import timedelta

from fleet.models.intent import Before, Intent
from fleet.models.rollout import RollBack
from fleet.models.rollouts import Offboarded
from fleet.models.stack import Upgrade
from fleet.models.verification import VerificationTask
from fleet.policy.offboarding import MOST_ROUNDS, ended_by, still_carried, to_undo, way_back
from tests.host_policy.build import NOW, cluster, component, stack

DRIVER = Upgrade(component="gpu-driver", version="550.90")
KERNEL = Upgrade(component="kernel", version="6.1.9")
BMC = Upgrade(component="bmc", version="1.1")
GONE = Offboarded(
    rollout="gpu-driver/550.90",
    component="gpu-driver",
    versions=("550.90",),
    prior="550.54",
    roll_back=RollBack.WITH_TRAINS,
    reason="it hangs",
)
ATOMIC = stack(
    (
        component("gpu-driver", "driver", atomic_with=("kernel",)),
        component("kernel", "os", reboot=True),
        component("bmc", "firmware"),
        component("cuda", "runtime"),
        component("nccl", "runtime"),
    )
)


def intent(step, version=None):
    return Intent(operation="op", step=step, token="t", before=Before(version=version), opened_at=NOW, token_at=NOW)


def back(undo, intents=(), ended=(GONE,), of=None):
    return way_back(undo, intents, ended, of or cluster(), (VerificationTask.HEALTH,), timedelta(minutes=1))


def test_an_offboarded_upgrade_is_left_out_and_so_is_what_boards_only_with_it():
    atomic = cluster(stack=ATOMIC)

    assert "gpu-driver 550.90 is left out: it was offboarded: it hangs" == ended_by(DRIVER, (), (GONE,), cluster())
    assert "" == ended_by(KERNEL, (DRIVER,), (GONE,), cluster())
    assert "with which it boards, was offboarded" in ended_by(KERNEL, (DRIVER, KERNEL), (GONE,), atomic)
    assert "" == ended_by(BMC, (DRIVER, KERNEL, BMC), (GONE,), atomic)


def test_what_is_undone_is_what_this_work_applied_and_what_makes_no_sense_without_it():
    assert (DRIVER,) == to_undo((BMC, KERNEL, DRIVER), (GONE,), cluster())
    assert (KERNEL, DRIVER) == to_undo((BMC, KERNEL, DRIVER), (GONE,), cluster(stack=ATOMIC))
    assert () == to_undo((BMC,), (GONE,), cluster())


def test_the_way_back_undoes_what_was_applied_last_first_then_reboots_verifies_and_asks_the_gate_again():
    intents = (intent("drain"), intent("apply:kernel", "6.1.0"), intent("apply:gpu-driver", "545.1"))
    steps = back((KERNEL, DRIVER), intents, of=cluster(stack=ATOMIC))

    assert [
        "apply:gpu-driver:back1",
        "apply:kernel:back1",
        "reboot:back1",
        "verify:health:back1",
        "gate:back1",
    ] == [s.key for s in steps]
    assert ["545.1", "6.1.0"] == [s.upgrade.version for s in steps if s.upgrade]
    assert all(s.back and not s.safe_before for s in steps)


def test_without_a_note_of_the_version_before_the_rollouts_prior_is_taken():
    assert ["550.54"] == [s.upgrade.version for s in back((DRIVER,)) if s.upgrade]


def test_a_version_before_that_is_offboarded_too_is_passed_over():
    older = GONE.model_copy(update={"rollout": "gpu-driver/545.1", "versions": ("545.1",)})
    steps = back((DRIVER,), (intent("apply:gpu-driver", "545.1"),), (GONE, older))

    assert ["550.54"] == [s.upgrade.version for s in steps if s.upgrade]


def test_there_is_no_way_back_without_end_nor_to_an_offboarded_version():
    rounds = [intent(f"apply:gpu-driver:back{n}") for n in range(1, MOST_ROUNDS + 1)]
    both = GONE.model_copy(update={"versions": ("550.90", "550.54")})

    assert "apply:gpu-driver:back2" == back((DRIVER,), rounds[:1])[0].key
    assert back((DRIVER,), rounds) is None
    assert back((DRIVER,), (), (both,)) is None
    assert back((KERNEL,), ()) is None


def test_a_host_in_repair_still_carries_an_offboarded_version_unless_it_may_stay():
    leave = GONE.model_copy(update={"roll_back": RollBack.LEAVE})

    assert "gpu-driver 550.90 was offboarded: it hangs" == still_carried({"gpu-driver": "550.90"}, (GONE,))
    assert "" == still_carried({"gpu-driver": "550.54"}, (GONE,))
    assert "" == still_carried({"gpu-driver": "550.90"}, (leave,))
