"""`maintrain log`: who did what, why and when."""

from typing import Annotated

import typer

from starter.asynchronous import run
from starter.options import Json
from starter.session import facts
from starter.show import dump, print_json, say, table

app = typer.Typer()


@app.command("log")
def log(
    last: Annotated[int, typer.Option("--last", "-n", min=1, max=10_000, help="How many entries.")] = 50,
    as_json: Json = False,
) -> None:
    """Who did what, why and when; the newest first."""
    run(_log(last, as_json))


async def _log(last: int, as_json: bool) -> None:
    async with facts() as store:
        entries = await store.audit_log(last)
    if as_json:
        print_json([dump(entry) for entry in entries])
    elif not entries:
        say("nothing was done yet")
    else:
        rows = [(f"{e.at:%F %T}", e.actor, e.action, e.subject, e.reason, e.detail) for e in entries]
        say(table(("at", "who", "did", "to", "why", "detail"), rows))
