"""Finds free loopback ports and refuses taken ones by the setting that changes them."""

import errno
import random
import socket
from collections.abc import Mapping

LOOPBACK = "127.0.0.1"
# Below the ports that systems give to outgoing connections: one of those could sit on a port
# of ours just while its server is started again.
FREE_PORTS = range(20_000, 32_000)
TRIES = 100


class PortTaken(Exception):
    """Something else listens on a port that is needed here."""

    def __init__(self, port: int, setting_name: str) -> None:
        super().__init__(
            f"Port {port} on {LOOPBACK} is taken by another program: "
            f"end that program, or set {setting_name} to a free port."
        )
        self.port = port
        self.setting_name = setting_name


def free_port() -> int:
    """A loopback port that nobody listened on a moment ago."""
    for port in random.sample(FREE_PORTS, TRIES):
        try:
            ensure_port_free(port, "")
        except PortTaken:
            continue
        return port
    raise OSError(f"none of {TRIES} ports tried on {LOOPBACK} is free")


async def ensure_ports_free(ports: Mapping[str, int]) -> None:
    """As a supervisor's first step: ports by the setting that names each.

    A step, not a check before the start: only when the supervisor has the data folder are the
    processes of a killed predecessor surely gone from their ports.
    """
    for setting_name, port in ports.items():
        ensure_port_free(port, setting_name)


def ensure_port_free(port: int, setting_name: str) -> None:
    """Raise PortTaken, naming the setting, when a listener already has the port."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        # Connections of an earlier run linger in TIME_WAIT: they do not take the port.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError as problem:
            if problem.errno in (errno.EADDRINUSE, errno.EACCES):
                raise PortTaken(port, setting_name) from problem
            raise
