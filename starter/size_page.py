"""Domain sizes as one HTML file: a curve for each pool, with today's size and the best one; everything escaped."""

from collections.abc import Sequence
from html import escape
from math import log

from fleet.models.sizing import SizePoint, Sizing

WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM = 900, 280, 64, 16, 12, 34
_RESERVED, _INTERRUPTED, _COST, _CANT = "#2f6db3", "#c6442e", "#111827", "#f3f4f6"
_STYLE = """
body { font: 15px/1.45 system-ui, sans-serif; color: #1f2937; max-width: 960px; margin: 2rem auto; padding: 0 1rem }
h1 { font-size: 1.4rem } h2 { font-size: 1.1rem; margin-top: 2rem } .quiet { color: #6b7280 }
svg { width: 100%; height: auto; font: 11px system-ui, sans-serif; fill: #374151 }
.key { display: inline-block; width: .8em; height: .8em; margin: 0 .3em 0 .9em }
"""
_GRID = 4


def page(found: Sequence[Sizing]) -> str:
    """The whole page."""
    parts = ["<h1>Maintrain: domain sizes</h1>"]
    keys = [(_COST, "cost"), (_RESERVED, "kept free"), (_INTERRUPTED, "lost by jobs"), (_CANT, "can't be")]
    legend = "".join(f'<span class="key" style="background:{c}"></span>{w}' for c, w in keys)
    parts.append(f'<p class="quiet">Host-hours a day, by hosts of a domain.{legend}</p>')
    for one in found:
        parts += [f"<h2>{escape(one.pool)}</h2>", f"<p>{escape(one.kind)}: {escape(one.kind_because)}.</p>"]
        parts += [f"<p>Best: {escape(one.reason)}.</p>", curve(one)]
        told = [f"if {s.what}: {hosts_in_words(s.best)}" for s in one.sensitivity]
        items = [f"visits: {one.visit.source or 'as given'}", *told, *one.notes]
        parts.append("<ul>" + "".join(f"<li>{escape(item)}</li>" for item in items) + "</ul>")
    policy = "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">"
    head = f'{policy}<meta charset="utf-8"><title>Maintrain: domain sizes</title><style>{_STYLE}</style>'
    return f'<!doctype html>\n<html lang="en"><head>{head}</head><body>{"".join(parts)}</body></html>\n'


def hosts_in_words(size: int | None) -> str:
    """A size, where there is one."""
    return "no size can be" if size is None else f"{size} host{'s' * (size != 1)}"


def curve(found: Sizing) -> str:
    """Both costs and their sum over the sizes, which are spaced by their ratios."""
    points = found.points
    if not points:
        return ""
    can = [p for p in points if not p.why_not] or list(points)
    most = 1.15 * max(2 * min(p.cost for p in can), *(p.cost for p in points if p.size in (found.best, found.today)), 1)
    inner = [_cant(points), _axes(points, most)]
    for name, colour, width in (("reserved", _RESERVED, 1.2), ("interrupted", _INTERRUPTED, 1.2), ("cost", _COST, 2.2)):
        line = " ".join(f"{_x(p, points):.1f},{_y(getattr(p, name), most):.1f}" for p in points)
        inner.append(f'<polyline points="{line}" fill="none" stroke="{colour}" stroke-width="{width}"/>')
    for word, size in (("today", found.today), ("best", found.best)):
        at = found.point(size)
        if at is not None:
            x, y = _x(at, points), _y(at.cost, most)
            inner.append(
                f'<circle cx="{x:.1f}" cy="{y:.1f}" r="4" fill="{_COST}"><title>{word}: {at.size}</title></circle>'
            )
            inner.append(f'<text x="{x + 7:.1f}" y="{y - 14:.1f}">{word}: {at.size}</text>')
    head = f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" xmlns="http://www.w3.org/2000/svg">'
    return f"{head}<title>{escape(found.pool)}: cost by domain size</title>{''.join(inner)}</svg>"


def _cant(points: Sequence[SizePoint]) -> str:
    """A grey ground where sizes can't be."""
    parts = []
    for before, point, after in zip([points[0], *points[:-1]], points, [*points[1:], points[-1]], strict=True):
        if point.why_not:
            x = (_x(before, points) + _x(point, points)) / 2
            until = (_x(after, points) + _x(point, points)) / 2
            parts.append(
                f'<rect x="{x:.1f}" y="{TOP}" width="{max(1.0, until - x):.1f}" height="{HEIGHT - TOP - BOTTOM}" '
                f'fill="{_CANT}"><title>{point.size}: {escape(point.why_not)}</title></rect>'
            )
    return "".join(parts)


def _axes(points: Sequence[SizePoint], most: float) -> str:
    parts = []
    for tick in range(_GRID + 1):
        value = most * tick / _GRID
        y = _y(value, most)
        parts.append(f'<line x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y:.1f}" y2="{y:.1f}" stroke="#e5e7eb"/>')
        parts.append(f'<text x="{LEFT - 6}" y="{y + 4:.1f}" text-anchor="end">{value:,.0f}</text>')
    size = 1
    while size <= points[-1].size:
        if size >= points[0].size:
            x = _x(points[0].model_copy(update={"size": size}), points)
            parts.append(f'<text x="{x:.1f}" y="{HEIGHT - 12}" text-anchor="middle">{size}</text>')
        size *= 2
    return "".join(parts)


def _x(point: SizePoint, points: Sequence[SizePoint]) -> float:
    whole = max(1e-9, log(points[-1].size) - log(points[0].size))
    return LEFT + (log(point.size) - log(points[0].size)) / whole * (WIDTH - LEFT - RIGHT - 40)


def _y(value: float, most: float) -> float:
    return HEIGHT - BOTTOM - min(value, most) / most * (HEIGHT - TOP - BOTTOM)
