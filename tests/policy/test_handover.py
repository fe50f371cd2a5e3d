"""A host passes between us and an outsider, and is somebody's at every instant, whatever breaks off on the way."""

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fleet import ids
from fleet.models.handover import Handover, HandoverDeed, HandoverState, HandoverWay
from fleet.models.host import HostSet
from fleet.models.ledger import Counted
from fleet.models.observation import Observation
from fleet.models.scheduler import Node, NodeBase
from fleet.policy.handover import misread, names, next_step, theirs
from fleet.policy.sets import standing
from tests.policy.make import GLOBS, NOW, host, lease, node, seen

REPAIR = "repair/c1/gpu001/1"
OURS, THEIRS = ids.drain_reason(ids.REPAIR, REPAIR), "vendor: RMA 4711"
GIVE, TAKE, WAIT, REWRITE, END = HandoverWay.GIVE, HandoverWay.TAKE, *list(HandoverDeed)[:3]
HELD = lease("gpu001", ids.host("c1", "gpu001"), Counted.FAILED, operation=REPAIR)


def asked(way: HandoverWay = GIVE, **changes: Any) -> Handover:
    given = {"id": "handover/c1/gpu001/1", "cluster": "c1", "pool": "gpu-train", "host": "gpu001", "way": way}
    given |= {"outsider": "vendor", "actor": "ann", "reason": "RMA 4711", "operation": REPAIR, "theirs": THEIRS}
    return Handover(**{**given, "asked_at": NOW, "deadline": NOW + timedelta(hours=4), **changes})


TAKEN = asked(state=HandoverState.ACKNOWLEDGED, acknowledged_at=NOW, acknowledged_by="vendor")


def step(of: Handover, shown: Node | None, held=HELD, after: float = 30, **changes: Any):
    nodes = {} if shown is None else {"gpu001": seen("gpu001").model_copy(update={"node": shown})}
    at = NOW + timedelta(seconds=after)
    look = Observation(cluster="c1", began_at=at, hosts=nodes, **changes)
    found = next_step(of, held, look, GLOBS, at)
    return found.deed, found.found


def drained(reason: str | None, **more: Any) -> Node:
    return node("gpu001", draining=True, reason=reason, **more)


@pytest.mark.parametrize(
    ("of", "shown", "expected"),
    [
        (asked(), drained(OURS), (WAIT, None)),
        (asked(), drained(THEIRS), (END, THEIRS)),
        (asked(), drained("vendor is at it", base=NodeBase.DOWN), (END, "vendor is at it")),
        (asked(), drained("bob: disk of a neighbour"), (WAIT, None)),
        (asked(), drained("vendors at it"), (WAIT, None)),
        (TAKEN, drained("bob: in the vendor's name"), (END, "bob: in the vendor's name")),
        (asked(), drained("NHC: no GPU 3"), (WAIT, None)),
        (asked(), drained(None), (WAIT, None)),
        (asked(), drained("maintrain:planned:op/7#gpu001"), (WAIT, None)),
        (TAKEN, drained(OURS), (REWRITE, OURS)),
        (TAKEN, node("gpu001", base=NodeBase.DOWN, reason="Not responding"), (REWRITE, "Not responding")),
        (TAKEN, node("gpu001"), (REWRITE, None)),
        (TAKEN, drained(THEIRS), (END, THEIRS)),
        (asked(TAKE), drained(THEIRS), (REWRITE, THEIRS)),
        (asked(TAKE), drained("bob: mine"), (WAIT, None)),
        (asked(TAKE), node("gpu001"), (REWRITE, None)),
        (asked(TAKE), drained(OURS), (END, OURS)),
        (asked(), None, (WAIT, None)),
    ],
)
def test_the_next_step_follows_from_whose_drain_is_on_the_host(of, shown, expected):
    assert expected == step(of, shown)


def test_a_look_from_before_the_asking_or_one_that_failed_ends_nothing():
    assert [(WAIT, None)] * 2 == [step(asked(), drained(THEIRS), after=0), step(asked(), drained(THEIRS), error="no")]


def test_a_handover_of_a_host_that_left_its_repair_is_off():
    for held in (None, lease("gpu001")):
        assert (HandoverDeed.WITHDRAW, None) == step(asked(), drained(THEIRS), held)


