"""The emergency that takes an offboarded rollout back: what it is called, for whom it is, and how wide."""

from hypothesis import given, settings
from hypothesis import strategies as st

from fleet.models.base import NAME_PATTERN, VERSION_PATTERN
from fleet.models.emergency import EmergencyHostState, EmergencySpec
from fleet.policy.taking_back import emergency_of_rollout, taking_back
from tests.host_policy.build import NOW, cluster
from tests.rollouts.make import host, rollout, spec

names, versions = st.from_regex(NAME_PATTERN, fullmatch=True), st.from_regex(VERSION_PATTERN, fullmatch=True)
MEMBERS = [host(f"gpu{number:03}", rack=f"r{(number - 1) // 4}") for number in range(1, 17)]


@settings(max_examples=100)
@given(component=names, version=versions, other=versions)
def test_every_rollout_has_an_emergency_of_its_own_with_a_name_that_a_file_could_have(component, version, other):
    one, another = (emergency_of_rollout(f"{component}/{v}", "east") for v in (version, other))
    name = one.removeprefix("emergency/east/")

    assert name == EmergencySpec(name=name, cluster="east", upgrades=({"component": "bmc", "version": "1"},)).name
    assert (one == another) == (version == other)


def test_it_is_for_the_hosts_that_carry_the_version_and_brings_the_one_before():
    carrying = ("gpu002", "gpu003", "gpu009")
    emergency, rows = taking_back(rollout(reason="it hangs"), cluster(), MEMBERS, carrying, "maintrain", NOW)

    assert carrying == tuple(row.host for row in rows)
    assert {EmergencyHostState.PENDING} == {row.state for row in rows}
    assert ({"gpu-driver": "550.54"}, "gpu-driver/550.90") == (emergency.targets, emergency.spec.upgrades[0].roll_back)
    assert ("gpu[002-003,009]", False, None) == (emergency.spec.hosts.names, emergency.spec.stays, emergency.override)


def test_it_is_as_wide_as_the_roomiest_planned_buffer_and_never_without_a_domain():
    of, every = rollout(spec()), tuple(h.name for h in MEMBERS)
    narrow, _ = taking_back(of, cluster(), MEMBERS, every, "maintrain", NOW)
    pool = cluster().pools[0].model_copy(update={"planned_buffer": 8})
    wide, _ = taking_back(of, cluster().model_copy(update={"pools": (pool,)}), MEMBERS, every, "maintrain", NOW)

    assert 1 <= narrow.spec.width < wide.spec.width <= 8
