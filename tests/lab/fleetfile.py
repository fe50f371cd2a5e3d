"""The lab's fleet file: the example as it is, or a copy that fits where the lab runs."""

import getpass
import re
import socket
from pathlib import Path

from starter.demo.slurm_conf import free_ports

EXAMPLE = Path(__file__).parents[2] / "examples" / "loopback-lab.yaml"
_USER = re.compile(r"^( +user:) root\b", re.MULTILINE)
_PORTS = ((11022, "127.1.0.1"), (11443, "127.2.0.1"))
"""Ports of SSH servers and BMCs in the example, and where the first of them listens."""


def fitted(folder: Path) -> Path:
    """The example; or a copy in `folder`, for another user than root, since SSH lets nobody else in, and with other
    ports where its own are taken.
    """
    example = EXAMPLE.read_text()
    text = _USER.sub(rf"\1 {getpass.getuser()}", example)
    for port, address in _PORTS:
        if _taken(address, port):
            text = re.sub(rf"\b{port}\b", str(free_ports(1)[0]), text)
    if text == example:
        return EXAMPLE
    copy = folder / EXAMPLE.name
    copy.write_text(text)
    return copy


def _taken(address: str, port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((address, port))
        except OSError:
            return True
    return False
