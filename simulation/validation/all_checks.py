"""All that the simulator is held to without a real system beside it."""

from simulation.validation.check import Check
from simulation.validation.gangs import formula_checks, rsc_checks
from simulation.validation.llama import llama_checks
from simulation.validation.mixes import mix_checks
from simulation.validation.renewal import repair_checks, train_checks


def all_checks(failures: int = 6000) -> list[Check]:
    """At full size, jobs failing about so often: a quarter of a minute."""
    return [
        *repair_checks(),
        *train_checks(),
        *formula_checks(failures=failures),
        *rsc_checks(failures),
        *llama_checks(),
        *mix_checks(),
    ]
