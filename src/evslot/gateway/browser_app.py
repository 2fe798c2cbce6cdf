"""The drivers' app: the files built from web/, kept in memory, served as small as they can be."""

import hashlib
import mimetypes
from html import escape
from pathlib import Path
from typing import Any

from litestar import Response, get
from msgspec import Struct
from msgspec.structs import replace

from evslot.gateway.auth import header_of
from evslot.gateway.visitors import EdgeRequest

FOLDER = Path(__file__).parents[1] / "web"
"""Where the build puts it; not there in a tree that was never built."""
INDEX = "index.html"
PAGES = [
    "/",
    "/stations/{station_id:str}",
    "/checkout/{station_id:str}",
    "/bookings",
    "/bookings/{reservation_id:str}",
    "/account",
    "/c/{code:str}",
    "/sign-in",
]
"""Addresses of the app itself: whoever opens or reloads one gets the index."""
IMMUTABLE = "public, max-age=31536000, immutable"
"""For names that hold a hash of their content."""
ENCODINGS = (("br", ".br"), ("gzip", ".gz"))
"""Best first; the build writes them beside each file."""
TYPES = {".webmanifest": "application/manifest+json", ".js": "text/javascript"}


class File(Struct, frozen=True):
    """One file in all its forms."""

    media_type: str
    cache: str
    forms: dict[str, bytes]
    """By content coding; `` is the file itself."""
    tag: str

    def answer(self, request: EdgeRequest) -> Response[bytes]:
        """The smallest form that this browser takes, or 304 where it has it."""
        accepted = header_of(request, b"accept-encoding") or ""
        coding = next((name for name in self.forms if name and name in accepted), "")
        tag = f'"{self.tag}{coding}"'
        headers = {"ETag": tag, "Cache-Control": self.cache, "Vary": "Accept-Encoding"}
        if tag in (header_of(request, b"if-none-match") or ""):
            return Response(b"", status_code=304, headers=headers)
        if coding:
            headers["Content-Encoding"] = coding
        return Response(self.forms[coding], media_type=self.media_type, headers=headers)


def is_built(folder: Path = FOLDER) -> bool:
    """Whether there is an app to serve."""
    return (folder / INDEX).is_file()


def app_pages(folder: Path = FOLDER, map_style_url: str | None = None) -> list[Any]:
    """The route handlers of the app: its files, and the index at each of its addresses."""
    files = {f"/{path.relative_to(folder)}": _file(path) for path in _served(folder)}
    index = files[f"/{INDEX}"]
    if map_style_url is not None:
        index = _told(index, map_style_url)

    @get(PAGES)
    async def page(request: EdgeRequest) -> Response[bytes]:
        return index.answer(request)

    @get(sorted(files))
    async def file(request: EdgeRequest) -> Response[bytes]:
        return files[request.scope["path"]].answer(request)

    return [page, file]


def _told(index: File, map_style_url: str) -> File:
    """The index with the address of the map's style, which only the app's settings know."""
    told = f'<meta name="evslot-map-style" content="{escape(map_style_url)}" />'
    content = index.forms[""].replace(b"</head>", told.encode() + b"</head>", 1)
    return replace(index, forms={"": content}, tag=_tag(content))


def _served(folder: Path) -> list[Path]:
    compressed = tuple(suffix for _, suffix in ENCODINGS)
    return [
        path
        for path in sorted(folder.rglob("*"))
        if path.is_file() and not path.name.startswith(".") and path.suffix not in compressed
    ]


def _file(path: Path) -> File:
    content = path.read_bytes()
    forms = {
        coding: beside.read_bytes()
        for coding, suffix in ENCODINGS
        if (beside := path.with_name(path.name + suffix)).is_file()
    }
    known = TYPES.get(path.suffix) or mimetypes.guess_type(path.name)[0]
    return File(
        media_type=known or "application/octet-stream",
        cache=IMMUTABLE if path.parent.name == "assets" else "no-cache",
        forms={**forms, "": content},
        tag=_tag(content),
    )


def _tag(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()[:16]
