"""The pictures of a report, as SVG: hosts out over time against what the floor allows, causes, and cycles.

Everything that comes from outside is escaped where it is written.
"""

from datetime import timedelta
from html import escape

from fleet.models.base import Moment
from fleet.models.report import CycleEnd, CycleReport, Point, PoolReport

WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM = 960, 220, 44, 12, 12, 26
COLOURS = {"planned": "#2f6db3", "failed": "#c6442e", "others": "#8a8f98"}
FLOOR = "#111827"
_CYCLE = {CycleEnd.ON_TIME: "#3c8d5a", CycleEnd.UNDER_WAY: "#2f6db3", CycleEnd.LATE: "#c6442e"}
_TICKS = 6
_ROW = 22


def hosts_out(pool: PoolReport, begin: Moment, end: Moment) -> str:
    """Hosts out over time, stacked by set, below the line of how many the floor lets be out."""
    points = pool.points
    most = max([1, *(max(_out(p), p.up + _out(p) - p.floor) for p in points)]) * 1.1
    inner = [_axis(begin, end), _grid(most)]
    for name in COLOURS:
        inner += [_bar(p, name, begin, end, most) for p in points if getattr(p, name)]
    inner += _floor_line(points, begin, end, most)
    title = f"hosts of {pool.cluster}/{pool.pool} that were out"
    return _svg(title, HEIGHT, inner)


def causes(found: dict[str, float]) -> str:
    """Host-hours by cause, as bars."""
    if not found:
        return ""
    most, inner = max(found.values()), []
    for row, (cause, hours) in enumerate(found.items()):
        y, length = row * _ROW, max(1.0, hours / most * (WIDTH - 420))
        inner.append(f'<text x="0" y="{y + 15}">{escape(cause)}</text>')
        inner.append(f'<rect x="300" y="{y + 4}" width="{length:.1f}" height="14" fill="{COLOURS["planned"]}"/>')
        inner.append(f'<text x="{310 + length:.1f}" y="{y + 15}">{hours:.1f} h</text>')
    return _svg("host-hours out by cause", len(found) * _ROW + 4, inner)


def cycles(found: tuple[CycleReport, ...], begin: Moment, end: Moment) -> str:
    """Each cycle from its opening to its end, with its due date as a mark."""
    if not found:
        return ""
    shown, inner = [], []
    for cycle in found:
        shown += [cycle.times.opened_at, cycle.times.due_at, cycle.times.closed_at or end]
    first, last = min(shown), max(shown)
    for row, cycle in enumerate(found):
        times, y = cycle.times, row * _ROW + 4
        x, until = _x(times.opened_at, first, last), _x(times.closed_at or end, first, last)
        colour = _CYCLE.get(cycle.end, _CYCLE[CycleEnd.LATE])
        told = escape(f"cycle {times.number}: {cycle.end}, {cycle.reason}")
        inner.append(
            f'<rect x="{x:.1f}" y="{y}" width="{max(2.0, until - x):.1f}" height="14" fill="{colour}">'
            f"<title>{told}</title></rect>"
        )
        due = _x(times.due_at, first, last)
        inner.append(f'<line x1="{due:.1f}" x2="{due:.1f}" y1="{y - 3}" y2="{y + 17}" stroke="{FLOOR}"/>')
        inner.append(f'<text x="0" y="{y + 12}">{times.number}</text>')
    return _svg("cycles, with their due dates", len(found) * _ROW + 8, inner)


def _svg(title: str, height: int, inner: list[str]) -> str:
    head = f'<svg viewBox="0 0 {WIDTH} {height}" role="img" xmlns="http://www.w3.org/2000/svg">'
    return f"{head}<title>{escape(title)}</title>{''.join(inner)}</svg>"


def _out(point: Point) -> int:
    return point.planned + point.failed + point.others


def _x(at: Moment, begin: Moment, end: Moment) -> float:
    whole = max(end - begin, timedelta(seconds=1))
    return LEFT + (at - begin) / whole * (WIDTH - LEFT - RIGHT)


def _y(count: float, most: float) -> float:
    return HEIGHT - BOTTOM - count / most * (HEIGHT - TOP - BOTTOM)


def _bar(point: Point, name: str, begin: Moment, end: Moment, most: float) -> str:
    names = list(COLOURS)
    below = sum(getattr(point, n) for n in names[: names.index(name)])
    count = getattr(point, name)
    x, until = _x(point.at, begin, end), _x(point.until, begin, end)
    y, foot = _y(below + count, most), _y(below, most)
    return (
        f'<rect x="{x:.2f}" y="{y:.2f}" width="{until - x + 0.3:.2f}" height="{foot - y:.2f}" '
        f'fill="{COLOURS[name]}"><title>{point.at:%F %T}: {count} {name}</title></rect>'
    )


def _floor_line(points: tuple[Point, ...], begin: Moment, end: Moment, most: float) -> list[str]:
    """How many may be out; broken where nothing was observed."""
    found = []
    for point in points:
        y = _y(max(0, point.up + _out(point) - point.floor), most)
        x, until = _x(point.at, begin, end), _x(point.until, begin, end)
        found.append(f'<line x1="{x:.2f}" x2="{until:.2f}" y1="{y:.2f}" y2="{y:.2f}" stroke="{FLOOR}"/>')
    return found


def _axis(begin: Moment, end: Moment) -> str:
    step, parts = (end - begin) / _TICKS, []
    form = "%m-%d" if end - begin > timedelta(days=2) else "%H:%M"
    for tick in range(_TICKS + 1):
        at = begin + tick * step
        anchor = "end" if tick == _TICKS else "middle" if tick else "start"
        x = _x(at, begin, end)
        parts.append(f'<text x="{x:.1f}" y="{HEIGHT - 8}" text-anchor="{anchor}">{at.strftime(form)}</text>')
    return "".join(parts)


def _grid(most: float) -> str:
    step, parts = max(1, round(most / 4)), []
    for count in range(0, int(most) + 1, step):
        y = _y(count, most)
        parts.append(f'<line x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y:.1f}" y2="{y:.1f}" stroke="#e5e7eb"/>')
        parts.append(f'<text x="{LEFT - 6}" y="{y + 4:.1f}" text-anchor="end">{count}</text>')
    return "".join(parts)
