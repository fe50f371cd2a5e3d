"""Addresses of hosts and of their BMCs, made of a template."""

import pytest

from fleet.errors import InvalidInput
from fleet.models.redfish import Redfish
from fleet.policy.addressing import address_of


@pytest.mark.parametrize(
    ("template", "host", "address"),
    [
        ("{host}", "gpu007", "gpu007"),
        ("{host}-bmc.example.org", "gpu007", "gpu007-bmc.example.org"),
        ("https://10.0.2.{number}:8443", "gpu007", "https://10.0.2.7:8443"),
        ("10.0.{number}.1", "rack2-node120", "10.0.120.1"),
        ("10.0.0.{number}", "gpu000", "10.0.0.0"),
        ("bastion", "login", "bastion"),
    ],
)
def test_a_template_is_filled_with_the_name_or_the_number_at_its_end(template: str, host: str, address: str) -> None:
    assert address == address_of("ssh", template, host)


def test_a_name_without_a_number_is_told_where_one_is_wanted() -> None:
    with pytest.raises(InvalidInput, match=r"redfish: address: login ends with no number for \{number\}"):
        address_of("redfish", "https://10.0.2.{number}", "login")


def test_the_address_of_a_bmc_may_have_a_number() -> None:
    options = {"user": {"env": "U"}, "password": {"env": "P"}, "models": [{"name": "any", "components": []}]}

    address = Redfish.model_validate({"address": "https://10.0.2.{number}", **options}).address

    assert "https://10.0.2.{number}" == address
