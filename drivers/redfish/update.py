"""Sending one update to a BMC, by the BMC's own fetching or by pushing the image."""

import asyncio
import hashlib
import json
import os
import uuid
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import BinaryIO

from drivers.images import Images
from drivers.redfish.bmctask import sender
from drivers.redfish.connection import Answer
from drivers.redfish.document import Document
from drivers.redfish.reading import Site
from fleet.errors import Refused
from fleet.models.images import Image
from fleet.models.redfish import ApplyTime, ComponentRule, UpdateWay
from fleet.policy.inventory import Member, members_of
from fleet.ports.fence import Fence

_PIECE = 1 << 18
_SIMPLE = "#UpdateService.SimpleUpdate"
_TIMES = {ApplyTime.IMMEDIATE: "Immediate", ApplyTime.ON_RESET: "OnReset"}


@dataclass(frozen=True)
class Sent:
    """What is sent: an image by a component's rule. `again`: in the version that is in effect already."""

    rule: ComponentRule
    image: Image
    again: bool

    @property
    def sender(self) -> str:
        """What the request calls its sender."""
        return sender(self.image.component, self.image.version, again=self.again)


class Sending:
    """Sends updates. `within` is the time in seconds that one push may take."""

    def __init__(self, images: Images, within: float) -> None:
        self._images, self._within = images, within

    async def send(
        self, site: Site, service: Document, sent: Sent, members: tuple[Member, ...], fence: Fence
    ) -> Answer:
        """Check the image, then begin the update. `Refused` when the BMC or the image does not allow it."""
        parameters = _parameters(sent.rule, members)
        if sent.rule.way is UpdateWay.SIMPLE:
            return await self._simple(site, service, sent, parameters, fence)
        return await self._push(site, service, sent, parameters, fence)

    async def _simple(
        self, site: Site, service: Document, sent: Sent, parameters: dict[str, object], fence: Fence
    ) -> Answer:
        actions = service.part("Actions")
        action = None if actions is None else actions.part(_SIMPLE)
        if action is None:
            raise Refused(f"{site.host}: its BMC fetches no images itself (no SimpleUpdate)")
        uri = await self._images.served(sent.image)
        body = {"ImageURI": uri, "TransferProtocol": uri.partition(":")[0].upper(), **parameters}
        target = site.bmc.own_path(action.text("target"), action.what)
        return await site.bmc.post(target, body, fence, {"User-Agent": sent.sender})

    async def _push(
        self, site: Site, service: Document, sent: Sent, parameters: dict[str, object], fence: Fence
    ) -> Answer:
        rule, image = sent.rule, sent.image
        if not service.has("MultipartHttpPushUri"):
            raise Refused(f"{site.host}: its BMC takes no pushed images (no MultipartHttpPushUri)")
        path = site.bmc.own_path(service.text("MultipartHttpPushUri"), service.what)
        boundary = f"maintrain-{uuid.uuid4().hex}"
        texts: dict[str, object] = {"UpdateParameters": parameters | ({"ForceUpdate": True} if rule.force else {})}
        if rule.oem is not None:
            texts["OemParameters"] = rule.oem
        head, tail = _around(boundary, texts, image.file_name)
        async with self._images.opened(image) as file:
            size = len(head) + os.fstat(file.fileno()).st_size + len(tail)
            headers = {
                "Content-Type": f"multipart/form-data; boundary={boundary}",
                # A request that stays short of its length is one that never was.
                "Content-Length": str(size),
                "User-Agent": sent.sender,
            }
            return await site.bmc.push(path, _content(head, file, image), tail, headers, fence, self._within)


def check_open(site: Site, service: Document) -> None:
    """Raise `Refused` when the update service says itself that it takes no update now."""
    status = service.part("Status")
    state = "" if status is None else status.text_or("State")
    disabled = service.has("ServiceEnabled") and not service.flag("ServiceEnabled")
    if disabled or state in ("Updating", "Disabled"):
        raise Refused(f"{site.host}: its update service takes no update now ({state or 'disabled'})")
    if service.flag("HttpPushUriTargetsBusy"):
        raise Refused(f"{site.host}: its update service is reserved by another client")


def _parameters(rule: ComponentRule, members: tuple[Member, ...]) -> dict[str, object]:
    targets = [m.path for m in members_of(members, rule)] if rule.target_members else list(rule.targets)
    parameters: dict[str, object] = {"Targets": targets} if targets else {}
    if rule.apply_time is not None:
        parameters["@Redfish.OperationApplyTime"] = _TIMES[rule.apply_time]
    return parameters


def _around(boundary: str, texts: dict[str, object], file_name: str) -> tuple[bytes, bytes]:
    """What stands before and after the file."""
    head = "".join(
        f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"\r\n'
        f"Content-Type: application/json\r\n\r\n{json.dumps(value)}\r\n"
        for name, value in texts.items()
    )
    head += (
        f'--{boundary}\r\nContent-Disposition: form-data; name="UpdateFile"; filename="{file_name}"\r\n'
        "Content-Type: application/octet-stream\r\n\r\n"
    )
    return head.encode(), f"\r\n--{boundary}--\r\n".encode()


async def _content(head: bytes, file: BinaryIO, image: Image) -> AsyncIterator[bytes]:
    """The request's body but for its last bytes, which nothing but the listed image gets."""
    digest = hashlib.sha256()
    yield head
    while piece := await asyncio.to_thread(file.read, _PIECE):
        digest.update(piece)
        yield piece
    if digest.hexdigest() != image.sha256:
        raise Refused(f"{image.component} {image.version}: {image.file_name} changed while it was sent")
