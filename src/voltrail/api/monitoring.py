"""Whether the server is well, and how much it does: /healthz and /metrics."""

from __future__ import annotations

import time
from typing import Final, cast

from litestar import Response, get
from litestar.enums import ScopeType
from litestar.middleware import ASGIMiddleware
from litestar.types import ASGIApp, Receive, Scope, Send
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST

from voltrail.api.answers import Asked, as_json, registry_of

_STARTED: Final = "voltrail_started"
_SECONDS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)


class Metrics:
    """The numbers of one application, apart from those of any other in the process."""

    def __init__(self) -> None:
        self.collectors = CollectorRegistry()
        self._requests = Counter(
            "voltrail_requests", "Requests answered.", ["method", "route", "status"], registry=self.collectors
        )
        self._seconds = Histogram(
            "voltrail_request_seconds",
            "Time to the answer's first byte.",
            ["method", "route"],
            buckets=_SECONDS,
            registry=self.collectors,
        )
        self.accepted = Counter(
            "voltrail_events_accepted",
            "Events of reports that this process accepted; a report sent again counts again.",
            registry=self.collectors,
        )
        self.log_size = Gauge("voltrail_log_size", "Entries in the log.", registry=self.collectors)
        self.log_published = Gauge(
            "voltrail_log_published_size", "Entries under the published checkpoint.", registry=self.collectors
        )
        self.log_witnessed = Gauge(
            "voltrail_log_witnessed_size",
            "Entries under the witnessed checkpoint.",
            registry=self.collectors,
        )
        self.last_received = Gauge(
            "voltrail_last_received_seconds", "When the last event came, Unix time.", registry=self.collectors
        )

    def answered(self, scope: Scope, status: int) -> None:
        """Count one answer; an address we do not have is one route, so that nobody can fill the memory."""
        if scope["type"] != ScopeType.HTTP:
            return
        route = str(scope.get("path_template") or "unknown")
        method = scope["method"] if route != "unknown" else "any"
        self._requests.labels(method, route, str(status)).inc()
        started = scope["state"].get(_STARTED)
        if started is not None:
            self._seconds.labels(method, route).observe(time.perf_counter() - started)


class Timed(ASGIMiddleware):
    """Notes when a request began."""

    scopes = (ScopeType.HTTP,)

    async def handle(self, scope: Scope, receive: Receive, send: Send, next_app: ASGIApp) -> None:
        """Note the time and go on."""
        scope["state"][_STARTED] = time.perf_counter()
        await next_app(scope, receive, send)


def metrics_of(request: Asked) -> Metrics:
    """Return the numbers of the application."""
    return cast("Metrics", request.app.state.metrics)


@get("/healthz", sync_to_thread=True, summary="Whether the registry answers")
def health(request: Asked) -> Response[bytes]:
    """Answer when the database does and the log may be written; 503 when not."""
    registry = registry_of(request)
    registry.check_open()
    return as_json({"status": "ok", "origin": registry.origin, "log_size": registry.metrics()["log_size"]})


@get("/metrics", sync_to_thread=True, summary="Numbers for Prometheus")
def metrics(request: Asked) -> Response[bytes]:
    """Return the numbers in Prometheus' text format."""
    numbers, gauges = metrics_of(request), registry_of(request).metrics()
    numbers.log_size.set(gauges["log_size"])
    numbers.log_published.set(gauges["log_published_size"])
    numbers.log_witnessed.set(gauges["log_witnessed_size"])
    numbers.last_received.set(gauges["last_received_ms"] / 1000)
    kind = CONTENT_TYPE_LATEST.partition("; charset")[0]  # which the answer adds
    return Response(generate_latest(numbers.collectors), media_type=kind)


ROUTES: Final = (health, metrics)
