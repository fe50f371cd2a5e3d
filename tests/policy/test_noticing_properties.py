"""Whatever an observer says, right or wrong, no more repairs are opened than the rule allows, and none is forgotten."""

from hypothesis import given, settings
from hypothesis import strategies as st

from fleet.models.scheduler import NodeBase
from tests.policy.make import names
from tests.policy.noticing import RULE, Looks

HOSTS = names(12)
SHOWN = st.sampled_from(
    [
        {"base": NodeBase.DOWN, "not_responding": True, "reason": "Not responding"},
        {"not_responding": True},
        {"draining": True, "reason": "NHC: no GPU 3"},
        {"draining": True, "reason": "bob: disk"},
        {"base": NodeBase.DOWN, "reason": "bob: disk"},
    ]
)
EVENT = st.one_of(
    st.tuples(st.just("lose"), st.lists(st.sampled_from(HOSTS), min_size=1, max_size=12), SHOWN),
    st.tuples(st.just("find"), st.lists(st.sampled_from(HOSTS), min_size=1, max_size=12)),
    st.tuples(st.just("look"), st.integers(1, 30)),
    st.tuples(st.just("resume")),
    st.tuples(st.just("blind")),
)


def _happens(looks: Looks, event: tuple) -> None:
    match event:
        case "lose", hosts, node:
            looks.lose(*hosts, **node)
        case "find", hosts:
            looks.find(*hosts)
        case ("resume",):
            looks.resume()
        case ("blind",):
            assert () == looks.look(error="it does not answer").opens
        case "look", count:
            for _ in range(count):
                tripped_before = looks.tripped
                noticed = looks.look()
                assert not (tripped_before and looks.tripped and noticed.opens)
                _bounded(looks)


def _bounded(looks: Looks) -> None:
    recent = [o for o in looks.opened if o.at > looks.now - RULE.window]
    assert len(recent) <= RULE.most


@given(st.lists(EVENT, max_size=25))
@settings(max_examples=60, deadline=None)
def test_no_observer_opens_more_repairs_than_the_rule_has_or_any_while_the_breaker_is_tripped(events):
    looks = Looks()
    for event in events:
        _happens(looks, event)


@given(st.lists(EVENT, max_size=12))
@settings(max_examples=30, deadline=None)
def test_a_host_that_stays_down_alone_gets_its_repair_in_the_end(events):
    looks = Looks()
    for event in events:
        _happens(looks, event)
    looks.find(*HOSTS)
    looks.resume()
    looks.looks(130)
    looks.lose("gpu001")
    assert ["gpu001"] == looks.looks(5)
