"""What must hold between any two steps of a simulation, and small scenarios to try it on."""

import numpy as np

from simulation.chance import Shape, Spread
from simulation.hosts import FAILED, PLANNED, UP
from simulation.job import Workload
from simulation.running import Simulation
from simulation.scenario import Policy, Scenario

HOUR = 3600.0


def jobs(*rows, restart_s=0.0, checkpoint_s=np.inf):
    """A workload of (submit, hosts, run) or (submit, hosts, run, limit), in seconds."""
    submit, hosts, run = zip(*(row[:3] for row in rows), strict=True)
    limit = [row[3] if len(row) > 3 else row[2] for row in rows]
    arrays = {"submit_s": submit, "hosts": hosts, "run_s": run, "limit_s": limit}
    return Workload.of(**arrays, restart_s=[restart_s] * len(rows), checkpoint_s=[checkpoint_s] * len(rows))


def quiet(workload, **more):
    """A scenario in which nothing fails and visits take exactly an hour, unless it is said otherwise."""
    spec = {
        "hosts": 8,
        "days": 1.0,
        "domain": 4,
        "policy": Policy.NOTHING,
        "failures_per_1000_node_days": 0.0,
        "visit_fails": 0.0,
        "visit": Spread(mean_s=HOUR, shape=Shape.FIXED),
        "drain_s": 0.0,
        "schedule_every_s": 0.0,
        "failure_buffer": 1,
        "floor": 0,
        "points": 4,
    }
    return Scenario(workload=workload, **(spec | more))


def check(simulation: Simulation) -> None:
    """Every host is in one set and counted once; jobs hold what was theirs to hold."""
    hosts, gangs = simulation.hosts, simulation.gangs
    for pool, domains in enumerate(hosts.domains):
        members = bytes(hosts.set[hosts.span[domains[0]].start : hosts.span[domains[-1]].stop])
        assert [members.count(UP), members.count(PLANNED), members.count(FAILED)] == [
            hosts.up(pool),
            hosts.planned[pool],
            hosts.failed[pool],
        ]
        assert simulation.meter.up_in[pool] == hosts.up(pool)
        assert simulation.meter.planned_in[pool] == hosts.planned[pool]
    held = 0
    for domain, span in enumerate(hosts.span):
        up = sum(hosts.set[host] == UP for host in span)
        on, reserved = gangs.on[domain], gangs.reserved[domain]
        taken = sum(count for waiting in reserved.values() for _, count in waiting)
        assert set(reserved) <= set(on)
        assert up == hosts.up_of[domain] == hosts.free[domain] + sum(on.values()) - taken
        assert hosts.free[domain] >= 0
        held += sum(on.values())
    assert held == gangs.busy == sum(gangs.need[job] for job in gangs.began)
    assert hosts.total_free == sum(hosts.free)
    assert gangs.ends == sorted(
        (gangs.expected_end(job), job) for job in gangs.began if gangs.expected_end(job) < np.inf
    )
    assert set(simulation.scheduler.queue).isdisjoint(gangs.began)
