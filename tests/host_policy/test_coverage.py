"""Coverage of the matrix: the last two versions × the current two pins, and what a planned rollout needs tested."""

from hypothesis import given
from hypothesis import strategies as st

from fleet.models.coverage import CellState
from fleet.models.matrix import Verdict
from fleet.models.stack import Upgrade
from fleet.policy.compatibility import allowed
from fleet.policy.coverage import coverage
from tests.host_policy.build import ANYTHING, OBSERVED, cluster, entry

HOSTS = {"gpu1": OBSERVED, "gpu2": {**OBSERVED, "nic": "28.2"}}


def cell(found, component, version, pin, pinned):
    (it,) = [c for c in found.cells if (c.component, c.version, c.pin, c.pinned) == (component, version, pin, pinned)]
    return it


def test_the_last_two_versions_are_the_newest_that_anybody_desires_carries_or_names():
    tested = entry({"gpu-driver": "570.1"}, {"cuda": "12.4"})
    found = coverage(cluster(), HOSTS, (tested, entry({"gpu-driver": "6*"}, {"cuda": "12.4"})))

    assert ("570.1", "550.90") == found.versions["gpu-driver"]
    assert ("28.2", "28.1") == found.versions["nic"]


def test_the_current_two_of_a_pin_are_the_one_in_force_and_the_one_beside_it():
    named = coverage(cluster(), HOSTS, (entry({"kernel": "*"}, {"cuda": "12.6"}),))
    asked = coverage(cluster(), HOSTS, (), other_pins={"cuda": "13.0"})

    assert {"cuda": ("12.4", "12.6"), "nccl": ("2.20",)} == named.pins
    assert ("12.4", "13.0") == asked.pins["cuda"]


def test_a_pair_is_tested_tested_beside_others_broken_or_untested():
    entries = (
        entry({"gpu-driver": "550.*"}, {"cuda": "12.4"}),
        entry({"gpu-driver": "550.90", "nic": "28.2"}, {"nccl": "2.20"}),
        entry({"kernel": "6.1.9"}, {}, Verdict.BROKEN),
        entry({"kernel": "6.1.*"}, {"cuda": "12.4"}),
    )
    found = coverage(cluster(), HOSTS, entries)

    assert CellState.TESTED is cell(found, "gpu-driver", "550.54", "cuda", "12.4").state
    assert CellState.TESTED_TOGETHER is cell(found, "gpu-driver", "550.90", "nccl", "2.20").state
    assert CellState.UNTESTED is cell(found, "gpu-driver", "550.54", "nccl", "2.20").state
    assert CellState.BROKEN is cell(found, "kernel", "6.1.9", "cuda", "12.4").state
    assert CellState.TESTED is cell(found, "kernel", "6.1.0", "cuda", "12.4").state


def test_a_planned_rollout_names_the_sets_to_be_tested_and_for_which_hosts():
    entries = (entry({"gpu-driver": "550.*", "kernel": "*"}, {"cuda": "12.4"}), entry({"nic": "*"}, {"nccl": "2.20"}))
    found = coverage(cluster(), HOSTS, entries, planned=Upgrade(component="gpu-driver", version="570.1"))

    (planned,) = found.planned
    assert () == planned.allowed
    # The kernel was tested beside the older drivers only, so it needs testing beside this one as well.
    assert [
        ("cuda", {"gpu-driver": "570.1", "kernel": "6.1.0"}, ("gpu-driver", "kernel"), ("gpu1", "gpu2")),
        ("nccl", {"gpu-driver": "570.1", "nic": "28.1"}, ("gpu-driver",), ("gpu1",)),
        ("nccl", {"gpu-driver": "570.1", "nic": "28.2"}, ("gpu-driver",), ("gpu2",)),
    ] == [(n.pin, n.components, n.untested, n.hosts) for n in planned.needs]


def test_a_planned_rollout_that_is_tested_needs_nothing_more():
    found = coverage(cluster(), HOSTS, (ANYTHING,), planned=Upgrade(component="gpu-driver", version="570.1"))

    assert [(("gpu1", "gpu2"), (), ())] == [(p.allowed, p.needs, p.broken) for p in found.planned]


def test_a_planned_rollout_that_is_broken_somewhere_says_where_and_why():
    broken = entry({"gpu-driver": "570.1", "nic": "28.2"}, {}, Verdict.BROKEN)
    found = coverage(cluster(), HOSTS, (ANYTHING, broken), planned=Upgrade(component="gpu-driver", version="570.1"))

    (planned,) = found.planned
    assert (("gpu1",), [("gpu2",)]) == (planned.allowed, [g.hosts for g in planned.broken])


def test_a_planned_rollout_is_judged_with_the_pin_that_is_to_come_too():
    found = coverage(
        cluster(),
        HOSTS,
        (ANYTHING,),
        planned=Upgrade(component="gpu-driver", version="570.1"),
        other_pins={"cuda": "13"},
    )

    now, then = found.planned
    assert (2, 0) == (len(now.allowed), len(then.allowed))
    # The one entry named both pins, so that nothing holds for nccl beside the other cuda either.
    assert {("cuda", "13"), ("nccl", "2.20")} == {(n.pin, n.pinned) for n in then.needs}


def test_a_host_that_does_not_tell_a_related_version_can_t_be_covered_by_tests():
    silent = {k: v for k, v in OBSERVED.items() if k != "kernel"}
    found = coverage(cluster(), {"gpu1": silent}, (), planned=Upgrade(component="gpu-driver", version="570.1"))

    assert ("kernel",) == next(n for n in found.planned[0].needs if n.pin == "cuda").unknown


ENTRIES = st.lists(
    st.builds(
        entry,
        st.dictionaries(
            st.sampled_from(["gpu-driver", "kernel", "nic"]), st.sampled_from(["*", "550.54", "28.1"]), min_size=1
        ),
        st.dictionaries(st.sampled_from(["cuda", "nccl"]), st.sampled_from(["12.4", "2.20", "*"]), max_size=2),
        st.sampled_from(list(Verdict)),
    ),
    max_size=6,
)


@given(ENTRIES)
def test_testing_what_is_said_to_be_needed_makes_every_host_allowed_unless_something_is_broken(entries):
    planned = Upgrade(component="gpu-driver", version="570.1")
    (found,) = coverage(cluster(pins={"cuda": "12.4", "nccl": "2.20"}), HOSTS, entries, planned=planned).planned[:1]
    tested = [entry(need.components, {need.pin: need.pinned}) for need in found.needs]

    broken = {host for group in found.broken for host in group.hosts}
    for host, versions in HOSTS.items():
        verdict = allowed({**versions, "gpu-driver": "570.1"}, cluster(), [*entries, *tested])
        assert verdict.allowed == (host not in broken)
