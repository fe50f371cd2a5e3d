"""Who is to blame, host or version: a sequential test of each version against the hosts without it in the same time.

Model. A version multiplies the failures of its hosts by θ; a good one has θ = 1. Its trials are compared with control
trials of the same hardware model and kind (visit, or days in production within the soak), each spent once, the newest
first; hosts are weighed by their own record, so that a bad host's failure speaks little against the version, and each
speaks once. What the base rate is and how it moves cancels out (`fleet.policy.sequential`, with sources). Where control
is too thin, a version is judged against a rate that no healthy pool exceeds. Hardware findings and inconclusive trials
change nothing; failures of jobs count against control only (`fleet.policy.job_failures`). Bets are split over visits,
production and both, over all hardware models and each alone.

Errors. A good version is blamed with a chance of at most `BlameRule.false_alarms` in its whole rollout, however often
one looks, if failures are independent between hosts and fall by exposure and record: what fails a whole domain at once
(power, a switch) must come as a hardware finding. Old control stands for the present only as far as the base rate
stayed. What is reached, and what a drifting base rate does, is measured by `python -m bench.blame`: docs/limits.md.
"""

from collections.abc import Iterator, Sequence

import numpy as np

from fleet.models.blame import Blame, BlameVerdict, Compared, Evidence, Suspect, Trial, TrialKind
from fleet.models.blame_rule import BlameRule
from fleet.models.blame_state import Blamed, BlameState, Cell
from fleet.policy.blame_words import in_words
from fleet.policy.comparing import Carried, compare
from fleet.policy.sequential import KINDS, Array, chance_elsewhere, hardware_shares, log_odds, log_odds_alone, threshold


def judge(
    suspects: Sequence[Suspect],
    trials: Sequence[Trial],
    state: BlameState | None = None,
    rule: BlameRule | None = None,
    beside: Sequence[Suspect] = (),
) -> Blame:
    """Judge `suspects` after the trials since the last call, whose `Blame.state` is `state`.

    Trials of hosts without any suspect are the control; those from before the rollout serve too and go into the first
    call. Begin with `BlameState(declared=models)` where the rollout's hardware models are known. `beside`: versions
    that hosts carry and that are not judged here, such as one that is offboarded; a host with a version that is named
    nowhere counts as control. Linear in the trials; the state is bounded. The rule must stay the same in all calls.
    """
    rule = rule or BlameRule()
    state = compare(state or BlameState(), (*suspects, *beside), trials, rule)
    names = {str(s): s for s in (*suspects, *beside)}
    single = {name: _of(state, (name,)) for name in map(str, suspects)}
    state = _convict(state, single, rule)
    blamed = {b.suspect: b for b in state.blamed}
    alone = [_evidence(state, (name,), cells, rule, blamed.get(name)) for name, cells in single.items()]
    groups = sorted({c.treated for c in state.cells if len(c.treated) > 1 and set(c.treated) <= names.keys()})
    together = [_evidence(state, group, _of(state, group), rule, None) for group in groups]
    unsplit = [e for e in together if e.odds >= rule.ask_apart and not blamed.keys() & set(e.suspects)]
    apart = tuple(names[name] for name in sorted({name for e in unsplit for name in e.suspects}))
    convicted = max((e for e in alone if e.blamed), key=lambda e: e.odds, default=None)
    if convicted:
        verdict = BlameVerdict.VERSION
    elif not apart and _is_hosts(alone, state, rule):
        verdict = BlameVerdict.HOST
    else:
        verdict = BlameVerdict.NOT_ENOUGH
    return Blame(
        verdict=verdict,
        suspect=names[convicted.suspects[0]] if convicted else None,
        hardware=convicted.hardware if convicted else (),
        board_apart=apart,
        evidence=(*alone, *together),
        state=state,
        reason=in_words(verdict, convicted, unsplit, alone, rule),
    )


def _of(state: BlameState, about: Carried) -> list[Cell]:
    """The comparisons that speak of these suspects: one whatever else is carried, several only against none."""
    if len(about) > 1:
        return [c for c in state.cells if c.treated == about and not c.control]
    return [c for c in state.cells if {*c.treated} - {*c.control} == {*about}]


def _grown(state: BlameState, cells: Sequence[Cell], rule: BlameRule) -> Array:
    """Growths by hardware model, kind and ratio."""
    models = {name: n for n, name in enumerate((*state.declared, *state.found))}
    grown = np.zeros((len(models), len(KINDS), len(rule.ratios)))
    for cell in cells:
        grown[models[cell.hardware], KINDS.index(cell.kind)] += cell.growth
    return grown


