"""What is written on simulated jobs: a comment by the user, and a note for the user."""

from typing import NamedTuple

from drivers.simulated.tx import Tx


class Written(NamedTuple):
    """On one job."""

    comment: str = ""
    note: str = ""


def write(tx: Tx, number: int, *, comment: str | None = None, note: str | None = None) -> None:
    """Write a job's comment, as its user does, or its note, as we do; a job that has ended is passed over."""
    if tx.one("SELECT 1 FROM job WHERE id = ?", number) is None:
        return
    tx.run("INSERT INTO written (job, comment, note) VALUES (?, '', '') ON CONFLICT DO NOTHING", number)
    if comment is not None:
        tx.run("UPDATE written SET comment = ? WHERE job = ?", comment, number)
    if note is not None:
        tx.run("UPDATE written SET note = ? WHERE job = ?", note, number)
        tx.record("job_note", job=number, note=note)


def on_jobs(tx: Tx) -> dict[int, Written]:
    """What is written on jobs that are there."""
    rows = tx.all("SELECT job, comment, note FROM written JOIN job ON id = job")
    return {row["job"]: Written(row["comment"], row["note"]) for row in rows}
