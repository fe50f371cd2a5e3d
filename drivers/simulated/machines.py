"""The simulated hosts' BMCs, devices and reboots."""

import json
import sqlite3

from drivers.simulated import jobs
from drivers.simulated.faults import cure, strikes
from drivers.simulated.nodes import label, node, state
from drivers.simulated.schema import model_of
from drivers.simulated.tx import Tx
from fleet.errors import Refused, Unreachable
from fleet.models.hardware import DeviceTask, TaskState
from fleet.models.ladder import Rung

LOST = "lost"
"""Power state of a host that did not come back from its reboot."""


def reach_bmc(tx: Tx, host: str) -> sqlite3.Row:
    """The host's row, by way of its BMC. Raises `Refused` for an unknown host, `Unreachable` when the BMC is silent."""
    row = node(tx, host)
    if strikes(tx, "bmc_silent", host):
        raise Unreachable(f"the BMC of {host} does not answer")
    return row


def versions(tx: Tx, host: str) -> dict[str, str]:
    """Versions in effect. Raises `Unreachable` while the host itself does not answer."""
    row = reach_bmc(tx, host)
    if row["power"] != "up":
        raise Unreachable(f"{host} does not answer: it is {row['power']}")
    found: dict[str, str] = json.loads(row["versions"])
    return found


def model(tx: Tx, host: str) -> str | None:
    """The host's hardware model, where the fleet file tells one."""
    reach_bmc(tx, host)
    return model_of(tx.settings.hardware, host)


def boot_id(tx: Tx, host: str) -> str | None:
    """Id of the current boot, None while the host is not up."""
    row = reach_bmc(tx, host)
    return f"boot-{host}-{row['boot']}" if row["power"] == "up" else None


def prepare(tx: Tx, host: str, component: str, version: str) -> None:
    """Fetch a version, in no time. `Refused` when the host is not up, has no such component, or can't fetch it."""
    row = node(tx, host)
    if tx.settings.stack.component(component) is None:
        raise Refused(f"{host} has no component {component}")
    if row["power"] != "up":
        raise Refused(f"{host} is {row['power']}")
    this = (host, component, version)
    if tx.one("SELECT 1 FROM prepared WHERE host = ? AND component = ? AND version = ?", *this) is not None:
        return
    if strikes(tx, "prepare_fails", host, component):
        raise Refused(f"{host} can't fetch {component} {version}: no space left on device")
    tx.run("INSERT INTO prepared (host, component, version) VALUES (?, ?, ?)", *this)
    tx.record("prepared", host, row["job"], component=component, version=version)


def start_apply(tx: Tx, host: str, component: str, version: str) -> DeviceTask:
    """Begin an upgrade. Raises `Refused` when the host's BMC is at one already, or the host is not up."""
    row = reach_bmc(tx, host)
    known = tx.settings.stack.component(component)
    if known is None:
        raise Refused(f"{host} has no component {component}")
    busy = tx.one("SELECT component FROM task WHERE host = ? AND state = 'running'", host)
    if busy is not None:
        raise Refused(f"the BMC of {host} is busy with {busy['component']}")
    if row["power"] != "up":
        raise Refused(f"{host} is {row['power']}")
    number = tx.count(f"task:{host}:{component}")
    task = f"{host}-{component}-{number}"
    seconds = tx.spread(known.duration.total_seconds(), f"flash:{task}")
    tx.run(
        "INSERT INTO task (id, host, component, version, state, number, started, ends)"
        " VALUES (?, ?, ?, ?, 'running', ?, ?, ?)",
        *(task, host, component, version, number, tx.sim, tx.sim + seconds),
    )
    tx.record("flash_started", host, row["job"], task=task, component=component, version=version)
    if strikes(tx, "undrained_by_other", host, component):
        tx.later(seconds / 2, "outsider_undrain", host)
    tx.later(seconds, "flash_end", task)
    return DeviceTask(id=task, component=component, version=version, state=TaskState.RUNNING)


def flash_end(tx: Tx, task: str) -> None:
    """The device ends an upgrade: done, failed, or done by its own word only."""
    row = tx.one("SELECT * FROM task WHERE id = ? AND state = 'running'", task)
    if row is None:
        return
    host, component = row["host"], row["component"]
    if strikes(tx, "flash_fails", host, component):
        _end(tx, row, TaskState.FAILED, "the image failed its check on the device")
        return
    if json.loads(node(tx, host)["versions"]).get(component) == row["version"]:
        cure(tx, host, Rung.REFLASH)
    lies = strikes(tx, "version_unchanged", host, component) is not None
    _end(tx, row, TaskState.DONE, "")
    known = tx.settings.stack.component(component)
    if lies:
        return
    if known is not None and known.reboot:
        pending = {**json.loads(node(tx, host)["pending"]), component: row["version"]}
        tx.run("UPDATE host SET pending = ? WHERE name = ?", json.dumps(pending), host)
    else:
        _activate(tx, host, {component: row["version"]})


