"""The end of a long queue. Thousands may wait for one pool; those near the head are told in full what they wait for,
those behind them, as long as the pool has no room for a single host, only that. What is granted is the same.
"""

from collections import Counter

from fleet.models.ledger import RequestClass, WaitKind
from fleet.policy.balance import Balance
from fleet.policy.obstacles import Obstacle
from fleet.policy.pool_balance import Ask, PoolBalance

TOLD = 200
"""Waiting requests of a pool, from the head of the queue, that are told in full."""


_IN_FULL = (RequestClass.REPAIR, RequestClass.PIN_SWITCH)


class Crowd:
    """How many of each pool were told in full in this settling; `in_full` of them are."""

    def __init__(self, balance: Balance, in_full: int = TOLD) -> None:
        self._balance, self._in_full = balance, in_full
        self._told: Counter[str] = Counter()
        self._shut: dict[str, Obstacle] = {}
        """Pools that have no room for whoever comes by no override: in one settling they gain none."""

    def behind(self, ask: Ask) -> Obstacle | None:
        """Why an ask far behind can't begin, whatever else stands in its way; None to look at it in full."""
        request = ask.request
        if request.kind in _IN_FULL or request.joint is not None:
            return None
        plain = request.override is None and not ask.aged
        if plain and self._shut:
            for name, need in ask.need.items():
                if need and name in self._shut:
                    return self._shut[name]
        for pool, need in self._balance.of_ask(ask):
            name = pool.pool.name
            if need and self._told[name] >= self._in_full and pool.room(ask) == 0 and _changes_nothing(ask, pool):
                told = f"pool {name} has no room, and {self._in_full} requests or more wait before it"
                found = Obstacle(WaitKind.LIMIT, told)
                if plain:
                    self._shut[name] = found
                return found
        return None

    def told(self, ask: Ask) -> None:
        """An ask was told in full."""
        self._told.update(ask.need.keys())


def _changes_nothing(ask: Ask, pool: PoolBalance) -> bool:
    """Whether those after an ask find all as if it had been looked at: an old one may reserve hosts, which counts for
    nothing more where some are reserved already and no room is left.
    """
    return not ask.aged or (pool.reserved > 0 and len(ask.need) == 1)
