"""The files that pages load: read once, named by their content, so that they may be kept for ever."""

from __future__ import annotations

from base64 import b64encode
from hashlib import sha256
from importlib.resources import files
from typing import Final, NamedTuple

from markupsafe import Markup


class Asset(NamedTuple):
    """A file, its media type, and the address that changes when it does."""

    content: bytes
    media_type: str
    digest: str
    path: str

    @property
    def inline(self) -> Markup:
        """The content as it stands in a page itself, where `source` lets it."""
        return Markup(self.content.decode())  # noqa: S704 - a file of ours

    @property
    def source(self) -> str:
        """What lets this very content, inline, through a content security policy."""
        return f"'sha256-{b64encode(sha256(self.content).digest()).decode()}'"


def _read(name: str, media_type: str, folder: str = ".") -> Asset:
    content = files("voltrail.web").joinpath("static", folder, name).read_bytes()
    digest = sha256(content).hexdigest()[:16]
    return Asset(content, media_type, digest, f"/static/{digest}/{name}")


ASSETS: Final[dict[str, Asset]] = {
    "voltrail.css": _read("voltrail.css", "text/css; charset=utf-8"),
    "answer.js": _read("answer.js", "text/javascript; charset=utf-8"),
    "owner.js": _read("owner.js", "text/javascript; charset=utf-8"),
    "report.js": _read("report.js", "text/javascript; charset=utf-8"),
    "upload.js": _read("upload.js", "text/javascript; charset=utf-8"),
    "signing.js": _read("signing.js", "text/javascript; charset=utf-8"),
    "sign.js": _read("sign.js", "text/javascript; charset=utf-8"),
    "key.js": _read("key.js", "text/javascript; charset=utf-8"),
    "battery.js": _read("battery.js", "text/javascript; charset=utf-8"),
    "passport.js": _read("passport.js", "text/javascript; charset=utf-8"),
    "verify.js": _read("verify.js", "text/javascript; charset=utf-8"),
    "scan.js": _read("scan.js", "text/javascript; charset=utf-8"),
    "zxing_reader.js": _read("zxing_reader.js", "text/javascript; charset=utf-8", "vendor"),
    "zxing_reader.wasm": _read("zxing_reader.wasm", "application/wasm", "vendor"),
    "charts.js": _read("charts.js", "text/javascript; charset=utf-8"),
    "planning.js": _read("planning.js", "text/javascript; charset=utf-8"),
    "replay.js": _read("replay.js", "text/javascript; charset=utf-8"),
    "icon.svg": _read("icon.svg", "image/svg+xml"),
    "htmx.min.js": _read("htmx.min.js", "text/javascript; charset=utf-8", "vendor"),
    "echarts.simple.min.js": _read("echarts.simple.min.js", "text/javascript; charset=utf-8", "vendor"),
}
