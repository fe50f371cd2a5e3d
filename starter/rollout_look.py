"""A rollout as commands see it: the facts of the store, its phases' counts, and what its gate would say now.

Nothing is judged or written: blame speaks in the rollout's own looks, which a worker makes.
"""

from dataclasses import dataclass
from typing import Any

from activities.rollout_facts import RolloutLook, look_at
from fleet.errors import InvalidInput
from fleet.models.emergency import Emergency
from fleet.models.phases import PhaseFacts, PhaseGate
from fleet.models.rollouts import Rollout
from fleet.policy.phases import gate
from fleet.policy.rollout_blame import Blamed, by_hardware
from fleet.policy.taking_back import emergency_of_rollout
from fleet.ports.store import Store
from starter.show import dump
from starter.wording import near


@dataclass(frozen=True)
class Seen:
    """One rollout at one moment."""

    look: RolloutLook
    facts: PhaseFacts
    gate: PhaseGate
    emergencies: tuple[Emergency, ...] = ()
    """Those that it began to take back what was offboarded, one a cluster."""

    @property
    def rollout(self) -> Rollout:
        """The rollout."""
        return self.look.rollout

    def plain(self) -> dict[str, Any]:
        """As plain values, for `--json`."""
        phases = self.rollout.spec.phases
        counts = [{"phase": p.name, **dump(c)} for p, c in zip(phases, self.facts.counts, strict=True)]
        return {
            "id": self.rollout.id,
            **dump(self.rollout),
            "open_phase": self.rollout.phase_name(self.rollout.phase) if self.rollout.phase >= 0 else None,
            "gate": dump(self.gate),
            "phases": counts,
            "emergencies": [{"id": e.id, "state": e.state.value, "reason": e.reason} for e in self.emergencies],
            "on_offboarded": sorted(f"{h.cluster}/{h.name}" for h in self.look.on_offboarded),
        }


async def see(store: Store, rollout: Rollout) -> Seen:
    """Look at a rollout."""
    look = await look_at(store, rollout)
    facts = look.facts(Blamed(forgiven=by_hardware(rollout, look.trials), reason=""))
    begun = [await store.emergency(emergency_of_rollout(rollout.id, cluster)) for cluster in look.hosts]
    return Seen(look, facts, gate(facts), tuple(e for e in begun if e is not None))


async def find_rollout(store: Store, wanted: str) -> Rollout:
    """A rollout by `component/version`. `InvalidInput` names those there are."""
    known = {r.id: r for r in await store.rollouts()}
    if wanted not in known:
        names = ", ".join(known) or "none was started yet"
        expected = f"expected a rollout COMPONENT/VERSION ({names}), found {wanted!r}{near(wanted, list(known))}"
        raise InvalidInput("ROLLOUT", "", expected)
    return known[wanted]
