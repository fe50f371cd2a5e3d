"""`maintrain host give|taken|keep|take-over`: what they write, and how they refuse; without a Temporal."""

import asyncio
import json
from datetime import UTC, datetime

import pytest

from fleet import ids
from fleet.models.breaker import Breaker
from fleet.models.handover import HandoverState
from fleet.models.ledger import Counted, LeaseHost
from fleet.models.notice_rule import NoticeRule
from fleet.models.noticing import Noticed
from fleet.models.observation import Observation, ObservedHost
from fleet.models.scheduler import Node, NodeBase
from runtime.settings import load_settings
from store import open_store

HOST, REPAIR = "gpu001", "repair/sim/gpu001/1"
OURS = ids.drain_reason(ids.REPAIR, REPAIR)
WHY = ("--reason", "RMA 4711")


def with_store(act):
    async def go():
        store = await open_store(load_settings().store_url)
        try:
            return await act(store)
        finally:
            await store.close()

    return asyncio.run(go())


def drained(reason, *, repair=True):
    """gpu001 is in repair, and drained so, by the last look."""
    now = datetime.now(UTC)

    async def act(store):
        if repair:
            held = {"cluster": "sim", "host": HOST, "request": REPAIR, "operation": REPAIR, "counted": Counted.FAILED}
            await store.lease_for_repair(LeaseHost(**held, holder=ids.host("sim", HOST), since=now))
        node = Node(name=HOST, base=NodeBase.IDLE, draining=True, reason=reason)
        seen = {HOST: ObservedHost(host=HOST, node=node)}
        await store.record_observation(Observation(cluster="sim", began_at=now, hosts=seen))

    with_store(act)


def handover():
    return with_store(lambda store: store.handover("sim", HOST))


@pytest.fixture
def in_repair(synced):
    drained(OURS)
    return synced


def test_a_host_is_given_taken_or_kept_by_rows_that_need_no_temporal(in_repair):
    given = in_repair("host", "give", HOST, "--to", "vendor", "--within", "4h", *WHY)
    asked = handover()
    assert (0, "") == (given.code, given.err)
    assert given.out.startswith("sim/gpu001 given to vendor, asked by ada at ")
    assert "it stays in repair until vendor has it, within 4h" in given.out
    assert (HandoverState.ASKED, REPAIR, "vendor: RMA 4711") == (asked.state, asked.operation, asked.theirs)
    assert "handover asked: given to vendor" in in_repair("host", "show", HOST).out

    assert in_repair("host", "keep", HOST, *WHY).code == 0
    assert HandoverState.WITHDRAWN is handover().state

    in_repair("host", "give", HOST, "--to", "vendor", *WHY)
    taken = in_repair("host", "taken", HOST, "--by", "Vendor", *WHY, "--json")
    assert "acknowledged" == json.loads(taken.out)["handover"]["state"]
    kept = in_repair("host", "keep", HOST, *WHY)
    assert (1, "error: sim/gpu001 is vendor's by now; see maintrain host take-over\n") == (kept.code, kept.err)


def test_a_dry_run_of_each_writes_nothing(in_repair):
    before = in_repair.facts()
    dry = in_repair("host", "give", HOST, "--to", "vendor", *WHY, "--dry-run")
    assert (0, before) == (dry.code, in_repair.facts())
    assert "nothing was changed" in dry.out


@pytest.mark.parametrize("word", ["repaired", "retry", "decommission"])
def test_a_persons_word_tried_dry_writes_nothing_and_is_refused_of_a_host_in_no_repair(in_repair, word):
    before = in_repair.facts()
    dry, other = (in_repair("host", word, host, *WHY, "--dry-run") for host in (HOST, "gpu002"))

    assert (0, before) == (dry.code, in_repair.facts())
    assert f"would be told to the repair of sim/{HOST}: {word}" in dry.out
    assert (1, "", "error: sim/gpu002 is not in repair\n") == (other.code, other.out, other.err)


