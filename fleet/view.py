"""State as text, for CLI and Temporal UI alike: markdown with aligned tables in code blocks.

The UI renders markdown tables without padding and carries the text in a URL, so every view stays below `MOST_BYTES`
and says how many rows it leaves out.
"""

from collections.abc import Iterable, Mapping, Sequence

from fleet.errors import HostState
from fleet.models.base import Moment
from fleet.models.facts import LedgerFacts
from fleet.models.host import HostSet, Standing
from fleet.models.ledger import LeaseHost
from fleet.models.override import OverrideInForce
from fleet.models.train import Cycle, DomainState, NextStop
from fleet.models.work import HostWork
from fleet.policy.limits import Limits

MOST_BYTES = 4000
CELL = 72
NAMED = 3
MOST_ROWS = 200
"""Of a queue, of which ten thousand may wait: more rows never fit."""

_UNITS = (("d", 86400), ("h", 3600), ("min", 60), ("s", 1))
_DOMAIN_ORDER = (DomainState.VISITING, DomainState.NOTICED, DomainState.DUE, DomainState.SKIPPED, DomainState.VISITED)


def duration_words(seconds: float) -> str:
    """A length of time by its two largest units, such as `2 h 5 min`; below one second `0 s`, and `-` in front of a
    negative one.
    """
    left, parts = int(abs(seconds)), []
    for unit, size in _UNITS:
        count, left = divmod(left, size)
        if count:
            parts.append(f"{count} {unit}")
        elif parts:
            break
    return ("-" if seconds <= -1 else "") + (" ".join(parts[:2]) or "0 s")


