"""The Redfish resources of a BMC by their paths, as functions of its state."""

from collections.abc import Callable

from tests.emulators.bmc import bodies, updates
from tests.emulators.bmc.bodies import INVENTORY, OK, ROOT, Json, link, moment
from tests.emulators.bmc.machine import Bmc
from tests.emulators.bmc.state import Task

MONITORS = f"{ROOT}/TaskService/TaskMonitors"
_ERROR_STATUS = {"Exception": "Critical"}


def resource(bmc: Bmc, user: str, path: str, at: float) -> Json | None:
    """What GET answers for a path without a slash at its end, or None."""
    if path == "/redfish":
        return {"v1": f"{ROOT}/"}
    if (fixed := _FIXED.get(path)) is not None:
        return {"@odata.id": path, **fixed(bmc, user, at)}
    folder, _, name = path.rpartition("/")
    if (member := _MEMBERS.get(folder)) is not None and (found := member(bmc, name, at)) is not None:
        return {"@odata.id": path, **found}
    return None


def task_resource(task: Task, at: float) -> Json:
    """A task of the TaskService."""
    message: Json = {
        "@odata.type": "#Message.v1_2_0.Message",
        "MessageId": task.message_id,
        "Message": task.message,
        "MessageSeverity": "OK" if task.state == "Completed" else "Critical",
        "MessageArgs": [],
    }
    body: Json = {
        "@odata.id": f"{ROOT}/TaskService/Tasks/{task.id}",
        "@odata.type": "#Task.v1_7_0.Task",
        "Id": str(task.id),
        "Name": f"Update {task.id}",
        "TaskState": task.state,
        "TaskStatus": _ERROR_STATUS.get(task.state, "OK"),
        "PercentComplete": updates.percent(task, at),
        "StartTime": moment(task.created),
        "TaskMonitor": f"{MONITORS}/{task.id}",
        "HidePayload": False,
        "Payload": {
            "TargetUri": task.target_uri,
            "HttpOperation": "POST",
            "HttpHeaders": task.headers,
            "JsonBody": task.json_body,
        },
        "Messages": [message] if task.message_id and not task.live else [],
    }
    if task.ended is not None:
        body["EndTime"] = moment(task.ended)
    return body


def _collection(kind: str, name: str, members: list[str]) -> Json:
    links = [link(member) for member in members]
    return {
        "@odata.type": f"#{kind}.{kind}",
        "Name": name,
        "Members": links,
        "Members@odata.count": len(links),
    }


def _firmware(bmc: Bmc, name: str, at: float) -> Json | None:
    member = bmc.members.get(name)
    if member is None:
        return None
    return {
        "@odata.type": "#SoftwareInventory.v1_10_0.SoftwareInventory",
        "Id": member.id,
        "Name": member.name or member.id,
        "Manufacturer": bmc.hardware.manufacturer,
        "Version": bmc.state.firmware[name].running,
        "SoftwareId": member.component,
        "Updateable": member.updateable,
        "Status": OK,
        "RelatedItem": [link(member.related)],
    }


def _task(bmc: Bmc, name: str, at: float) -> Json | None:
    return next((task_resource(task, at) for task in bmc.state.tasks if str(task.id) == name), None)


def _session(bmc: Bmc, name: str, at: float) -> Json | None:
    if name not in bmc.sessions.values():
        return None
    body = {"@odata.type": "#Session.v1_7_0.Session", "Id": name, "Name": f"Session {name}"}
    return {"@odata.id": f"{ROOT}/SessionService/Sessions/{name}", **body}


def _listing(kind: str, name: str, *members: str) -> Callable[[Bmc, str, float], Json]:
    return lambda bmc, user, at: _collection(kind, name, list(members))


_FIXED: dict[str, Callable[[Bmc, str, float], Json]] = {
    ROOT: bodies.service_root,
    f"{ROOT}/SessionService": bodies.session_service,
    f"{ROOT}/SessionService/Sessions": lambda bmc, user, at: _collection(
        "SessionCollection", "Sessions", [f"{ROOT}/SessionService/Sessions/{s}" for s in bmc.sessions.values()]
    ),
    f"{ROOT}/AccountService": bodies.account_service,
    f"{ROOT}/AccountService/Accounts": _listing(
        "ManagerAccountCollection", "Accounts", f"{ROOT}/AccountService/Accounts/1"
    ),
    f"{ROOT}/AccountService/Accounts/1": bodies.account,
    f"{ROOT}/AccountService/Roles": _listing("RoleCollection", "Roles", f"{ROOT}/AccountService/Roles/Administrator"),
    f"{ROOT}/AccountService/Roles/Administrator": bodies.role,
    f"{ROOT}/Systems": _listing("ComputerSystemCollection", "Systems", f"{ROOT}/Systems/1"),
    f"{ROOT}/Systems/1": bodies.system,
    f"{ROOT}/Managers": _listing("ManagerCollection", "Managers", f"{ROOT}/Managers/1"),
    f"{ROOT}/Managers/1": bodies.manager,
    f"{ROOT}/Chassis": _listing("ChassisCollection", "Chassis", f"{ROOT}/Chassis/1"),
    f"{ROOT}/Chassis/1": bodies.chassis,
    f"{ROOT}/UpdateService": bodies.update_service,
    INVENTORY: lambda bmc, user, at: _collection(
        "SoftwareInventoryCollection", "Firmware", [f"{INVENTORY}/{name}" for name in bmc.members]
    ),
    f"{ROOT}/TaskService": bodies.task_service,
    f"{ROOT}/TaskService/Tasks": lambda bmc, user, at: _collection(
        "TaskCollection", "Tasks", [f"{ROOT}/TaskService/Tasks/{task.id}" for task in bmc.state.tasks]
    ),
}
_MEMBERS: dict[str, Callable[[Bmc, str, float], Json | None]] = {
    INVENTORY: _firmware,
    f"{ROOT}/TaskService/Tasks": _task,
    f"{ROOT}/SessionService/Sessions": _session,
}
