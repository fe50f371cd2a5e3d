"""A submitted operation: it looks, drains and holds its hosts, and an outsider works and reports; as
`workflows/operation.py` goes about it. Whoever else works on its scope parks.
"""

from collections.abc import Iterator

from fleet.models.operation import OVER, Said
from store.tables.operations import OPERATIONS
from tests.explorer.search import Move
from tests.explorer.world import OF_OPERATION, State, World, put, without


def operations(world: World, state: State) -> Iterator[Move[State]]:
    """What each operation, and the outsider who works for it, may do next."""
    for row in world.deeds.ledgers.rows(state.ledger, OPERATIONS):
        name = row["id"]
        if not row["over"]:
            ledger, told, _ = world.deeds.run(state.ledger, "op_look", name)
            yield Move(f"{name} looks", True, _boarded(world, state._replace(ledger=ledger), told))
        if row["state"] == "working":
            ledger, _, _ = world.deeds.run(state.ledger, "say", name, Said.DONE)
            yield Move(f"the outsider is done with {name}", True, state._replace(ledger=ledger))
        if "cancel" in state.left and row["state"] not in OVER:
            ledger, _, _ = world.deeds.run(state.ledger, "say", name, Said.CANCEL)
            gone = state._replace(ledger=ledger, left=without(state.left, "cancel"))
            yield Move(f"{name} is called off", False, gone)


def _boarded(world: World, state: State, told: tuple[str, bool, tuple[tuple[str, str], ...]]) -> State:
    """Workflows are started for the hosts it holds on which none is under way."""
    for host, operation in told[2]:
        number = world.hosts.index(host)
        if state.work[number] is None:
            state = state._replace(work=put(state.work, number, ("drain", operation, OF_OPERATION)))
    return state
