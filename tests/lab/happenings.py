"""What happened to the lab's hosts, as the observer's events, told from the farms' own journals."""

import json
from collections import defaultdict
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from drivers.snapshot import Event
from tests.lab.farms import Lab

_TOOLS = {
    "dcgmi": "health",
    "nvidia-smi": "health",
    "journalctl": "health",
    "nvbandwidth": "performance",
    "all_reduce_perf": "performance",
    "mpirun": "fabric",
}
_OF_TASK = {task: {tool for tool, its in _TOOLS.items() if its == task} for task in _TOOLS.values()}
_FINDS_NOTHING = {"journalctl"}
"""Tools that end with another status than 0 when they find nothing to complain of."""

Row = Mapping[str, Any]


class Happenings:
    """Call it: the events since it was last called, in the order of time.

    A verification task counts as passed once each of its tools ran on the host to a good end, no fault of the host
    showing in it, since the last change. That is the farm's own knowledge, not what our verifier made of the output.
    """

    def __init__(self, lab: Lab) -> None:
        self._journals = (
            (_Tail(lab.bmcs.journal_path), self._of_bmc),
            (_Tail(lab.hosts.folder / "journal.jsonl"), self._of_host),
        )
        self._members = {h.name: _members(lab, h.hardware) for h in lab.bmcs.spec.hosts}
        self._versions: dict[tuple[str, str], str] = {}
        self._good: dict[str, set[str]] = defaultdict(set)
        self._shown: dict[str, set[str]] = defaultdict(set)

    def __call__(self) -> tuple[Event, ...]:
        rows = [(row, tell) for journal, tell in self._journals for row in journal.more()]
        rows.sort(key=lambda found: found[0]["at"])
        return tuple(event for row, tell in rows for event in tell(row))

    def shown(self, host: str) -> frozenset[str]:
        """Kinds of the faults that a host or its BMC has shown so far."""
        return frozenset(self._shown[host])

    def _of_bmc(self, row: Row) -> Iterator[Event]:
        host = row["host"]
        match row["kind"]:
            case "flash_started" | "flash_done" | "flash_failed" as kind:
                self._good[host].clear()
                yield _flash(row, row["component"], f"bmc {row['task']}", ended=kind != "flash_started")
            case "version_changed":
                members = self._members[host][row["component"]]
                members[row["member"]] = row["version"]
                if set(members.values()) == {row["version"]}:
                    yield from self._active(host, row["component"], row["version"])
            case "reset" if row["what"] == "system" and row["type"] not in ("own", "On"):
                yield Event("reboot_started", host)
            case "fault":
                self._shown[host].add(row["fault"])

    def _of_host(self, row: Row) -> Iterator[Event]:
        host = row["host"]
        match row["what"]:
            case "install" | "installed" | "install_failed" as kind:
                component = _component(row["package"])
                if component is not None:
                    self._good[host].clear()
                    yield _flash(row, component, f"ssh {component}", ended=kind != "install")
                if kind == "install_failed":
                    self._shown[host].add("install_fails")
            case "reboot":
                yield Event("reboot_started", host)
            case "boot":
                self._good[host].clear()
                yield Event("host_up", host)
                yield from self._active(host, "gpu-driver", row["running"]["driver"])
                yield from self._active(host, "kernel", row["running"]["kernel"])
            case "ran":
                yield from self._ran(row)

    def _active(self, host: str, component: str, version: str) -> Iterator[Event]:
        if self._versions.get((host, component)) != version:
            self._versions[host, component] = version
            yield Event("version_active", host, detail={"component": component, "version": version})

    def _ran(self, row: Row) -> Iterator[Event]:
        tool, task = row["tool"], _TOOLS.get(row["tool"])
        if task is None:
            return
        good = not row["shown"] and (row["status"] == 0 or tool in _FINDS_NOTHING)
        self._shown[row["host"]].update(row["shown"])
        for host in row["hosts"]:
            (self._good[host].add if good else self._good[host].discard)(tool)
            if not good or _OF_TASK[task] <= self._good[host]:
                yield Event("verified", host, detail={"task": task, "verdict": "passed" if good else "failed"})


class _Tail:
    """The lines of a journal that were not read yet; a line still being written waits."""

    def __init__(self, path: Path) -> None:
        self._path, self._at = path, 0

    def more(self) -> list[Row]:
        if not self._path.exists():
            return []
        with self._path.open("rb") as file:
            file.seek(self._at)
            whole = file.read().rpartition(b"\n")[0]
        self._at += len(whole) + bool(whole)
        return [json.loads(line) for line in whole.splitlines()]


def _members(lab: Lab, hardware: str) -> dict[str, dict[str, str]]:
    found: dict[str, dict[str, str]] = defaultdict(dict)
    for member in lab.bmcs.spec.hardware[hardware].members:
        found[member.component][member.id] = member.version
    return found


def _component(package: str) -> str | None:
    """Which component of the stack a package is; none for what comes along with one."""
    if package.startswith("linux-image-"):
        return "kernel"
    return "gpu-driver" if package == "nvidia-driver" else None


def _flash(row: Row, component: str, task: str, *, ended: bool) -> Event:
    detail = {"component": component, "version": row["version"], "task": task}
    return Event("flash_ended" if ended else "flash_started", row["host"], detail=detail)
