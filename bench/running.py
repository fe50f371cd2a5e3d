"""One whole bench run, from an empty folder to the figures."""

import asyncio
import time
from pathlib import Path
from typing import Any

from bench import cpu, planning
from bench.door import door
from bench.granting import grant_times
from bench.histories import lengths
from bench.plan import Plan
from bench.results import Measured, figures
from bench.rounds import alternate, warm_up
from bench.site import BenchSite, run_on_site
from bench.steps import step_times
from bench.stopping import stop_latencies


async def run_bench(folder: Path, plan: Plan) -> dict[str, Any]:
    """Measure everything in `folder`, which is emptied; the figures by name."""
    found: dict[str, Any] = {"plan": plan, "load_before": cpu.load(), "busy_before": await cpu.others_share()}
    began = time.monotonic()

    async def work(site: BenchSite) -> None:
        _say(f"Temporal UI: {site.stage.ui}; a pool of each to warm up")
        await warm_up(site)
        _say(f"{plan.rounds} rounds of {plan.visits} visits")
        found["rounds"] = await alternate(site)
        found["steps"], found["histories"] = await step_times(site), await lengths(site.client)
        _say(f"{plan.grants} grants with {plan.waiting} requests waiting elsewhere")
        found["grants"] = await grant_times(site, plan.waiting)
        _say(f"an operation for each of {plan.visits} hosts, then grants with {plan.crowd} requests waiting elsewhere")
        found["door"] = await door(site)
        _say("a plan for a very large pool")
        found["planned"] = await asyncio.to_thread(planning.measure, plan.planned)
        _say(f"{plan.stops} stops under load")
        found["stops"], found["held_back"] = await stop_latencies(site)
        found["longest"] = max(h.longest for h in (await lengths(site.client)).values())

    site = await run_on_site(folder, plan, work)
    observed = site.observer.report()
    return figures(Measured(**found, observed=observed, load_after=cpu.load(), took_s=time.monotonic() - began))


def _say(text: str) -> None:
    print(text, flush=True)
