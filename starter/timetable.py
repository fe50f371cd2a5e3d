"""`maintrain train plan --days`: the timetable of a pool, as a table, as JSON and as a picture."""

from datetime import timedelta
from pathlib import Path
from typing import Any, NamedTuple

from fleet.errors import InvalidInput
from fleet.models.fleetfile import Cluster
from fleet.models.pool import Pool
from fleet.models.timetable import PlannedVisit, Timetable
from fleet.policy.stopping import in_words
from fleet.policy.timetable import timetable
from fleet.policy.timetable_words import host_hours
from fleet.ports.store import Store
from starter.planning import look_at
from starter.show import dump, table
from starter.timetable_page import page, slack, svg

SHOWN = 200


class Pictures(NamedTuple):
    """Files to write."""

    svg: Path | None = None
    html: Path | None = None


class Planned(NamedTuple):
    """A pool's timetable and how far ahead it is shown."""

    where: str
    found: Timetable
    length: timedelta
    jobs_unknown: str
    stopped: str
    """What keeps the train from going; the timetable is as if it were lifted now."""
    asked: bool
    """False where no cycle is open or asked for; the timetable is as if one were now."""

    @property
    def title(self) -> str:
        """For pictures."""
        told = {
            ", its jobs not known": bool(self.jobs_unknown),
            ", as if stops were lifted": bool(self.stopped),
            ", as if a cycle were asked for": not self.asked,
        }
        return f"Timetable of {self.where} from {self.found.at:%F %R}{''.join(w for w, so in told.items() if so)}"


async def make_timetable(store: Store, cluster: Cluster, pool: Pool, days: float) -> Planned:
    """From the facts and one look at the scheduler; writes nothing."""
    view, trouble = await look_at(store, cluster)
    train = await store.train_facts(cluster.name, pool.name, await store.clock())
    assert train is not None, "the pool is in the fleet file in force"
    stopped = "; ".join(in_words(s) for s in train.stops if s.covers(cluster.name, pool.name))
    found = timetable(train, view)
    asked = train.cycle_asked or (train.cycle is not None and train.cycle.closed_at is None)
    return Planned(f"{cluster.name}/{pool.name}", found, timedelta(days=days), trouble, stopped, asked)


def timetable_json(planned: Planned) -> dict[str, Any]:
    """For programs: visits within the days asked for, and the sums over all."""
    found, until = planned.found, planned.found.at + planned.length
    unknown = {"jobs": None, "cost_host_hours": None} if planned.jobs_unknown else {}
    visits = [{**dump(v), **unknown, "slack_seconds": v.slack_seconds} for v in found.visits if v.begin < until]
    return {
        **dump(found),
        "pool": planned.where,
        "until": until.isoformat(),
        "visits": visits,
        "visits_in_all": len(found.visits),
        "cost_host_hours": None if unknown else round(found.cost_host_hours, 3),
        "jobs_unknown": planned.jobs_unknown,
        "stopped": planned.stopped,
        "cycle_asked": planned.asked,
    }


def timetable_lines(planned: Planned) -> list[str]:
    """For people."""
    found, until = planned.found, planned.found.at + planned.length
    visits = [v for v in found.visits if v.begin < until]
    lines = [f"{planned.where}, next: {found.reason}"]
    if planned.stopped:
        lines.append(f"as if lifted now: {planned.stopped}")
    if not planned.asked:
        lines.append(f"as if asked for now: no cycle is (maintrain train start {planned.where})")
    if found.at_risk:
        lines += [f"at risk: {found.at_risk}", *(f"  would help: {h}" for h in found.helps)]
    unknown = ("?", "?") if planned.jobs_unknown else None
    rows = [
        (v.domain, v.hosts, f"{v.begin:%F %T}", f"{v.end:%F %T}", *(unknown or _jobs(v)), slack(v))
        for v in visits[:SHOWN]
    ]
    lines += ["", table(("domain", "hosts", "begins (UTC)", "ends", "jobs", "cost", "slack"), rows)]
    later = len(found.visits) - len(visits)
    lines += [f"and {len(visits) - SHOWN} more in this time"] if len(visits) > SHOWN else []
    lines += [f"and {later} visits after {until:%F %R}"] if later else []
    lines += [f"no window has room for: {', '.join(found.homeless)}"] if found.homeless else []
    cost = f", which cost the jobs known now {host_hours(found.cost_host_hours)}"
    lines.append(f"\n{len(found.visits)} visits{'' if unknown else cost}")
    if planned.jobs_unknown:
        lines.append(f"the jobs are not known: {planned.jobs_unknown}")
    return lines


def _jobs(visit: PlannedVisit) -> tuple[int, str]:
    """What a visit costs them."""
    return visit.jobs, host_hours(visit.cost_host_hours)


def write_pictures(planned: Planned, files: Pictures) -> list[str]:
    """Write the pictures asked for; what was written. `InvalidInput` for a file that can't be."""
    until = planned.found.at + planned.length
    made = []
    for option, path, make in (("--svg", files.svg, svg), ("--html", files.html, page)):
        if path is None:
            continue
        try:
            path.write_text(make(planned.found, until, planned.title), encoding="utf-8")
        except OSError as error:
            raise InvalidInput(option, str(path), f"expected a file to write: {error.strerror}") from error
        made.append(f"written: {path}")
    return made
