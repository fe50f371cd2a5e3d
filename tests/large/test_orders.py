"""A person's word on a large-scale maintenance: when it is refused, and what it changes."""

import pytest

from fleet.errors import Refused
from fleet.models.emergency import EmergencyHostState, EmergencyState
from fleet.models.large import LargePhase
from fleet.models.messages import Command
from fleet.policy.emergency_change import after_look
from fleet.policy.emergency_orders import EmergencyVerb, Gate, emergency_order, emergency_refusal
from fleet.policy.emergency_wish import wished_states
from fleet.policy.large_plan import large_step
from tests.emergency.make import emergency
from tests.large.make import HOSTS, at, both, large, plan, rows
from tests.policy.make import NOW, facts, host, names

ANN = Command(actor="ann", reason="it is fine")
GATE = at(LargePhase.GATE)

REFUSED = {
    "is at no gate": (large(progress=at()), EmergencyVerb.APPROVE),
    "large/c1/winter is at no gate": (large(EmergencyState.STOPPED, progress=GATE), EmergencyVerb.APPROVE),
    "has no steps, and no gates between them": (emergency(), EmergencyVerb.ABORT),
    "large/c1/winter is aborted": (large(EmergencyState.ABORTED), EmergencyVerb.RESUME),
    "large/c1/winter is done": (large(EmergencyState.DONE), EmergencyVerb.ABORT),
}


@pytest.mark.parametrize("why", REFUSED)
def test_an_order_that_makes_no_sense_is_refused_with_the_reason(why):
    event, verb = REFUSED[why]

    assert why in emergency_refusal(event, verb)
    with pytest.raises(Refused, match=why):
        emergency_order(ANN, verb, NOW)(event, ())


def test_an_approval_counts_for_the_gate_that_it_was_given_at():
    found = emergency_order(ANN, EmergencyVerb.APPROVE, NOW, Gate(1))(large(progress=GATE), ())

    assert ("running", "ann") == (found.emergency.state, found.emergency.progress.approved_by)
    assert ("large approve", "large large/c1/winter") == (found.audit.action, found.audit.subject)


@pytest.mark.parametrize(("after", "state"), [("keep", EmergencyState.ABORTED), ("back", EmergencyState.ENDED)])
def test_an_abort_keeps_what_was_brought_or_lets_trains_undo_it(after, state):
    event = large(plan_=plan(after_abort=after))

    found = emergency_order(ANN, EmergencyVerb.ABORT, NOW)(event, ()).emergency

    assert state is found.state
    assert (after == "keep") == (EmergencyHostState.DONE in wished_states(found.state))
    assert EmergencyHostState.PENDING not in wished_states(found.state)


def test_a_look_that_a_persons_word_overtook_writes_nothing():
    seen = large(progress=at())
    step = large_step(seen, rows(**both(EmergencyHostState.DONE)), facts(hosts=[host(n) for n in names(HOSTS)]))
    aborted = emergency_order(ANN, EmergencyVerb.ABORT, NOW)(seen, ()).emergency

    change, stops = after_look(aborted, tuple(rows()), step, seen, NOW)

    assert (aborted, (), None, ()) == (change.emergency, change.hosts, change.audit, stops)
