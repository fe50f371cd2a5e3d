"""Hardware of which nothing takes long."""

from datetime import timedelta

from tests.emulators.bmc import Hardware, Member, OnReset, hgx_members

FLASH = timedelta(seconds=0.6)
SOON = timedelta(seconds=0.4)


def quick(*members: Member, on_reset: OnReset = OnReset.HELD) -> Hardware:
    fast = tuple(m.model_copy(update={"flash": FLASH}) for m in members or hgx_members())
    return Hardware(
        members=fast, boot=SOON, manager_boot=SOON, shutdown=SOON / 3, power_off=SOON / 3, on_reset=on_reset
    )
