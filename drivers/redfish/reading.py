"""What a BMC shows of itself and its host, found by its links from the service root, anew each time."""

import asyncio
import re
from dataclasses import dataclass

from drivers.clock import wall
from drivers.redfish.bmctask import moment
from drivers.redfish.connection import Bmc
from drivers.redfish.document import Document
from fleet.errors import BadAnswer, Refused
from fleet.models.redfish import ComponentRule, HardwareModel
from fleet.policy.inventory import Member, component_versions

ROOT = "/redfish/v1/"
_EXPANDED = "?$expand=.($levels=1)"
_CLOCKS_SINCE = 2000
"""A year before which no BMC was reset: its clock was not set."""
_CLOCK_OFF = 24 * 3600.0
"""Seconds by which the clock of a BMC is off that was not set: many begin at the date of their firmware."""


@dataclass(frozen=True)
class Site:
    """A BMC with the system that is our host, and the hardware model it was told to be."""

    bmc: Bmc
    root: Document
    system: Document
    model: HardwareModel

    @property
    def host(self) -> str:
        """The host's name."""
        return self.bmc.host


async def look(bmc: Bmc, models: tuple[HardwareModel, ...]) -> Site:
    """Find the host's system and its hardware model. `Refused` when no model of the fleet file matches."""
    root = await bmc.get(ROOT)
    systems = await _all(bmc, root, "Systems")
    for model in models:
        matching = [s for s in systems if _is(s, model)]
        if len(matching) > 1:
            raise BadAnswer(f"{bmc.host}: {model.name} fits several systems, {_ids(matching)}: say which one is meant")
        if matching:
            return Site(bmc=bmc, root=root, system=matching[0], model=model)
    seen = [f"{s.text_or('Manufacturer')!r} {s.text_or('Model')!r}" for s in systems]
    raise Refused(f"{bmc.host}: no hardware model of the fleet file fits {', '.join(seen) or 'a BMC without systems'}")


async def manager(site: Site) -> Document:
    """The manager that stands for the BMC itself."""
    managers = await _all(site.bmc, site.root, "Managers")
    pattern = site.model.manager
    fitting = [m for m in managers if pattern is None or re.fullmatch(pattern, m.text("Id"))]
    if len(fitting) != 1:
        raise BadAnswer(f"{site.host}: expected one manager that fits, found {_ids(fitting) or 'none'}")
    return fitting[0]


async def last_reset(site: Site) -> str | None:
    """When the BMC last restarted, by its own clock; None where it does not tell, or where that says nothing about its
    tasks: a clock that begins anew tells the same after each restart, and some BMCs drop ended tasks without one.
    """
    try:
        if await _drops_tasks(site):
            return None
        found = await manager(site)
        told, clock = found.text_or("LastResetTime"), moment(found.text_or("DateTime"))
    except BadAnswer:
        return None  # which of its managers is meant need not be known for anything else
    at = moment(told)
    unset = clock is not None and abs(clock.timestamp() - wall()) > _CLOCK_OFF
    return told if at is not None and at.year >= _CLOCKS_SINCE and not unset else None


async def update_service(site: Site) -> Document:
    """The update service."""
    return await site.bmc.get(_must(site.root, "UpdateService"))


async def inventory(site: Site, service: Document | None = None) -> tuple[Member, ...]:
    """All members of the firmware inventory."""
    service = service or await update_service(site)
    found = await _collection(site.bmc, _must(service, "FirmwareInventory"), expand=_expands(site.root))
    if not found:
        raise BadAnswer(f"{site.host}: its firmware inventory is empty")
    return tuple(_member(document) for document in found)


async def task_documents(site: Site) -> tuple[Document, ...]:
    """All tasks that the BMC remembers. `Refused` when it keeps none: what began could not be told."""
    link = site.root.link("Tasks")
    if link is None:
        raise Refused(f"{site.host}: its BMC has no task service, so that an update could not be followed")
    service = await site.bmc.get(link)
    return await _collection(site.bmc, _must(service, "Tasks"), expand=_expands(site.root))


async def _drops_tasks(site: Site) -> bool:
    """True where the BMC says that it drops ended tasks by itself, after a time or for newer ones, or keeps none."""
    link = site.root.link("Tasks")
    if link is None:
        return True
    service = await site.bmc.get(link)
    overwrites = service.text_or("CompletedTaskOverWritePolicy", "Manual") != "Manual"
    return overwrites or service.has("TaskAutoDeleteTimeoutMinutes")


def rule_of(site: Site, component: str) -> ComponentRule:
    """The rule of a component. `Refused` when the host's hardware model has no such component."""
    rule = site.model.rule(component)
    if rule is None:
        raise Refused(f"{site.host}: {site.model.name} has no {component}")
    return rule


def versions_of(site: Site, members: tuple[Member, ...]) -> dict[str, str]:
    """Versions by component. `BadAnswer` when an inventory does not fit its hardware model."""
    try:
        return component_versions(members, site.model.components)
    except BadAnswer as error:
        raise BadAnswer(f"{site.host}: {error}") from error


async def _all(bmc: Bmc, root: Document, name: str) -> tuple[Document, ...]:
    return await _collection(bmc, _must(root, name), expand=False)


async def _collection(bmc: Bmc, path: str, *, expand: bool) -> tuple[Document, ...]:
    """The members of a collection, in one answer where the BMC can; each is read where it was not told whole."""
    collection = await bmc.collection(path + _EXPANDED * expand)
    members = collection.members()
    if expand and all(member.has("Id") for member in members):
        return members
    # Members read one by one: one that is gone meanwhile makes the answer partial, which is an error.
    reads = [asyncio.ensure_future(bmc.get(member.path())) for member in members]
    try:
        return tuple(await asyncio.gather(*reads))
    finally:
        for read in reads:
            read.cancel()
        # None of them may outlive the connection.
        await asyncio.gather(*reads, return_exceptions=True)


def _expands(root: Document) -> bool:
    """True when the BMC says that it can put members into their collection's answer."""
    features = root.part("ProtocolFeaturesSupported")
    query = None if features is None else features.part("ExpandQuery")
    return query is not None and query.flag("NoLinks") and query.flag("Levels")


def _member(document: Document) -> Member:
    status = document.part("Status")
    return Member(
        path=document.path(),
        id=document.text("Id"),
        name=document.text_or("Name"),
        software_id=document.text_or("SoftwareId"),
        version=document.text("Version") if document.has("Version") else None,
        state="" if status is None else status.text_or("State"),
    )


def _is(system: Document, model: HardwareModel) -> bool:
    pairs = (
        (model.manufacturer, system.text_or("Manufacturer")),
        (model.model, system.text_or("Model")),
        (model.system or ".*", system.text("Id")),
    )
    return all(re.fullmatch(pattern, text.strip()) for pattern, text in pairs)


def _must(document: Document, name: str) -> str:
    link = document.link(name)
    if link is None:
        raise BadAnswer(f"{document.what}: expected a link under {name!r}, found none")
    return link


def _ids(documents: list[Document]) -> str:
    return ", ".join(document.text("Id") for document in documents)
