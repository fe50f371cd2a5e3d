"""Slurm's nodes as `Node`s: `sinfo --json` of 22.05, `scontrol show nodes --json` of newer versions, scontrol's text.

Pure functions from text to models; each raises `BadAnswer` for what it can't believe.
"""

import re

from pydantic import TypeAdapter, ValidationError

from drivers.slurm.answers import Record, records
from drivers.slurm.states import node_states
from fleet.errors import BadAnswer
from fleet.models.base import HostName
from fleet.models.scheduler import Node

_HOST: TypeAdapter[str] = TypeAdapter(HostName)
_SET_BY = re.compile(r"^(?P<reason>.*?)(?: \[(?P<by>[^\[\]@]+)@[^\[\]]*\])?$")


def parse_nodes(answer: str, source: str) -> dict[str, Node]:
    """Every node of a JSON answer, by name. An answer without a single node is partial, so `BadAnswer`."""
    nodes: dict[str, Node] = {}
    for record in records(answer, "nodes", source):
        node = _node(record)
        if node.name in nodes:
            raise BadAnswer(f"{record.what}: expected each node once, found {node.name!r} again")
        nodes[node.name] = node
    if not nodes:
        raise BadAnswer(f"{source}: expected at least one node, found none")
    return nodes


def parse_node_text(answer: str, host: str) -> Node:
    """The one node of `scontrol show node HOST`'s text, where each field that may hold spaces has its own line."""
    source = f"scontrol show node {host}"
    name = _field(answer, r"^NodeName=(\S+)", source, "NodeName=")
    if name != host:
        raise BadAnswer(f"{source}: expected NodeName={host}, found {name[:80]!r}")
    words = _field(answer, r"^ +State=(\S+)", source, "State=").split("+")
    states = node_states(
        (word.rstrip("*") for word in words), int(_field(answer, r"\bCPUAlloc=(\d+)", source, "CPUAlloc="))
    )
    reason, by = split_reason(_optional(answer, "Reason"))
    return Node(
        name=name,
        base=states.base,
        draining=states.draining,
        completing=states.completing,
        not_responding=states.not_responding or any(word.endswith("*") for word in words),
        powered=states.powered,
        rebooting=states.rebooting,
        maintenance=states.maintenance,
        reason=reason,
        reason_by=by,
        comment=_optional(answer, "Comment"),
        partitions=_list(answer, "Partitions"),
        features=_list(answer, "AvailableFeatures"),
        active_features=_list(answer, "ActiveFeatures"),
    )


def split_reason(text: str | None) -> tuple[str | None, str | None]:
    """Split scontrol's `REASON [user@time]` into the reason itself and who set it; (None, None) without one."""
    found = _SET_BY.match(text or "")
    if found is None or not found["reason"]:
        return None, None
    return found["reason"], found["by"]


def _node(record: Record) -> Node:
    name = record.text("name")
    try:
        _HOST.validate_python(name)
    except ValidationError as error:
        raise BadAnswer(f"{record.what}: expected a host name, found {name[:80]!r}") from error
    record.what = f"{record.what} ({name})"
    words = record.words("state")
    if not words:
        raise BadAnswer(f"{record.what}: expected 'state' to name a state, found none")
    # 22.05 keeps flags apart from the base; newer versions put both into one list.
    flags = record.words("state_flags") if record.has("state_flags") else ()
    states = node_states((*words, *flags), record.count("alloc_cpus"))
    return Node(
        name=name,
        base=states.base,
        draining=states.draining,
        completing=states.completing,
        not_responding=states.not_responding,
        powered=states.powered,
        rebooting=states.rebooting,
        maintenance=states.maintenance,
        reason=record.text("reason") or None,
        reason_by=(record.text("reason_set_by_user") or None) if record.has("reason_set_by_user") else None,
        comment=record.text("comment") or None,
        reservation=(record.text("reservation") or None) if record.has("reservation") else None,
        partitions=record.words("partitions"),
        features=record.words("features"),
        active_features=record.words("active_features") if record.has("active_features") else (),
    )


def _field(answer: str, pattern: str, source: str, wanted: str) -> str:
    found = re.search(pattern, answer, re.MULTILINE)
    if found is None:
        raise BadAnswer(f"{source}: expected {wanted}…, found {answer[:200]!r}")
    return found[1]


def _list(answer: str, name: str) -> tuple[str, ...]:
    """A field of words with commas between them; without one, or `(null)`, none."""
    text = _optional(answer, name) or ""
    return tuple(word for word in text.split(",") if word and word != "(null)")


def _optional(answer: str, name: str) -> str | None:
    found = re.search(rf"^ +{name}=(.*)$", answer, re.MULTILINE)
    return found[1].strip() if found is not None else None
