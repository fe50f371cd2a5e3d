"""What a look at an emergency or large-scale maintenance writes: its row, those of its hosts, the stops it opens."""

from fleet import ids
from fleet.models.base import Moment
from fleet.models.emergency import (
    RESTING,
    Emergency,
    EmergencyChange,
    EmergencyHost,
    EmergencyHostState,
)
from fleet.models.emergency_messages import EmergencyStop
from fleet.policy.emergency_orders import emergency_entry
from fleet.policy.emergency_plan import EmergencyStep

MAINTRAIN = "maintrain"


def after_look(
    before: Emergency, hosts: tuple[EmergencyHost, ...], step: EmergencyStep, seen: Emergency, at: Moment
) -> tuple[EmergencyChange, tuple[EmergencyStop, ...]]:
    """The change, and the stops whose visits are to be started; nothing when a person was faster than the look, which
    was at `seen`: the next look finds that.
    """
    if overtaken(before, seen):
        return EmergencyChange(emergency=before), ()
    let_go = {"state": EmergencyHostState.RETURNING, "reason": "let return"}
    held = (h for h in hosts if h.state is EmergencyHostState.HELD and h.host in step.released)
    changed = [h.model_copy(update=let_go) for h in held]
    rows = {h.host: h for h in hosts if h.state is EmergencyHostState.PENDING}
    opened: list[EmergencyStop] = []
    for stop in step.stops:
        name = ids.emergency_stop(before.id, before.stops + len(opened) + 1)
        opened.append(EmergencyStop(stop=name, pool=stop.pool, domain=stop.domain))
        asked = {"state": EmergencyHostState.ASKED, "stop": name, "reason": ""}
        changed += [rows[h].model_copy(update=asked) for h in stop.hosts if h in rows]
    left = {"state": EmergencyHostState.LEFT_OUT}
    changed += [rows[h].model_copy(update={**left, "reason": why}) for h, why in step.left_out.items()]
    moved = step.state is not before.state
    values = {
        "state": step.state,
        "stops": before.stops + len(opened),
        "progress": step.progress or before.progress,
        "short_since": step.short_since,
        "changed_at": at if moved else before.changed_at,
        "reason": before.reason if step.state in RESTING and not moved else step.reason,
    }
    entry = emergency_entry(before.id, step.state, MAINTRAIN, step.reason, at) if moved else None
    after = before.model_copy(update=values)
    return EmergencyChange(emergency=after, hosts=tuple(changed), audit=entry), tuple(opened)


def overtaken(before: Emergency, seen: Emergency) -> bool:
    """Whether a person's word, or another look, came between a look at `seen` and what it is to change now. A look that
    opened stops leaves no other trace in an emergency, whose end may have been decided on just before.
    """
    return (before.state, before.progress, before.stops) != (seen.state, seen.progress, seen.stops)
