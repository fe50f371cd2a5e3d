"""Nothing that is out is without an owner."""

from fleet.models.ledger import Counted
from fleet.policy.owners import unowned, vanished
from tests.policy.make import NodeBase, ago, facts, host, lease, names, seen

HOST, VISIT = "host/c1/gpu001", "visit/x"


def gone(running, **rest):
    return [o.host for o in vanished([lease("gpu001", holder=VISIT)], running, **rest)]


def test_a_lease_is_ownerless_only_when_both_its_workflows_are_gone():
    expected = [["gpu001"], [], [], [], []]
    answers = [
        {HOST: False, VISIT: False},
        {HOST: True, VISIT: False},
        {HOST: False, VISIT: True},
        {HOST: False},
        {},
    ]
    assert expected == [gone(answer) for answer in answers]


def test_a_repair_that_no_longer_runs_leaves_its_host_ownerless():
    repair = lease("gpu001", holder=HOST, counted=Counted.FAILED)
    expected = [("gpu001", f"{HOST}#gpu001", HOST)]
    assert expected == [(o.host, o.operation, o.holder) for o in vanished([repair], {HOST: False})]


def test_a_lease_younger_than_the_asking_is_left_for_the_next_time():
    answers = {HOST: False, VISIT: False}
    expected = ([], ["gpu001"])
    assert expected == (gone(answers, asked_at=ago(minutes=5)), gone(answers, asked_at=ago(minutes=4)))


def test_hosts_that_are_out_with_neither_lease_nor_outsider_are_a_persons():
    known = facts(
        hosts=[host(n) for n in names(5)] + [host("gpu006", released_at=ago(seconds=1))],
        leases=[lease("gpu005", counted=Counted.FAILED)],
        nodes={
            "gpu002": seen("gpu002", base=NodeBase.DOWN),
            "gpu003": seen("gpu003", draining=True, reason="bob"),
            "gpu004": seen("gpu004", draining=True, reason="maintrain:planned:op/1#gpu004"),
            "gpu006": seen("gpu006", base=NodeBase.DOWN),
        },
    )
    expected = [("gpu002", "failed"), ("gpu004", "unknown")]
    assert expected == [(s.host, s.set) for s in unowned(known)]


def test_a_cluster_that_was_never_observed_pages_nobody():
    expected = ()
    assert expected == unowned(facts(observation=None))
