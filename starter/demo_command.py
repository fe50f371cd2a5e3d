"""`maintrain demo`: trains before your eyes, on a simulated cluster or on a real Slurm on loopback."""

from typing import Annotated

import typer

app = typer.Typer()


@app.command()
def demo(
    slurm: Annotated[bool, typer.Option("--slurm", help="On a real 16-node Slurm on loopback (as root).")] = False,
) -> None:
    """Carry three rollouts through a simulated cluster (with --slurm: a cycle of a real one), watched from outside.

    Exit code 0 only if every invariant held and all ended as it must.
    """
    # Loaded here: the demo brings parts that no other command needs.
    from starter.demo import run  # noqa: PLC0415

    raise typer.Exit(run(slurm=slurm))
