"""Commands that speak to a real Temporal: an embedded server on the test's own data folder, without a worker."""

import asyncio

import pytest

from runtime.embedded import EmbeddedServer
from runtime.settings import load_settings
from tests.cli.test_pin_commands import SWITCH as PIN_SWITCH
from tests.cli.test_rollout_commands import write as a_rollout

POOL = "sim/gpu-train"
BECAUSE = ("--reason", "a try")


@pytest.fixture
def ready(synced):
    """The command line with hosts read, beside a running Temporal that is set up."""
    server = EmbeddedServer(load_settings())
    asyncio.run(server.start())
    try:
        assert synced("setup").code == 0
        yield synced
    finally:
        asyncio.run(server.stop())


def test_the_commands_reach_dispatcher_train_and_repair(ready):
    """One server for all of it: starting one takes longer than the commands."""
    again = ready("setup")
    assert again.out == "dispatcher of sim: it runs already\n"

    first, second = ready("train", "start", POOL), ready("train", "start", POOL, "--endless")
    assert first.out == f"train of {POOL}: asked for 1 cycle(s), started\n"
    assert second.out == f"train of {POOL}: asked for cycles without end, it runs already\n"

    stopped = ready("stop", POOL, *BECAUSE)
    assert stopped.out == ("stopped: pool sim/gpu-train (a try)\ntold: dispatcher/sim, train/sim/gpu-train\n")

    waits = ready("train", "start", POOL)
    assert "it waits: stop of pool sim/gpu-train by ada (a try)" in waits.out

    repaired = ready("host", "repaired", "gpu001", *BECAUSE)
    assert (repaired.code, repaired.err) == (1, "error: sim/gpu001 is not in repair\n")


def test_what_is_written_is_not_told_as_never_begun(synced, tmp_path):
    """A namespace that nobody has set up takes connections and starts nothing."""
    server = EmbeddedServer(load_settings())
    asyncio.run(server.start())
    try:
        rollout = ("rollout", "start", a_rollout(tmp_path), *BECAUSE)
        told = [synced(*words) for words in (("train", "start", POOL), rollout, (*PIN_SWITCH, *BECAUSE))]
        assert [1, 1, 1] == [each.code for each in told]
        train, upgrade, pin = (each.err for each in told)
        assert train.startswith("error: 1 cycle(s) are asked for, but the train was not started: start it once more: ")
        assert upgrade.startswith("error: gpu-driver/550.127.08 is written, and keeps its spec, but its workflow does ")
        assert pin.startswith("error: pin/sim/nccl/1 is written, but its workflow does not run; the dispatcher takes ")
        assert "Temporal refuses" in upgrade

        assert synced("setup").code == 0
        again = synced(*rollout)
        assert (0, True) == (again.code, again.out.startswith("was started before: gpu-driver/550.127.08, "))
    finally:
        asyncio.run(server.stop())
