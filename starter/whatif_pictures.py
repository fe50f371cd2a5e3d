"""The pictures of a what-if, as SVG files that stand alone: hosts up over time, what became of the hosts' time, gangs
interrupted a day, and how fast an upgrade is everywhere.
"""

from collections.abc import Callable, Sequence
from html import escape

from simulation.outcome import Outcome
from simulation.scenario import IN_WORDS, Policy
from starter.whatif_text import Answer

WIDTH, LEFT, RIGHT = 960, 190, 70
PLANNED, UNPLANNED, GOOD, DIM, QUIET, FLOOR = "#2f6db3", "#c6442e", "#3c8d5a", "#c8cdd5", "#e5e7eb", "#111827"
COLOURS = {
    Policy.TRAINS: "#3c8d5a",
    Policy.LOCK_STEP: "#c6442e",
    Policy.SLIDING: "#b07c1e",
    Policy.MAX_UNAVAILABLE: "#2f6db3",
    Policy.NOTHING: "#8a8f98",
}
_ROW, _TALL, _HEAD, _FOOT = 30, 84, 30, 26
_INNER = WIDTH - LEFT - RIGHT


def pictures(answer: Answer) -> dict[str, str]:
    """All of them, by name."""
    drawn = {"up": _up(answer), "time": _time(answer.outcomes), "interruptions": _interruptions(answer.outcomes)}
    return drawn | ({"reach": _reach(answer)} if any(o.reach for o in answer.outcomes) else {})


