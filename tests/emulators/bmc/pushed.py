"""Updates whose image comes in the request's body."""

from email import policy
from email.parser import BytesParser
from typing import Any, Literal

from tests.emulators.bmc.http import Request
from tests.emulators.bmc.image import BadImage, Image, read_image
from tests.emulators.bmc.machine import Refusal


def image(content: bytes) -> Image | str:
    """The image of a body, or why it is none."""
    try:
        return read_image(content)
    except BadImage as bad:
        return str(bad)


def parts(request: Request) -> dict[str, bytes]:
    """The named parts of a multipart body. Raises `Refusal` when it is none."""
    kind = request.headers.get("content-type", "")
    if not kind.lower().startswith("multipart/form-data"):
        raise Refusal(415, "Base.1.19.UnsupportedMediaType", "The body is not multipart/form-data.")
    head = f"Content-Type: {kind}\r\nMIME-Version: 1.0\r\n\r\n".encode()
    message = BytesParser(policy=policy.HTTP).parsebytes(head + request.body)
    found = {}
    for part in message.iter_parts():
        name = part.get_param("name", header="content-disposition")
        content = part.get_payload(decode=True)
        if isinstance(name, str) and isinstance(content, bytes):
            found[name] = content
    return found


def apply_time(value: Any) -> Literal["Immediate", "OnReset"]:
    """The apply time that a request names; Immediate when it names none. Raises `Refusal` for another."""
    if value in (None, "Immediate"):
        return "Immediate"
    if value == "OnReset":
        return "OnReset"
    raise Refusal(400, "Base.1.19.PropertyValueNotInList", f"The apply time {value} is not supported.")
