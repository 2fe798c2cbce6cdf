"""Finds a way to run a program that refuses root, without asking the machine for a user."""

import os
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

NOBODY = 65534


class NoIdentity(Exception):
    """We are root and nothing here lets us be anyone else."""


@dataclass(frozen=True, slots=True)
class Identity:
    """Arguments to put before a command, and who must own the files it keeps."""

    prefix: tuple[str, ...]
    uid: int | None = None

    def own(self, folder: Path, reach: Sequence[Path]) -> None:
        """Hand a folder with all in it to the identity; raise when it cannot come to a path."""
        if os.geteuid() != 0:
            return
        uid = self.uid if self.uid is not None else 0
        if not _wholly_owned(folder, uid):
            for path in (folder, *folder.rglob("*")):
                os.chown(path, uid, uid, follow_symlinks=False)
        if uid != 0:
            folder.parent.chmod(0o711)  # passing through is allowed, looking in is not
        for path in reach:
            if not self.can(["test", "-x", str(path)]):
                raise NoIdentity(
                    f"We are root, PostgreSQL must run as another user, and that user cannot "
                    f"reach {path}: run as an ordinary user, or have the environment and "
                    "EVSLOT_DATA_DIR in folders that others may enter."
                )

    def can(self, command: Sequence[str]) -> bool:
        """True when the identity runs this command with success."""
        done = subprocess.run(
            [*self.prefix, *command], capture_output=True, timeout=10, check=False
        )
        return done.returncode == 0


def unprivileged_identity() -> Identity:
    """As we are, when we are not root; else in a user namespace; else as nobody.

    In a user namespace the program believes to be user 1000 while its files stay root's. Where
    namespaces are forbidden (containers by default) it becomes nobody, who must be able to reach
    the program and the data folder.
    """
    if os.geteuid() != 0:
        return Identity(())
    for identity in (
        Identity(("unshare", "--user", "--map-user=1000", "--map-group=1000")),
        Identity(
            ("setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups"), uid=NOBODY
        ),
    ):
        if _works(identity):
            return identity
    raise NoIdentity(
        "PostgreSQL refuses to run as root, and this machine allows neither user namespaces nor "
        "becoming nobody: run as an ordinary user."
    )


def _works(identity: Identity) -> bool:
    if shutil.which(identity.prefix[0]) is None:
        return False
    return identity.can(["true"])


def _wholly_owned(folder: Path, uid: int) -> bool:
    """Look at the folder and what lies right in it: whole trees change hands, never parts."""
    return all(path.stat().st_uid == uid for path in (folder, *folder.iterdir()))
