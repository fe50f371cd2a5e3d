"""Which hosts a visit may ask for."""

from fleet.models.ledger import Counted
from fleet.policy.visiting import free_to_take
from tests.policy.make import NodeBase, ago, facts, host, lease, names, seen


def test_hosts_that_are_not_free_are_left_out_by_name_with_the_reason():
    members = [host(n) for n in names(7)] + [host("gpu008", decommissioned=True)]
    known = facts(
        hosts=members,
        leases=[
            lease("gpu002", holder="host/c1/gpu002", counted=Counted.FAILED, why="flash failed"),
            lease("gpu003", holder="op/7"),
        ],
        nodes={
            "gpu004": seen("gpu004", draining=True, reason="DBE on GPU 3, bob"),
            "gpu005": seen("gpu005", base=NodeBase.DOWN),
            "gpu006": seen("gpu006", base=NodeBase.UNKNOWN),
        },
    )
    found = free_to_take([*names(9), "gpu001"], known, "gpu-train")
    expected = {
        "gpu002": "in repair by host/c1/gpu002: flash failed",
        "gpu003": "in the hands of op/7",
        "gpu004": "foreign: DBE on GPU 3, bob",
        "gpu005": "failed: down",
        "gpu006": "unknown: the scheduler shows it as unknown",
        "gpu008": "decommissioned",
        "gpu009": "no longer in the pool",
    }
    assert expected == found.left_out
    taken, said = ("gpu001", "gpu007"), "2 of 9 hosts are free to take"
    assert (taken, said) == (found.taken, found.reason)


def test_a_host_released_a_moment_ago_is_asked_for():
    drained = seen("gpu001", draining=True, reason="maintrain:planned:op/1#gpu001")
    known = facts(hosts=[host("gpu001", released_at=ago(seconds=5))], nodes={"gpu001": drained})
    expected = ("gpu001",)
    assert expected == free_to_take(["gpu001"], known, "gpu-train").taken


def test_a_host_that_has_another_pool_now_is_that_ones_to_visit():
    known = facts(hosts=[host("gpu001"), host("gpu002", pool="other")])
    found = free_to_take(["gpu001", "gpu002"], known, "gpu-train")
    assert (("gpu001",), {"gpu002": "no longer in the pool: it is in other"}) == (found.taken, found.left_out)
    assert ("gpu002",) == free_to_take(["gpu001", "gpu002"], known, "other").taken


def test_a_host_that_no_look_has_shown_yet_is_asked_for_and_not_left_out_for_a_cycle():
    expected = (("gpu001",), {})
    never = free_to_take(["gpu001"], facts(observation=None), "gpu-train")
    assert expected == (never.taken, never.left_out)
