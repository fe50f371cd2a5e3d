"""The dispatcher, messages, time, people, and what hosts and outsiders do by themselves."""

from collections.abc import Iterator

from fleet.models.stop import StopKind
from store.tables.ledger import STOPS
from tests.explorer.deeds import DOWN, FOREIGN, OURS, UP
from tests.explorer.hosts import in_repair
from tests.explorer.judge import judge_settlement
from tests.explorer.moments import NOW, TICK, read
from tests.explorer.search import Move, Violated
from tests.explorer.world import State, World, is_ours, put, without


def dispatcher(world: World, state: State) -> Iterator[Move[State]]:
    """It settles, looks, brings ownerless hosts into repair, and opens repairs of hosts that failed."""
    after, settled, _ = world.deeds.run(state.ledger, "settle")
    if wrong := judge_settlement(world, state.ledger, after, settled):
        raise Violated(wrong)
    names = {name: number for number, name in enumerate(world.visits)}
    asking = {holder for holder in settled[1] if holder in names and state.visits[names[holder]][0] == "ask"}
    tell = {("granted", names[holder]) for holder in asking}
    yield Move("settle", True, state._replace(ledger=after, bag=state.bag | tell))
    yield from _looks(world, state)
    for message in state.bag:
        if message[0] == "rescue":
            yield from _rescue(world, state, message)
    for host in world.deeds.failed(state.ledger):
        if state.work[world.hosts.index(host)] is None:
            then = _opened(world, state, host)
            yield from world.do(state, f"the repair of {host} is opened", ("open_repair", host), then)


def _looks(world: World, state: State) -> Iterator[Move[State]]:
    """A look at once; or one that takes its time, and is written down later."""
    flying = next((m for m in state.bag if m[0] == "look"), None)
    # Whose drain of ours it is no policy asks of a look, but for those of operations.
    shown = (OURS if is_ours(truth) and not world.operations else truth for truth in state.truth)
    seen = tuple(zip(world.hosts, shown, strict=True))
    yield from _looked(world, state, state, seen, NOW)
    if flying is not None:
        began = read(world.deeds.ledgers.known[state.ledger][-1])
        landed = state._replace(bag=state.bag - {flying})
        yield from _looked(world, state, landed, flying[1], began)
    elif "slow look" in state.left:
        ledger = world.deeds.ledgers.flying(state.ledger, begun=True)
        begun = state._replace(ledger=ledger, bag=state.bag | {("look", seen)}, left=without(state.left, "slow look"))
        yield Move("a slow look begins", False, begun)
    if "blind" in state.left:
        ledger, _, _ = world.deeds.run(state.ledger, "look_in_vain")
        yield Move("a look fails", False, state._replace(ledger=ledger, left=without(state.left, "blind")))


def _looked(world: World, state: State, after: State, seen: tuple, began: object) -> Iterator[Move[State]]:
    ledger, _, _ = world.deeds.run(state.ledger, "look", seen, began)
    lost = world.deeds.ownerless(ledger, world.alive(state))
    if after.bag != state.bag:
        ledger = world.deeds.ledgers.flying(ledger, begun=False)
    orders = {("rescue", host, operation) for host, operation in lost}
    yield Move("look", True, after._replace(ledger=ledger, bag=after.bag | orders))


def _rescue(world: World, state: State, message: tuple) -> Iterator[Move[State]]:
    _, host, operation = message

    def then(ledger: int, repair: str | None) -> State:
        after = state._replace(ledger=ledger, bag=state.bag - {message})
        return after if repair is None else in_repair(world, after, host, repair)

    yield from world.do(state, f"{host} is rescued", ("hand_over", host, operation), then)


def _opened(world: World, state: State, host: str):
    def then(ledger: int, repair: str | None) -> State:
        after = state._replace(ledger=ledger)
        return after if repair is None else in_repair(world, after, host, repair)

    return then


def messages(world: World, state: State) -> Iterator[Move[State]]:
    """Each may be delivered, lost, or delivered and come again; what a worker left off half-way may go on."""
    for message in state.bag:
        gone = state._replace(bag=state.bag - {message})
        if message[0] in ("granted", "rescue"):
            yield Move(f"{message[0]} is lost", False, gone)
        if message[0] == "late":
            _, deed, write, ledger = message
            after, _, _ = world.deeds.run(state.ledger, *deed, since=(ledger, write))
            yield Move(f"the late {deed[0]} goes on", False, gone._replace(ledger=after))


def time(world: World, state: State) -> Iterator[Move[State]]:
    """What is young grows old."""
    yield Move("time passes", True, state._replace(ledger=world.deeds.ledgers.later(state.ledger, TICK)))


def people(world: World, state: State) -> Iterator[Move[State]]:
    """They stop, freeze and resume."""
    for kind in StopKind:
        if kind in state.left:
            ledger, _, _ = world.deeds.run(state.ledger, "stop", kind)
            yield Move(kind.value, False, state._replace(ledger=ledger, left=without(state.left, kind)))
    if world.deeds.ledgers.rows(state.ledger, STOPS):
        ledger, _, _ = world.deeds.run(state.ledger, "resume")
        yield Move("resume", True, state._replace(ledger=ledger))


def outside(world: World, state: State) -> Iterator[Move[State]]:
    """Hosts die, and others drain them."""
    for number, host in enumerate(world.hosts):
        truth = state.truth[number]
        if "die" in state.left and (truth == UP or is_ours(truth)):
            dead = state._replace(truth=put(state.truth, number, DOWN), left=without(state.left, "die"))
            yield Move(f"{host} dies", False, dead)
        if "outsider" in state.left and truth == UP:
            taken = state._replace(truth=put(state.truth, number, FOREIGN), left=without(state.left, "outsider"))
            yield Move(f"{host} is drained by another", False, taken)
        if truth == FOREIGN:
            yield Move(f"{host} is let go", True, state._replace(truth=put(state.truth, number, UP)))
