"""What every double knows: its host's root, state, faults and the journal for an outside observer.

`HOST_ROOT` is the host's folder; `state.json` there holds what is installed, `faults.json` what goes wrong:
entries {"kind", "about"?, "times"?, "rate"?}. Every change is made under one lock a host.
"""

import fcntl
import hashlib
import json
import os
import time
from contextlib import contextmanager
from fnmatch import fnmatchcase
from pathlib import Path

ROOT = Path(os.environ["HOST_ROOT"])
HOST = ROOT.name


@contextmanager
def _locked(name, default):
    with (ROOT / ".lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        path = ROOT / name
        held = json.loads(path.read_text()) if path.exists() else default
        yield held
        fresh = path.with_suffix(".new")
        fresh.write_text(json.dumps(held, indent=1))
        fresh.replace(path)


def state():
    """What is installed: a dict of dicts."""
    return json.loads((ROOT / "state.json").read_text())


def changing():
    """Context manager: the state, written back at the end."""
    return _locked("state.json", {})


shown = []
"""Kinds of the faults that this process has shown so far."""


def changing_faults():
    """Context manager: the faults, written back at the end."""
    return _locked("faults.json", [])


def fault(kind, about=""):
    """The fault of that kind that shows now (its dict), or None. `about` is a package, device or test."""
    with _locked("faults.json", []) as faults:
        for entry in faults:
            if entry["kind"] == kind and fnmatchcase(about, entry.get("about", "*")) and _shows(entry):
                if "times" in entry:
                    entry["times"] -= 1
                shown.append(kind)
                return entry
    return None


def _shows(entry):
    if entry.get("times") == 0:
        return False
    entry["asked"] = entry.get("asked", 0) + 1
    if "rate" not in entry:
        return True
    drawn = hashlib.sha256(f"{entry.get('seed', 0)}/{HOST}/{entry['kind']}/{entry['asked']}".encode()).digest()
    return int.from_bytes(drawn[:4], "big") / 2**32 < entry["rate"]


def journal(what, **more):
    """Append one line to the journal of the farm. O_APPEND keeps lines whole."""
    line = json.dumps({"at": time.time_ns() / 1e9, "host": HOST, "what": what, **more}) + "\n"
    path = os.open(ROOT.parent.parent / "journal.jsonl", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    os.write(path, line.encode())
    os.close(path)
