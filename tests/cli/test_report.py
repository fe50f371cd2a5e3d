"""`maintrain report`: as text, as JSON, and as a page that holds together on its own."""

import asyncio
import json
from datetime import UTC, datetime, timedelta
from html.parser import HTMLParser
from xml.etree import ElementTree

import pytest

from fleet.models.observation import SetCounts
from fleet.models.report import CycleTimes, HostOut, Interruption, Out, PoolSpan, Report, ReportFacts
from fleet.policy.report import report
from starter.report_page import page
from starter.report_text import report_lines, verdict
from store import open_store

NOW = datetime.now(UTC)
NASTY = "another's: <script>alert('x')</script> & \"quotes\""


class Reader(HTMLParser):
    """Tags, their attributes and the text of a page."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.cells: list[str] = []

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data):
        self.text += data
        self.cells.append(data)


def span(begin, end, up, failed=0, cause="repair"):
    return PoolSpan(
        since=NOW - timedelta(hours=begin),
        until=NOW - timedelta(hours=end),
        counts=SetCounts(up=up, failed=failed),
        planned_buffer=8,
        failure_buffer=6,
        floor=50,
        causes={cause: failed} if failed else {},
    )


def noted(maintrain):
    """A quarter of an hour of looks, in which the floor broke, and a gang was interrupted."""

    async def write():
        store = await open_store(f"sqlite:///{maintrain.data}/facts.db")
        for minute, failed in ((60, 0), (58, 20), (56, 20), (54, 0), (52, 0)):
            when = NOW - timedelta(minutes=minute)
            outs = {f"gpu{n:03}": Out(pool="gpu-train", cause="repair") for n in range(failed)}
            counts = span(1, 0, 64 - failed, failed)
            await store.record_counts("sim", when, {"gpu-train": counts}, outs, timedelta(minutes=5))
        run = Interruption(
            cluster="sim", pool="gpu-train", job="7", restarts=0, at=NOW, verb="requeued", hosts=8, operation="visit/x"
        )
        await store.record_interruptions([run.model_copy(update={"at": NOW - timedelta(minutes=57)})])
        await store.close()

    asyncio.run(write())


def test_without_anything_noted_it_says_so(loaded):
    result = loaded("report")

    assert result.code == 0
    assert "nothing was noted yet" in result.out


def test_the_text_says_which_promise_was_broken_and_why(loaded):
    noted(loaded)

    out = loaded("report", "sim", "--days", "1").out

    assert "NO" in out
    assert "0.1 h under the floor (repair)" in out
    assert "1 (1 gangs, 8 hosts)" in out
    assert "44 up (20 repair)" in out
    assert "longest out" in out


def test_json_is_the_whole_report(loaded):
    noted(loaded)

    found = Report.model_validate(json.loads(loaded("report", "--json").out))

    (pool,) = found.pools
    assert (False, 44, 1) == (pool.kept, pool.lowest.up, pool.gangs_interrupted)
    assert 20 == len(pool.hosts)
    assert 24 * 30 == pytest.approx((found.end - found.begin) / timedelta(hours=1))


def test_the_page_is_one_file_with_pictures(loaded, tmp_path):
    noted(loaded)
    path = tmp_path / "report.html"

    assert "1 pools" in loaded("report", "--days", "1", "--html", path).out
    read = Reader()
    read.feed(path.read_text())

    tags = [tag for tag, _ in read.tags]
    assert tags.count("svg") >= 2
    assert {"script", "link", "img", "iframe"}.isdisjoint(tags)
    assert [] == [a for _, attributes in read.tags for a in attributes if a in ("href", "src") or a.startswith("on")]
    assert "0.1 h under the floor (repair)" in read.text


def test_of_what_nobody_observed_no_page_says_that_it_was_kept():
    unseen = span(20, 0, 64).model_copy(update={"seen": False})
    late = CycleTimes(pool="late", number=1, opened_at=NOW - timedelta(hours=20), due_at=NOW - timedelta(hours=2))
    times = {"begin": NOW - timedelta(days=1), "end": NOW}
    spans = {"gpu": (unseen,), "late": (unseen,)}
    found = report([ReportFacts(cluster="c1", members=64, spans=spans, cycles=(late,), **times)])
    read = Reader()
    read.feed(page(found))

    assert ["not observed", "not kept"] == [verdict(pool) for pool in found.pools]
    rows = [line.split() for line in "\n".join(report_lines(found)).splitlines() if line.startswith("c1/")]
    assert [["c1/gpu", "?"], ["c1/late", "NO"]] == [row[:2] for row in rows if not row[0].endswith(":")]
    assert {"not observed", "not kept"} <= set(read.cells)
    assert "kept" not in read.cells


def test_a_file_that_can_not_be_written_is_told(loaded, tmp_path):
    refused = loaded("report", "--html", tmp_path / "nowhere" / "report.html")

    assert (2, True) == (refused.code, "expected a file to write" in refused.err)


def test_what_comes_from_outside_is_escaped_everywhere():
    outs = (HostOut(host="<b>gpu1", pool="gpu", cause=NASTY, since=NOW - timedelta(hours=2)),)
    facts = ReportFacts(
        cluster="c1",
        begin=NOW - timedelta(days=1),
        end=NOW,
        members=64,
        spans={"gpu": (span(20, 10, 40, 24, NASTY), span(10, 0, 64))},
        outs=outs,
    )
    html = page(report([facts]))
    read = Reader()
    read.feed(html)

    assert not {"script", "b"} & {tag for tag, _ in read.tags}
    assert NASTY in read.text
    assert "<b>gpu1" in read.text
    for picture in html.split("<svg")[1:]:
        ElementTree.fromstring("<svg" + picture.split("</svg>")[0] + "</svg>")
