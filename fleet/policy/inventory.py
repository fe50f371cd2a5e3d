"""What a firmware inventory says about components: many members with vendors' names become one version each.

Members of one component that differ make a version that says so and that nobody can wish for; it is never one of
them, so a host that is half flashed is never taken for done.
"""

import hashlib
import re
from collections.abc import Iterable, Sequence

from fleet.errors import BadAnswer
from fleet.models.base import VERSION_PATTERN, Fact
from fleet.models.images import MIXED
from fleet.models.redfish import ComponentRule, MemberRule

_LONGEST_VERSION = 64
_ABSENT = "Absent"
_VERSION = re.compile(VERSION_PATTERN)


class Member(Fact):
    """One member of a firmware inventory as its BMC shows it. `version` None: it tells none."""

    path: str
    id: str
    name: str = ""
    software_id: str = ""
    version: str | None = None
    state: str = ""
    """`Status.State`: an `Absent` member is a slot with nothing in it."""


def component_versions(members: Sequence[Member], rules: Iterable[ComponentRule]) -> dict[str, str]:
    """Version of each component that has members; one without is not on this host.

    Raises `BadAnswer` for a member without a usable version, and for another number of members than the rule says.
    """
    found: dict[str, str] = {}
    for rule in rules:
        matching = members_of(members, rule)
        if rule.count is not None and len(matching) != rule.count:
            raise BadAnswer(f"{rule.component}: expected {rule.count} inventory members, found {len(matching)}")
        if matching:
            found[rule.component] = _joined([_version(member, rule) for member in matching])
    return found


def members_of(members: Sequence[Member], rule: ComponentRule) -> tuple[Member, ...]:
    """The members that belong to a component, without empty slots."""
    return tuple(m for m in members if m.state != _ABSENT and _matches(m, rule.members))


def _matches(member: Member, rule: MemberRule) -> bool:
    pairs = ((rule.id, member.id), (rule.name, member.name), (rule.software_id, member.software_id))
    return all(pattern is None or re.fullmatch(pattern, text) for pattern, text in pairs)


def _version(member: Member, rule: ComponentRule) -> str:
    text = (member.version or "").strip()
    if rule.version is not None:
        match = re.fullmatch(rule.version, text)
        text = (match[1] or "") if match else ""
    if not _VERSION.fullmatch(text) or text.startswith(MIXED):
        raise BadAnswer(f"{rule.component}: expected a version of {member.id}, found {(member.version or '')[:80]!r}")
    return text


def _joined(versions: list[str]) -> str:
    """The one version, or a word for several: `mixed:1.0~1.1`, shortened to a digest where that is too long."""
    distinct = sorted(set(versions))
    if len(distinct) == 1:
        return distinct[0]
    told = MIXED + "~".join(distinct)
    if len(told) <= _LONGEST_VERSION:
        return told
    digest = hashlib.sha256(told.encode()).hexdigest()[:16]
    return f"{MIXED}{len(distinct)}-versions~{digest}"
