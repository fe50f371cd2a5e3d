"""The pages of rollouts, to the fleet's people and to the rollout's owner."""

from activities.pages import Page
from fleet.models.phases import PhaseGate
from fleet.models.rollout import RollBack
from fleet.models.rollouts import Rollout


def offboarded(rollout: Rollout, carrying: int) -> Page:
    """A version was taken out of every train."""
    body = (
        f"{rollout.reason}\n\nIt boards nowhere any more. {_back(rollout, carrying)}\n"
        f"See: maintrain rollout status {rollout.id}"
    )
    return Page(f"rollout/{rollout.id}/offboarded", f"{rollout.id} was offboarded", body, rollout.spec.owner)


def _back(rollout: Rollout, carrying: int) -> str:
    match rollout.roll_back:
        case RollBack.LEAVE:
            return f"Hosts that carry it keep it ({rollout.spec.prior} was before it)."
        case RollBack.AT_ONCE:
            return (
                f"{carrying} hosts carry it; they go back to {rollout.spec.prior} by an emergency train that begins by "
                "itself, and where that can't bring it in visits that come first. See: maintrain emergency status."
            )
        case _:
            return f"{carrying} hosts carry it; they go back to {rollout.spec.prior} with their trains' next visits."


def asks_approval(rollout: Rollout, gate: PhaseGate) -> Page:
    """A phase opens only when a person says so."""
    name = rollout.phase_name(gate.phase)
    body = f"{gate.reason}\nTo open it: maintrain rollout approve {rollout.id} --reason ..."
    key = f"rollout/{rollout.id}/approve/{name}"
    return Page(key, f"{rollout.id} waits for an approval of phase {name}", body, rollout.spec.owner)


def too_many(rollout: Rollout, gate: PhaseGate) -> Page:
    """More hosts failed than the phase allows."""
    name = rollout.phase_name(gate.phase)
    body = (
        f"{gate.reason}\nIts next phase does not open; in the last phase it is paused.\nSee: maintrain rollout status "
        f"{rollout.id}. Then maintrain rollout offboard, or resume (after pause), which forgives what failed so far."
    )
    key = f"rollout/{rollout.id}/too-many/{name}/{rollout.counted_since}"
    return Page(key, f"{rollout.id}: too many hosts fail in phase {name}", body, rollout.spec.owner)


def no_way_back(rollout: Rollout, cluster: str, pool: str, carrying: int, why: str) -> Page:
    """An offboarded version that is to be rolled back, and that no visit can take a host off."""
    stays = "No cycle is asked for" if rollout.roll_back is RollBack.AT_ONCE else "It stays there"
    body = (
        f"{carrying} hosts of {cluster}/{pool} carry it, and a visit would take none of them off it: {why}\n"
        f"{stays} until one would. See: maintrain rollout status {rollout.id}."
    )
    key = f"rollout/{rollout.id}/no-way-back/{cluster}/{pool}"
    return Page(key, f"{rollout.id} can't be rolled back in {cluster}/{pool}", body, rollout.spec.owner)


def barred(rollout: Rollout, gate: PhaseGate) -> Page:
    """What it needs was offboarded: it would wait for ever."""
    body = (
        f"{gate.reason}\nIt waits for ever. See: maintrain rollout status {rollout.id}. "
        "Then maintrain rollout offboard, and start one that does without."
    )
    key = f"rollout/{rollout.id}/barred/{gate.reason}"
    return Page(key, f"{rollout.id} waits for what was offboarded", body, rollout.spec.owner)


def unlooked(rollout: Rollout) -> Page:
    """Visits bring it, and its workflow is gone."""
    body = (
        "Its workflow does not run, so that no gate and no blame looks at it, while trains go on with it in the phases "
        "that are open. To have it looked at again: maintrain rollout start FILE --reason ..., with the same file.\n"
        f"To take it out of every train meanwhile: maintrain rollout pause {rollout.id} --reason ..."
    )
    name = rollout.phase_name(max(rollout.phase, 0))
    title = f"{rollout.id} is brought to hosts and nobody looks at it"
    return Page(f"rollout/{rollout.id}/unlooked/{name}", title, body, rollout.spec.owner)


def stuck(rollout: Rollout, gate: PhaseGate) -> Page:
    """Too few hosts passed, and none is left to try."""
    name = rollout.phase_name(gate.phase)
    what = "It does not end" if gate.phase == rollout.last_phase else "Its next phase does not open"
    body = (
        f"{gate.reason}\n{what} by itself. See: maintrain rollout history {rollout.id}. "
        "Then maintrain rollout offboard, or pause and resume, which forgives what failed or stayed unclear so far."
    )
    key = f"rollout/{rollout.id}/stuck/{name}/{rollout.counted_since}"
    return Page(key, f"{rollout.id}: too few hosts passed in phase {name}", body, rollout.spec.owner)
