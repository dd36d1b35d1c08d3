"""What goes out with every answer: headers that keep pages to this host, and a count for monitoring."""

from __future__ import annotations

from typing import Final
from urllib.parse import parse_qs

from litestar.datastructures import MutableScopeHeaders
from litestar.types import Message, Scope

from voltrail.api.monitoring import Metrics
from voltrail.api.problems import HEADERS, is_epcis
from voltrail.web import ASSETS, THEMES

# Beside files of this host, the style sheet may stand in a page itself: this very one, by its hash.
CONTENT_SECURITY_POLICY: Final = (
    "default-src 'none'; script-src 'self'; connect-src 'self'; "
    f"style-src 'self' {ASSETS['voltrail.css'].source}; img-src 'self' data:; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
SECURITY: Final = {
    "Content-Security-Policy": CONTENT_SECURITY_POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}
# The page that scans has the camera, and a decoder in WebAssembly; what is compiled is a file of this host.
SCANNER: Final = "/scan"
FOR_SCANNER: Final = {
    "Content-Security-Policy": CONTENT_SECURITY_POLICY.replace(
        "script-src 'self'", "script-src 'self' 'wasm-unsafe-eval'"
    ),
    "Permissions-Policy": "camera=(self), geolocation=(), microphone=()",
}
_YEAR_S: Final = 31_536_000
_FOR_A_YEAR: Final = f"Path=/; Max-Age={_YEAR_S}; HttpOnly; SameSite=Lax"


class Outgoing:
    """Called with each message of an answer, those of the router's own errors too."""

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics

    async def __call__(self, message: Message, scope: Scope) -> None:
        """Set the headers and count the answer."""
        if message["type"] != "http.response.start":
            return
        headers = MutableScopeHeaders.from_message(message)
        for name, value in (SECURITY | (FOR_SCANNER if scope["path"] == SCANNER else {})).items():
            headers[name] = value
        if scope["scheme"] == "https":
            headers["Strict-Transport-Security"] = f"max-age={_YEAR_S}"
        headers.setdefault("Cache-Control", "no-store")
        if is_epcis(scope["path"]):
            for name, value in HEADERS.items():
                headers[name] = value
        if headers.get("Content-Type", "").startswith("text/html"):
            _remember_theme(headers, scope)
        self._metrics.answered(scope, message["status"])


def _remember_theme(headers: MutableScopeHeaders, scope: Scope) -> None:
    """Have the browser remember light or dark when the address asks for one; nothing else is remembered."""
    asked = parse_qs(scope.get("query_string", b"").decode("latin-1")).get("theme", [""])[0]
    if asked in THEMES:
        headers.add("Set-Cookie", f"theme={asked}; {_FOR_A_YEAR}")
