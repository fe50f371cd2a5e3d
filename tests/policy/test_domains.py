"""How a pool is cut into maintenance domains."""

from collections import defaultdict

from hypothesis import given
from hypothesis import strategies as st

from fleet.hostlist import compact
from fleet.models.pool import DomainSpec, Grouping
from fleet.policy.domains import form_domains
from tests.policy.make import host, names


def formed(hosts, size, group_by=Grouping.RACK) -> dict[str, str]:
    return {d.name: compact(d.hosts) for d in form_domains(hosts, DomainSpec(size=size, group_by=group_by))}


def rack(name, count, first, per_nvlink=0):
    found = []
    for i, h in enumerate(names(count, first)):
        nvlink = f"{name}-nv{i // per_nvlink}" if per_nvlink else None
        found.append(host(h, rack=name, nvlink=nvlink))
    return found


def test_racks_that_fit_are_domains():
    expected = {"d001": "gpu[001-004]", "d002": "gpu[005-008]"}
    assert expected == formed(rack("r1", 4, 1) + rack("r2", 4, 5), 4)


def test_small_racks_share_a_domain():
    expected = {"d001": "gpu[001-002,005-006]", "d002": "gpu[003-004]"}
    hosts = rack("r1", 2, 1) + rack("r2", 2, 5) + rack("r3", 2, 3)
    assert expected == formed(hosts, 5)


def test_a_rack_larger_than_a_domain_is_cut_evenly():
    expected = {"d001": "gpu[001-004]", "d002": "gpu[005-007]", "d003": "gpu[008-010]"}
    assert expected == formed(rack("r1", 10, 1), 4)


def test_a_large_rack_is_cut_along_its_nvlink_domains():
    expected = {"d001": "gpu[001-004]", "d002": "gpu[005-008]", "d003": "gpu[009-012]"}
    assert expected == formed(rack("r1", 12, 1, per_nvlink=4), 6)


def test_hosts_of_unknown_topology_share_with_nobody():
    expected = {"d001": "gpu[001-002]", "d002": "gpu[003-004]"}
    assert expected == formed(rack("r1", 2, 1) + [host(n) for n in names(2, 3)], 4)


def test_without_grouping_the_pool_is_cut_in_natural_order():
    hosts = [host(f"gpu{i}") for i in (10, 9, 2, 1, 11)]
    expected = {"d001": "gpu[1-2,9]", "d002": "gpu[10-11]"}
    assert expected == formed(hosts, 3, Grouping.NONE)


def test_decommissioned_hosts_are_in_no_domain():
    expected = {"d001": "gpu001"}
    assert expected == formed([host("gpu001", rack="r1"), host("gpu002", rack="r1", decommissioned=True)], 4)


def test_a_pool_without_hosts_has_no_domains():
    expected = {}
    assert expected == formed([], 4)


def test_names_are_as_wide_as_the_pool_needs():
    expected = ["d0001", "d1200"]
    found = [d.name for d in form_domains([host(f"n{i}") for i in range(1200)], DomainSpec(size=1))]
    assert expected == [found[0], found[-1]]


@st.composite
def pools(draw):
    hosts = []
    for i in range(draw(st.integers(0, 60))):
        rack_name = draw(st.sampled_from([None, "r1", "r2", "r3", "r10"]))
        nvlink = draw(st.sampled_from([None, "a", "b", "c"]))
        nvlink = None if nvlink is None else f"{rack_name}{nvlink}"
        hosts.append(host(f"gpu{i}", rack=rack_name, nvlink=nvlink))
    return hosts


specs = st.builds(DomainSpec, size=st.integers(1, 12), group_by=st.sampled_from(Grouping))


@given(pools(), specs)
def test_every_host_is_in_exactly_one_domain_and_none_is_too_large(hosts, spec):
    domains = form_domains(hosts, spec)
    assert sorted(h.name for h in hosts) == sorted(h for d in domains for h in d.hosts)
    assert all(1 <= len(d.hosts) <= spec.size for d in domains)
    assert len(domains) == len({d.name for d in domains})


@given(pools(), specs)
def test_a_group_that_one_domain_can_hold_is_never_split(hosts, spec):
    domain_of = {h: d.name for d in form_domains(hosts, spec) for h in d.hosts}
    groups = defaultdict(list)
    for h in hosts:
        if spec.group_by is Grouping.RACK:
            groups["rack", h.rack].append(h)
            groups["rack and nvlink", h.rack, h.nvlink].append(h)
        elif spec.group_by is Grouping.NVLINK:
            groups["nvlink", h.nvlink].append(h)
    for group in groups.values():
        if len(group) <= spec.size:
            assert len({domain_of[h.name] for h in group}) == 1, group


@given(pools(), specs, st.randoms())
def test_the_order_in_which_hosts_come_changes_nothing(hosts, spec, rng):
    expected = form_domains(hosts, spec)
    shuffled = list(hosts)
    rng.shuffle(shuffled)
    assert expected == form_domains(shuffled, spec)
