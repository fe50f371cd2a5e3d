"""The lab's fleet file fits where the lab runs."""

import getpass
import re
import socket
from pathlib import Path

import pytest

from starter.fleetfile import read_fleet
from tests.lab.fleetfile import EXAMPLE, fitted


@pytest.mark.parametrize(("port", "address"), [(11022, "127.1.0.1"), (11443, "127.2.0.1")])
def test_a_port_that_is_taken_is_replaced_in_a_copy(tmp_path: Path, port: int, address: str) -> None:
    assert f"{port}" in EXAMPLE.read_text()
    with socket.socket() as taken:
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            taken.bind((address, port))
            taken.listen()
        except OSError:
            pass  # by a lab that runs just now, which is as good

        file = fitted(tmp_path)

    assert file != EXAMPLE
    assert not re.search(rf"\b{port}\b", file.read_text())
    assert getpass.getuser() == read_fleet(file)[0].clusters[0].drivers.hardware.ssh.user
