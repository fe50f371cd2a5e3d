"""Keys and settings of the farm's sshd."""

import getpass
import os
import sys
from pathlib import Path

import asyncssh

TOOLS = Path(__file__).parent / "tools"
_CONFIG = """\
AuthorizedKeysFile {folder}/client.pub
PasswordAuthentication no
KbdInteractiveAuthentication no
PermitRootLogin prohibit-password
StrictModes no
UsePAM no
UseDNS no
PrintMotd no
PrintLastLog no
PidFile none
LogLevel INFO
# The login shell's rc files cost more than the commands: bash leaves them out for a shell inside another.
SetEnv SHLVL=1
ForceCommand /bin/sh {folder}/enter
"""
_ENTER = """\
set -- $SSH_CONNECTION
cd -P "{folder}/addresses/$3" || exit 255
unset SSH_CONNECTION SSH_CLIENT SHLVL
HOST_ROOT=$(pwd -P) PATH="{tools}:{folder}/bin:$PATH" LC_ALL=C.UTF-8
export HOST_ROOT PATH LC_ALL
exec /bin/sh -c "$SSH_ORIGINAL_COMMAND"
"""


def write_settings(folder: Path) -> None:
    """Client key, sshd's configuration, the forced command, and this Python as the doubles' python3."""
    client = asyncssh.generate_private_key("ssh-ed25519")
    (folder / "client").touch(mode=0o600)
    client.write_private_key(folder / "client")
    client.write_public_key(folder / "client.pub")
    (folder / "sshd_config").write_text(_CONFIG.format(folder=folder))
    (folder / "enter").write_text(_ENTER.format(folder=folder, tools=TOOLS))
    (folder / "bin").mkdir()
    (folder / "bin" / "python3").symlink_to(sys.executable)
    (folder / "addresses").mkdir()
    (folder / "keys").mkdir()
    if os.geteuid() == 0:
        # Where sshd, as root, locks its unprivileged half in.
        Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)


def write_host_key(folder: Path, host: str) -> str:
    """A new host key; its public half as a line of known_hosts without the address."""
    key = asyncssh.generate_private_key("ssh-ed25519")
    path = folder / "keys" / host
    path.unlink(missing_ok=True)
    path.touch(mode=0o600)
    path.write_bytes(key.export_private_key())
    return key.export_public_key().decode().strip()


def user() -> str:
    """Who may log in: whoever runs the farm."""
    return getpass.getuser()
