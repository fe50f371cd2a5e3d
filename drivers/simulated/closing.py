"""Simulated hosts that no job may start on: maintenance reservations of ours, which end only when they are lifted."""

from collections.abc import Sequence

from drivers.simulated import jobs, nodes
from drivers.simulated.tx import OURS, Tx


def close(tx: Tx, hosts: Sequence[str], reservation: str) -> None:
    """Let no job start on these hosts. `Refused` for an unknown host, with nothing closed."""
    for host in hosts:
        nodes.node(tx, host)
    known = {row["host"] for row in tx.all("SELECT host FROM closed WHERE reservation = ?", reservation)}
    new = [host for host in dict.fromkeys(hosts) if host not in known]
    for host in new:
        tx.run("INSERT INTO closed (host, reservation) VALUES (?, ?)", host, reservation)
    if new:
        tx.record("closed_to_jobs", hosts=new, reservation=reservation, by=OURS)


def open_again(tx: Tx, reservation: str) -> None:
    """End a reservation; hosts that another one holds stay closed. Waiting jobs start at once."""
    hosts = [row["host"] for row in tx.all("SELECT host FROM closed WHERE reservation = ?", reservation)]
    if hosts:
        tx.run("DELETE FROM closed WHERE reservation = ?", reservation)
        tx.record("opened_to_jobs", hosts=hosts, reservation=reservation, by=OURS)
        jobs.fill(tx)


def requeue_held(tx: Tx, numbers: Sequence[int]) -> None:
    """Requeue running jobs, held. `Refused` before any change when one of them can't be requeued."""
    found = [job for number in numbers if (job := jobs.running(tx, number)) is not None]
    jobs.requeue(tx, [job["id"] for job in found], OURS, held=True)


def release_held(tx: Tx, numbers: Sequence[int]) -> list[int]:
    """Let held jobs wait in line again, at the place where they were; those that their users hold, which stay so."""
    theirs = [n for n in numbers if tx.one("SELECT 1 FROM job WHERE id = ? AND state = 'user_held'", n) is not None]
    for number in numbers:
        if tx.one("SELECT 1 FROM job WHERE id = ? AND state = 'held'", number) is not None:
            tx.run("UPDATE job SET state = 'queued' WHERE id = ?", number)
            tx.record("job_released", job=number, by=OURS)
    jobs.fill(tx)
    return theirs


def hold_by_user(tx: Tx, number: int) -> None:
    """A job in line is held by its user from now on."""
    tx.run("UPDATE job SET state = 'user_held' WHERE id = ? AND state IN ('queued', 'held')", number)
