"""The 54 days of Llama 3's training that were published (arXiv 2407.21783, section 3.3.4): 16,384 GPUs, 466
interruptions of which 47 planned, more than 90% of effective time.

Put in: the rate of unexpected interruptions (419 in 54 days on 2,048 hosts, 3.79 per 1,000 node-days), and a train
whose cycle is so long that it meets the job 47 times in 54 days. Assumed, for the paper does not tell: a restart of ten
minutes, a checkpoint every ten. What comes out, the effective time, is the simulator's own.
"""

import math

from simulation.chance import Spread
from simulation.job import DAY_S, Workload
from simulation.outcome import Outcome
from simulation.running import run
from simulation.scenario import Policy, Scenario
from simulation.validation.check import Check
from simulation.validation.closed_forms import Gang, ettr_renewal

GROUP = "Llama 3's 54 days (arXiv 2407.21783)"
DAYS, JOB_HOSTS, FLEET_HOSTS = 54.0, 2048, 3072
UNEXPECTED, PLANNED = 419, 47
RESTART_S = CHECKPOINT_S = 600.0
DOMAIN = 64
RATE = UNEXPECTED / DAYS / JOB_HOSTS * 1000
"""Per 1,000 node-days."""
CYCLE_DAYS = DAYS * (JOB_HOSTS / DOMAIN) / PLANNED
"""Each cycle meets the job as often as it has domains."""


def llama_outcome(seed: int) -> Outcome:
    """The job for 54 days, on two thirds of a fleet of 24 thousand GPUs with one train."""
    workload = Workload.of(
        submit_s=[0.0],
        hosts=[JOB_HOSTS],
        run_s=[2 * DAYS * DAY_S],
        restart_s=[RESTART_S],
        checkpoint_s=[CHECKPOINT_S],
    )
    scenario = Scenario(
        hosts=FLEET_HOSTS,
        days=DAYS,
        workload=workload,
        seed=seed,
        policy=Policy.TRAINS,
        domain=DOMAIN,
        cycle_days=CYCLE_DAYS,
        visit=Spread(mean_s=2 * 3600.0, sigma=0.3),
        whole_visits=True,
        failures_per_1000_node_days=RATE,
        visit_fails=0.0,
        schedule_every_s=0.0,
        points=1,
    )
    return run(scenario)


def llama_checks(seeds: int = 10) -> list[Check]:
    """Means over so many seeds beside what was published."""
    found = [llama_outcome(seed) for seed in range(1, seeds + 1)]
    unexpected = sum(o.interruptions.unplanned_a_day for o in found) * DAYS / seeds
    planned = sum(o.interruptions.planned_a_day for o in found) * DAYS / seeds
    ettr = sum(o.goodput.ettr for o in found) / seeds
    job = Gang(JOB_HOSTS, RATE * (UNEXPECTED + PLANNED) / UNEXPECTED, RESTART_S, CHECKPOINT_S)
    by_chance = 1 / math.sqrt(UNEXPECTED * seeds)
    return [
        Check(
            GROUP,
            "unexpected interruptions",
            UNEXPECTED,
            unexpected,
            0.05,
            source="419; as the rate",
            noise=by_chance,
            put_in=True,
        ),
        Check(GROUP, "planned interruptions", PLANNED, planned, 0.15, source="47; by the cycle bound", put_in=True),
        Check(GROUP, "effective training time", 0.90, ettr, 0.0, source="more than 90%", at_least=True),
        Check(GROUP, "the same by the renewal formula", ettr_renewal(job), ettr, 0.01, source="466 interruptions"),
    ]
