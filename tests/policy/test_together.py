"""An operation over several clusters begins in all of them at once."""

from fleet.models.host import Host
from fleet.policy.grants import settle
from fleet.policy.together import led_from, settle_all
from tests.policy.make import facts, lease, names
from tests.policy.operations import asked

BOTH = ("c1", "c2")


def in_cluster(name, leases=(), **changes):
    request = asked("service-rack-power", names(3), clusters=BOTH, id=f"op/1/{name}", holder="op/1", cluster=name)
    hosts = [Host(cluster=name, name=n, pool="gpu-train", since=request.asked_at) for n in names(12)]
    moved = [x.model_copy(update={"cluster": name}) for x in leases]
    return facts(requests=[request], hosts=hosts, leases=moved, cluster=name, **changes)


def test_one_cluster_alone_does_not_grant_its_part():
    [wait] = settle(in_cluster("c1")).waits

    assert "could begin here; waits to begin in c1, c2 at once" == wait.reason


def test_all_grant_it_at_once():
    decided, late = settle_all("op/1", {c: in_cluster(c) for c in BOTH}, settle)

    assert ((), ["op/1/c1", "op/1/c2"]) == (late, [g.request for s in decided.values() for g in s.grants])


def test_none_grants_it_while_one_can_not():
    _, late = settle_all("op/1", {"c1": in_cluster("c1"), "c2": in_cluster("c2", [lease("gpu002")])}, settle)

    assert ("c2",) == late


def test_the_first_cluster_leads():
    assert (["op/1/c1"], []) == ([r.id for r in led_from(in_cluster("c1"))], [r.id for r in led_from(in_cluster("c2"))])
