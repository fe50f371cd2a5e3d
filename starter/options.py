"""The options that commands share, and the words people give them: who, why, and which part of the fleet."""

import getpass
import re
from dataclasses import dataclass
from typing import Annotated

import typer

from fleet.errors import InvalidInput
from fleet.models.base import HOST_PATTERN, NAME_PATTERN
from fleet.models.messages import Command

MOST_ACTOR, MOST_REASON = 64, 500

Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Show what would happen and change nothing.")]
Actor = Annotated[str | None, typer.Option("--actor", help="Who asks; default: the user's name.", metavar="NAME")]
Reason = Annotated[
    str, typer.Option("--reason", metavar="TEXT", help="Why, in one sentence; it is kept in the audit log.")
]
PoolPath = Annotated[str, typer.Argument(metavar="CLUSTER/POOL", help="A pool, such as sim/gpu-train.")]
MaybePoolPath = Annotated[str | None, typer.Argument(metavar="[CLUSTER/POOL]", help="A pool; default: all pools.")]
MaybeCluster = Annotated[str | None, typer.Argument(metavar="[CLUSTER]", help="A cluster; default: the only one.")]
ScopePath = Annotated[
    str | None, typer.Argument(metavar="[CLUSTER[/POOL]]", help="A cluster or a pool; or --everything.")
]
Everything = Annotated[bool, typer.Option("--everything", help="All clusters.")]


@dataclass(frozen=True)
class Scope:
    """Everything (no cluster), a cluster (no pool) or a pool."""

    cluster: str | None = None
    pool: str | None = None

    def __str__(self) -> str:
        """The scope in words."""
        if self.cluster is None:
            return "everything"
        return f"pool {self.cluster}/{self.pool}" if self.pool else f"cluster {self.cluster}"


def command(actor: str | None, reason: str) -> Command:
    """Who and why, checked. `InvalidInput` for an empty or overlong one."""
    return Command(
        actor=_words("--actor", actor or _user(), MOST_ACTOR), reason=_words("--reason", reason, MOST_REASON)
    )


def pool_path(text: str) -> tuple[str, str]:
    """`cluster/pool`, checked."""
    cluster, slash, pool = text.partition("/")
    if not slash:
        raise InvalidInput("CLUSTER/POOL", "", f"expected a pool such as sim/gpu-train, found {text!r}")
    return name("CLUSTER/POOL", cluster), name("CLUSTER/POOL", pool)


def scope(text: str | None, everything: bool) -> Scope:
    """What a stop is about: exactly one of a path and `--everything`."""
    if (text is None) != everything:
        raise InvalidInput("CLUSTER[/POOL]", "", "expected either a cluster or pool, or --everything")
    if text is None:
        return Scope()
    cluster, slash, pool = text.partition("/")
    return Scope(name("CLUSTER[/POOL]", cluster), name("CLUSTER[/POOL]", pool) if slash else None)


def name(source: str, text: str) -> str:
    """The name of a cluster, pool or component, checked."""
    if not re.fullmatch(NAME_PATTERN.strip("^$"), text):
        raise InvalidInput(source, "", f"expected a name of lower-case letters, digits, - and _, found {text!r}")
    return text


def host_name(text: str) -> str:
    """The name of a host, checked."""
    if not re.fullmatch(HOST_PATTERN.strip("^$"), text):
        raise InvalidInput("HOST", "", f"expected a host name of letters, digits and . - _, found {text!r}")
    return text


def _words(source: str, text: str, most: int) -> str:
    words = text.strip()
    if not words or len(words) > most or not words.isprintable():
        raise InvalidInput(source, "", f"expected 1 to {most} printable characters on one line")
    return words


def _user() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError) as error:
        raise InvalidInput("--actor", "", "expected your name, this machine knows no name for its user") from error