def test_a_foreign_host_is_taken_over_and_counts_as_failed_at_once(synced):
    drained("vendor: RMA 4711", repair=False)
    taken = synced("host", "take-over", HOST, "--from", "vendor", *WHY)
    assert (0, "") == (taken.code, taken.err)
    asked = handover()
    lease = with_store(lambda store: store.lease("sim", HOST))
    assert ("take", "vendor: RMA 4711") == (asked.way, asked.theirs)
    assert (asked.operation, Counted.FAILED) == (lease.operation, lease.counted)


def test_a_health_checks_drain_on_a_host_in_our_repair_is_taken_over_without_another_lease(synced):
    drained("NHC: no GPU 3")
    assert synced("host", "take-over", HOST, "--from", "NHC", *WHY).code == 0
    assert (REPAIR, "NHC: no GPU 3") == (handover().operation, handover().theirs)


@pytest.mark.parametrize(
    ("arguments", "code", "error"),
    [
        (("give", HOST, "--to", "vendor", *WHY), 1, "sim/gpu001 is not in repair"),
        (("give", "gpu999", "--to", "vendor", *WHY), 2, "expected a member of the fleet, 'gpu999' is none"),
        (("give", HOST, "--to", "maintrain", *WHY), 2, "--to: expected somebody else's name"),
        (("give", HOST, "--to", "a;b", *WHY), 2, "--to: expected somebody else's name"),
        (("give", HOST, "--to", "vendor", "--within", "4", *WHY), 2, "--within: expected a duration"),
        (("give", HOST, "--to", "vendor", "--within", "9999999999w", *WHY), 2, "--within: expected a duration of ten"),
        (("give", HOST, "--to", "vendor", "--within", "0s", *WHY), 2, "--within: expected more than 0s"),
        (("give", HOST, "--to", "vendor", "--reason", " "), 2, "--reason: expected 1 to 500"),
        (("taken", HOST, "--by", "vendor", *WHY), 1, "sim/gpu001 is not to be given to anybody"),
        (("keep", HOST, *WHY), 1, "sim/gpu001 is not to be given to anybody"),
        (("take-over", HOST, "--from", "vendor", *WHY), 1, "sim/gpu001 is not in the hands of vendor: nobody"),
    ],
)
def test_what_can_not_be_is_refused_in_a_sentence(synced, arguments, code, error):
    before = synced.facts()
    result = synced("host", *arguments)
    assert (code, "") == (result.code, result.out)
    assert error in result.err
    assert before == synced.facts()


def test_a_wrong_name_and_a_name_that_means_failed_are_refused(in_repair):
    in_repair("host", "give", HOST, "--to", "vendor", *WHY)
    wrong = in_repair("host", "taken", HOST, "--by", "bob", *WHY)
    assert (2, "error: --by: expected 'vendor', to whom it is to be given, found 'bob'\n") == (wrong.code, wrong.err)
    in_repair("host", "keep", HOST, *WHY)
    failed = in_repair("host", "give", HOST, "--to", "NHC", *WHY)
    assert (2, True) == (failed.code, "it means a failed host (NHC:*)" in failed.err)


def test_resume_closes_a_tripped_breaker_and_says_so(synced):
    now = datetime.now(UTC)
    state = {"gpu-train": Breaker(tripped=True, since=now, busy_at=now, reason="9 hosts were lost")}
    with_store(lambda s: s.notice("sim", NoticeRule(), now, lambda facts: Noticed(breakers=state, reason="")))
    assert "no repair is opened in pool sim/gpu-train: 9 hosts were lost" in synced("ledger", "sim").out

    resumed = synced("resume", "sim/gpu-train", "--reason", "the rack is back")
    assert "lifted: the breaker of pool sim/gpu-train: hosts that are down get their repairs" in resumed.out
    assert "no repair is opened" not in synced("ledger", "sim").out
