"""Whatever happens to it, in whatever order, the real dispatcher on a real server keeps the promises."""

from itertools import count
from pathlib import Path

from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from runtime.embedded import EmbeddedServer
from tests.stateful.life import Life
from tests.stateful.machine import DispatcherMachine

FEW = settings(
    max_examples=6,
    stateful_step_count=25,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=list(HealthCheck),
    phases=(Phase.generate,),
    print_blob=False,
)
"""Each history takes seconds on a real server, and does not run the same way twice: it is not shrunk."""


def test_no_history_overdraws_a_limit_grants_under_a_stop_or_starves_a_request(
    tmp_path: Path, temporal: EmbeddedServer
) -> None:
    number = count(1)

    async def begin() -> Life:
        name = f"life{next(number)}"
        return await Life.open(name, tmp_path / name, temporal)

    machine = type("Machine", (DispatcherMachine,), {"begin": staticmethod(begin)})
    run_state_machine_as_test(machine, settings=FEW)
