"""The command `evslot`: brings the system up, runs its parts, and looks after it."""

import sys

from cyclopts import App

from evslot.cli import (
    administering,
    demo,
    diagnosis,
    gaps,
    letters,
    material,
    operating,
    reconciling,
    running,
    upping,
)
from evslot.embedded.folder import FolderInUse
from evslot.embedded.identity import NoIdentity
from evslot.embedded.jars import JarsUnavailable
from evslot.embedded.java import JavaUnavailable
from evslot.embedded.kafka import KafkaUnavailable
from evslot.embedded.ports import PortTaken as PortInUse
from evslot.embedded.postgres import PostgresUnavailable
from evslot.embedded.supervisor import StartFailed
from evslot.spine.config import SettingInvalid
from evslot.spine.db import AccessRefused, DatabaseUnavailable
from evslot.spine.failpoints import FailpointUnknown
from evslot.spine.kafka import BrokerUnavailable
from evslot.spine.lanes import LaneBroken
from evslot.spine.migrations import MigrationChanged
from evslot.spine.sealing import KeysUnreadable
from evslot.spine.service import TaskEnded
from evslot.spine.slots import SlotTaken
from evslot.spine.telemetry import PortTaken

EXPECTED = (
    AccessRefused,
    BrokerUnavailable,
    DatabaseUnavailable,
    demo.DemoFailed,
    FailpointUnknown,
    FolderInUse,
    JarsUnavailable,
    JavaUnavailable,
    KafkaUnavailable,
    KeysUnreadable,
    LaneBroken,
    LookupError,
    MigrationChanged,
    NoIdentity,
    PortInUse,
    PortTaken,
    PostgresUnavailable,
    SettingInvalid,
    SlotTaken,
    StartFailed,
    TaskEnded,
    administering.CannotAdminister,
    material.CannotImport,
)
"""What a person can mend: one line that says how, and no traceback."""

app = App(name="evslot", help=__doc__)
for commands in (
    *(upping, running, operating, letters, material, diagnosis, demo, administering),
    *(reconciling, gaps),
):
    for command in commands.COMMANDS:
        app.command(command)


def main() -> None:
    """Ends with status 1 and one line where the surroundings are at fault."""
    try:
        app(sys.argv[1:])
    except EXPECTED as error:
        print(f"evslot: {error}", file=sys.stderr)
        sys.exit(1)
    except OSError as error:
        print(f"evslot: {_told(error)}", file=sys.stderr)
        sys.exit(1)
    except KeyboardInterrupt:
        sys.exit(130)


def _told(error: OSError) -> str:
    """In the machine's own words, and what they are about; raises what says nothing."""
    said = error.strerror or str(error)
    if not said:
        raise error  # a bare TimeoutError: where it came from is all there is to know
    if isinstance(error, PermissionError):
        said += "; another user (root, by sudo?) may own it: change its owner, or be that user"
    return f"{error.filename}: {said}" if error.filename else said
