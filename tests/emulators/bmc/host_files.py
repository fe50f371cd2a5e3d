"""The files of a host that its BMC's resets change: a boot id, and `down` while it does not run."""

import uuid
from pathlib import Path

_BOOT_ID = Path("proc/sys/kernel/random/boot_id")


class HostFiles:
    """The folder of one host; without one, boot ids are made all the same."""

    def __init__(self, folder: Path | None) -> None:
        self._folder = folder
        self._seen: tuple[int, int] | None = None

    def boot_id(self) -> str | None:
        """The boot id in the folder, or None."""
        if self._folder is None or not (path := self._folder / _BOOT_ID).exists():
            return None
        return path.read_text().strip() or None

    def changed(self) -> bool:
        """True when the boot id's file is another than at the last look."""
        if self._folder is None:
            return False
        try:
            stat = (self._folder / _BOOT_ID).stat()
        except FileNotFoundError:
            return False
        seen, self._seen = self._seen, (stat.st_ino, stat.st_mtime_ns)
        return seen != self._seen

    def down(self) -> None:
        """The host stops running."""
        if self._folder is not None:
            self._folder.mkdir(parents=True, exist_ok=True)
            (self._folder / "down").touch()

    def up(self) -> str:
        """The host runs, under the new boot id that is returned."""
        boot_id = str(uuid.uuid4())
        if self._folder is not None:
            path = self._folder / _BOOT_ID
            path.parent.mkdir(parents=True, exist_ok=True)
            draft = path.with_name("boot_id.new")
            draft.write_text(boot_id + "\n")
            draft.replace(path)
            (self._folder / "down").unlink(missing_ok=True)
        return boot_id
