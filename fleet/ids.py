"""Every id that Temporal and the store share. Nothing else builds an id from parts."""

REPAIR, PLANNED, HOLD = "repair", "planned", "hold"
REASON_PREFIX = "maintrain:"
FEATURE_PREFIX = "maintrain."
"""How node features begin that tell installed versions: ours, and no trait of the host."""
BORROW_JOB = "maintrain-borrow"
"""Name of the scheduler's job by which we hold a production host for the time of a measurement."""

RESERVATION_PREFIX = "maintrain_"
"""How the scheduler's reservations of ours begin."""
PIN_RESERVATION = f"{RESERVATION_PREFIX}pin_"
"""How those begin that close hosts to jobs for a pin switch."""
FABRIC_RESERVATION = f"{RESERVATION_PREFIX}fabric_"
"""How those begin in which drained hosts are undrained for us alone, while the fabric between them is measured."""
NEXT_RESERVATION = f"{RESERVATION_PREFIX}next_"
"""How those begin that announce a train's next stop: they keep no job away that is over before it."""


def dispatcher(cluster: str) -> str:
    """Workflow id of a cluster's dispatcher."""
    return f"dispatcher/{cluster}"


def train(cluster: str, pool: str) -> str:
    """Workflow id of a pool's maintenance train."""
    return f"train/{cluster}/{pool}"


def visit(cluster: str, pool: str, cycle: int, domain: str, attempt: int) -> str:
    """Workflow id of one stop of a train at one domain; also its lease request's id."""
    return f"visit/{cluster}/{pool}/{cycle}/{domain}/{attempt}"


_VISIT_PARTS = 5


def place_of(holder: str) -> tuple[str, str] | None:
    """Pool and domain of a visit by its id; None for every other id."""
    kind, *parts = holder.split("/")
    return (parts[1], parts[3]) if kind == "visit" and len(parts) == _VISIT_PARTS else None


def request(visit_id: str, ask: int) -> str:
    """Id of a visit's n-th lease request: it asks anew when its hosts changed while it waited."""
    return visit_id if ask == 0 else f"{visit_id}~{ask}"


def host(cluster: str, name: str) -> str:
    """Workflow id of all work on a host: the engine's lock on it."""
    return f"host/{cluster}/{name}"


def operation(holder: str, name: str) -> str:
    """Operation id of one host's share in a visit (the idempotency key of its writes)."""
    return f"{holder}#{name}"


def repair_operation(cluster: str, name: str, number: int) -> str:
    """Operation id of a host's n-th repair."""
    return f"repair/{cluster}/{name}/{number}"


def handover(cluster: str, name: str, number: int) -> str:
    """Id of a host's n-th handover between us and an outsider."""
    return f"handover/{cluster}/{name}/{number}"


def cluster_of_handover(handover_id: str) -> str:
    """The cluster of one of those."""
    return handover_id.split("/")[1]


def rollout(component: str, version: str) -> str:
    """Workflow id of a rollout."""
    return f"rollout/{component}/{version}"


def op(number: int) -> str:
    """Workflow id of the n-th operation that was submitted; also its leases' holder."""
    return f"{_OP}{number}"


def op_of(operation_id: str) -> str | None:
    """The submitted operation whose share of a host's work an operation id is; None for every other one."""
    if not operation_id.startswith(_OP):
        return None
    return "/".join(operation_id.partition("#")[0].split("/")[:2])


def op_part(op_id: str, cluster: str) -> str:
    """The part of a submitted operation in one of its clusters: begins its request's id and its hosts' operation ids,
    since two clusters may have hosts of one name.
    """
    return f"{op_id}/{cluster}"


def pin_switch(cluster: str, component: str, number: int) -> str:
    """Workflow id of a cluster's n-th pin switch; also its lease's holder."""
    return f"pin/{cluster}/{component}/{number}"


def pin_switch_of(operation_id: str) -> str | None:
    """The pin switch whose share of a host's work an operation is; None for every other operation."""
    return operation_id.partition("#")[0] if operation_id.startswith("pin/") else None


def pin_batch(switch: str, phase: str, batch: int) -> str:
    """Workflow id of one phase of one batch of a pin switch's hosts."""
    return f"{switch}/{phase}/{batch}"


def pin_meeting(switch: str, phase: str, batch: int) -> str:
    """Where the hosts of a batch of a pin switch meet to measure the fabric with each other."""
    return f"{pin_batch(switch, phase, batch)}{_MEETING}"


def met_at(meeting: str) -> tuple[str, int] | None:
    """The pin switch and the batch of one of those meetings; None for another visit's."""
    if not meeting.endswith(_MEETING):
        return None
    switch, _, batch = meeting.removesuffix(_MEETING).rsplit("/", 2)
    return switch, int(batch)


def emergency(cluster: str, name: str) -> str:
    """Workflow id of an emergency train."""
    return f"emergency/{cluster}/{name}"


def emergency_stop(emergency_id: str, number: int) -> str:
    """Workflow id of an emergency's n-th stop; also its lease's holder and its request's id."""
    return f"{emergency_id}/{number}"


def large(cluster: str, name: str) -> str:
    """Workflow id of a large-scale maintenance: an emergency train with a date and steps."""
    return f"{LARGE}{cluster}/{name}"


LARGE = "large/"
"""How the ids of large-scale maintenances and of their stops begin."""
_EMERGENCY_STOP_PARTS = 4


def emergency_of(holder: str) -> str | None:
    """The emergency or large-scale maintenance that a visit is a stop of; None for every other id."""
    parts = holder.split("/")
    stop = parts[0] in ("emergency", "large") and len(parts) == _EMERGENCY_STOP_PARTS
    return "/".join(parts[:-1]) if stop else None


def pin_reservation(switch_id: str) -> str:
    """Short name of the reservation of all hosts that a pin switch holds; those of its late hosts begin so."""
    _, _, component, number = switch_id.split("/")
    return f"{PIN_RESERVATION.removeprefix(RESERVATION_PREFIX)}{component}_{number}"


def reservation(name: str) -> str:
    """Name of a reservation of ours that keeps jobs off hosts."""
    return f"{RESERVATION_PREFIX}{name}"


def task_queue(cluster: str) -> str:
    """Task queue of a cluster's activities: management networks are local."""
    return f"maintrain/{cluster}"


def notices(cluster: str, pool: str, cycle: int, domain: str) -> str:
    """How the keys begin under which the jobs on a domain are told, each once a visit to come."""
    return f"notice/{cluster}/{pool}/{cycle}/{domain}"


def avoidance(source: str, key: str, pool: str) -> str:
    """Id of a job's or owner's request to keep away, by how it was asked and the asker's key, which begins
    with its cluster; a gang over several pools asks each of their trains.
    """
    return f"avoid/{source}/{key}/{pool}"


_MEETING = "/fabric"
_OP = "op/"
WORKFLOW_QUEUE = "maintrain"


def drain_reason(kind: str, operation_id: str) -> str:
    """The reason we write on a drained host: `maintrain:<planned|repair|hold>:<operation>`."""
    return f"{REASON_PREFIX}{kind}:{operation_id}"


def owned_reason(reason: str | None) -> tuple[str, str] | None:
    """Split one of our reasons into (kind, operation); None when the reason is somebody else's or absent."""
    if not reason or not reason.startswith(REASON_PREFIX):
        return None
    kind, _, operation_id = reason.removeprefix(REASON_PREFIX).partition(":")
    if kind not in (REPAIR, PLANNED, HOLD) or not operation_id:
        return None
    return kind, operation_id
