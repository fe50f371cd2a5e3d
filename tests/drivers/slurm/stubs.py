"""A folder of executables that answer as some other Slurm would: one shell snippet a call, the last one for good."""

import os
from pathlib import Path

from drivers.slurm import SlurmDriver
from fleet.models.drivers import SlurmScheduler

_SCRIPT = """\
#!/bin/sh
cd {folder}
echo "{name} $*" >> calls
env >> env
case "$1" in
--version) . ./version; exit;;
ping) . ./ping; exit;;
update) . ./update; exit;;
esac
case "$1 $2" in "show reservation") . ./reservations; exit;; esac
n=$(($(cat {name}.n 2>/dev/null || echo 0) + 1)); echo $n > {name}.n
while [ ! -e {name}.$n ]; do n=$((n - 1)); done
. ./{name}.$n
"""

NO_RESERVATIONS = "echo No reservations in the system"


class StubSlurm:
    """Each of `snippets` (by command) is a list of shell snippets, such as `echo garbage` or `exit 1`."""

    def __init__(self, folder: Path, version: str = "echo 'slurm 23.11.4'", **snippets: list[str]) -> None:
        self.folder = folder
        files = {"version": version, "ping": "echo Slurmctld is UP", "update": "true", "reservations": NO_RESERVATIONS}
        for name, text in files.items():
            (folder / name).write_text(text)
        for name, calls in snippets.items():
            script = folder / name
            script.write_text(_SCRIPT.format(folder=folder, name=name))
            script.chmod(0o755)
            for i, snippet in enumerate(calls, 1):
                (folder / f"{name}.{i}").write_text(snippet)

    def driver(self, timeout: str = "5s") -> SlurmDriver:
        """A driver that runs these executables."""
        return SlurmDriver(
            SlurmScheduler.model_validate({"kind": "slurm", "bin": str(self.folder), "timeout": timeout, "poll": "1s"})
        )

    def calls(self) -> list[str]:
        """Command lines so far."""
        path = self.folder / "calls"
        return path.read_text().splitlines() if path.exists() else []

    def updates(self) -> list[str]:
        """Command lines that changed something."""
        return [call for call in self.calls() if " update " in call]


def says(text: str) -> str:
    """A snippet that prints `text`."""
    return f"cat <<'END_OF_ANSWER'\n{text}\nEND_OF_ANSWER\n"


def alive(pid: int) -> bool:
    """True while a process is there."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True
