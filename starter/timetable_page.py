"""A timetable as a picture (SVG) and as one HTML file: nothing loaded from elsewhere, what is from outside escaped."""

from datetime import timedelta
from html import escape

from fleet.models.base import Moment
from fleet.models.timetable import PlannedVisit, Timetable
from fleet.policy.timetable_words import host_hours, length

WIDTH, LEFT, RIGHT, ROW, FOOT = 960, 150, 16, 18, 28
MOST_ROWS = 400
_IDLE, _CHEAP, _DEAR, _LATE, _DUE = "#9ca3af", "#2f6db3", "#d98e2b", "#c6442e", "#111827"
_TICKS = 7
_STYLE = """
body { font: 15px/1.45 system-ui, sans-serif; color: #1f2937; max-width: 1000px; margin: 2rem auto; padding: 0 1rem }
h1 { font-size: 1.4rem } .risk { color: #a8321f; font-weight: 600 } .quiet { color: #6b7280 }
table { border-collapse: collapse; width: 100% } th, td { text-align: left; padding: .2rem .6rem .2rem 0 }
td { border-bottom: 1px solid #e5e7eb } svg { width: 100%; height: auto }
.key { display: inline-block; width: .8em; height: .8em; margin: 0 .3em 0 .9em }
"""


def svg(found: Timetable, until: Moment, title: str) -> str:
    """The visits that begin before `until`, each with its time, its cost as colour and its due date as a mark."""
    shown = [v for v in found.visits if v.begin < until][:MOST_ROWS]
    end = max([until, *(v.end for v in shown)])
    height = max(1, len(shown)) * ROW + FOOT
    dearest = max([0.0, *(v.cost_host_hours for v in shown)])
    inner = [_axis(found.at, end, height)]
    for row, visit in enumerate(shown):
        inner += _row(visit, row * ROW, found.at, end, dearest)
    head = (
        f'<svg viewBox="0 0 {WIDTH} {height}" role="img" xmlns="http://www.w3.org/2000/svg" '
        'font-family="system-ui, sans-serif" font-size="11" fill="#374151">'
    )
    return f"{head}<title>{escape(title)}</title>{''.join(inner)}</svg>"


def page(found: Timetable, until: Moment, title: str) -> str:
    """The whole page: why the first is first, what is at risk and what would help, the picture, every visit."""
    parts = [f"<h1>{escape(title)}</h1>", f"<p>Next: {escape(found.reason)}.</p>"]
    if found.at_risk:
        helps = "".join(f"<li>{escape(h)}</li>" for h in found.helps)
        parts.append(f'<p class="risk">At risk: {escape(found.at_risk)}</p><p>What would help:</p><ul>{helps}</ul>')
    keys = [(_IDLE, "interrupts no known job"), (_CHEAP, "cheap"), (_DEAR, "dear"), (_LATE, "too late"), (_DUE, "due")]
    legend = "".join(f'<span class="key" style="background:{c}"></span>{w}' for c, w in keys)
    parts += [svg(found, until, title), f'<p class="quiet">{legend}</p>', _table(found, until)]
    policy = "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">"
    head = f'{policy}<meta charset="utf-8"><title>{escape(title)}</title><style>{_STYLE}</style>'
    return f'<!doctype html>\n<html lang="en"><head>{head}</head><body>{"".join(parts)}</body></html>\n'


def _table(found: Timetable, until: Moment) -> str:
    rows = []
    for v in found.visits:
        if v.begin < until:
            cells = (v.domain, v.hosts, f"{v.begin:%F %T}", f"{v.end:%F %T}", v.jobs, host_hours(v.cost_host_hours))
            rows.append("".join(f"<td>{escape(str(c))}</td>" for c in (*cells, slack(v))))
    heads = "".join(f"<th>{h}</th>" for h in ("domain", "hosts", "begins", "ends", "jobs", "cost", "slack"))
    return f"<table><tr>{heads}</tr>{''.join(f'<tr>{row}</tr>' for row in rows)}</table>"


def slack(visit: PlannedVisit) -> str:
    """How much time a visit has to spare, in words."""
    spare = visit.slack_seconds
    return length(spare) if spare >= 0 else f"late by {length(-spare)}"


def _row(visit: PlannedVisit, y: int, begin: Moment, end: Moment, dearest: float) -> list[str]:
    x, until = _x(visit.begin, begin, end), _x(visit.end, begin, end)
    told = f"{visit.domain}: {visit.begin:%F %T} to {visit.end:%T}, {visit.jobs} jobs, {visit.cost_host_hours:g} host-h"
    found = [
        f'<text x="{LEFT - 8}" y="{y + 13}" text-anchor="end">{escape(visit.domain[:22])}</text>',
        f'<rect x="{x:.1f}" y="{y + 3}" width="{max(2.0, until - x):.1f}" height="{ROW - 6}" '
        f'fill="{_colour(visit, dearest)}"><title>{escape(told)}</title></rect>',
    ]
    if visit.due <= end:
        due = _x(visit.due, begin, end)
        found.append(f'<line x1="{due:.1f}" x2="{due:.1f}" y1="{y + 1}" y2="{y + ROW - 1}" stroke="{_DUE}"/>')
    return found


def _colour(visit: PlannedVisit, dearest: float) -> str:
    if visit.slack_seconds < 0:
        return _LATE
    if visit.cost_host_hours == 0:
        return _IDLE
    return _DEAR if visit.cost_host_hours > dearest / 2 else _CHEAP


def _axis(begin: Moment, end: Moment, height: int) -> str:
    step, parts = (end - begin) / _TICKS, []
    form = "%m-%d" if end - begin > timedelta(days=2) else "%H:%M" if end - begin > timedelta(hours=1) else "%T"
    for tick in range(_TICKS + 1):
        x = _x(begin + tick * step, begin, end)
        anchor = "end" if tick == _TICKS else "middle" if tick else "start"
        parts.append(f'<line x1="{x:.1f}" x2="{x:.1f}" y1="0" y2="{height - FOOT + 4}" stroke="#e5e7eb"/>')
        at = (begin + tick * step).strftime(form)
        parts.append(f'<text x="{x:.1f}" y="{height - 8}" text-anchor="{anchor}">{at}</text>')
    return "".join(parts)


def _x(at: Moment, begin: Moment, end: Moment) -> float:
    return LEFT + (at - begin) / max(end - begin, timedelta(seconds=1)) * (WIDTH - LEFT - RIGHT)
