"""Stops and freezes: rows first, signals second."""

from enum import StrEnum

from fleet.models.base import Fact, Moment


class StopKind(StrEnum):
    """`stop`: no grant and no drain begins, hosts end at their next safe point, repair goes on.
    `freeze`: nothing disruptive begins, repair included; verified hosts may return.
    """

    STOP = "stop"
    FREEZE = "freeze"


class Stop(Fact):
    """A stop in force. No cluster: everything. No pool: the whole cluster."""

    kind: StopKind
    cluster: str | None = None
    pool: str | None = None
    actor: str
    reason: str
    at: Moment

    def covers(self, cluster: str, pool: str) -> bool:
        """True when the stop holds for a host of that pool."""
        return self.cluster in (None, cluster) and self.pool in (None, pool)

    @property
    def scope(self) -> str:
        """The scope in words."""
        if self.cluster is None:
            return "everything"
        return f"pool {self.cluster}/{self.pool}" if self.pool else f"cluster {self.cluster}"
