"""A BMC of the farm as a Redfish service: who may ask, what it shows; and a client of others gets along with it."""

import functools
import threading
from collections.abc import Iterator
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

import pytest
import sushy
from sushy.auth import BasicAuth

from tests.emulators.bmc import Farm
from tests.emulators.bmc.bodies import INVENTORY, ROOT
from tests.emulators.bmc.client import Client


def test_only_the_service_root_is_open_to_everybody(bmc: Client) -> None:
    assert [200, 200, 401, 401] == [
        bmc.ask("GET", path, headers={}).status
        for path in ("/redfish", f"{ROOT}/", f"{ROOT}/Systems", f"{ROOT}/Nothing")
    ]


def test_a_wrong_password_is_refused(farm: Farm, host: str) -> None:
    assert 401 == Client(farm, host, password="guess").get("Systems").status


def test_a_session_lets_in_until_it_is_deleted(farm: Farm, bmc: Client) -> None:
    sessions = f"{ROOT}/SessionService/Sessions"
    opened = bmc.ask("POST", sessions, headers={}, UserName=farm.spec.user, Password=farm.spec.password)
    token = {"X-Auth-Token": opened.headers["x-auth-token"]}

    assert (201, 200) == (opened.status, bmc.ask("GET", f"{ROOT}/Systems", headers=token).status)
    assert 204 == bmc.ask("DELETE", opened.headers["location"], headers=token).status
    assert 401 == bmc.ask("GET", f"{ROOT}/Systems", headers=token).status


def test_the_inventory_lists_bmc_bios_nic_and_eight_gpus(bmc: Client) -> None:
    members = [m["@odata.id"].rpartition("/")[2] for m in bmc.get(INVENTORY).body["Members"]]

    assert ["BMC", "BIOS", "NIC_0", *(f"FW_GPU_{n}" for n in range(8))] == members


@pytest.fixture
def image_server(farm: Farm) -> Iterator[str]:
    handler = functools.partial(SimpleHTTPRequestHandler, directory=str(farm.spec.folder / "images"))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        serving = threading.Thread(target=server.serve_forever)
        serving.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        serving.join()


def test_a_foreign_client_reads_updates_and_resets(farm: Farm, bmc: Client, host: str, image_server: str) -> None:
    auth = BasicAuth(farm.spec.user, farm.spec.password)
    root = sushy.Sushy(farm.address(host), auth=auth, verify=str(farm.ca))
    inventory = {m.identity: m.version for m in root.get_update_service().firmware_inventory.get_members()}
    assert farm.versions(host) == inventory

    uri = f"{image_server}/{farm.image('bios', '2.2.0').name}"
    monitor = root.get_update_service().simple_update(uri)
    assert monitor.is_processing
    assert "Completed" == bmc.ended()["TaskState"]
    root.get_system().reset_system(sushy.ResetType.FORCE_RESTART)
    assert "2.2.0" == bmc.version("BIOS")