def test_people_are_told_past_the_deadline_and_the_host_stays_where_it_is():
    at = NOW + timedelta(hours=5)
    look = Observation(cluster="c1", began_at=at, hosts={"gpu001": seen("gpu001", draining=True, reason=OURS)})
    found = next_step(asked(), HELD, look, GLOBS, at)
    assert (WAIT, True) == (found.deed, found.late)


def test_an_outsiders_reason_is_one_that_every_scheduler_takes_and_none_of_ours():
    assert "vendor: GPU 5 - see #12 -" == theirs("vendor", 'GPU 5 é see #12 "')
    assert misread("Maintrain: x", GLOBS)
    assert misread("NHC: x", GLOBS)
    assert "" == misread(THEIRS, GLOBS)


def test_a_reason_is_that_of_whoever_it_begins_with():
    expected = [True, True, True, False, False]
    found = [names(r, "Vendor") for r in ("vendor", "vendor: RMA", "VENDOR RMA", "vendors: x", "bob for vendor")]
    assert expected == found


class World:
    """One host, the scheduler's truth about it, what was last seen of it, and the book."""

    def __init__(self, way: HandoverWay) -> None:
        self.at, self.handover, self.given = NOW, asked(way), ""
        self.lease = HELD
        self.node = drained(OURS if way is GIVE else THEIRS)
        self.look = None
        self.let_go = False
        """Somebody else undrained it: then nobody's hold is on it until we look."""

    def does(self, deed: str) -> None:
        self.at += timedelta(seconds=1)
        match deed:
            case "look":
                shown = seen("gpu001").model_copy(update={"node": self.node})
                self.look = Observation(cluster="c1", began_at=self.at, hosts={"gpu001": shown})
            case "step" | "step, and the worker dies before it is noted":
                self._step(noted=deed == "step")
            case "acknowledge":
                if self.handover.state is HandoverState.ASKED and self.handover.way is GIVE:
                    taken = {"state": HandoverState.ACKNOWLEDGED, "acknowledged_by": "vendor"}
                    self.handover = self.handover.model_copy(update=taken)
            case "the outsider drains":
                self.node, self.let_go = drained(THEIRS, base=self.node.base), False
            case "power":
                down = NodeBase.IDLE if self.node.base is NodeBase.DOWN else NodeBase.DOWN
                self.node = self.node.model_copy(update={"base": down})
            case "undrained":
                self.node, self.let_go = node("gpu001"), True

    def _step(self, *, noted: bool) -> None:
        if self.handover.state.over:
            return
        found = next_step(self.handover, self.lease, self.look, GLOBS, self.at)
        ours_next = self.handover.way is TAKE
        if found.deed is REWRITE:
            # As a driver does it: only if the host is still as it was found.
            if found.found is None and not self.node.draining and self.node.base is not NodeBase.DOWN:
                self.node, self.let_go = drained(OURS), False
            elif found.found == (self.node.reason or "") and (self.node.draining or self.node.base is NodeBase.DOWN):
                self.node = drained(OURS if ours_next else THEIRS, base=self.node.base)
        elif found.deed is END and noted:  # the book's part is one transaction: wholly, or not at all
            self.handover = self.handover.model_copy(update={"state": HandoverState.DONE})
            if self.handover.way is GIVE:
                self.lease, self.given = None, found.found or ""

    def check(self) -> None:
        shown = seen("gpu001").model_copy(update={"node": self.node})
        where = standing(host("gpu001", given=self.given), shown, self.at, self.lease, GLOBS)
        if self.lease is not None:
            assert where.set is HostSet.FAILED
        elif not self.let_go:
            assert (where.set, where.owner) == (HostSet.FOREIGN, self.node.reason)
        assert self.let_go or self.node.draining


DEEDS = ("look", "step", "step, and the worker dies before it is noted", "acknowledge")
OUTSIDE = ("the outsider drains", "power", "undrained")


@given(st.sampled_from([GIVE, TAKE]), st.lists(st.sampled_from((*DEEDS, *OUTSIDE)), max_size=30))
@settings(max_examples=100, deadline=None)
def test_the_host_is_somebodys_at_every_instant_and_any_break_ends_as_if_there_had_been_none(way, deeds):
    world = World(way)
    for deed in deeds:
        world.does(deed)
        world.check()
    over = world.handover.state.over
    if not over and way is TAKE and not world.let_go:
        world.does("the outsider drains")
    for deed in ("acknowledge", *("look", "step") * 4):
        world.does(deed)
        world.check()
    assert HandoverState.DONE is world.handover.state
    if not over and way is TAKE:
        assert OURS == world.node.reason
