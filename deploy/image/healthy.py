"""Says by its exit status whether the part in this container is ready; standard library alone."""

import http.client
import os
import re
import sys

SETTING = re.compile(r"EVSLOT_[A-Z]+_HEALTH_PORT")
SECONDS = 2.0


def main() -> int:
    """0 = ready; 1 = not ready, or nothing listens on the part's health port."""
    ports = [port for name, port in os.environ.items() if SETTING.fullmatch(name)]
    if len(ports) != 1:
        return said(f"one EVSLOT_<PART>_HEALTH_PORT must be set, not {len(ports)}", 1)
    connection = http.client.HTTPConnection("127.0.0.1", int(ports[0]), timeout=SECONDS)
    try:
        connection.request("GET", "/readyz")
        answer = connection.getresponse()
        return said(answer.read().decode(errors="replace").strip(), int(answer.status != 200))
    except OSError as error:
        return said(f"port {ports[0]}: {error}", 1)
    finally:
        connection.close()


def said(text: str, status: int) -> int:
    """The engine keeps what a check says, and shows it with the container."""
    sys.stdout.write(f"{text}\n")
    return status


if __name__ == "__main__":
    sys.exit(main())
