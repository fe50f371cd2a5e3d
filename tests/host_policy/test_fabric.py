from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fleet.models.drivers import PluginDriver, SimulatedVerifier
from fleet.models.host import Host
from fleet.models.scheduler import ClusterView, Job, JobKind, JobState, Node, NodeBase
from fleet.models.verifiers import ToolsVerifier
from fleet.policy.fabric import MOST_PARTNERS, MOST_TRIED, FabricAction, borrow_terms, idle_in_production, partners
from tests.host_policy.build import NOW

WAIT = timedelta(minutes=5)


def ask(ready=(), coming=(), idle=(), waited=timedelta(0), gone=()):
    planned = {*ready, *coming} - set(gone)
    found = partners("gpu001", dict.fromkeys(ready, NOW), planned, idle, NOW, NOW + waited, WAIT)
    return found.action, found.partners


def test_once_all_of_the_domain_are_ready_it_runs_with_the_others():
    assert ask(["gpu003", "gpu001", "gpu002"]) == (FabricAction.RUN, ("gpu002", "gpu003"))


def test_it_waits_for_those_still_coming():
    assert ask(["gpu001", "gpu002"], ["gpu003"]) == (FabricAction.WAIT, ())


def test_it_runs_with_those_ready_once_the_wait_is_over():
    assert ask(["gpu001", "gpu002"], ["gpu003"], waited=WAIT) == (FabricAction.RUN, ("gpu002",))


def test_alone_it_borrows_an_idle_production_host():
    assert ask(["gpu001"], ["gpu003"], ["gpu012", "gpu011"], WAIT) == (FabricAction.BORROW, ("gpu011",))
    assert ask(["gpu001"], [], ["gpu011"]) == (FabricAction.BORROW, ("gpu011",))


def test_others_are_named_in_case_the_first_is_not_to_be_had():
    idle = [f"gpu{n:03}" for n in range(11, 30)]
    found = partners("gpu001", {"gpu001": NOW}, (), idle, NOW, NOW, WAIT)
    assert MOST_TRIED == len(found.partners + found.instead)
    assert ("gpu012", "gpu013", "gpu014", "gpu015") == found.instead


FABRIC = {"kind": "nccl_tests", "launcher": {"kind": "mpirun"}, "minimum": 200, "within": "10m"}
IN_SLURM = {**FABRIC, "launcher": {"kind": "slurm", "login": "login1"}}


def terms(*fabric):
    verifier = ToolsVerifier.model_validate({"kind": "tools", "fabric": fabric})
    return borrow_terms("gpu001", verifier, timedelta(minutes=3))


def test_a_partner_is_held_for_as_long_as_the_runs_over_a_pair_may_take():
    assert timedelta(minutes=12) == terms(FABRIC).limit
    assert timedelta(minutes=22) == terms(FABRIC, {**FABRIC, "hosts": "gpu[001-008]"}).limit
    assert timedelta(minutes=12) == terms(FABRIC, {**FABRIC, "hosts": "gpu[002-008]"}).limit


def test_a_verifier_that_names_no_time_limit_has_a_short_one():
    plugin = PluginDriver(kind="plugin", factory="site.checks:verifier")
    assert timedelta(minutes=8) == borrow_terms("gpu001", plugin, timedelta(minutes=3)).limit
    simulated = SimulatedVerifier(kind="simulated")
    assert timedelta(minutes=6, seconds=10) == borrow_terms("gpu001", simulated, timedelta(minutes=3)).limit


def test_the_launcher_inside_slurm_measures_no_production_host():
    found = terms(IN_SLURM)
    assert (None, True) == (found.limit, "measures drained hosts only" in found.reason)
    assert terms(FABRIC, {**IN_SLURM, "hosts": "gpu[002-008]"}).limit is not None


def test_a_late_host_does_not_measure_with_those_that_have_left_its_visit():
    ready = ["gpu001", "gpu002", "gpu003"]
    assert ask(ready, gone=["gpu002"]) == (FabricAction.RUN, ("gpu003",))
    assert ask(ready, idle=["gpu011"], gone=["gpu002", "gpu003"]) == (FabricAction.BORROW, ("gpu011",))
    assert ask(ready, gone=["gpu002", "gpu003"]) == (FabricAction.INCONCLUSIVE, ())


def test_a_repair_has_no_visit_and_borrows_its_partner():
    found = partners("gpu001", {"gpu001": NOW}, (), ["gpu011"], NOW, NOW, WAIT)
    assert (found.action, found.partners) == (FabricAction.BORROW, ("gpu011",))


def node(name, **state):
    return Node(**{"name": name, "base": NodeBase.IDLE, **state})


NOT_TO_BE_LENT = {
    "allocated": {"base": NodeBase.ALLOCATED},
    "down": {"base": NodeBase.DOWN},
    "draining": {"draining": True},
    "completing": {"completing": True},
    "silent": {"not_responding": True},
    "off": {"powered": False},
    "rebooting": {"rebooting": True},
    "in maintenance": {"maintenance": True},
    "reserved": {"reservation": "workshop"},
}


@pytest.mark.parametrize("state", NOT_TO_BE_LENT.values(), ids=NOT_TO_BE_LENT.keys())
def test_only_a_host_on_which_a_job_would_start_now_is_lent(state):
    hosts = [Host(cluster="east", name=name, pool="gpu-train", since=NOW) for name in ("gpu012", "gpu011", "gpu010")]
    nodes = (node("gpu010", **state), node("gpu011"), node("gpu012"))
    view = ClusterView(began=1.0, nodes={n.name: n for n in nodes})
    assert idle_in_production(hosts, view) == ("gpu011", "gpu012")


def test_a_host_that_is_held_by_a_job_decommissioned_or_not_shown_is_not_lent():
    member = Host(cluster="east", name="gpu010", pool="gpu-train", since=NOW)
    job = Job(id="7", state=JobState.RUNNING, kind=JobKind.REQUEUEABLE, hosts=("gpu010",))
    idle = ClusterView(began=1.0, nodes={"gpu010": node("gpu010")})
    assert idle_in_production([member], idle) == ("gpu010",)
    assert idle_in_production([member], idle.model_copy(update={"jobs": {"7": job}})) == ()
    assert idle_in_production([member.model_copy(update={"decommissioned": True})], idle) == ()
    assert idle_in_production([member], ClusterView(began=1.0, nodes={})) == ()


def test_without_any_partner_it_is_inconclusive():
    assert ask(["gpu001"], ["gpu001"], ["gpu001"], WAIT) == (FabricAction.INCONCLUSIVE, ())


names = st.lists(st.integers(1, 80).map("gpu{:03}".format), unique=True, max_size=60)


@given(names, names, names, st.timedeltas(timedelta(0), 2 * WAIT), names)
def test_partners_are_bounded_sorted_and_never_the_host_itself(ready, coming, idle, waited, gone):
    action, found = ask(ready, coming, idle, waited, gone)
    assert list(found) == sorted(set(found) - {"gpu001"})
    assert len(found) <= MOST_PARTNERS
    assert bool(found) == (action in (FabricAction.RUN, FabricAction.BORROW))
    assert action is not FabricAction.WAIT or waited < WAIT
    assert action is not FabricAction.RUN or set(found) <= set(ready) - set(gone)
    assert action is not FabricAction.BORROW or set(found) <= set(idle) - (set(coming) - set(gone))
