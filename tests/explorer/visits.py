"""Visits: they ask, wait, board, wait for their hosts, and end; as `workflows/domain_visit.py` goes about it."""

from collections.abc import Iterator

from fleet import ids
from tests.explorer.search import Move
from tests.explorer.world import State, World, put, without


def visits(world: World, state: State) -> Iterator[Move[State]]:
    """What each visit may do next."""
    for number in range(len(world.visits)):
        yield from _PHASES[state.visits[number][0]](world, state, number)
        yield from _troubles(world, state, number)


def told(state: State, visit: int | None, host: str) -> tuple:
    """The visits after one was told that a host's share has ended."""
    if visit is None or visit < 0 or state.visits[visit][0] != "open":
        return state.visits
    _, request, open_, leave, lost = state.visits[visit]
    return put(state.visits, visit, ("open", request, open_ - {host}, leave, lost - {host}))


def _ask(world: World, state: State, number: int) -> Iterator[Move[State]]:
    name = world.visits[number]

    def then(ledger: int, answer: tuple) -> State:
        how, ask, request = answer
        phase = {"granted": ("board", request), "waits": ("ask", ask), "nothing": ("end", "")}[how]
        told = state.bag - {("granted", number)} if how != "waits" else state.bag
        return state._replace(ledger=ledger, bag=told, visits=put(state.visits, number, phase))

    yield from world.do(state, f"{name} asks", ("ask", name, state.visits[number][1]), then)


def _board(world: World, state: State, number: int) -> Iterator[Move[State]]:
    """Workflows are started for the hosts it holds; one that another workflow has is left out."""
    name, request = world.visits[number], state.visits[number][1]

    def then(ledger: int, held: tuple[str, ...]) -> State:
        work, taken = state.work, {h for h in held if state.work[world.hosts.index(h)] is not None}
        for host in held:
            if host not in taken:
                work = put(work, world.hosts.index(host), ("drain", ids.operation(name, host), number))
        phase = ("open", request, frozenset(held) - taken, frozenset(taken), frozenset())
        return state._replace(ledger=ledger, work=work, visits=put(state.visits, number, phase))

    yield from world.do(state, f"{name} boards", ("board", name), then)


def _open(world: World, state: State, number: int) -> Iterator[Move[State]]:
    name = world.visits[number]
    _, request, open_, leave, lost = state.visits[number]
    if not open_ and not leave:
        yield Move(f"{name} is through", True, state._replace(visits=put(state.visits, number, ("end", request))))
    for host in leave:
        phase = ("open", request, open_, leave - {host}, lost)

        def left(ledger: int, _: object, phase: tuple = phase) -> State:
            return state._replace(ledger=ledger, visits=put(state.visits, number, phase))

        yield from world.do(state, f"{name} leaves {host}", ("leave", host, ids.operation(name, host)), left)
    for host in lost:
        yield from _hand_over(world, state, number, host)


def _hand_over(world: World, state: State, number: int, host: str) -> Iterator[Move[State]]:
    """The work on a host was broken off from outside: the visit hands it over."""
    operation, place = ids.operation(world.visits[number], host), world.hosts.index(host)

    def then(ledger: int, repair: str | None) -> State:
        after = state._replace(ledger=ledger, visits=told(state, number, host))
        if repair is None or state.work[place] is not None:
            return after
        return after._replace(work=put(state.work, place, ("wait", repair, None)))

    label = f"{world.visits[number]} hands {host} over"
    yield from world.do(state, label, ("hand_over", host, operation), then)


def _end(world: World, state: State, number: int) -> Iterator[Move[State]]:
    over = put(state.visits, number, ("over",))
    deed = ("withdraw", state.visits[number][1])
    then = lambda ledger, _: state._replace(ledger=ledger, visits=over)  # noqa: E731
    yield from world.do(state, f"{world.visits[number]} ends", deed, then)


def _gone(world: World, state: State, number: int) -> Iterator[Move[State]]:
    """The train finds that a visit no longer runs, and gives up what it asked for."""
    over = put(state.visits, number, ("over",))
    then = lambda ledger, _: state._replace(ledger=ledger, visits=over)  # noqa: E731
    yield from world.do(state, f"{world.visits[number]} is buried", ("bury", world.visits[number]), then)


def _over(world: World, state: State, number: int) -> Iterator[Move[State]]:
    return iter(())


def _troubles(world: World, state: State, number: int) -> Iterator[Move[State]]:
    name, phase = world.visits[number], state.visits[number]
    if "vanish" in state.left and phase[0] not in ("over", "gone"):
        gone = state._replace(visits=put(state.visits, number, ("gone",)), left=without(state.left, "vanish"))
        yield Move(f"{name} is ended from outside", False, gone)
    if "forget" in state.left and phase[0] in ("ask", "board"):
        anew = state._replace(visits=put(state.visits, number, ("ask", 0)), left=without(state.left, "forget"))
        if anew.visits != state.visits:
            yield Move(f"{name} starts anew, and finds in the rows how far it was", False, anew)


_PHASES = {"ask": _ask, "board": _board, "open": _open, "end": _end, "gone": _gone, "over": _over}
