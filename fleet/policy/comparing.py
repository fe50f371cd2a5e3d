"""Each trial of a version meets its control: same hardware model, same kind, the same other suspects, the same time.

What was boarded together is compared as boarded: hosts with A and B against hosts with B alone speak of A, against
hosts with neither of both together. Trials are taken instant by instant; their order within one changes nothing.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime
from itertools import groupby

from fleet.models.blame import Suspect, Trial
from fleet.models.blame_rule import BlameRule
from fleet.models.blame_state import BlameState, Cell, Pool, Seen
from fleet.models.verification import Verdict
from fleet.policy.controls import Exposure, Waiting, relative_rate, total
from fleet.policy.sequential import growth, growth_against_bound

Carried = tuple[str, ...]
_Group = tuple[Carried, str, str]
"""Suspects carried, hardware model, kind."""
_CellKey = tuple[Carried, Carried, str, str]


def compare(state: BlameState, suspects: Iterable[Suspect], trials: Sequence[Trial], rule: BlameRule) -> BlameState:
    """The state after more trials; versions other than `suspects` are looked through."""
    book = _Book(state, {suspect: str(suspect) for suspect in suspects}, rule)
    ordered = sorted(trials, key=lambda t: (t.at, t.host, t.kind, t.hardware, t.days, t.verdict))
    for at, together in groupby(ordered, key=lambda t: t.at):
        book.take(at, list(together))
    return book.closed()


class _Book:
    """The state while trials are entered."""

    def __init__(self, state: BlameState, names: dict[Suspect, str], rule: BlameRule) -> None:
        self._state, self._names, self._rule = state, names, rule
        self._pools = {(p.carried, p.hardware, p.kind): Waiting(p, rule) for p in state.pools}
        self._cells = {(c.treated, c.control, c.hardware, c.kind): c for c in state.cells}
        self._waiting = {key: Waiting(cell.pool, rule) for key, cell in self._cells.items()}
        self._seen = {s.suspect: s for s in state.seen}
        self._found = list(state.found)

    def closed(self) -> BlameState:
        """The state to keep."""
        cells = (c.model_copy(update={"pool": self._waiting[key].frozen()}) for key, c in sorted(self._cells.items()))
        return BlameState(
            declared=self._state.declared,
            found=tuple(self._found),
            pools=tuple(waiting.frozen() for _, waiting in sorted(self._pools.items())),
            cells=tuple(cells),
            seen=tuple(seen for _, seen in sorted(self._seen.items())),
            blamed=self._state.blamed,
        )

    def take(self, at: datetime, trials: list[Trial]) -> None:
        """Enter the trials of one instant. Inconclusive ones count for nothing, hardware findings are only told."""
        groups: dict[_Group, list[Trial]] = defaultdict(list)
        for trial in trials:
            carried = tuple(sorted({self._names[v] for v in trial.versions if v in self._names}))
            if trial.hardware_failed:
                self._note_hardware(carried)
            elif trial.verdict is not Verdict.INCONCLUSIVE:
                groups[carried, trial.hardware, trial.kind.value].append(trial)
        ordered = sorted(groups.items())
        open_cells = {group: self._open(group) for group, _ in ordered}
        for group, its_trials in ordered:
            self._put(group, its_trials)
        for group, its_trials in ordered:
            for key in open_cells[group]:
                self._compare(key, its_trials, at)
        for (carried, _, _), its_trials in ordered:
            self._note_failed(carried, its_trials)

    def _open(self, group: _Group) -> list[_CellKey]:
        """The comparisons in which a group is the treated one; new ones begin with the control that waits already."""
        carried, hardware, kind = group
        if carried and hardware not in (*self._state.declared, *self._found):
            self._found.append(hardware)
        controls = {tuple(c for c in carried if c != one) for one in carried} | ({()} if carried else set())
        keys = [(carried, control, hardware, kind) for control in sorted(controls)]
        for key in keys:
            if key not in self._cells:
                base = self._pools.get((key[1], hardware, kind))
                pool = base.frozen() if base else Pool(carried=key[1], hardware=hardware, kind=kind)
                nothing = (0.0,) * len(self._rule.ratios)
                self._cells[key] = Cell(
                    treated=carried, control=key[1], hardware=hardware, kind=kind, growth=nothing, pool=pool
                )
                self._waiting[key] = Waiting(pool, self._rule)
        return keys

    def _put(self, group: _Group, trials: list[Trial]) -> None:
        carried, hardware, kind = group
        if group not in self._pools:
            self._pools[group] = Waiting(Pool(carried=carried, hardware=hardware, kind=kind), self._rule)
        self._pools[group].put(trials)
        for key, waiting in self._waiting.items():
            if key[1:] == group:
                waiting.put(trials)

    def _compare(self, key: _CellKey, trials: list[Trial], at: datetime) -> None:
        """One comparison: the trials' hosts that did not fail under it before, against their control."""
        treated, control, _, _ = key
        cell = self._cells[key]
        failed: frozenset[str] = frozenset().union(
            *(self._seen[name].failed for name in set(treated) - set(control) if name in self._seen)
        )
        heard = [trial for trial in trials if trial.host not in failed - cell.unheard]
        ours = total(heard, self._rule)
        if not ours.trials:
            return
        theirs = self._waiting[key].draw(ours.trials, ours.exposure, at)
        if theirs is not None:
            self._cells[key] = _heard(_with_control(cell, ours, theirs, self._rule), heard, set())
        elif not control:
            weak = {trial.host for trial in heard if trial.weak}
            self._cells[key] = _heard(_without_control(cell, ours, self._rule), heard, weak)

    def _note_hardware(self, carried: Carried) -> None:
        for name in carried:
            seen = self._seen.get(name, Seen(suspect=name))
            self._seen[name] = seen.model_copy(update={"hardware_findings": seen.hardware_findings + 1})

    def _note_failed(self, carried: Carried, trials: list[Trial]) -> None:
        failed = {trial.host: trial for trial in trials if trial.failed}
        bad = {n for n, t in failed.items() if relative_rate(t.record, self._rule) >= self._rule.known_bad}
        for name in carried if failed else ():
            seen = self._seen.get(name, Seen(suspect=name))
            new = failed.keys() - seen.failed
            self._seen[name] = seen.model_copy(
                update={"failed": seen.failed | new, "known_bad": seen.known_bad | (bad & new)}
            )


