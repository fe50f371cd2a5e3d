"""A cycle as others hear of it: a signed webhook whose receiver goes away in the middle, what the scheduler is told,
and the report afterwards.
"""

import json
from pathlib import Path

from drivers.events.signing import key_of, signed
from fleet import ids
from tests.parts.receiver import Receiver
from tests.scenarios.fleets import quiet
from tests.scenarios.secret_search import files, forms, search
from tests.scenarios.site import POOL, WHERE, Site, fleet_document

KEY = "a-key-that-nobody-may-find"
FAULTS = ({"kind": "flash_fails", "host": "gpu002", "component": "nic-firmware"},)


def test_others_hear_of_a_cycle_once_in_order_and_signed_though_the_receiver_goes_away(tmp_path: Path) -> None:
    document = quiet(fleet_document(hosts=4, domain=2, faults=FAULTS))
    document["clusters"][0]["announce"] = "reservation"
    with Receiver() as receiver:
        hook = {"url": receiver.url, "secret": {"env": "SCENARIO_KEY"}}
        document["events"] = [{"name": "inventory", "webhook": hook, "timeout": "2s"}]
        site = Site(tmp_path, document)
        site.stage.environment["SCENARIO_KEY"] = KEY
        with site:
            site.until(lambda: site.ask(lambda store: store.sink_states()), 30, "a worker has begun the sink")
            site.start_train()
            site.until(lambda: "drain_begun" in receiver.kinds(), 60, "a drain is told")
            receiver.stop()
            site.until_outcome("gpu002", "handed_over")
            receiver.start()
            site.until_closed(120)
            site.until(lambda: not _waiting(site), 60, "all is told")
            _told_once_in_order(receiver)
            _signed_by_the_key(receiver)
            assert ids.NEXT_RESERVATION + POOL in {r.detail["reservation"] for r in site.happened("announced")}
            assert [] == site.observed()["violation_details"]
            report = json.loads(site.stage.run("report", "--json"))
            _reported(report["pools"][0])
            assert set() == search(files(site.stage.folder), forms(KEY))


def _waiting(site: Site) -> int:
    return sum(s.waiting for s in site.ask(lambda store: store.sink_states()))


def _told_once_in_order(receiver: Receiver) -> None:
    events = receiver.events
    numbers = [e["sequence"] for e in events]
    assert sorted(set(numbers)) == list(dict.fromkeys(numbers))
    first = {e["id"]: e for e in events}
    for host in ("gpu001", "gpu003", "gpu004"):
        assert ["drain_begun", "host_back"] == [e["kind"] for e in first.values() if e["hosts"] == [host]]
    told = [e["kind"] for e in first.values() if e["hosts"] == ["gpu002"]]
    assert ["drain_begun", "handed_over", "escalated"] == told
    planned = [e["hosts"] for e in first.values() if e["kind"] == "drain_planned"]
    assert [["gpu001", "gpu002"], ["gpu003", "gpu004"]] == planned


def _signed_by_the_key(receiver: Receiver) -> None:
    key = key_of(KEY, "the test")
    for headers, body in receiver.posts:
        seconds = int(headers["webhook-timestamp"])
        assert signed(key, headers["webhook-id"], seconds, body) == headers["webhook-signature"]
        assert json.loads(body)["id"] == headers["webhook-id"]


def _reported(pool: dict) -> None:
    assert (WHERE, ["on time"]) == (f"{pool['cluster']}/{pool['pool']}", [c["end"] for c in pool["cycles"]])
    assert 0 == pool["hours_over_buffer"]
    assert pool["lowest"]["up"] < 4
    assert {"gpu001", "gpu002"} <= {h["host"] for h in pool["hosts"]}
    assert {"maintenance", "repair"} <= set(pool["out_host_hours"])
