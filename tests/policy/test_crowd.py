"""What is told to those far behind in a queue changes nothing of what is granted, reserved or told to those before."""

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fleet.models.ledger import RequestClass, WaitKind
from fleet.policy.grants import settle
from tests.policy.ledger_model import LedgerModel
from tests.policy.make import facts, names, request
from tests.policy.test_grants_hold import events, fleets

ALL = 10**6


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(fleets(), events, st.randoms(use_true_random=False), st.integers(0, 3))
def test_a_queue_that_is_cut_short_grants_the_same(fleet, bursts, rng, in_full):
    model = LedgerModel(rng, *fleet)
    for burst in bursts:
        for kind in burst:
            model.event(kind)
        known = model.facts()
        assert settle(known, in_full=ALL).grants == settle(known, in_full=in_full).grants
        model.settle_now()


def test_those_far_behind_are_told_that_there_is_no_room():
    crowd = [request(f"r{n:03}", names(1, 1 + n % 12), RequestClass.AD_HOC) for n in range(300)]

    settled = settle(facts(requests=crowd), in_full=20)

    assert 4 == len(settled.grants)
    far = [w for w in settled.waits if "20 requests or more wait before it" in w.reason]
    assert (296 - 20, {WaitKind.LIMIT}) == (len(far), {w.kind for w in far})
