"""A simulated site whose server suggests early to continue as new, and a client that speaks to its workflows."""

import asyncio
from collections.abc import Coroutine, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from temporalio.client import Client, WorkflowHandle

from runtime.client import connect
from runtime.embedded import EmbeddedServer
from tests.parts.temporal import settings_in
from tests.scenarios.site import Site


class EarlySite:
    """The site, driven by its command line; `ask` runs a client's calls."""

    def __init__(self, site: Site, client: Client, runner: asyncio.Runner) -> None:
        self.site, self.client, self._runner = site, client, runner

    def ask(self, what: Coroutine[Any, Any, Any]) -> Any:
        return self._runner.run(what)

    def workflow(self, workflow_id: str, run_id: str | None = None) -> WorkflowHandle[Any, Any]:
        return self.client.get_workflow_handle(workflow_id, run_id=run_id)

    def signal(self, workflow_id: str, name: str, *arguments: Any) -> None:
        self.ask(self.workflow(workflow_id).signal(name, args=arguments))


@contextmanager
def early_site(folder: Path, document: dict[str, Any], dynamic: Sequence[str]) -> Iterator[EarlySite]:
    """A running site on a server with this dynamic configuration, which its `maintrain up` joins."""
    site = Site(folder, document)
    settings = settings_in(site.stage.folder)
    server = EmbeddedServer(settings, dynamic)
    with asyncio.Runner() as runner:
        runner.run(server.start())
        try:
            with site:
                yield EarlySite(site, runner.run(connect(settings)), runner)
        finally:
            runner.run(server.stop())
