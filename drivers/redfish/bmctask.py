"""A BMC's tasks, told apart and named from what the BMC itself remembers of them.

A task's id here is its `Id` with its `StartTime`: BMCs count anew after a restart, and an id that came back must not
hide a task that is new. What a task installs is told, in this order, by the sender we wrote into the request's
User-Agent, by the image's name in the remembered request (`Payload`), by the image's name in the messages, by a
member or target of the component together with one of its versions in them. A task that none of this names belongs
to any component, with version `unknown`: a later attempt that finds such a new task concludes nothing from it.
"""

import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from drivers.redfish.document import Document
from fleet.errors import BadAnswer
from fleet.models.images import Image
from fleet.models.redfish import HardwareModel
from fleet.policy.inventory import Member, members_of

UNKNOWN_VERSION = "unknown"
_LONGEST_MESSAGE = 500
_ENDED_WELL = frozenset({"Completed"})
_ENDED_BADLY = frozenset({"Killed", "Exception", "Cancelled"})
_STAGED = frozenset({"Pending"})
_LIVE = frozenset({"New", "Starting", "Running", "Suspended", "Interrupted", "Stopping", "Service", "Cancelling"})
_UPDATE_WORD = re.compile(r"updat|firmware|flash|image|install", re.IGNORECASE)


_SENDER = re.compile(r"\bmaintrain \(([a-z0-9_-]+); ([A-Za-z0-9._+:~-]+)(; again)?\)")


def sender(component: str, version: str, *, again: bool = False) -> str:
    """What an update's request calls its sender, for the BMC to remember with the task.

    `again`: that version was in effect before, so that the inventory will not tell when what was written is.
    """
    return f"maintrain ({component}; {version}{'; again' * again})"


@dataclass(frozen=True)
class BmcTask:
    """One task of a BMC. `texts` is everything it says that may name what it installs."""

    id: str
    path: str
    monitor: str
    state: str
    failed: bool
    percent: int
    message: str
    ended: datetime | None
    is_update: bool
    request: tuple[str, ...]
    texts: tuple[str, ...]
    again: bool = False
    """True where its sender says that it writes the version that was there."""

    @property
    def staged(self) -> bool:
        """True while it waits for something outside it, such as a reset."""
        return self.state in _STAGED

    @property
    def live(self) -> bool:
        """True while it works."""
        return self.state in _LIVE

    @property
    def done(self) -> bool:
        """True when the BMC calls it a success."""
        return self.state in _ENDED_WELL and not self.failed


def parse_tasks(documents: Iterable[Document], service_path: str) -> tuple[BmcTask, ...]:
    """Tasks, oldest first where all tell when they started, else as the BMC lists them."""
    dated = [_parse(document, service_path) for document in documents]
    if all(start is not None for start, _ in dated):
        dated.sort(key=lambda pair: pair[0] or datetime.min.replace(tzinfo=UTC))
    return tuple(task for _, task in dated)


def _parse(document: Document, service_path: str) -> tuple[datetime | None, BmcTask]:
    state = document.text("TaskState")
    if state not in _ENDED_WELL | _ENDED_BADLY | _STAGED | _LIVE:
        raise BadAnswer(f"{document.what}: expected a TaskState of the standard, found {state[:80]!r}")
    percent = document.number_or("PercentComplete", 0)
    if not 0 <= percent <= 100:  # noqa: PLR2004
        raise BadAnswer(f"{document.what}: expected 0 to 100 percent, found {percent}")
    start = moment(document.text_or("StartTime"))
    messages = document.parts("Messages")
    payload = document.part("Payload")
    request = () if payload is None else _request(payload)
    said = [m.text_or("Message") or m.text_or("MessageId") for m in messages]
    arguments = [text for m in messages for text in m.texts("MessageArgs")]
    names = [document.text_or("Name"), document.text_or("Description")]
    identity = document.text("Id")
    task = BmcTask(
        id=f"{identity}@{start:%Y-%m-%dT%H:%M:%SZ}" if start is not None else identity,
        path=document.path(),
        monitor=document.text_or("TaskMonitor"),
        state=state,
        failed=state in _ENDED_BADLY or document.text_or("TaskStatus") == "Critical",
        percent=percent,
        message="; ".join(m for m in said if m)[-_LONGEST_MESSAGE:],
        ended=moment(document.text_or("EndTime")),
        is_update=_is_update(payload, service_path, [m.text_or("MessageId") for m in messages], names),
        request=request,
        texts=(*said, *arguments, *names),
        again=any(match[3] for text in request for match in _SENDER.finditer(text)),
    )
    return start, task