def _up(answer: Answer) -> str:
    """A strip a policy: the fewest hosts up at each time, with the floor."""
    inner, days = [], answer.scenario.days
    for row, outcome in enumerate(answer.outcomes):
        top = _HEAD + row * _TALL
        height, hosts = _TALL - 20, outcome.hosts

        def y(up: float, top: int = top, height: int = height, hosts: int = hosts) -> float:
            return top + height * (1 - up / hosts)

        inner.append(_label(outcome, top + height / 2))
        for share in (0, 1):
            inner.append(_line(LEFT, y(hosts * share), WIDTH - RIGHT, y(hosts * share), QUIET))
            inner.append(_text(WIDTH - RIGHT + 6, y(hosts * share) + 4, f"{share:.0%}"))
        points = " ".join(f"{LEFT + c.day / days * _INNER:.1f},{y(c.up_least):.1f}" for c in outcome.curves)
        colour = COLOURS[outcome.policy]
        inner.append(f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="1.4"/>')
        floor = y(outcome.capacity.floor)
        inner.append(_line(LEFT, floor, WIDTH - RIGHT, floor, FLOOR, dashed=True))
        inner.append(_text(WIDTH - RIGHT - 4, y(0) - 6, f"lowest {outcome.capacity.up_min:,}", anchor="end"))
    height = _HEAD + len(answer.outcomes) * _TALL + _FOOT
    for tick in range(7):
        x = LEFT + tick / 6 * _INNER
        inner.append(_text(x, height - 8, f"day {days * tick / 6:.0f}", anchor="middle"))
    return _svg("Hosts up, lowest at each time; dashed: the floor", height, inner)


def _time(outcomes: Sequence[Outcome]) -> str:
    """What the hosts' time went into."""
    parts: tuple[tuple[str, str, Callable[[Outcome], float]], ...] = (
        ("productive", GOOD, lambda o: o.goodput.productive),
        ("restarts, checkpoints", "#e0b354", _overhead),
        ("lost to planned work", PLANNED, lambda o: o.goodput.lost_planned_host_days / _whole(o)),
        ("lost to failures", UNPLANNED, lambda o: o.goodput.lost_unplanned_host_days / _whole(o)),
        ("without a job, or out", DIM, lambda o: 1 - o.goodput.busy),
    )
    inner, x = [], float(LEFT)
    for name, colour, _ in parts:
        inner.append(f'<rect x="{x:.0f}" y="{_HEAD - 8}" width="12" height="12" fill="{colour}"/>')
        inner.append(_text(x + 17, _HEAD + 2, name))
        x += 30 + 7 * len(name)
    for row, outcome in enumerate(outcomes):
        top, x = _HEAD + 14 + row * _ROW, float(LEFT)
        inner.append(_label(outcome, top + 10))
        for name, colour, of in parts:
            width = max(0.0, of(outcome)) * _INNER
            told = f"{outcome.policy}: {name} {of(outcome):.2%}"
            inner.append(_bar(x, top, width, colour, told))
            x += width
        inner.append(_text(WIDTH - RIGHT + 6, top + 14, f"{outcome.goodput.productive:.1%}"))
    return _svg("What became of the hosts' time", _HEAD + 22 + len(outcomes) * _ROW, inner)


def _overhead(outcome: Outcome) -> float:
    return (outcome.goodput.restart_host_days + outcome.goodput.checkpoint_host_days) / _whole(outcome)


def _whole(outcome: Outcome) -> float:
    return outcome.hosts * outcome.days


def _interruptions(outcomes: Sequence[Outcome]) -> str:
    """Gangs stopped a day, by plan and by failures."""
    total = [o.interruptions.planned_a_day + o.interruptions.unplanned_a_day for o in outcomes]
    most, inner = max([1e-9, *total]), []
    for row, outcome in enumerate(outcomes):
        top, found = _HEAD + row * _ROW, outcome.interruptions
        planned, unplanned = (n / most * _INNER for n in (found.planned_a_day, found.unplanned_a_day))
        inner.append(_label(outcome, top + 10))
        inner.append(_bar(LEFT, top, planned, PLANNED, f"planned {found.planned_a_day:.1f} a day"))
        inner.append(_bar(LEFT + planned, top, unplanned, UNPLANNED, f"unplanned {found.unplanned_a_day:.1f} a day"))
        inner.append(_text(LEFT + planned + unplanned + 6, top + 14, f"{total[row]:,.0f}"))
    return _svg("Gangs interrupted a day: planned (blue), unplanned (red)", _HEAD + 8 + len(outcomes) * _ROW, inner)


def _reach(answer: Answer) -> str:
    """Days until half, 90% and all hosts carried the upgrade."""
    over = any(o.reach.mean_half is not None for o in answer.outcomes if o.reach)
    names = ("mean_half", "mean_most", "mean_all") if over else ("half", "most", "all")
    found = [(o, [getattr(o.reach, n) for n in names]) for o in answer.outcomes if o.reach]
    most = max([d for _, days in found for d in days if d is not None], default=1.0) or 1.0
    inner = []
    for row, (outcome, days) in enumerate(found):
        top = _HEAD + row * _ROW
        inner.append(_label(outcome, top + 10))
        inner.append(_line(LEFT, top + 10, WIDTH - RIGHT, top + 10, QUIET))
        if days[0] is None:
            inner.append(_text(LEFT + 6, top + 6, "not in this time"))
        for day, share, radius in zip(days, ("50%", "90%", "all"), (4, 6, 8), strict=True):
            if day is not None:
                x = LEFT + day / most * _INNER
                told = escape(f"{share}: day {day:.1f}")
                colour = COLOURS[outcome.policy]
                inner.append(f'<circle cx="{x:.1f}" cy="{top + 10}" r="{radius}" fill="{colour}" fill-opacity=".7">')
                inner.append(f"<title>{told}</title></circle>")
    height = _HEAD + len(found) * _ROW + _FOOT
    for tick in range(5):
        anchor = "middle"
        inner.append(_text(LEFT + tick / 4 * _INNER, height - 8, f"day {most * tick / 4:.1f}", anchor=anchor))
    of = "mean over release days" if over else "released as told"
    return _svg(f"An upgrade on 50%, 90% and all of the hosts (small, middle, large), {of}", height, inner)


def _svg(title: str, height: float, inner: Sequence[str]) -> str:
    head = (
        f'<svg viewBox="0 0 {WIDTH} {height:.0f}" width="{WIDTH}" height="{height:.0f}" role="img" '
        'xmlns="http://www.w3.org/2000/svg" font-family="system-ui, sans-serif" font-size="12" fill="#374151">'
    )
    back = f'<rect width="{WIDTH}" height="{height:.0f}" fill="#ffffff"/>'
    shown = f'<text x="{LEFT}" y="14" font-weight="600">{escape(title)}</text>'
    return f"{head}<title>{escape(title)}</title>{back}{shown}{''.join(inner)}</svg>"


def _label(outcome: Outcome, y: float) -> str:
    return _text(LEFT - 10, y + 4, IN_WORDS[outcome.policy], anchor="end")


def _text(x: float, y: float, text: str, anchor: str = "start") -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escape(text)}</text>'


def _line(x1: float, y1: float, x2: float, y2: float, colour: str, dashed: bool = False) -> str:
    dash = ' stroke-dasharray="4 3"' if dashed else ""
    return f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" stroke="{colour}"{dash}/>'


def _bar(x: float, y: float, width: float, colour: str, told: str) -> str:
    rect = f'<rect x="{x:.1f}" y="{y:.1f}" width="{max(0.0, width):.1f}" height="20" fill="{colour}">'
    return f"{rect}<title>{escape(told)}</title></rect>"
