"""A small Redfish service whose resources a test writes itself: for shapes that the farm does not show."""

import copy
import http.server
import json
import threading
from collections.abc import Callable
from typing import Any

ROOT = "/redfish/v1"
UPDATES = f"{ROOT}/UpdateService"
INVENTORY = f"{UPDATES}/FirmwareInventory"
TASKS = f"{ROOT}/TaskService/Tasks"
Json = dict[str, Any]


def link(path: str) -> Json:
    return {"@odata.id": path}


def collection(*members: Json) -> Json:
    return {"Members": list(members), "Members@odata.count": len(members)}


def member(name: str, version: str | None, **more: Any) -> Json:
    return {"@odata.id": f"{INVENTORY}/{name}", "Id": name, "Name": name, "Version": version, **more}


def task(identity: str, **more: Any) -> Json:
    plain = {"@odata.id": f"{TASKS}/{identity}", "Id": identity, "Name": f"Task {identity}", "TaskState": "Completed"}
    return plain | {"TaskStatus": "OK", "PercentComplete": 100} | more


def plain_bmc() -> dict[str, Any]:
    """A sound BMC's resources, by path."""
    return {
        f"{ROOT}/": {
            "Systems": link(f"{ROOT}/Systems"),
            "Managers": link(f"{ROOT}/Managers"),
            "UpdateService": link(UPDATES),
            "Tasks": link(f"{ROOT}/TaskService"),
        },
        f"{ROOT}/Systems": collection(link(f"{ROOT}/Systems/1")),
        f"{ROOT}/Systems/1": {
            "@odata.id": f"{ROOT}/Systems/1",
            "Id": "1",
            "Manufacturer": "Odd",
            "Model": "One",
            "PowerState": "On",
            "Actions": {
                "#ComputerSystem.Reset": {
                    "target": f"{ROOT}/Systems/1/Actions/ComputerSystem.Reset",
                    "ResetType@Redfish.AllowableValues": ["On", "ForceOff"],
                }
            },
        },
        UPDATES: {"FirmwareInventory": link(INVENTORY), "MultipartHttpPushUri": "/mfwupdate"},
        INVENTORY: collection(link(f"{INVENTORY}/BMC"), link(f"{INVENTORY}/BIOS")),
        f"{INVENTORY}/BMC": member("BMC", "1.0"),
        f"{INVENTORY}/BIOS": member("BIOS", "2.0"),
        f"{ROOT}/TaskService": {"Tasks": link(TASKS)},
        TASKS: collection(),
    }


class OddBmc:
    """Serves resources on loopback, without TLS. `answers` are the answers to POSTs: status, headers, body."""

    def __init__(self) -> None:
        self.resources = copy.deepcopy(plain_bmc())
        self.posts: list[tuple[str, dict[str, str], bytes]] = []
        self.asked: list[str] = []
        self.answer: Callable[[str], tuple[int, dict[str, str], Any]] = lambda path: (204, {}, None)
        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01})
        self.address = f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> "OddBmc":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def show_tasks(self, *tasks: Json) -> None:
        """The tasks that it knows of."""
        self.resources[TASKS] = collection(*(link(shown["@odata.id"]) for shown in tasks))
        self.resources |= {shown["@odata.id"]: shown for shown in tasks}


def _handler(bmc: OddBmc) -> type[http.server.BaseHTTPRequestHandler]:
    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def do_GET(self) -> None:
            bmc.asked.append(self.path)
            body = bmc.resources.get(self.path)
            self._say(404, {}, {}) if body is None else self._say(200, {}, body)

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            bmc.posts.append((self.path, dict(self.headers), body))
            self._say(*bmc.answer(self.path))

        def _say(self, status: int, headers: dict[str, str], body: Any) -> None:
            data = b"" if body is None else body if isinstance(body, bytes) else json.dumps(body).encode()
            self.send_response(status)
            for name, value in {**headers, "Content-Length": str(len(data))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, *_: object) -> None:
            pass

    return Handler
