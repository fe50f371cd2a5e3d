"""A lemon in production is taken out by its next visit, is listed, and returns on a person's word only."""

import asyncio
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

from fleet.models.rollouts import Trial
from store import open_store
from tests.scenarios.fleets import quiet
from tests.scenarios.site import CLUSTER, Site, fleet_document

BAD = "gpu002"
BOARDED = ({"nic-firmware": "0.8"}, {"nic-firmware": "0.9"}, {"gpu-driver": "550.0"})
LADDER = {"software": ["retry"], "performance": ["retry"], "hardware": ["retry"], "unknown": ["retry"]}


async def _write_past(url: str) -> None:
    """Its last three visits failed, each under other versions, and those of all others went well."""
    now = datetime.now(UTC)
    well = [Trial(cluster=CLUSTER, host=f"o{n}", operation=f"v/{n}", at=now, versions={}) for n in range(300)]
    bad = [
        Trial(cluster=CLUSTER, host=BAD, operation=f"b/{n}", at=now - timedelta(days=9 - n), versions=v, failed=True)
        for n, v in enumerate(BOARDED)
    ]
    store = await open_store(url)
    await store.record_trials((*well, *bad))
    await store.close()


def _lemons(site: Site) -> list[tuple[str, str, int]]:
    told = json.loads(site.stage.run("host", "lemons", "--json"))
    return [(one["host"], one["standing"]["set"], len(one["trials"])) for one in told]


def test_a_lemon_is_taken_out_by_its_next_visit_and_returns_on_a_persons_word_only(tmp_path: Path) -> None:
    document = quiet(fleet_document(hosts=3, floor=0))
    document["clusters"][0]["repair"] = {"ladder": LADDER}
    with Site(tmp_path, document) as site:
        asyncio.run(_write_past(site.stage.store_url))
        assert [(BAD, "up", 3)] == _lemons(site)
        site.start_train()
        site.until_closed(120)

        assert {"gpu001": "upgraded", BAD: "handed_over", "gpu003": "upgraded"} == _outcomes(site)
        assert [] == site.happened("flash_started", BAD)
        assert [(BAD, "failed", 3)] == _lemons(site)
        assert f"a lemon: {BAD} failed 3 times" in site.stage.run("host", "show", BAD)
        rungs = json.loads(site.stage.run("host", "show", BAD, "--json"))["rungs"]
        assert [] == [r for r in rungs if r["rung"]]

        site.stage.run("host", "repaired", BAD, "--actor", "ann", "--reason", "a new board")
        site.until_outcome(BAD, "repaired", 90)
        assert [] == _lemons(site)
        assert {"550.2"} == {v["gpu-driver"] for v in site.versions().values()}
        assert [] == site.observed()["violation_details"]


def _outcomes(site: Site) -> dict[str, str]:
    return {host: o.outcome.value for host, o in site.outcomes().items()}
