"""Whether a BMC has nothing under way that an update or a boot would disturb, by its tasks and what they wait for."""

from drivers.redfish.activation import Activations
from drivers.redfish.bmctask import BmcTask
from drivers.redfish.reading import Site, rule_of, versions_of
from drivers.redfish.updates import Updates
from drivers.redfish.wording import state_of
from fleet.errors import Refused
from fleet.models.hardware import TaskState


async def check_free(site: Site, updates: Updates, activations: Activations, *, booting: bool = False) -> None:
    """Raise `Refused` while any update of this BMC runs, whoever began it; before a boot, while any writes."""
    last: dict[str, tuple[BmcTask, str]] = {}
    for task, name in updates.tasks:
        rule = None if name is None else site.model.rule(name[0])
        if task.live or (not booting and state_of(task, rule)[0] is TaskState.RUNNING):
            what = f"{name[0]} {name[1]}" if name else "something"
            raise Refused(f"{site.host}: its BMC is updating {what} (task {task.id}, {task.state})")
        if name is not None and rule is not None:
            last[name[0]] = (task, name[1])
    if booting:
        return
    reported = versions_of(site, updates.members)
    for component, (task, version) in last.items():
        if not task.done:
            continue
        own = rule_of(site, component)
        known = await activations.waits(site, task, own, version, reported.get(component))
        if known is not None:
            raise Refused(f"{site.host}: {component} {version} is {known.why}")
