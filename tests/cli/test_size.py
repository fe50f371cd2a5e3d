"""`maintrain size`: as text, as JSON and as a page, and with visits that were measured."""

import asyncio
import json
from datetime import UTC, datetime, timedelta
from xml.etree import ElementTree

from fleet.models.train import Domain, Visit, VisitState
from store import open_store


def test_the_text_names_the_best_size_todays_and_what_it_hangs_on(synced):
    before = synced.facts()
    result = synced("size")

    assert 0 == result.code
    for words in ("sim/gpu-train (", "best", "today", "by the formula", "no visit of this pool has ended yet"):
        assert words in result.out
    assert before == synced.facts()


def test_json_is_the_whole_curve(synced):
    (found,) = json.loads(synced("size", "--pool", "sim/gpu-train", "--json").out)

    points = {p["size"]: p for p in found["points"]}
    assert 8 == found["today"]
    can = [p for p in points.values() if not p["why_not"]]
    assert min(can, key=lambda p: p["cost"])["size"] == found["best"]
    assert all(p["cost"] == p["reserved"] + p["interrupted"] for p in can)


def test_visits_that_were_measured_go_before_the_fleet_file(synced):
    async def visited():
        store = await open_store(f"sqlite:///{synced.data}/facts.db")
        begin = datetime.now(UTC) - timedelta(hours=9)
        hosts = ("gpu001", "gpu002")
        domains = tuple(Domain(name=f"d00{n}", hosts=hosts) for n in (1, 2))
        await store.open_cycle("sim", "gpu-train", 1, domains, begin, begin + timedelta(days=1))
        for n, minutes in ((1, 30), (2, 50)):
            visit = Visit(
                id=f"v{n}",
                cluster="sim",
                pool="gpu-train",
                cycle=1,
                domain=f"d00{n}",
                attempt=1,
                state=VisitState.RUNNING,
                opened_at=begin,
                granted_at=begin,
                taken=hosts,
            )
            await store.open_visit(visit)
            await store.close_visit(f"v{n}", begin + timedelta(minutes=minutes), "done", gave_back=n == 2)
        await store.close()

    asyncio.run(visited())
    (found,) = json.loads(synced("size", "--json").out)

    assert (1800.0, "the mean of 1 visit of this pool") == (found["visit"]["fixed_seconds"], found["visit"]["source"])


def test_the_page_has_a_curve_for_each_pool(synced, tmp_path):
    path = tmp_path / "size.html"
    assert "written" in synced("size", "--html", path).out

    html = path.read_text()
    (svg,) = [part.partition("</svg>")[0] + "</svg>" for part in html.split("<svg")[1:]]
    picture = ElementTree.fromstring("<svg" + svg)
    assert 3 == sum(e.tag.endswith("polyline") for e in picture.iter())
    assert "<script" not in html


def test_a_pool_that_is_none_and_a_file_that_can_not_be_written_are_refused(synced, tmp_path):
    assert 2 == synced("size", "--pool", "sim/storage").code
    refused = synced("size", "--html", tmp_path / "nowhere" / "size.html")
    assert (2, True) == (refused.code, "expected a file to write" in refused.err)
