"""What runs on this machine is asked directly, whatever proxy leads out of it."""

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from evslot.cli.material import inbox
from evslot.cli.upping import ready_probe
from evslot.embedded.ports import LOOPBACK, free_port

pytestmark = pytest.mark.anyio


class Answering(BaseHTTPRequestHandler):
    """A part that is ready, and a mail catcher without mails."""

    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b'{"messages": []}')


@pytest.fixture
def port() -> Iterator[int]:
    with HTTPServer((LOOPBACK, 0), Answering) as server:
        threading.Thread(target=server.serve_forever, args=[0.01], daemon=True).start()
        yield server.server_port
        server.shutdown()


async def test_a_proxy_that_leads_out_is_not_asked_about_this_machine(
    port: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("http_proxy", f"http://{LOOPBACK}:{free_port()}")
    for name in ("no_proxy", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
    assert await ready_probe(port)()
    monkeypatch.setenv("EVSLOT_MAIL_HTTP_PORT", str(port))
    inbox()
    assert "0 mails" in capsys.readouterr().out
