"""`maintrain demo`: a whole cycle before your eyes, on the simulated cluster or on a real Slurm on loopback."""

from typing import Annotated

import typer

app = typer.Typer()


@app.command()
def demo(
    slurm: Annotated[bool, typer.Option("--slurm", help="On a real 16-node Slurm on loopback (as root).")] = False,
) -> None:
    """Run one full cycle with an outside observer; exit 0 only if every invariant held."""
    # Loaded here: the demo brings parts that no other command needs.
    from starter.demo import run  # noqa: PLC0415

    raise typer.Exit(run(slurm=slurm))
