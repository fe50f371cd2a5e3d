import pytest
from hypothesis import given
from hypothesis import strategies as st

from fleet.models.matrix import Verdict
from fleet.policy.compatibility import adopt, allowed
from tests.host_policy.build import ANYTHING, NOW, OBSERVED, PINS, cluster, entry

DRIVER_CUDA = entry({"gpu-driver": "550.*", "kernel": "6.1.*"}, {"cuda": "12.4"})
DRIVER_NCCL = entry({"gpu-driver": ">=550,<560"}, {"nccl": "2.*"})
NIC_NCCL = entry({"nic": "28.1"}, {"nccl": "2.20"})
EVERYTHING = (DRIVER_CUDA, DRIVER_NCCL, NIC_NCCL)


def test_a_set_is_allowed_when_each_pin_has_every_related_component_covered():
    assert allowed(OBSERVED, cluster(), EVERYTHING).allowed is True


@pytest.mark.parametrize(
    ("left_out", "uncovered"),
    [(0, ("gpu-driver", "kernel")), (1, ("gpu-driver",)), (2, ("nic",))],
)
def test_each_entry_left_out_leaves_its_components_uncovered(left_out, uncovered):
    entries = [e for i, e in enumerate(EVERYTHING) if i != left_out]
    found = allowed(OBSERVED, cluster(), entries)
    assert (found.allowed, found.uncovered) == (False, uncovered)


def test_entries_of_the_fleet_file_and_published_ones_cover_together():
    assert allowed(OBSERVED, cluster(matrix=EVERYTHING[:1]), EVERYTHING[1:]).allowed is True


def test_a_component_that_relates_to_no_pin_needs_no_entry():
    assert allowed({**OBSERVED, "bmc": "99"}, cluster(), EVERYTHING).allowed is True


def test_an_entry_that_names_a_pin_does_not_cover_for_another():
    found = allowed(OBSERVED, cluster(), (DRIVER_CUDA, NIC_NCCL))
    assert found.reason == "gpu-driver 550.54 is not tested with nccl 2.20 in this set"


def test_an_entry_tested_with_another_version_of_a_pin_covers_nothing():
    other = entry({"gpu-driver": "*", "kernel": "*", "nic": "*"}, {"cuda": "12.4", "nccl": "2.21"})
    assert allowed(OBSERVED, cluster(), (other,)).allowed is False


def test_an_entry_without_pins_covers_nothing():
    assert allowed(OBSERVED, cluster(), (entry({"gpu-driver": "*", "kernel": "*", "nic": "*"}, {}),)).allowed is False


def test_a_combination_covers_only_as_a_whole():
    found = allowed({**OBSERVED, "kernel": "6.6.1"}, cluster(), EVERYTHING)
    assert (found.allowed, found.uncovered) == (False, ("gpu-driver", "kernel"))


def test_a_broken_entry_outweighs_every_tested_one():
    broken = entry({"gpu-driver": "550.54"}, {"cuda": "12.*"}, Verdict.BROKEN)
    found = allowed(OBSERVED, cluster(), (ANYTHING, broken))
    assert (found.allowed, found.broken) == (False, "gpu-driver 550.54 with cuda 12.* (ticket 7)")


def test_a_broken_entry_without_pins_holds_for_all_pins():
    assert allowed(OBSERVED, cluster(), (ANYTHING, entry({"bmc": "1.0"}, {}, Verdict.BROKEN))).allowed is False


def test_a_broken_entry_for_another_version_does_not_matter():
    assert allowed(OBSERVED, cluster(), (ANYTHING, entry({"bmc": "1.1"}, {}, Verdict.BROKEN))).allowed is True


def test_a_component_of_unknown_version_can_not_be_ruled_out_as_broken():
    versions = {k: v for k, v in OBSERVED.items() if k != "bmc"}
    assert allowed(versions, cluster(), (ANYTHING,)).allowed is True
    assert allowed(versions, cluster(), (ANYTHING, entry({"bmc": "1.1"}, {}, Verdict.BROKEN))).allowed is False


def test_a_broken_entry_about_a_component_that_the_cluster_does_not_have_does_not_matter():
    assert allowed(OBSERVED, cluster(), (ANYTHING, entry({"bios": "*"}, {}, Verdict.BROKEN))).allowed is True


@pytest.mark.parametrize("name", ["gpu-driver", "kernel", "nic"])
def test_a_related_component_of_unknown_version_is_never_allowed(name):
    versions = {k: v for k, v in OBSERVED.items() if k != name}
    found = allowed(versions, cluster(), EVERYTHING)
    assert (found.allowed, name in found.uncovered) == (False, True)


def test_an_unknown_version_is_told_as_such():
    versions = {k: v for k, v in OBSERVED.items() if k != "nic"}
    assert allowed(versions, cluster(), EVERYTHING).reason == "the version of nic is not known"


def test_job_facing_versions_among_the_observed_ones_change_nothing():
    assert allowed({**OBSERVED, "cuda": "11.0"}, cluster(), EVERYTHING).allowed is True


def test_a_malformed_pattern_in_an_entry_stops_the_decision():
    with pytest.raises(ValueError, match="expected"):
        allowed(OBSERVED, cluster(), (entry({"gpu-driver": ">=5,"}, PINS),))


def test_what_runs_in_production_is_adopted_once_for_each_pin_and_combination():
    observed = {f"gpu{i:03}": {**OBSERVED, "gpu-driver": "550.54" if i % 2 else "550.90"} for i in range(16)}
    found = adopt(cluster(), observed, "ada", NOW, "adopted")
    assert [(e.components, e.pins, e.author, e.at) for e in found] == [
        ({"gpu-driver": "550.54", "kernel": "6.1.0"}, {"cuda": "12.4"}, "ada", NOW),
        ({"gpu-driver": "550.90", "kernel": "6.1.0"}, {"cuda": "12.4"}, "ada", NOW),
        ({"gpu-driver": "550.54", "nic": "28.1"}, {"nccl": "2.20"}, "ada", NOW),
        ({"gpu-driver": "550.90", "nic": "28.1"}, {"nccl": "2.20"}, "ada", NOW),
    ]


def test_a_host_that_does_not_carry_the_pin_proves_nothing_for_it():
    drifted = {**OBSERVED, "cuda": "12.5"}
    silent = {k: v for k, v in OBSERVED.items() if k != "cuda"}
    assert {tuple(e.pins) for e in adopt(cluster(), {"a": drifted, "b": silent}, "ada", NOW, "")} == {("nccl",)}


@given(
    st.dictionaries(
        st.sampled_from(["a", "b", "c"]),
        st.fixed_dictionaries({k: st.sampled_from([v, "9"]) for k, v in OBSERVED.items() if k not in PINS}),
    )
)
def test_every_host_that_carries_the_pins_is_allowed_after_adoption(hosts):
    observed = {name: {**versions, **PINS} for name, versions in hosts.items()}
    entries = adopt(cluster(), observed, "ada", NOW, "")
    assert {name for name, v in observed.items() if allowed(v, cluster(), entries).allowed} == set(observed)