def _heard(cell: Cell, trials: Sequence[Trial], weak: set[str]) -> Cell:
    """The comparison once these trials' hosts have spoken in it, but for what is too `weak` to count there."""
    spoke = {trial.host for trial in trials if trial.failed and trial.host not in weak}
    unheard = (cell.unheard | weak) - spoke
    return cell if unheard == cell.unheard else cell.model_copy(update={"unheard": unheard})


def _with_control(cell: Cell, ours: Exposure, theirs: Exposure, rule: BlameRule) -> Cell:
    share, failures = ours.weight / (ours.weight + theirs.weight), ours.failures + theirs.failures
    # The first bet is the other way: against failures `matters` times as many.
    grown = growth(ours.failures, failures, share, (rule.matters, *rule.ratios)).tolist()
    return _counted(cell, ours, tuple(grown[1:])).model_copy(
        update={
            "acquittal": cell.acquittal - grown[0],
            "controls": cell.controls + theirs.exposure,
            "control_failures": cell.control_failures + theirs.failures,
        }
    )


def _without_control(cell: Cell, ours: Exposure, rule: BlameRule) -> Cell:
    """A record better than usual must not lower the bound that holds for every healthy host."""
    bound = rule.visit_failures_at_most if cell.kind == "visit" else rule.production_failures_at_most
    at_most = bound * max(ours.weight, ours.exposure)
    ours = ours._replace(failures=ours.failures - ours.weak)
    return _counted(cell, ours, tuple(growth_against_bound(ours.failures, at_most, rule.ratios).tolist()))


def _counted(cell: Cell, ours: Exposure, grown: tuple[float, ...]) -> Cell:
    return cell.model_copy(
        update={
            "growth": tuple(a + b for a, b in zip(cell.growth, grown, strict=True)),
            "trials": cell.trials + ours.exposure,
            "failures": cell.failures + ours.failures,
        }
    )
