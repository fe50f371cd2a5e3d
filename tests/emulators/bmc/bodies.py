"""The fixed resources of a BMC's Redfish service."""

from datetime import UTC, datetime
from typing import Any

from tests.emulators.bmc import power
from tests.emulators.bmc.machine import Bmc

ROOT = "/redfish/v1"
INVENTORY = f"{ROOT}/UpdateService/FirmwareInventory"
SIMPLE_UPDATE = f"{ROOT}/UpdateService/Actions/UpdateService.SimpleUpdate"
PUSH = f"{ROOT}/UpdateService/update"
MULTIPART = f"{ROOT}/UpdateService/update-multipart"
APPLY_TIMES = ["Immediate", "OnReset"]

Json = dict[str, Any]
OK = {"State": "Enabled", "Health": "OK"}


def moment(at: float) -> str:
    """A time as Redfish writes it."""
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="seconds")


def link(path: str) -> Json:
    """A reference to a resource."""
    return {"@odata.id": path}


def service_root(bmc: Bmc, user: str, at: float) -> Json:
    """The entry to the service."""
    return {
        "@odata.type": "#ServiceRoot.v1_16_0.ServiceRoot",
        "Id": "RootService",
        "Name": "Root Service",
        "RedfishVersion": "1.20.0",
        "UUID": bmc.state.uuid,
        "Vendor": bmc.hardware.manufacturer,
        "Product": f"{bmc.hardware.model} BMC",
        "Systems": link(f"{ROOT}/Systems"),
        "Managers": link(f"{ROOT}/Managers"),
        "Chassis": link(f"{ROOT}/Chassis"),
        "UpdateService": link(f"{ROOT}/UpdateService"),
        "Tasks": link(f"{ROOT}/TaskService"),
        "SessionService": link(f"{ROOT}/SessionService"),
        "AccountService": link(f"{ROOT}/AccountService"),
        "Links": {"Sessions": link(f"{ROOT}/SessionService/Sessions")},
    }


def session_service(bmc: Bmc, user: str, at: float) -> Json:
    """Sessions of clients."""
    return {
        "@odata.type": "#SessionService.v1_1_9.SessionService",
        "Id": "SessionService",
        "Name": "Session Service",
        "ServiceEnabled": True,
        "SessionTimeout": 1800,
        "Status": OK,
        "Sessions": link(f"{ROOT}/SessionService/Sessions"),
    }


def account_service(bmc: Bmc, user: str, at: float) -> Json:
    """Accounts."""
    return {
        "@odata.type": "#AccountService.v1_15_0.AccountService",
        "Id": "AccountService",
        "Name": "Account Service",
        "ServiceEnabled": True,
        "Status": OK,
        "Accounts": link(f"{ROOT}/AccountService/Accounts"),
        "Roles": link(f"{ROOT}/AccountService/Roles"),
    }


def account(bmc: Bmc, user: str, at: float) -> Json:
    """The one account."""
    role = f"{ROOT}/AccountService/Roles/Administrator"
    return {
        "@odata.type": "#ManagerAccount.v1_12_0.ManagerAccount",
        "Id": "1",
        "Name": "Account of the lab",
        "UserName": user,
        "Password": None,
        "RoleId": "Administrator",
        "AccountTypes": ["Redfish"],
        "Enabled": True,
        "Locked": False,
        "Links": {"Role": link(role)},
    }


def role(bmc: Bmc, user: str, at: float) -> Json:
    """The one role."""
    privileges = ["Login", "ConfigureManager", "ConfigureUsers", "ConfigureSelf", "ConfigureComponents"]
    return {
        "@odata.type": "#Role.v1_3_1.Role",
        "Id": "Administrator",
        "Name": "Administrator",
        "RoleId": "Administrator",
        "IsPredefined": True,
        "AssignedPrivileges": privileges,
    }


def _running(bmc: Bmc, component: str) -> str | None:
    return next((bmc.state.firmware[m.id].running for m in bmc.hardware.members if m.component == component), None)