def table(headers: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Aligned plain text with a line under the headers; cells are cut to `CELL` characters and a single line."""
    cells = [list(headers), *([_cell(value) for value in row] for row in rows)]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    cells.insert(1, ["-" * width for width in widths])
    lines = ("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in cells)
    return "\n".join(line.rstrip() for line in lines)


def fenced(text: str) -> str:
    """A markdown code block, which keeps the alignment."""
    fence = "```"
    while fence in text:
        fence += "`"
    return f"{fence}\n{text}\n{fence}"


def ledger_view(facts: LedgerFacts, standings: Mapping[str, Standing], limits: Mapping[str, Limits]) -> str:
    """A cluster's ledger: what is in force, pools against their promises, leases, and why each request waits.

    `standings` by host, `limits` by pool.
    """
    halts = [
        *((s.kind, s.scope, _ago(s.at, facts.now), f"{s.actor}: {s.reason}") for s in facts.stops),
        *(("override", o.holder, _ago(o.since, facts.now), _numbers(o)) for o in facts.overrides),
        *(("emergency", pool, "", f"{one} goes before all others") for pool, one in facts.urgent.items()),
        *(("autostop", p, _ago(a.since, facts.now), a.reason) for p, a in facts.autostops.items() if a.stopped),
        *(("breaker", p, _ago(b.since, facts.now), b.reason) for p, b in facts.breakers.items() if b.tripped),
    ]
    waits = [
        (r.id, r.kind, len(r.hosts), _ago(r.asked_at, facts.now), r.waits_because or "not looked at yet")
        for r in facts.requests[:MOST_ROWS]
    ]
    return _document(
        f"**Ledger of {_cell(facts.cluster)}**",
        _seen(facts),
        _section(
            "Stops", ("what", "scope", "for", "why"), halts, 700, "No stop, freeze, override or autostop is in force."
        ),
        _section(
            "Pools",
            ("pool", "members", "up/floor", "planned/buffer", "failed/buffer", "foreign", "unknown"),
            _pool_rows(facts, standings, limits),
            900,
            "No pools.",
        ),
        _section(
            "Waiting",
            ("request", "class", "hosts", "for", "because"),
            waits,
            1000,
            "Nothing waits.",
            of=len(facts.requests),
        ),
        _section("Leases", ("holder", "set", "hosts", "for", "why"), _lease_rows(facts), 1000, "No leases."),
    )


def cycle_view(cycle: Cycle, next_stop: NextStop | None, now: Moment) -> str:
    """A train's timetable: how far the cycle is, what comes next and why, and every domain, those under way first."""
    over = sum(d.state in (DomainState.VISITED, DomainState.SKIPPED) for d in cycle.domains)
    due = (cycle.due_at - now).total_seconds()
    when = f"due in {duration_words(due)}" if due >= 0 else f"overdue by {duration_words(-due)}"
    if cycle.closed_at is not None:
        when = f"closed {_ago(cycle.closed_at, now)} ago"
    rows = [
        (d.domain.name, d.state, len(d.domain.hosts), d.attempts, d.reason)
        for d in sorted(cycle.domains, key=lambda d: _DOMAIN_ORDER.index(d.state))
    ]
    return _document(
        f"**Cycle {cycle.number} of {cycle.cluster}/{cycle.pool}**: {over} of {len(rows)} domains over, {when}",
        *_next_lines(next_stop, now),
        _section("Domains", ("domain", "state", "hosts", "visits", "reason"), rows, 2800, "No domains."),
    )


def visit_view(domain: str, ended: Mapping[str, str], open_hosts: Sequence[str], waiting: str) -> str:
    """A visit: what it waits for, hosts still at work, and how the others ended (host: outcome and why)."""
    at_work = [(host, "under way") for host in open_hosts]
    return _document(
        f"**Visit to {_cell(domain)}**" + (f": {_cell(waiting)}" if waiting else ""),
        _section("Hosts", ("host", "how it stands"), [*at_work, *ended.items()], MOST_BYTES // 2, "no host yet"),
    )


def host_view(work: HostWork, done: Sequence[tuple[str, str]], waiting: str) -> str:
    """Work on one host: what it waits for, the steps that ended (key, how), and those to come."""
    ended = {key for key, _ in done}
    ahead = [
        (s.key, f"to come, about {duration_words(s.expected.total_seconds())}")
        for s in work.steps
        if s.key not in ended
    ]
    trouble = f"Trouble: {_cell(work.trouble, 400)}" if work.trouble else ""
    state = "" if work.host_state is HostState.UNTOUCHED else f"When this work began the host was {work.host_state}."
    return _document(
        f"**{work.host}** of {work.cluster}/{work.pool}, {_cell(work.operation, 200)}",
        trouble,
        state,
        f"Now: {_cell(waiting, 400)}" if waiting else "",
        _section("Steps", ("step", "how"), [*done, *ahead], 2500, "No steps."),
    )


def _document(*parts: str) -> str:
    """Paragraphs; the last resort against a text that is still too long is to cut it at a line, saying so."""
    text = "\n\n".join(part for part in parts if part)
    if _size(text) < MOST_BYTES:
        return text
    cut = text.encode()[: MOST_BYTES - 20].decode(errors="ignore").rpartition("\n")[0]
    return cut + ("\n```" if cut.count("```") % 2 else "") + "\n(cut)"


def _section(
    title: str, headers: Sequence[str], rows: Sequence[Sequence[object]], most_bytes: int, empty: str, of: int = 0
) -> str:
    """A titled table with as many of its rows as fit, and how many more there are, `of` which they may be the first;
    `empty` when there are none.
    """
    if not rows:
        return empty
    every = max(of, len(rows))
    shown = len(rows) if len(rows) <= most_bytes // len(headers) else most_bytes // len(headers)
    while True:
        more = f"\n... and {every - shown} more" if shown < every else ""
        text = f"{title}\n{fenced(table(headers, rows[:shown]) + more)}"
        if _size(text) <= most_bytes or shown == 0:
            return text
        shown -= max(1, shown // 8)


def _pool_rows(
    facts: LedgerFacts, standings: Mapping[str, Standing], limits: Mapping[str, Limits]
) -> list[tuple[object, ...]]:
    counts: dict[str, dict[HostSet, int]] = {p.name: dict.fromkeys(HostSet, 0) for p in facts.pools}
    for name, standing in standings.items():
        host = facts.hosts.get(name)
        if host is not None and host.pool in counts:
            counts[host.pool][standing.set] += 1
    return [
        (
            pool,
            limits[pool].members if pool in limits else "?",
            f"{count[HostSet.UP]}/{limits[pool].floor if pool in limits else '?'}",
            f"{count[HostSet.PLANNED]}/{limits[pool].planned_buffer if pool in limits else '?'}",
            f"{count[HostSet.FAILED]}/{limits[pool].failure_buffer if pool in limits else '?'}",
            count[HostSet.FOREIGN],
            count[HostSet.UNKNOWN],
        )
        for pool, count in counts.items()
    ]


def _lease_rows(facts: LedgerFacts) -> list[tuple[object, ...]]:
    """One row for each holder and set, the oldest first; a lease past its expected end says so."""
    held: dict[tuple[str, str], list[LeaseHost]] = {}
    for lease in sorted(facts.leases.values(), key=lambda lease: (lease.since, lease.host)):
        held.setdefault((lease.holder, lease.counted), []).append(lease)
    rows: list[tuple[object, ...]] = []
    for (holder, counted), leases in held.items():
        late = [lease for lease in leases if lease.expected_end is not None and lease.expected_end < facts.now]
        why = leases[0].why + (f" ({len(late)} past the expected end)" if late else "")
        rows.append((holder, counted, _names([lease.host for lease in leases]), _ago(leases[0].since, facts.now), why))
    return rows


def _numbers(override: OverrideInForce) -> str:
    """Who lifted which limits, how far, and why."""
    said = f"{override.actor}: {override.reason}"
    return said if override.whole else f"{override.numbers}; {said}"


def _seen(facts: LedgerFacts) -> str:
    if facts.observation is None:
        return "The cluster has not been observed yet."
    age = _ago(facts.observation.began_at, facts.now)
    error = f"; the last look failed: {_cell(facts.observation.error, 150)}" if facts.observation.error else ""
    return f"Observed {age} ago{error}."


def _next_lines(next_stop: NextStop | None, now: Moment) -> list[str]:
    if next_stop is None:
        return ["Next: not planned yet."]
    words = [next_stop.action.replace("_", " ")]
    if next_stop.domain is not None:
        words.append(_cell(next_stop.domain))
    if next_stop.until is not None:
        words.append(f"for {duration_words((next_stop.until - now).total_seconds())}")
    lines = [f"Next: {' '.join(words)}: {_cell(next_stop.reason, 400)}"]
    return [*lines, f"At risk: {_cell(next_stop.at_risk, 400)}"] if next_stop.at_risk else lines


def _ago(since: Moment | None, now: Moment) -> str:
    return "?" if since is None else duration_words((now - since).total_seconds())


def _names(names: Sequence[str], most: int = NAMED) -> str:
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return (", ".join(names[:most]) or "none") + more


def _cell(value: object, most: int = CELL) -> str:
    """One line without backticks, cut to `most` characters."""
    text = " ".join(str(value).split()).replace("`", "'")
    return text if len(text) <= most else text[: most - 3] + "..."


def _size(text: str) -> int:
    return len(text.encode())
