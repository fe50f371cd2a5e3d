"""A report as one HTML file: no script, nothing loaded from elsewhere, everything from outside escaped."""

from collections.abc import Iterable, Sequence
from html import escape

from fleet.models.report import PoolReport, Report
from starter.report_pictures import COLOURS, FLOOR, causes, cycles, hosts_out
from starter.report_text import cycles_on_time, interruptions, name_of, verdict

HOSTS_SHOWN = 50
_STYLE = """
body { font: 15px/1.45 system-ui, sans-serif; color: #1f2937; max-width: 1000px; margin: 2rem auto; padding: 0 1rem }
h1 { font-size: 1.5rem } h2 { font-size: 1.15rem; margin-top: 2.2rem } h3 { font-size: 1rem; margin: 1.2rem 0 .3rem }
table { border-collapse: collapse; width: 100%; margin: .5rem 0 }
th, td { text-align: left; padding: .25rem .6rem .25rem 0; border-bottom: 1px solid #e5e7eb; vertical-align: top }
svg { width: 100%; height: auto; font: 12px system-ui, sans-serif; fill: #374151 }
.kept { color: #2c6e45 } .broken { color: #a8321f; font-weight: 600 } .quiet { color: #6b7280 }
.key { display: inline-block; width: .8em; height: .8em; margin: 0 .3em 0 .9em }
"""
_KEYS = {"planned": "out by plan", "failed": "failed", "others": "another's, or not observable"}


def page(found: Report) -> str:
    """The whole page."""
    title = f"Maintrain: promises from {found.begin:%Y-%m-%d} to {found.end:%Y-%m-%d}"
    parts = [f"<h1>{escape(title)}</h1>", f'<p class="quiet">{found.begin:%F %T} to {found.end:%F %T} UTC</p>']
    if found.pools:
        parts.append(_summary(found.pools))
    else:
        parts.append("<p>Nothing was noted yet: the dispatcher notes it with each look.</p>")
    for pool in found.pools:
        parts += _pool(pool, found)
    for cluster, carried in found.upgrades.items():
        if carried:
            of = found.members[cluster]
            rows = [
                (c.component, c.version, f"{c.hosts} of {of}", c.gained, "yes" if c.desired else "") for c in carried
            ]
            heads = ("component", "version", "carried by", "came to it", "wanted")
            parts += [f"<h2>Upgrades in {escape(cluster)}</h2>", _table(heads, rows)]
    head = f'<meta charset="utf-8"><title>{escape(title)}</title><style>{_STYLE}</style>'
    policy = "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">"
    return f'<!doctype html>\n<html lang="en"><head>{policy}{head}</head><body>{"".join(parts)}</body></html>\n'


def _summary(pools: Sequence[PoolReport]) -> str:
    rows = []
    for p in pools:
        low = f"{p.lowest.up} of {p.lowest.members} (floor {p.lowest.floor})" if p.lowest else "-"
        under = f"{p.hours_under_floor:.1f}"
        rows.append((name_of(p), verdict(p), low, under, cycles_on_time(p), interruptions(p)))
    heads = ("pool", "promises", "lowest up", "hours under the floor", "cycles on time", "jobs interrupted")
    return _table(heads, rows)


def _pool(pool: PoolReport, found: Report) -> list[str]:
    shade = {"kept": "kept", "not kept": "broken"}.get(verdict(pool), "quiet")
    parts = [
        f"<h2>{escape(name_of(pool))}</h2>",
        f'<p class="{shade}">{escape(pool.reason)}</p>',
        f'<p class="quiet">{pool.members} hosts; observed {pool.observed_hours:.1f} h, '
        f"not observed {pool.unobserved_hours:.1f} h</p>",
    ]
    if pool.points:
        parts += ["<h3>Hosts out</h3>", hosts_out(pool, found.begin, found.end), _legend()]
    low = pool.lowest
    if low is not None:
        why = ", ".join(f"{count} {cause}" for cause, count in low.causes.items()) or "none out"
        parts.append(f"<p>Lowest at {low.at:%F %T}: {low.up} of {low.members} up ({escape(why)}).</p>")
    if pool.under_floor_host_hours:
        rows = [(cause, f"{hours:.1f}") for cause, hours in pool.under_floor_host_hours.items()]
        parts += ["<h3>Why under the floor</h3>", _table(("cause", "host-hours"), rows)]
    if pool.out_host_hours:
        parts += ["<h3>Host-hours out, by cause</h3>", causes(pool.out_host_hours)]
    if pool.cycles:
        parts += ["<h3>Cycles</h3>", cycles(pool.cycles, found.begin, found.end)]
        parts.append(_table(("cycle", "", "how"), [(c.times.number, c.end, c.reason) for c in pool.cycles]))
    return parts + _hosts(pool)


def _hosts(pool: PoolReport) -> list[str]:
    shown = pool.hosts[:HOSTS_SHOWN]
    if not shown:
        return []
    rows = [
        (h.host, f"{h.hours:.1f}", h.times, ", ".join(f"{c} {hours:.1f} h" for c, hours in h.by_cause.items()))
        for h in shown
    ]
    more = len(pool.hosts) - len(shown)
    parts = ["<h3>Hosts, longest out first</h3>", _table(("host", "hours out", "times", "for"), rows)]
    return [*parts, f'<p class="quiet">and {more} more</p>'] if more else parts


def _legend() -> str:
    keys = "".join(f'<span class="key" style="background:{COLOURS[n]}"></span>{_KEYS[n]}' for n in COLOURS)
    return f'<p class="quiet">{keys}<span class="key" style="background:{FLOOR};height:.15em"></span>the floor</p>'


def _table(heads: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    head = "".join(f"<th>{escape(h)}</th>" for h in heads)
    body = "".join("<tr>" + "".join(f"<td>{escape(str(c))}</td>" for c in row) + "</tr>" for row in rows)
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
