"""What the lab holds against a cycle at its end."""

import pytest

from tests.lab.faults import FAULTS
from tests.lab.verdict import owner_breaches, unstruck, version_breaches

DESIRED = {"bmc": "1.1", "kernel": "6.8"}
REASON = "maintrain:repair:visit/c/p/1/d/1#gpu002"
STRUCK = {
    "gpu003": frozenset[str](),
    "gpu005": frozenset({"unchanged"}),
    "gpu010": frozenset({"vanishes"}),
    "gpu012": frozenset({"gpu_slow"}),
    "gpu016": frozenset({"install_fails"}),
}


def test_hosts_in_production_must_carry_what_boarded_and_hosts_that_are_out_need_not() -> None:
    found = {"gpu001": {"bmc": "1.1", "kernel": "6.7"}, "gpu002": {"bmc": "1.0"}, "gpu003": DESIRED}

    assert ["gpu001 is in production with kernel 6.7, 6.8 boarded"] == version_breaches(found, DESIRED, ["gpu002"])
    assert 3 == len(version_breaches(found, DESIRED, []))


@pytest.mark.parametrize(
    ("leases", "reason", "breach"),
    [
        ([("gpu002", "failed")], REASON, ""),
        ([], REASON, "no lease holds it as failed"),
        ([("gpu002", "planned")], REASON, "no lease holds it as failed"),
        ([("gpu002", "failed"), ("gpu003", "failed")], REASON, "gpu003 is leased as failed, and not in repair"),
        ([("gpu002", "failed")], "admin: fan", "drained as 'admin: fan'"),
    ],
)
def test_a_host_in_repair_has_a_lease_and_a_drain_that_say_so(
    leases: list[tuple[str, str]], reason: str, breach: str
) -> None:
    ledger = {"leases": [{"host": host, "counted": counted} for host, counted in leases]}

    found = owner_breaches(ledger, ["gpu002"], {"gpu002": reason})

    assert bool(breach) == bool(found)
    assert breach in " ".join(found)


def test_a_fault_that_never_struck_is_told() -> None:
    assert [] == unstruck(STRUCK, slow_answer=0.5)
    assert {f.host for f in FAULTS} == STRUCK.keys()
    for host in STRUCK:
        told = unstruck({**STRUCK, host: frozenset()}, slow_answer=0.001 if host == "gpu003" else 0.5)
        assert [host] == [line.split()[3] for line in told]
