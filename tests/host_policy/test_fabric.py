from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from fleet.policy.fabric import MOST_PARTNERS, FabricAction, partners
from tests.host_policy.build import NOW

WAIT = timedelta(minutes=5)


def ask(ready=(), coming=(), idle=(), waited=timedelta(0)):
    found = partners("gpu001", dict.fromkeys(ready, NOW), coming, idle, NOW, NOW + waited, WAIT)
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


def test_without_any_partner_it_is_inconclusive():
    assert ask(["gpu001"], ["gpu001"], ["gpu001"], WAIT) == (FabricAction.INCONCLUSIVE, ())


names = st.lists(st.integers(1, 80).map("gpu{:03}".format), unique=True, max_size=60)


@given(names, names, names, st.timedeltas(timedelta(0), 2 * WAIT))
def test_partners_are_bounded_sorted_and_never_the_host_itself(ready, coming, idle, waited):
    action, found = ask(ready, coming, idle, waited)
    assert list(found) == sorted(set(found) - {"gpu001"})
    assert len(found) <= MOST_PARTNERS
    assert bool(found) == (action in (FabricAction.RUN, FabricAction.BORROW))
    assert action is not FabricAction.WAIT or waited < WAIT
    assert action is not FabricAction.RUN or set(found) <= set(ready)
    assert action is not FabricAction.BORROW or set(found) <= set(idle) - set(coming)
