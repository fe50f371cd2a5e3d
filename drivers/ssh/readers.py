"""The version in what a probe printed. Exactly one version, or it is no answer.

A tool that lists several devices of a component must report the same version for each.
"""

import json
import re
from collections.abc import Callable, Iterable

from fleet.errors import BadAnswer
from fleet.models.base import VERSION_PATTERN
from fleet.models.recipe import Probe, Reader

LONGEST = 262144
_VERSION = re.compile(VERSION_PATTERN)
_COLUMNS = 2
_MLX_DEVICE = re.compile(r"^Device #\d+:\s*$", re.MULTILINE)
_MLX_FIELD = re.compile(r"^ {1,4}(PSID|PCI Device Name|Device Type|Part Number|Base GUID|Base MAC): +(\S.*?)\s*$", re.M)
_MLX_FW = re.compile(r"^ +Versions: +Current +Available\s*\n +FW +(\S+) +\S", re.MULTILINE)
_NVFWUPD_HEADER = re.compile(r"^AP Name\s+Sys Version\s+Pkg Version\s+Up-To-Date\s*$")
_NVFWUPD_OK = re.compile(r"^Error Code: 0\s*$", re.MULTILINE)


def read_version(probe: Probe, select: str, status: int, text: str) -> str | None:
    """The version, or None for a host without the component. Raises `BadAnswer` for anything else."""
    if status in probe.absent_exits:
        return None
    if status != 0:
        raise BadAnswer(f"{probe.argv[0]}: rc {status}")
    if len(text) > LONGEST:
        raise BadAnswer(f"{probe.argv[0]}: an answer longer than {LONGEST} characters")
    if probe.absent_pattern is not None and re.search(probe.absent_pattern, text, re.MULTILINE):
        return None
    return _the_one(_READERS[probe.reader](probe, select, text), probe.argv[0])


def _the_one(found: Iterable[str], tool: str) -> str:
    versions = sorted(set(found))
    if not versions:
        raise BadAnswer(f"{tool}: no version in its answer")
    if len(versions) > 1:
        raise BadAnswer(f"{tool}: expected one version, found {', '.join(versions)[:200]}")
    if not _VERSION.fullmatch(versions[0]):
        raise BadAnswer(f"{tool}: expected a version, found {versions[0][:80]!r}")
    return versions[0]


def _by_pattern(probe: Probe, select: str, text: str) -> list[str]:
    return [found["version"] or "" for found in re.finditer(probe.version_pattern, text, re.MULTILINE)]


def _fwupd(probe: Probe, select: str, text: str) -> list[str]:
    """`fwupdmgr get-devices --json`: the device whose id, name or one of whose GUIDs is `select`."""
    start = 0 if text.startswith("{") else text.find("\n{") + 1
    try:
        devices = json.loads(text[start:])["Devices"]
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise BadAnswer(f"fwupdmgr: expected JSON with Devices: {error}") from error
    if not isinstance(devices, list) or not all(isinstance(device, dict) for device in devices):
        raise BadAnswer("fwupdmgr: expected Devices to be a list of devices")
    found = []
    for device in devices:
        guids = device.get("Guid")
        names = [device.get("DeviceId"), device.get("Name"), *(guids if isinstance(guids, list) else [])]
        if select in names:
            version = device.get("Version")
            if not isinstance(version, str):
                raise BadAnswer(f"fwupdmgr: {select} has no version")
            found.append(version)
    return found


def _nvfwupd(probe: Probe, select: str, text: str) -> list[str]:
    """`nvfwupd show_version`: the row whose AP Name is `select`, in an answer that ends without an error."""
    if not _NVFWUPD_OK.search(text) or len(re.findall(r"^Error Code:", text, re.MULTILINE)) != 1:
        raise BadAnswer("nvfwupd: its answer does not say Error Code: 0")
    found, in_table = [], False
    for line in text.splitlines():
        words = line.split()
        if _NVFWUPD_HEADER.match(line):
            in_table = True
        elif in_table and len(words) >= _COLUMNS and words[0] == select:
            found.append(words[1] if words[1] != "N/A" else "")
        elif not words:
            in_table = False
    return found


def _mlxfwmanager(probe: Probe, select: str, text: str) -> list[str]:
    """`mlxfwmanager --query`: the FW version of the devices with `select` among their names; empty means of all."""
    found = []
    for part in _MLX_DEVICE.split(text)[1:]:
        if select and select not in {value for _, value in _MLX_FIELD.findall(part)}:
            continue
        current = _MLX_FW.search(part)
        if current is None:
            raise BadAnswer("mlxfwmanager: a device without its FW version")
        found.append(current[1])
    return found


_READERS: dict[Reader, Callable[[Probe, str, str], list[str]]] = {
    Reader.PATTERN: _by_pattern,
    Reader.FWUPD: _fwupd,
    Reader.NVFWUPD: _nvfwupd,
    Reader.MLXFWMANAGER: _mlxfwmanager,
}
