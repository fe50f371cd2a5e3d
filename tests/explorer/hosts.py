"""The work on each host, in a visit and in repair, as far as it touches the ledger and the drain."""

import json
from collections.abc import Iterator

from fleet import ids
from tests.explorer.deeds import DOWN, FOREIGN, UP
from tests.explorer.search import Move
from tests.explorer.visits import told
from tests.explorer.world import OF_OPERATION, State, World, drained_by, is_ours, put, without


def hosts(world: World, state: State) -> Iterator[Move[State]]:
    """What the workflow of each host may do next."""
    for number, work in enumerate(state.work):
        if work is not None:
            yield from _STEPS[work[0]](world, state, number)
            if "kill" in state.left:
                yield _killed(world, state, number)


def _drain(world: World, state: State, number: int) -> Iterator[Move[State]]:
    host, work, truth = world.hosts[number], state.work[number], state.truth[number]
    held, may, _ = world.deeds.footing(state.ledger, host, work[1])
    if not held:
        yield Move(f"{host}: not ours any more", True, _ended(world, state, number))
    elif not may or truth == FOREIGN or is_ours(truth):
        # How it ended matters only to an operation.
        untouched = "release untouched" if work[2] == OF_OPERATION else "release"
        yield Move(f"{host} is given back", True, _at(state, number, untouched))
    elif truth == DOWN:
        yield Move(f"{host} is down", True, _at(state, number, "hand"))
    else:
        drained = state._replace(truth=put(state.truth, number, drained_by(work)))
        yield Move(f"{host} is drained", True, _at(drained, number, "hold" if work[2] == OF_OPERATION else "work"))


def _hold(world: World, state: State, number: int) -> Iterator[Move[State]]:
    """An operation's host is given into the outsider's hands, until the word; without that having begun, given back."""
    host, work, truth = world.hosts[number], state.work[number], state.truth[number]
    begun, op = work[0] == "held", ids.op_of(work[1])
    row = world.row_of(state, op)
    if not world.deeds.footing(state.ledger, host, work[1])[0]:
        yield Move(f"{host}: not ours any more", True, _ended(world, state, number))
    elif json.loads(row["document"])["word"] is None and not row["over"]:
        if truth == DOWN:
            yield Move(f"{host} is down", True, _at(state, number, "hand"))
        elif not begun:
            ledger, _, _ = world.deeds.run(state.ledger, "hold", work[1])
            yield Move(f"{host} is held for {op}", True, _at(state._replace(ledger=ledger), number, "held"))
    elif begun:
        ledger, _, _ = world.deeds.run(state.ledger, "end_hold", work[1])
        yield Move(f"{host} is held no more", True, _at(state._replace(ledger=ledger), number, "work"))
    else:
        yield Move(f"{host} was not begun", True, _at(state, number, "give back"))


def _give_back(world: World, state: State, number: int) -> Iterator[Move[State]]:
    """Nothing was done to it: it is undrained as it is."""
    if not _parked(world, state, number):
        yield _passes(state, number, f"{world.hosts[number]} returns untouched", "release untouched")


def _parked(world: World, state: State, number: int) -> bool:
    """Whether whoever works on the host waits for an operation at a safe point."""
    deed = ("parked", world.hosts[number], state.work[number][1])
    return bool(world.operations) and world.deeds.run(state.ledger, *deed)[1]


def _work(world: World, state: State, number: int) -> Iterator[Move[State]]:
    """Apply, reboot, verify; what passes is undrained, and its lease ends after that."""
    host, work, truth = world.hosts[number], state.work[number], state.truth[number]
    if not world.deeds.footing(state.ledger, host, work[1])[0]:
        yield Move(f"{host}: not ours any more", True, _ended(world, state, number))
    elif truth == DOWN:
        yield Move(f"{host} does not come back", True, _at(state, number, "hand"))
    elif not _parked(world, state, number):
        yield _passes(state, number, f"{host} passes")
        if "fail" in state.left:
            failed = state._replace(left=without(state.left, "fail"))
            yield Move(f"{host} fails", False, _at(failed, number, "hand"))


def _passes(state: State, number: int, label: str, then: str = "release") -> Move[State]:
    truth = UP if state.truth[number] == drained_by(state.work[number]) else state.truth[number]
    return Move(label, True, _at(state._replace(truth=put(state.truth, number, truth)), number, then))


def _release(world: World, state: State, number: int) -> Iterator[Move[State]]:
    host, work = world.hosts[number], state.work[number]

    def then(ledger: int, _: object) -> State:
        return _ended(world, state._replace(ledger=ledger), number)

    how = ("given_back",) if work[0] == "release untouched" else ()
    yield from world.do(state, f"{host} is released", ("release", host, work[1], *how), then)


def _hand(world: World, state: State, number: int) -> Iterator[Move[State]]:
    host, work = world.hosts[number], state.work[number]

    def then(ledger: int, repair: str | None) -> State:
        after = _ended(world, state._replace(ledger=ledger), number)
        return after if repair is None else in_repair(world, after, host, repair)

    yield from world.do(state, f"{host} is handed over", ("hand_over", host, work[1]), then)


def _wait(world: World, state: State, number: int) -> Iterator[Move[State]]:
    """A person says that it is repaired: it is drained by its repair, if it was not, and verified."""
    host, work, truth = world.hosts[number], state.work[number], state.truth[number]
    held, _, may = world.deeds.footing(state.ledger, host, work[1])
    if not held:
        yield Move(f"{host}: not ours any more", True, _ended(world, state, number))
    elif _parked(world, state, number):
        return
    elif truth in (drained_by(work), FOREIGN):
        yield _passes(state, number, f"{host} passes in repair")
    elif may:
        ours = state._replace(truth=put(state.truth, number, drained_by(work)))
        yield Move(f"{host} is repaired", True, ours)


def _killed(world: World, state: State, number: int) -> Move[State]:
    """A host's workflow is ended from outside. A visit that still waits for it learns of that."""
    host, visit = world.hosts[number], state.work[number][2]
    after = state._replace(work=put(state.work, number, None), left=without(state.left, "kill"))
    if visit is not None and visit >= 0 and state.visits[visit][0] == "open" and host in state.visits[visit][2]:
        _, request, open_, leave, lost = state.visits[visit]
        waits = ("open", request, open_, leave, lost | {host})
        after = after._replace(visits=put(state.visits, visit, waits))
    return Move(f"the work on {host} is ended from outside", False, after)


def in_repair(world: World, state: State, host: str, repair: str) -> State:
    """The repair's workflow runs, unless another one has the host, and our drain bears its reason."""
    number = world.hosts.index(host)
    if state.work[number] is None:
        state = state._replace(work=put(state.work, number, ("wait", repair, None)))
    if is_ours(state.truth[number]):
        reason = drained_by(("wait", repair, None))
        state = state._replace(truth=put(state.truth, number, reason))
    return state


def _at(state: State, number: int, step: str) -> State:
    _, operation, visit = state.work[number]
    return state._replace(work=put(state.work, number, (step, operation, visit)))


def _ended(world: World, state: State, number: int) -> State:
    visits = told(state, state.work[number][2], world.hosts[number])
    return state._replace(work=put(state.work, number, None), visits=visits)


_STEPS = {
    "drain": _drain,
    "work": _work,
    "hold": _hold,
    "held": _hold,
    "give back": _give_back,
    "release": _release,
    "release untouched": _release,
    "hand": _hand,
    "wait": _wait,
}
