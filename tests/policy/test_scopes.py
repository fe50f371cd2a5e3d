"""Which hosts lose capacity by work on a scope, and what is said of a name that is not there."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fleet.errors import InvalidInput
from fleet.models.scope import ScopePart
from fleet.policy.scopes import resolve
from tests.policy.make import host
from tests.policy.operations import cluster

TOPOLOGY = {
    "switches": {"leaf1": {"hosts": "gpu[001-002]"}},
    "power_feeds": {"a": {"hosts": "gpu001", "racks": ["r1"]}},
    "cooling_loops": {"north": {"racks": ["r0", "r1"]}},
}
MARKED = {12: ("switch=leaf9",)}


def member(i):
    name = f"gpu{i:03}"
    return host(name, rack=f"r{(i - 1) // 4}", nvlink=f"n{(i - 1) // 3}", features=MARKED.get(i, ()))


HOSTS = {f"gpu{i:03}": member(i) for i in range(1, 13)}


def of(*scope, hosts=HOSTS):
    parts = []
    for text in scope:
        kind, _, name = text.partition("/")
        parts.append(ScopePart(cluster="c1", kind=kind, name=name))
    return resolve(parts, cluster(topology=TOPOLOGY), hosts)


def numbers(names):
    return [int(n[3:]) for n in names]


#   scope: direct, indirect
SCOPES = {
    "host/gpu[001-002]": ([1, 2], []),
    "rack/r2": ([9, 10, 11, 12], []),
    "nvlink_domain/n0": ([1, 2, 3], []),
    "switch/leaf1": ([1, 2], [3]),
    "switch/leaf9": ([12], [10, 11]),
    "power_feed/a": ([1, 5, 6, 7, 8], [2, 3, 4]),
    "cooling_loop/north": ([1, 2, 3, 4, 5, 6, 7, 8], []),
    "pool/gpu-train": (list(range(1, 13)), []),
    "cluster/": (list(range(1, 13)), []),
}


@pytest.mark.parametrize("scope", SCOPES)
def test_a_scope_takes_what_it_names_and_what_depends_on_that(scope):
    found = of(scope)

    assert SCOPES[scope] == (numbers(found.direct), numbers(found.indirect))


def test_several_parts_are_one_scope_and_each_host_counts_once():
    found = of("rack/r0", "switch/leaf1")

    assert ([1, 2, 3, 4], {}) == (numbers(found.direct), found.indirect)


def test_why_a_host_depends_on_a_scope_is_said():
    assert {"gpu003": "in NVLink domain n0 with a host on it"} == of("switch/leaf1").indirect


def test_a_decommissioned_host_loses_nothing():
    hosts = {**HOSTS, "gpu002": host("gpu002", nvlink="n0", rack="r0", decommissioned=True)}

    assert ([1], [3]) == (
        numbers(of("switch/leaf1", hosts=hosts).direct),
        numbers(of("switch/leaf1", hosts=hosts).indirect),
    )


WRONG = {
    "rack/r7": "expected one of the racks r0, r1, r2",
    "switch/leaf2": "expected one of the switches leaf1, leaf9",
    "nvlink_domain/x": "expected one of the nvlink domains n0, n1, n2, n3",
    "pool/storage": "expected one of the pools gpu-train",
    "host/gpu099": "expected members of c1, not gpu099: the members in service are gpu[001-012]",
    "host/gpu[1": "expected a hostlist",
}


@pytest.mark.parametrize("scope", WRONG)
def test_a_name_that_is_not_there_is_refused_with_those_there_are(scope):
    with pytest.raises(InvalidInput) as error:
        of(scope)
    assert WRONG[scope] in str(error.value)


@given(st.sets(st.integers(1, 12), min_size=1))
@settings(max_examples=50)
def test_no_host_is_both_named_and_dependent_and_none_is_lost(chosen):
    names = ",".join(f"gpu{i:03}" for i in sorted(chosen))
    found = of(f"host/{names}", "switch/leaf1")

    assert set() == set(found.direct) & set(found.indirect)
    assert {f"gpu{i:03}" for i in chosen} <= set(found.hosts)
    assert sorted({*found.direct, *found.indirect}) == list(found.hosts)
