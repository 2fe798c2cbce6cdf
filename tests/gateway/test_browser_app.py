"""The app: every address is its index, every file as small and as long kept as can be."""

from pathlib import Path

import httpx
import msgspec
import pytest
from litestar import Litestar

from evslot.gateway.browser_app import app_pages, is_built
from evslot.gateway.edge import policy
from evslot.gateway.settings import GatewaySettings
from evslot.gateway.visitors import EdgeRequest

pytestmark = pytest.mark.anyio


def built(folder: Path) -> Path:
    """What a build leaves behind."""
    (folder / "assets").mkdir()
    (folder / "index.html").write_text("<!doctype html><head><title>evslot</title></head>")
    (folder / "assets" / "main-abc123.js").write_text("let whole;")
    (folder / "assets" / "main-abc123.js.br").write_bytes(b"small")
    (folder / ".built").write_text("state")
    return folder


def browser(folder: Path, map_style_url: str | None = None) -> httpx.AsyncClient:
    pages = app_pages(folder, map_style_url)
    app = Litestar(route_handlers=pages, request_class=EdgeRequest, openapi_config=None)
    return httpx.AsyncClient(
        transport=httpx.ASGITransport(app=app),  # type: ignore[arg-type]
        base_url="http://edge",
    )


async def test_every_address_of_the_app_is_its_index_and_no_other_is(tmp_path: Path) -> None:
    async with browser(built(tmp_path)) as http:
        for path in ("/", "/stations/018f4c1e-0000", "/bookings/1", "/account", "/sign-in"):
            answer = await http.get(path)
            assert answer.text.startswith("<!doctype html>")
            assert answer.headers["content-type"].startswith("text/html")
            assert answer.headers["cache-control"] == "no-cache"
        for path in ("/.built", "/nothing", "/assets/../index.htm", "/assets/main-abc123.js.br"):
            assert (await http.get(path)).status_code == 404


async def test_a_file_comes_in_the_smallest_form_the_browser_takes(tmp_path: Path) -> None:
    path = "/assets/main-abc123.js"
    async with browser(built(tmp_path)) as http:
        whole = await http.get(path, headers={"Accept-Encoding": "identity"})
        assert whole.text == "let whole;"
        assert "immutable" in whole.headers["cache-control"]
        assert whole.headers["vary"] == "Accept-Encoding"
        request = http.build_request("GET", path, headers={"Accept-Encoding": "gzip, br"})
        small = await http.send(request, stream=True)
        assert b"".join([part async for part in small.aiter_raw()]) == b"small"
        assert small.headers["content-encoding"] == "br"
        assert small.headers["etag"] != whole.headers["etag"]
        known = {"If-None-Match": small.headers["etag"], "Accept-Encoding": "br"}
        assert (await http.get(path, headers=known)).status_code == 304


async def test_the_map_is_told_of_a_style_and_may_ask_that_origin_alone(tmp_path: Path) -> None:
    address = "https://tiles.example:8443/styles/calm.json?key=a&b"
    async with browser(built(tmp_path), address) as http:
        page = (await http.get("/")).text
    assert page.count("<meta") == 1
    told = (
        'name="evslot-map-style" content="https://tiles.example:8443/styles/calm.json?key=a&amp;b"'
    )
    assert told in page.partition("</head>")[0]
    rules = dict(rule.partition(" ")[::2] for rule in policy(address).split("; "))
    assert rules["connect-src"] == "'self' https://tiles.example:8443"
    assert rules["img-src"] == "'self' blob: https://tiles.example:8443"
    assert rules["default-src"] == "'self'"


def test_without_a_style_a_page_may_ask_nobody_but_us() -> None:
    assert "src 'self'" in policy(None)
    assert "http" not in policy(None)


@pytest.mark.parametrize(
    "address", ["javascript:alert(1)", "https://a b/", "//tiles.example/", "https://a.example/;x"]
)
def test_a_style_address_that_would_widen_the_policy_ends_the_start(address: str) -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert({"map_style_url": address}, GatewaySettings)


def test_a_tree_that_was_never_built_has_no_app(tmp_path: Path) -> None:
    assert not is_built(tmp_path)
    assert is_built(built(tmp_path))
