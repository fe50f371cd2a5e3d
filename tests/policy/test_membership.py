"""Which hosts are in which pool, and who is still who."""

from datetime import timedelta

import pytest

from fleet.errors import InvalidInput
from fleet.models.drivers import Drivers
from fleet.models.fleetfile import Cluster
from fleet.models.pool import DomainSpec, HostSelector
from fleet.models.stack import Component, Stack
from fleet.policy.membership import assign
from tests.policy.make import NOW, ago, host, names, node, pool

STACK = Stack(
    layers=("firmware",),
    split="firmware",
    components=(Component(name="bmc", layer="firmware", duration=timedelta(minutes=5)),),
    reboot_duration=timedelta(minutes=5),
)


def cluster(*pools, **changes) -> Cluster:
    # The drivers play no part here.
    given = {"name": "c1", "drivers": Drivers.model_construct(), "stack": STACK, "pools": pools}
    return Cluster.model_construct(**given, **changes)


def selecting(name="gpu-train", size=1, **criteria):
    promised = {"domain": DomainSpec(size=size), "failure_buffer": 1, "hosts": HostSelector(**criteria)}
    return pool(name, **promised)


NODES = [
    node("gpu10", partitions=("batch",), features=("h100",)),
    node("gpu2", partitions=("batch", "debug"), features=("h100",)),
    node("gpu1", partitions=("batch",), features=("a100",)),
    node("store1", partitions=("io",)),
]


def members(*pools, nodes=NODES, known=()):
    return assign(cluster(*pools), nodes, {h.name: h for h in known}, NOW)


SELECTED = {
    "gpu[1-2]": ({"names": "gpu[1-2]"}, ["gpu1", "gpu2"]),
    "partition": ({"partition": "batch"}, ["gpu1", "gpu2", "gpu10"]),
    "feature": ({"feature": "h100"}, ["gpu2", "gpu10"]),
    "all criteria": ({"names": "gpu[1-2]", "partition": "batch", "feature": "h100"}, ["gpu2"]),
}


@pytest.mark.parametrize("case", SELECTED)
def test_a_host_is_a_member_where_every_criterion_holds(case):
    criteria, expected = SELECTED[case]
    assert expected == [h.name for h in members(selecting(**criteria))]


def test_a_hardware_model_is_told_by_the_scheduler_or_else_by_a_feature():
    models = {"hgx-h100": "gpu-h100*", "dgx-b200": "b200"}
    nodes = [node("gpu1", features=("gpu-h100-80g",)), node("gpu2", features=("b200",), model="told"), node("gpu3")]

    found = assign(cluster(selecting(names="gpu[1-3]"), hardware_models=models), nodes, {}, NOW)

    assert ["hgx-h100", "told", None] == [h.model for h in found]


def test_features_of_two_hardware_models_are_refused_naming_both():
    models = {"hgx-h100": "h100", "dgx-b200": "b200"}
    nodes = [node("gpu1", features=("b200", "h100"))]

    with pytest.raises(InvalidInput, match="gpu1 has features of hgx-h100 and of dgx-b200"):
        assign(cluster(selecting(names="gpu1"), hardware_models=models), nodes, {}, NOW)


def test_members_carry_their_pool_and_topology():
    nodes = [node("gpu1", rack="r1", nvlink="v1", serial="S1"), node("gpu2")]
    expected = [
        host("gpu1", "a", rack="r1", nvlink="v1", serial="S1", since=NOW),
        host("gpu2", "b", since=NOW),
    ]
    assert expected == list(members(selecting("a", names="gpu1"), selecting("b", names="gpu2"), nodes=nodes))


REFUSED = {
    "clusters.c1.pools.b.hosts: gpu2 is in pool a and in pool b too": (
        selecting("a", partition="batch"),
        selecting("b", partition="debug"),
    ),
    "clusters.c1.pools.a.hosts: expected at least one member, and the selector finds none": (
        selecting("a", partition="nowhere"),
    ),
    "clusters.c1.pools.a.hosts.names: the scheduler does not list gpu3, gpu4, gpu5 and 1 more": (
        selecting("a", names="gpu[1-6]"),
    ),
    "clusters.c1.pools.a.hosts.names: expected a hostlist; position 1: bracket in 'gpu[1-6' is never closed": (
        selecting("a", names="gpu[1-6"),
    ),
    "clusters.c1.pools.a.failure_buffer: expected at least 1; with 0 no grant would ever be given": (
        selecting("a", partition="batch").model_copy(update={"failure_buffer": 0}),
    ),
}


@pytest.mark.parametrize("words", REFUSED)
def test_a_fleet_file_that_these_hosts_cannot_keep_is_refused_naming_the_field(words):
    with pytest.raises(InvalidInput) as refused:
        members(*REFUSED[words])
    assert f"fleet file: {words}" == str(refused.value)


def test_a_scheduler_that_lists_what_is_no_host_name_is_refused():
    with pytest.raises(InvalidInput, match="is no host name"):
        members(selecting(partition="batch"), nodes=[node("gpu1; reboot", partitions=("batch",))])


OLD = {"since": ago(days=90), "released_at": ago(days=1), "decommissioned": True}


def identity(known, *nodes):
    pool_of_all = selecting(names=",".join(n.name for n in nodes))
    found = members(pool_of_all, nodes=nodes, known=known)
    return {h.name: (h.serial, h.since == OLD["since"], h.decommissioned, h.released_at) for h in found}


def test_the_same_serial_keeps_its_history():
    expected = {"gpu1": ("S1", True, True, ago(days=1))}
    assert expected == identity([host("gpu1", serial="S1", **OLD)], node("gpu1", serial="S1"))


def test_a_new_serial_under_an_old_name_starts_a_new_history():
    expected = {"gpu1": ("S2", False, False, None)}
    assert expected == identity([host("gpu1", serial="S1", **OLD)], node("gpu1", serial="S2"))


def test_a_rename_with_the_same_serial_keeps_its_history():
    expected = {"gpu9": ("S1", True, True, ago(days=1))}
    assert expected == identity([host("gpu1", serial="S1", **OLD)], node("gpu9", serial="S1"))


def test_a_serial_learned_later_is_added_to_the_history():
    expected = {"gpu1": ("S1", True, True, ago(days=1))}
    assert expected == identity([host("gpu1", **OLD)], node("gpu1", serial="S1"))


def test_a_serial_that_is_not_shown_any_more_is_kept():
    expected = {"gpu1": ("S1", True, True, ago(days=1))}
    assert expected == identity([host("gpu1", serial="S1", **OLD)], node("gpu1"))


def test_a_machine_that_moved_to_another_name_leaves_no_history_behind():
    expected = {"gpu1": (None, False, False, None), "gpu9": ("S1", True, True, ago(days=1))}
    known = [host("gpu1", serial="S1", **OLD)]
    assert expected == identity(known, node("gpu1"), node("gpu9", serial="S1"))


def test_two_machines_that_swap_names_keep_their_own_histories():
    known = [host("gpu1", serial="S1", **OLD), host("gpu2", serial="S2", since=ago(days=1))]
    expected = {"gpu1": ("S2", False, False, None), "gpu2": ("S1", True, True, ago(days=1))}
    assert expected == identity(known, node("gpu1", serial="S2"), node("gpu2", serial="S1"))


def test_a_placeholder_serial_that_many_report_tells_nobody_apart():
    known = [host(n, **OLD) for n in names(2)]
    nodes = [node(n, serial="Default string") for n in names(2)]
    expected = {n: (None, True, True, ago(days=1)) for n in names(2)}
    assert expected == identity(known, *nodes)