def _shares(state: BlameState) -> Array:
    return hardware_shares(len(state.declared), len(state.found))


def _convict(state: BlameState, single: dict[str, list[Cell]], rule: BlameRule) -> BlameState:
    """Enter who is blamed now. A blame stays, and may grow by hardware models whose own trials convict."""
    blamed = {b.suspect: b for b in state.blamed}
    models, shares = (*state.declared, *state.found), _shares(state)
    for name, cells in single.items():
        grown = _grown(state, cells, rule)
        own = dict(zip(models, log_odds_alone(grown, rule).tolist(), strict=True))
        if name in blamed and blamed[name].hardware:
            bar = threshold(rule) - np.log((1 - rule.on_all_hardware) * shares[:-1])
            more = [m for m, least in zip(models, bar, strict=True) if m in blamed[name].hardware or own[m] >= least]
            blamed[name] = Blamed(suspect=name, hardware=() if len(more) == len(models) else tuple(more))
        elif name not in blamed and log_odds(grown, shares, rule) >= threshold(rule):
            blamed[name] = Blamed(suspect=name, hardware=_where(models, own, cells, rule))
    return state.model_copy(update={"blamed": tuple(blamed[name] for name in sorted(blamed))})


def _where(models: Sequence[str], own: dict[str, float], cells: Sequence[Cell], rule: BlameRule) -> tuple[str, ...]:
    """Hardware models that the version is bad on, empty for all: a model is left out only for being clearly better
    than the worst one, since leaving out a bad one harms hosts and including a good one only makes it wait.
    """
    compared = list(_compared(cells))
    usual = {
        kind: (sum(c.control_failures for c in compared if c.kind is kind) + 1)
        / (sum(c.controls for c in compared if c.kind is kind) + 1)
        for kind in TrialKind
    }
    failures = {m: sum(c.failures for c in compared if c.hardware == m) for m in models}
    expected = {m: sum(c.trials * usual[c.kind] for c in compared if c.hardware == m) for m in models}
    worst = max(models, key=lambda m: own[m])
    left = []
    for model in models:
        both = expected[model] + expected[worst]
        share = expected[model] / both if both else 0.0
        chance = chance_elsewhere(failures[model], failures[model] + failures[worst], share)
        if own[model] >= own[worst] or chance >= rule.elsewhere:
            left.append(model)
    return () if len(left) == len(models) else tuple(left)


def _evidence(
    state: BlameState, about: Carried, cells: Sequence[Cell], rule: BlameRule, blamed: Blamed | None
) -> Evidence:
    seen = [s for s in state.seen if s.suspect in about]
    grown = float(log_odds(_grown(state, cells, rule), _shares(state), rule))
    return Evidence(
        suspects=about,
        hardware=blamed.hardware if blamed else (),
        blamed=blamed is not None,
        odds=_exp(grown),
        acquittal=_exp(sum(c.acquittal for c in cells)),
        compared=tuple(_compared(cells)),
        hardware_findings=max((s.hardware_findings for s in seen), default=0),
    )


def _compared(cells: Sequence[Cell]) -> Iterator[Compared]:
    """Counts by hardware model and kind, whatever else was carried."""
    for hardware, kind in sorted({(c.hardware, c.kind) for c in cells if c.trials}):
        alike = [c for c in cells if (c.hardware, c.kind) == (hardware, kind)]
        yield Compared(
            hardware=hardware,
            kind=TrialKind(kind),
            trials=sum(c.trials for c in alike),
            failures=sum(c.failures for c in alike),
            controls=sum(c.controls for c in alike),
            control_failures=sum(c.control_failures for c in alike),
        )


def _exp(log: float) -> float:
    """Odds that a JSON number can hold."""
    return float(np.exp(min(log, 700.0)))


def _is_hosts(alone: Sequence[Evidence], state: BlameState, rule: BlameRule) -> bool:
    """True when there were failures, and all are the hosts': by hardware, by record, or as many as without it."""
    seen = {s.suspect: s for s in state.seen}
    failing = [(e, seen[e.suspects[0]]) for e in alone if e.suspects[0] in seen]
    return bool(failing) and all(
        s.failed == s.known_bad or (e.odds < 1 and e.acquittal >= rule.acquit) for e, s in failing
    )
