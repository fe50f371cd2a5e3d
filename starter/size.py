"""`maintrain size`: how large a pool's maintenance domains should be, and what that hangs on."""

from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any

import typer

from fleet.errors import InvalidInput
from fleet.models.fleetfile import Cluster
from fleet.models.pool import Pool
from fleet.models.sizing import SizePoint, Sizing
from fleet.policy.sizing import kind_of, sizing
from fleet.policy.sizing_facts import size_question
from fleet.policy.timetable_words import length
from fleet.ports.store import Store
from starter.asynchronous import run
from starter.options import Json, Scope, pool_path
from starter.planning import look_at
from starter.session import facts, find_pool, in_force, pools_in
from starter.show import dump, print_json, say, table
from starter.size_page import hosts_in_words, page

app = typer.Typer()
_ROWS, _WHY = 14, 70


@app.command()
def size(
    pool: Annotated[str | None, typer.Option("--pool", metavar="CLUSTER/POOL", help="Default: every pool.")] = None,
    flash_at_once: Annotated[
        int | None,
        typer.Option("--flash-at-once", min=1, max=100_000, help="Hosts that can be flashed at once; default all."),
    ] = None,
    as_json: Json = False,
    html: Annotated[Path | None, typer.Option("--html", metavar="FILE", help="Write a page with the curves.")] = None,
) -> None:
    """The domain size that costs least: what it keeps free for visits, and what jobs lose to them."""
    run(_size(pool, flash_at_once, as_json, html))


async def _size(wanted: str | None, flash_at_once: int | None, as_json: bool, html: Path | None) -> None:
    found = []
    async with facts() as store:
        fleet = (await in_force(store)).fleet
        for cluster, pool in [pool_path(wanted)] if wanted else pools_in(fleet, Scope()):
            found.append(await made(store, *find_pool(fleet, cluster, pool), flash_at_once))
    written = [] if html is None else [_write(html, found)]
    if as_json:
        print_json([as_plain(one) for one in found])
        return
    for line in [line for one in found for line in lines(one)] + written:
        say(line)


async def made(store: Store, cluster: Cluster, pool: Pool, flash_at_once: int | None) -> Sizing:
    """One pool's, from its facts and one look at the scheduler; writes nothing."""
    view, trouble = await look_at(store, cluster)
    hosts, now = await store.hosts(cluster.name, pool.name), await store.clock()
    ended = await store.visit_lengths(cluster.name, pool.name)
    flash = max((c.duration for c in cluster.stack.components), default=timedelta(0))
    jobs = [*view.jobs.values()] if view else []
    question = size_question(pool, hosts, jobs, ended, now, (flash_at_once, flash))
    kind = kind_of(question.mix, pool.replicas is not None)
    found = sizing(f"{cluster.name}/{pool.name}", question, pool.domain.size, question.domains, kind)
    return without_jobs(found, trouble) if trouble else found


def without_jobs(found: Sizing, trouble: str) -> Sizing:
    """What is left of an answer whose jobs can't be read: they are not none, and no size is the best."""
    told = {
        "best": None,
        "reason": "not known, for its jobs are not; what interruptions cost is missing from every size",
        "kind_because": "as if no jobs ran on it, which is not known",
        "sensitivity": (),
        "notes": (f"the jobs are not known: {trouble}",),
    }
    return found.model_copy(update=told)


def as_plain(found: Sizing) -> dict[str, Any]:
    """For programs."""
    return {**dump(found), "points": [{**dump(p), "cost": p.cost} for p in found.points]}


def lines(found: Sizing) -> list[str]:
    """For people: the verdict, a few sizes around the best and today's, and what the best hangs on."""
    out = [f"{found.pool} ({found.kind}: {found.kind_because})", f"  best: {found.reason}"]
    shown = _around(found)
    rows = [
        (
            f"{p.size}{_mark(found, p)}",
            p.domains,
            length(p.visit_hours * 3600),
            f"{p.cycle_days:.3g} d",
            f"{p.reserved:,.0f}",
            f"{p.interrupted:,.1f}",
            f"{p.cost:,.0f}",
            p.why_not if len(p.why_not) <= _WHY else f"{p.why_not[:_WHY]}...",
        )
        for p in shown
    ]
    heads = ("size", "domains", "visit", "cycle", "reserved", "interrupted", "cost, host-h/day", "can't be, for")
    out += [table(heads, rows), f"  visits: {found.visit.source or 'as given'}"]
    need = "can't be kept" if found.smallest is None else f"needs {found.smallest:.3g} or more"
    out.append(f"  by the formula: {found.closed_form:.3g} hosts; the bound {need}")
    out += [f"  if {s.what}: {hosts_in_words(s.best)}" for s in found.sensitivity]
    return [*out, *(f"  {note}" for note in found.notes), ""]


def _mark(found: Sizing, point: SizePoint) -> str:
    marks = [w for w, size in (("best", found.best), ("today", found.today)) if size == point.size]
    return f" ({', '.join(marks)})" if marks else ""


def _around(found: Sizing) -> Sequence[SizePoint]:
    """Today's and the best, and others spread over all."""
    points = found.points
    step = max(1, len(points) // _ROWS)
    kept = {found.best, found.today, *(p.size for p in points[::step])}
    return [p for p in points if p.size in kept]


def _write(path: Path, found: Sequence[Sizing]) -> str:
    try:
        path.write_text(page(found), encoding="utf-8")
    except OSError as error:
        raise InvalidInput("--html", str(path), f"expected a file to write: {error.strerror}") from error
    return f"written: {path}"
