"""What may happen in the random loops: how a host may look, how often which event comes, and the loop's two pools."""

from datetime import timedelta

from fleet.models.scheduler import NodeBase
from tests.policy.make import names, pool

SHAPES = {
    "up": {},
    "down": {"base": NodeBase.DOWN},
    "foreign": {"draining": True, "reason": "DBE on GPU 3, bob"},
    "nhc": {"draining": True, "reason": "NHC: no /scratch"},
    "ours": {"draining": True, "reason": "maintrain:planned:visit/x#h"},
}

WEIGHTS = {
    "look": 140,
    "ask_train": 30,
    "ask_small": 40,
    "ask_across": 8,
    "ask_emergency": 2,
    "ask_large": 7,
    "rush": 0.4,
    "begin_large": 0.4,
    "calm": 8,
    "ask_repair": 8,
    "ask_switch": 2,
    "hand_over": 6,
    "repaired": 60,
    "fail": 1,
    "taken_by_another": 0.7,
    "heal": 16,
    "withdraw": 2,
    "set_stop": 0.4,
    "set_freeze": 0.2,
    "lift": 8,
    "resume": 4,
    "pause": 0.1,
    "outage": 0.2,
    "decommission": 0.3,
    "recommission": 10,
    "time_passes": 670,
}


def two_pools():
    """The loop's cluster: small, so that limits bind all the time."""
    quick = {"settle": timedelta(seconds=60), "stale_after": timedelta(seconds=120)}
    common = {"reserve_after": timedelta(seconds=300)}
    a = pool("a", planned_buffer=4, failure_buffer=4, floor=8, autostop=quick, **common)
    b = pool("b", planned_buffer=3, failure_buffer=3, floor=6, domain={"size": 3}, autostop=quick, **common)
    return (a, b), {**dict.fromkeys(names(14), "a"), **dict.fromkeys(names(10, first=15), "b")}