def tasks(tx: Tx, host: str, component: str) -> tuple[DeviceTask, ...]:
    """Upgrades of a component that the device knows of, oldest first."""
    reach_bmc(tx, host)
    rows = tx.all("SELECT * FROM task WHERE host = ? AND component = ? ORDER BY number", host, component)
    return tuple(_task(tx, r) for r in rows)


def reboot(tx: Tx, host: str) -> None:
    """Begin a reboot. A job on the host fails, and so does an upgrade under way. `Refused` while one is under way."""
    row = reach_bmc(tx, host)
    if row["power"] == "rebooting":
        raise Refused(f"{host} is rebooting")
    boot(tx, row, Rung.REBOOT)


def boot(tx: Tx, row: sqlite3.Row, what: Rung) -> None:
    """Let a host go down and come back, whatever it was at."""
    host = row["name"]
    tx.run("UPDATE host SET power = 'rebooting' WHERE name = ?", host)
    label(tx, host)
    for end in ("boot_done", "boot_lost"):
        tx.forget(end, host)
    tx.record(f"{what}_started", host, row["job"], now=state(tx, host))
    cure(tx, host, what)
    jobs.node_failed(tx, host, what)
    for task in tx.all("SELECT * FROM task WHERE host = ? AND state = 'running'", host):
        tx.forget("flash_end", task["id"])
        _end(tx, task, TaskState.FAILED, "interrupted by a reboot")
    number = tx.count(f"reboot:{host}")
    seconds = tx.spread(tx.settings.stack.reboot_duration.total_seconds(), f"reboot:{host}:{number}")
    if strikes(tx, "host_not_back", host):
        tx.later(seconds, "boot_lost", host)
    else:
        tx.later(seconds, "boot_done", host)


def power_cycle(tx: Tx, host: str) -> None:
    """Switch the power off and on, whatever the host is at."""
    boot(tx, reach_bmc(tx, host), Rung.POWER_CYCLE)


def reimage(tx: Tx, host: str) -> None:
    """Reinstall the host, with the versions that it has."""
    boot(tx, reach_bmc(tx, host), Rung.REIMAGE)


def reset_gpus(tx: Tx, host: str) -> None:
    """Reset the GPUs, under which no job lives on. `Refused` while the host is not up."""
    row = reach_bmc(tx, host)
    if row["power"] != "up":
        raise Refused(f"{host} is {row['power']}")
    tx.record(f"{Rung.GPU_RESET}_started", host, row["job"])
    cure(tx, host, Rung.GPU_RESET)
    jobs.node_failed(tx, host, Rung.GPU_RESET)


def boot_done(tx: Tx, host: str) -> None:
    """The host is back. A scheduler that had not drained it takes the reboot for unexpected and leaves it down."""
    row = node(tx, host)
    tx.run(
        "UPDATE host SET power = 'up', boot = boot + 1, responding = 1, left_down = ? WHERE name = ?",
        *(int(not row["drained"] and tx.settings.jobs is not None), host),
    )
    label(tx, host)
    tx.record("host_up", host, boot=row["boot"] + 1, now=state(tx, host))
    if strikes(tx, "inventory_lags", host):
        seconds = tx.spread(tx.settings.stack.reboot_duration.total_seconds(), f"lag:{host}:{row['boot']}")
        tx.later(seconds, "stock_taken", host)
    else:
        stock_taken(tx, host)
    jobs.fill(tx)


def stock_taken(tx: Tx, host: str) -> None:
    """What the boot brought into effect shows in the inventory."""
    _activate(tx, host, json.loads(node(tx, host)["pending"]))
    tx.run("UPDATE host SET pending = '{}' WHERE name = ?", host)


def boot_lost(tx: Tx, host: str) -> None:
    """The host does not come back until it is rebooted again or repaired."""
    tx.run("UPDATE host SET power = ? WHERE name = ?", LOST, host)
    tx.record("host_lost", host)


def _activate(tx: Tx, host: str, changed: dict[str, str]) -> None:
    """Put versions in effect."""
    if changed:
        now = {**json.loads(node(tx, host)["versions"]), **changed}
        tx.run("UPDATE host SET versions = ? WHERE name = ?", json.dumps(now), host)
    for component, version in changed.items():
        tx.record("version_active", host, component=component, version=version)


def _end(tx: Tx, row: sqlite3.Row, ended: TaskState, message: str) -> None:
    tx.run("UPDATE task SET state = ?, message = ? WHERE id = ?", ended.value, message, row["id"])
    tx.record(
        "flash_ended",
        row["host"],
        task=row["id"],
        component=row["component"],
        version=row["version"],
        state=ended.value,
    )


def _task(tx: Tx, row: sqlite3.Row) -> DeviceTask:
    done = (
        100
        if row["state"] != "running"
        else int(99 * (tx.sim - row["started"]) / max(row["ends"] - row["started"], 1e-9))
    )
    return DeviceTask(
        id=row["id"],
        component=row["component"],
        version=row["version"],
        state=TaskState(row["state"]),
        percent=min(done, 100),
        message=row["message"],
    )
