"""The Temporal server killed and restarted in the middle of a cycle, and a stop that is written while it is down."""

import asyncio
import os
import signal
from pathlib import Path

from runtime.embedded import EmbeddedServer
from tests.parts.temporal import settings_in
from tests.scenarios.fleets import with_safe_point
from tests.scenarios.site import CLUSTER, POOL, Site


class SplitSite(Site):
    """Server and worker as separate processes; the server is the test's to kill."""

    def __enter__(self) -> "SplitSite":
        self.stage.run("fleet", "load", str(self.file), "--reason", "scenario")
        self.server = EmbeddedServer(settings_in(self.stage.folder))
        asyncio.run(self.server.start())
        self.stage.run("setup")
        self.stage.spawn("worker", log="up.log")
        self.until(lambda: "serving" in self.stage.log("up.log"), 60, "the worker serves")
        self.stage.run("fleet", "sync", "--reason", "scenario")
        return self

    def __exit__(self, *arguments: object) -> None:
        try:
            super().__exit__(*arguments)
        finally:
            asyncio.run(self.server.stop())

    def kill_server(self) -> None:
        os.kill(self.server.record.pid, signal.SIGKILL)

    def restart_server(self) -> None:
        asyncio.run(self.server.start())


def test_a_killed_server_comes_back_and_a_stop_written_meanwhile_was_obeyed(tmp_path: Path) -> None:
    document = with_safe_point(drain={"deadline": "90s"})
    with SplitSite(tmp_path, document) as site:
        job = site.world().submit_job(hosts=["gpu001"])
        site.start_train()
        site.until_happened("drained", "gpu001", by="maintrain")
        site.until_happened("flash_started", "gpu002", component="nic-firmware")
        site.kill_server()

        told = site.stage.run("stop", f"{CLUSTER}/{POOL}", "--reason", "storm")
        stopped = site.now().stops[0].at.timestamp()
        assert "Temporal does not answer" in told
        assert [] == site.happened("undrained", "gpu001")
        site.restart_server()

        assert "storm" in site.until_outcome("gpu001", "given_back").reason
        site.until_outcome("gpu002", "upgraded")
        site.until(lambda: not site.leases(), 60, "all leases ended")
        assert [] == site.our_drains_after(stopped + 1.0)

        site.world().end_job(job)
        site.stage.run("resume", f"{CLUSTER}/{POOL}", "--reason", "storm is over")
        site.until_happened("flash_started", "gpu005", component="nic-firmware")
        site.kill_server()
        site.restart_server()
        site.until_closed(150)
        assert [] == site.observed()["violation_details"]
        assert {"upgraded", "current"} >= {o.outcome for o in site.outcomes().values()}
        assert 24 == len(site.effects())
        assert {1} == set(site.effects().values())