def system(bmc: Bmc, user: str, at: float) -> Json:
    """The host."""
    path = f"{ROOT}/Systems/1"
    return {
        "@odata.type": "#ComputerSystem.v1_22_0.ComputerSystem",
        "Id": "1",
        "Name": bmc.state.host,
        "HostName": bmc.state.host,
        "SystemType": "Physical",
        "Manufacturer": bmc.hardware.manufacturer,
        "Model": bmc.hardware.model,
        "SerialNumber": f"SN-{bmc.state.host}",
        "UUID": bmc.state.uuid,
        "PowerState": bmc.state.power,
        "BiosVersion": _running(bmc, "bios"),
        "Status": {"State": "Enabled" if bmc.state.power == "On" else "StandbyOffline", "Health": "OK"},
        "Links": {"Chassis": [link(f"{ROOT}/Chassis/1")], "ManagedBy": [link(f"{ROOT}/Managers/1")]},
        "Actions": {
            "#ComputerSystem.Reset": {
                "target": f"{path}/Actions/ComputerSystem.Reset",
                "ResetType@Redfish.AllowableValues": list(power.SYSTEM_RESETS),
            }
        },
    }


def manager(bmc: Bmc, user: str, at: float) -> Json:
    """The BMC itself."""
    path = f"{ROOT}/Managers/1"
    return {
        "@odata.type": "#Manager.v1_19_0.Manager",
        "Id": "1",
        "Name": "BMC",
        "ManagerType": "BMC",
        "UUID": bmc.state.uuid,
        "FirmwareVersion": _running(bmc, "bmc"),
        "LastResetTime": moment(bmc.state.began if bmc.state.last_reset is None else bmc.state.last_reset),
        "Status": OK,
        "Links": {
            "ManagerForServers": [link(f"{ROOT}/Systems/1")],
            "ManagerForChassis": [link(f"{ROOT}/Chassis/1")],
        },
        "Actions": {
            "#Manager.Reset": {
                "target": f"{path}/Actions/Manager.Reset",
                "ResetType@Redfish.AllowableValues": list(power.MANAGER_RESETS),
            }
        },
    }


def chassis(bmc: Bmc, user: str, at: float) -> Json:
    """The host's chassis."""
    return {
        "@odata.type": "#Chassis.v1_25_0.Chassis",
        "Id": "1",
        "Name": f"Chassis of {bmc.state.host}",
        "ChassisType": "RackMount",
        "Manufacturer": bmc.hardware.manufacturer,
        "Model": bmc.hardware.model,
        "SerialNumber": f"SN-{bmc.state.host}",
        "PowerState": bmc.state.power,
        "Status": OK,
        "Links": {
            "ComputerSystems": [link(f"{ROOT}/Systems/1")],
            "ManagedBy": [link(f"{ROOT}/Managers/1")],
        },
    }


def update_service(bmc: Bmc, user: str, at: float) -> Json:
    """What updates are possible."""
    body: Json = {
        "@odata.type": "#UpdateService.v1_14_0.UpdateService",
        "Id": "UpdateService",
        "Name": "Update Service",
        "ServiceEnabled": True,
        "Status": OK,
        "HttpPushUri": PUSH,
        "HttpPushUriOptions": {"HttpPushUriApplyTime": {"ApplyTime": bmc.push_apply}},
        "FirmwareInventory": link(INVENTORY),
        "Actions": {},
    }
    if bmc.hardware.multipart:
        body["MultipartHttpPushUri"] = MULTIPART
    if bmc.hardware.simple_update:
        body["Actions"]["#UpdateService.SimpleUpdate"] = {
            "target": SIMPLE_UPDATE,
            "TransferProtocol@Redfish.AllowableValues": ["HTTP", "HTTPS", "FILE"],
            "@Redfish.OperationApplyTimeSupport": {
                "@odata.type": "#Settings.v1_4_0.OperationApplyTimeSupport",
                "SupportedValues": APPLY_TIMES,
            },
        }
    return body


def task_service(bmc: Bmc, user: str, at: float) -> Json:
    """Tasks."""
    return {
        "@odata.type": "#TaskService.v1_2_1.TaskService",
        "Id": "TaskService",
        "Name": "Task Service",
        "ServiceEnabled": True,
        "DateTime": moment(at),
        "CompletedTaskOverWritePolicy": "Manual",
        "LifeCycleEventOnTaskStateChange": False,
        "Status": OK,
        "Tasks": link(f"{ROOT}/TaskService/Tasks"),
    }
