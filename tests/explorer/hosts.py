"""The work on each host, in a visit and in repair, as far as it touches the ledger and the drain."""

from collections.abc import Iterator

from tests.explorer.deeds import DOWN, FOREIGN, UP
from tests.explorer.search import Move
from tests.explorer.visits import told
from tests.explorer.world import State, World, drained_by, is_ours, put, without


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
        yield Move(f"{host} is given back", True, _at(state, number, "release"))
    elif truth == DOWN:
        yield Move(f"{host} is down", True, _at(state, number, "hand"))
    else:
        drained = state._replace(truth=put(state.truth, number, drained_by(work)))
        yield Move(f"{host} is drained", True, _at(drained, number, "work"))


def _work(world: World, state: State, number: int) -> Iterator[Move[State]]:
    """Apply, reboot, verify; what passes is undrained, and its lease ends after that."""
    host, work, truth = world.hosts[number], state.work[number], state.truth[number]
    if not world.deeds.footing(state.ledger, host, work[1])[0]:
        yield Move(f"{host}: not ours any more", True, _ended(world, state, number))
    elif truth == DOWN:
        yield Move(f"{host} does not come back", True, _at(state, number, "hand"))
    else:
        yield _passes(state, number, f"{host} passes")
        if "fail" in state.left:
            failed = state._replace(left=without(state.left, "fail"))
            yield Move(f"{host} fails", False, _at(failed, number, "hand"))


def _passes(state: State, number: int, label: str) -> Move[State]:
    truth = UP if state.truth[number] == drained_by(state.work[number]) else state.truth[number]
    return Move(label, True, _at(state._replace(truth=put(state.truth, number, truth)), number, "release"))


def _release(world: World, state: State, number: int) -> Iterator[Move[State]]:
    host, work = world.hosts[number], state.work[number]

    def then(ledger: int, _: object) -> State:
        return _ended(world, state._replace(ledger=ledger), number)

    yield from world.do(state, f"{host} is released", ("release", host, work[1]), then)


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
    elif truth in (drained_by(work), FOREIGN):
        yield _passes(state, number, f"{host} passes in repair")
    elif may:
        ours = state._replace(truth=put(state.truth, number, drained_by(work)))
        yield Move(f"{host} is repaired", True, ours)


def _killed(world: World, state: State, number: int) -> Move[State]:
    """A host's workflow is ended from outside. A visit that still waits for it learns of that."""
    host, visit = world.hosts[number], state.work[number][2]
    after = state._replace(work=put(state.work, number, None), left=without(state.left, "kill"))
    if visit is not None and state.visits[visit][0] == "open" and host in state.visits[visit][2]:
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


_STEPS = {"drain": _drain, "work": _work, "release": _release, "hand": _hand, "wait": _wait}
