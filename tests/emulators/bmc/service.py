"""What a BMC answers to a request: who may ask, which resource or action is meant, and the faults of answers."""

import asyncio
import base64
import binascii
import hmac
import json
import uuid
from collections.abc import Awaitable, Callable
from typing import Any

from tests.emulators.bmc import bodies, power, pushed, tree, updates
from tests.emulators.bmc.clock import now
from tests.emulators.bmc.http import Answer, Request
from tests.emulators.bmc.image import BadImage, Image, fetch_image
from tests.emulators.bmc.machine import Bmc, Refusal
from tests.emulators.bmc.spec import FaultKind
from tests.emulators.bmc.updates import Order

_OPEN = ("/redfish", bodies.ROOT)
_SESSIONS = f"{bodies.ROOT}/SessionService/Sessions"
_ALLOW = {_SESSIONS: "GET, HEAD, POST", f"{bodies.ROOT}/UpdateService": "GET, HEAD, PATCH"}
_SECRET_HEADERS = ("authorization:", "x-auth-token:", "cookie:")


class Service:
    """The Redfish service of one BMC."""

    def __init__(self, bmc: Bmc, user: str, password: str) -> None:
        self._bmc = bmc
        self._user = user
        self._password = password
        self._posts: dict[str, Callable[[Request], Awaitable[Answer]]] = {
            _SESSIONS: self._log_in,
            f"{bodies.ROOT}/Systems/1/Actions/ComputerSystem.Reset": self._reset_system,
            f"{bodies.ROOT}/Managers/1/Actions/Manager.Reset": self._reset_manager,
            bodies.PUSH: self._push,
        }
        if bmc.hardware.simple_update:
            self._posts[bodies.SIMPLE_UPDATE] = self._simple_update
        if bmc.hardware.multipart:
            self._posts[bodies.MULTIPART] = self._multipart

    async def answer(self, request: Request) -> Answer:
        """The answer, faults included."""
        if (slow := self._bmc.faults.strike(FaultKind.SLOW, now(), path=request.path)) is not None:
            await asyncio.sleep(slow.delay.total_seconds())
        try:
            answer = await self._sound(request)
        except Refusal as refusal:
            answer = error(refusal.status, refusal.message_id, refusal.text)
        if self._bmc.memory.state.unwritten:
            self._bmc.memory.save()
        if answer.body and self._bmc.faults.strike(FaultKind.MALFORMED, now(), path=request.path) is not None:
            return Answer(answer.status, answer.body[: len(answer.body) // 2], answer.headers)
        return answer

    async def _sound(self, request: Request) -> Answer:
        path = request.path.rstrip("/")
        if not (path in _OPEN or (path == _SESSIONS and request.method == "POST")) and not self._allowed(request):
            return error(401, "Base.1.19.NoValidSession", "There is no valid session.")
        return await self._route(request, path)

    async def _route(self, request: Request, path: str) -> Answer:
        match request.method:
            case "GET" | "HEAD":
                return self._get(path)
            case "POST" if path in self._posts:
                return await self._posts[path](request)
            case "DELETE" if path.startswith(_SESSIONS + "/"):
                return self._log_out(path.rpartition("/")[2])
            case "PATCH" if path == f"{bodies.ROOT}/UpdateService":
                return self._set_push_options(request)
            case _ if self._exists(path):
                return error(405, "Base.1.19.OperationNotAllowed", "The method is not allowed.", Allow="GET, HEAD")
            case _:
                return _not_found(path)

    def _get(self, path: str) -> Answer:
        folder, _, name = path.rpartition("/")
        if folder == tree.MONITORS:
            return self._monitor(name)
        body = tree.resource(self._bmc, self._user, path, now())
        if body is None:
            return _not_found(path)
        allow = {_SESSIONS: "GET, HEAD, POST", f"{bodies.ROOT}/UpdateService": "GET, HEAD, PATCH"}.get(
            path, "GET, HEAD"
        )
        return _json(200, body, Allow=allow)

    def _exists(self, path: str) -> bool:
        return path in self._posts or tree.resource(self._bmc, self._user, path, now()) is not None

    def _monitor(self, name: str) -> Answer:
        task = next((task for task in self._bmc.state.tasks if str(task.id) == name), None)
        if task is None:
            return _not_found(f"{tree.MONITORS}/{name}")
        if task.live:
            return _json(202, tree.task_resource(task, now()), **{"Retry-After": "1"})
        if task.state == "Completed":
            return _json(
                200, {"@Message.ExtendedInfo": [_message("Base.1.19.Success", "The request succeeded.", "OK")]}
            )
        return error(400, task.message_id, task.message)

    def _allowed(self, request: Request) -> bool:
        if self._bmc.faults.strike(FaultKind.WRONG_CREDENTIALS, now()) is not None:
            return False
        if (token := request.headers.get("x-auth-token")) is not None:
            return token in self._bmc.sessions
        kind, _, value = request.headers.get("authorization", "").partition(" ")
        if kind.lower() != "basic":
            return False
        try:
            given = base64.b64decode(value, validate=True)
        except binascii.Error:
            return False
        return hmac.compare_digest(given, f"{self._user}:{self._password}".encode())

    async def _log_in(self, request: Request) -> Answer:
        body = _object(request.body)
        right = body.get("UserName") == self._user and body.get("Password") == self._password
        if not right or self._bmc.faults.strike(FaultKind.WRONG_CREDENTIALS, now()) is not None:
            return error(401, "Base.1.19.ResourceAtUriUnauthorized", "User name and password are wrong.")
        token, name = uuid.uuid4().hex, uuid.uuid4().hex[:8]
        self._bmc.sessions[token] = name
        path = f"{_SESSIONS}/{name}"
        found = tree.resource(self._bmc, self._user, path, now()) or {}
        return _json(201, found, Location=path, **{"X-Auth-Token": token})

    def _log_out(self, name: str) -> Answer:
        tokens = [token for token, session in self._bmc.sessions.items() if session == name]
        if not tokens:
            return _not_found(f"{_SESSIONS}/{name}")
        del self._bmc.sessions[tokens[0]]
        return Answer(204)

    async def _reset_system(self, request: Request) -> Answer:
        power.reset_system(self._bmc, str(_object(request.body).get("ResetType", "On")), now())
        return Answer(204)

    async def _reset_manager(self, request: Request) -> Answer:
        power.reset_manager(self._bmc, str(_object(request.body).get("ResetType", "ForceRestart")), now())
        return Answer(204)

    def _set_push_options(self, request: Request) -> Answer:
        options = _object(request.body).get("HttpPushUriOptions", {})
        self._bmc.push_apply = pushed.apply_time(options.get("HttpPushUriApplyTime", {}).get("ApplyTime"))
        return Answer(204)

    async def _simple_update(self, request: Request) -> Answer:
        body = _object(request.body)
        uri = body.get("ImageURI")
        if not isinstance(uri, str):
            raise Refusal(400, "Base.1.19.ActionParameterMissing", "The parameter ImageURI is required.")
        try:
            image: Image | str = await asyncio.to_thread(fetch_image, uri)
        except BadImage as bad:
            image = str(bad)
        return self._begin(request, image, body, request.body.decode())

    async def _push(self, request: Request) -> Answer:
        return self._begin(
            request, pushed.image(request.body), {"@Redfish.OperationApplyTime": self._bmc.push_apply}, ""
        )

    async def _multipart(self, request: Request) -> Answer:
        parts = pushed.parts(request)
        if not {"UpdateParameters", "UpdateFile"} <= parts.keys():
            raise Refusal(400, "Base.1.19.ActionParameterMissing", "UpdateParameters and UpdateFile are required.")
        text = parts["UpdateParameters"]
        return self._begin(request, pushed.image(parts["UpdateFile"]), _object(text), text.decode())

    def _begin(self, request: Request, image: Image | str, options: dict[str, Any], json_body: str) -> Answer:
        targets = options.get("Targets") or []
        if not isinstance(targets, list):
            raise Refusal(400, "Base.1.19.PropertyValueTypeError", "Targets is an array.")
        headers = [line for line in request.header_lines if not line.lower().startswith(_SECRET_HEADERS)]
        apply = pushed.apply_time(options.get("@Redfish.OperationApplyTime"))
        order = Order(image, tuple(map(str, targets)), apply, request.path, headers, json_body)
        at = now()
        task = updates.begin(self._bmc, order, at)
        if self._bmc.faults.strike(FaultKind.BAD_MONITOR, at, component=task.component) is not None:
            return Answer(202, headers={"Location": f"{tree.MONITORS}/none"})
        location = {"Location": f"{tree.MONITORS}/{task.id}", "Retry-After": "1"}
        return _json(202, tree.task_resource(task, at), **location)


def error(status: int, message_id: str, text: str, **headers: str) -> Answer:
    """A Redfish error."""
    message = _message(message_id, text, "Critical")
    body = {"error": {"code": message_id, "message": text, "@Message.ExtendedInfo": [message]}}
    return _json(status, body, **headers)


def _message(message_id: str, text: str, severity: str) -> dict[str, Any]:
    return {
        "@odata.type": "#Message.v1_2_0.Message",
        "MessageId": message_id,
        "Message": text,
        "MessageSeverity": severity,
    }


def _json(status: int, body: dict[str, Any], **headers: str) -> Answer:
    return Answer(status, json.dumps(body).encode(), headers)


def _not_found(path: str) -> Answer:
    return error(404, "Base.1.19.ResourceMissingAtURI", f"There is no resource at {path}.")


def _object(body: bytes) -> dict[str, Any]:
    try:
        found = json.loads(body or b"{}")
    except ValueError as bad:
        raise Refusal(400, "Base.1.19.MalformedJSON", "The body is no JSON.") from bad
    if not isinstance(found, dict):
        raise Refusal(400, "Base.1.19.UnrecognizedRequestBody", "The body is no JSON object.")
    return found