def _request(payload: Document) -> tuple[str, ...]:
    """The strings of the request that began a task, as the BMC remembers it."""
    body = payload.text_or("JsonBody")
    try:
        remembered = json.loads(body) if body else {}
    except (ValueError, RecursionError):
        return (body,)
    return (*_strings(remembered), *payload.texts("HttpHeaders"))


def _strings(value: object) -> list[str]:
    """Every string inside, however deep: what a BMC remembers may be nested as deep as somebody wrote it."""
    found, left = [], [value]
    while left:
        item = left.pop()
        if isinstance(item, str):
            found.append(item)
        elif isinstance(item, dict):
            left += reversed(item.values())
        elif isinstance(item, list):
            left += reversed(item)
    return found


def _is_update(payload: Document | None, service_path: str, message_ids: Sequence[str], names: Sequence[str]) -> bool:
    """False only for a task that is plainly something else: a log's collection, a BIOS setting."""
    target = "" if payload is None else payload.text_or("TargetUri")
    if target:
        return "update" in target.lower() or target.startswith(service_path)
    if any(message.startswith("Update.") for message in message_ids):
        return True
    words = " ".join(names).strip()
    # A task that tells nothing of itself may be an update.
    return not words or bool(_UPDATE_WORD.search(words)) or words.lower().startswith("task")


def moment(text: str) -> datetime | None:
    """A time as a BMC writes it, in UTC; None where it can't be used."""
    try:
        found = datetime.fromisoformat(text)
        return found.astimezone(UTC) if found.tzinfo is not None else None
    except (ValueError, OverflowError):
        return None


def named(
    task: BmcTask, model: HardwareModel, images: Sequence[Image], members: Sequence[Member]
) -> tuple[str, str] | None:
    """Component and version that a task installs; None when what the BMC remembers does not say."""
    by_sender = {(match[1], match[2]) for text in task.request for match in _SENDER.finditer(text)}
    if len(by_sender) == 1:
        component, version = by_sender.pop()
        return component, version
    for texts in (task.request, task.texts):
        by_image = {image for image in images if any(_mentions(text, image.file_name) for text in texts)}
        found = {(i.component, i.version) for i in by_image if model.rule(i.component) is not None}
        if len(found) > 1:
            found = {pair for pair in found if _targeted(pair[0], model, members, texts)}
        if len(found) == 1:
            return found.pop()
    found = {
        (image.component, image.version)
        for image in images
        if image.version in task.texts and _targeted(image.component, model, members, task.texts)
    }
    return found.pop() if len(found) == 1 else None


def _mentions(text: str, file_name: str) -> bool:
    """True when the text holds the file's whole name, not a longer one's part."""
    return re.search(rf"(?<![\w.+~-]){re.escape(file_name)}(?![\w+~-]|\.\w)", text) is not None


def _targeted(component: str, model: HardwareModel, members: Sequence[Member], texts: Iterable[str]) -> bool:
    """True when the texts name a target or an inventory member of the component."""
    rule = model.rule(component)
    if rule is None:
        return False
    own = members_of(members, rule)
    names = {*rule.targets, *(m.path for m in own), *(m.id for m in own)}
    return any(text in names for text in texts)
