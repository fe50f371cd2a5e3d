"""What policies are given: facts read in one transaction."""

from pydantic import Field

from fleet.models.avoidance import Avoidance
from fleet.models.base import Fact, Moment
from fleet.models.breaker import Breaker
from fleet.models.host import Host
from fleet.models.ledger import Autostop, LeaseHost, Request
from fleet.models.observation import Observation
from fleet.models.operation_part import ActiveOperation
from fleet.models.override import OverrideInForce
from fleet.models.pool import Pool
from fleet.models.stop import Stop
from fleet.models.train import Cycle


class LedgerFacts(Fact):
    """Everything `fleet.policy.grants.settle` looks at, for one cluster."""

    cluster: str
    now: Moment
    pools: tuple[Pool, ...]
    failed_reasons: tuple[str, ...]
    hosts: dict[str, Host]
    """Members, decommissioned ones too, by name."""
    leases: dict[str, LeaseHost]
    requests: tuple[Request, ...]
    """Waiting ones, oldest first."""
    observation: Observation | None
    autostops: dict[str, Autostop]
    """By pool."""
    stops: tuple[Stop, ...]
    overrides: tuple[OverrideInForce, ...] = ()
    """Those whose requests hold a lease, past their end too."""
    operations: tuple[ActiveOperation, ...] = ()
    """Submitted operations that were granted and are not over."""
    urgent: dict[str, str] = Field(default_factory=dict)
    """Pool: the emergency that has hosts to take there, before which nothing else but repair begins."""
    works: dict[str, str] = Field(default_factory=dict)
    """Large-scale maintenance, of those that ask or hold: the kind of operation that it does instead of upgrades."""
    breakers: dict[str, Breaker] = Field(default_factory=dict)
    """By pool: where no repair is opened on hosts that go down in production."""


class TrainFacts(Fact):
    """Everything `fleet.policy.next_stop` looks at, for one pool."""

    cluster: str
    pool: Pool
    now: Moment
    hosts: tuple[Host, ...]
    cycle: Cycle | None
    """The open cycle, or the last closed one, or None before the first."""
    stops: tuple[Stop, ...]
    open_visits: tuple[str, ...]
    visit_seconds: float
    """Expected length of a visit, from grant to end: mean of the last ones, else drain deadline and visit budget."""
    cycle_asked: bool
    """True when a person asked for one more cycle, or the train runs without end."""
    endless: bool = False
    """True when the train runs without end, so that its next cycle keeps a pace; a cycle asked for opens at once."""
    first: frozenset[str] = frozenset()
    """Hosts whose domains are visited before others: rollouts wait for them."""
    invited: frozenset[str] = frozenset()
    """Domains that visits of other pools wait for, to be visited together."""
    held_by: str = ""
    """The emergency that goes before the train; empty for none."""
    held_seconds: float = 0.0
    """How long it is expected to."""
    avoided: dict[str, Moment] = Field(default_factory=dict)
    """Domain: not before; jobs asked the train to keep away, and were granted it."""
    ready: frozenset[str] = frozenset()
    """Domains whose jobs have all answered their notice: they may be visited now."""
    preferred: tuple[str, ...] = ()
    """Domains in the order of the timetable, which goes before their fixed order; empty where none was made."""
    preferred_why: str = ""
    """Why the first of them is the first, or why none was made."""


class AvoidanceFacts(Fact):
    """Everything that an avoidance is decided by, for one pool."""

    train: TrainFacts
    rows: tuple[Avoidance, ...]
    """Open ones, and those that were granted since the last cycle opened, the oldest first."""
