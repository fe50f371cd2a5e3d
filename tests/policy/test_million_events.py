"""A million random events over the grants and their transaction, from one seed."""

from random import Random

import pytest

from fleet.models.ledger import RequestClass
from tests.policy.chances import WEIGHTS, two_pools
from tests.policy.ledger_model import LedgerModel

EVENTS = 1_000_000
SEED = 20241


@pytest.mark.timeout(600)
def test_a_million_random_events_break_no_limit_and_starve_no_request():
    rng = Random(SEED)
    model = LedgerModel(rng, *two_pools())
    kinds, weights = list(WEIGHTS), list(WEIGHTS.values())
    done = 0
    while done < EVENTS:
        burst = rng.choices(kinds, weights, k=min(rng.randrange(4, 17), EVENTS - done))
        for kind in burst:
            model.event(kind)
        done += len(burst)
        model.settle_now()
    granted = {kind: count for kind, count in model.tally.items() if kind.startswith("granted")}
    assert {f"granted {kind}" for kind in RequestClass} == set(granted)
    assert granted.pop("granted pin_switch") > 100, model.tally
    assert min(granted.values()) > 500, granted
    assert model.checker.longest_wait_s > 600, "the loop never made a request wait: it proves nothing"
