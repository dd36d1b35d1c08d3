"""
A witness over HTTP: `add-checkpoint`, and the last checkpoint of each log for whoever watches it.

Source: C2SP tlog-witness. Answers are plain text, as it says; a refusal says why in a sentence.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from typing import Any

from litestar import Litestar, Request, Response, get, post
from litestar.datastructures import State
from litestar.exceptions import HTTPException
from litestar.params import FromPath, RawBody
from prometheus_client import CollectorRegistry, Counter, Gauge, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST

from voltrail.connections.witness_store import WitnessStore
from voltrail.errors import UsageError, WitnessError
from voltrail.ledger import witness
from voltrail.ledger.keys import Verifier
from voltrail.ledger.notes import Checkpoint, parse_note
from voltrail.ledger.witness import STATUS, Cosigner, open_request, origin_hash

log = logging.getLogger("voltrail.witness")

Asked = Request[Any, Any, Any]


class Witness:
    """A witness: its key, its store, and the logs it knows, by origin."""

    def __init__(
        self, cosigner: Cosigner, store: WitnessStore, logs: Mapping[str, Sequence[Verifier]]
    ) -> None:
        if not logs:
            raise UsageError("usage.log", "No log was named.", "Give --log VKEY, or --policy FILE.")
        ours = cosigner.verifier.public_key
        if any(key.public_key == ours for keys in logs.values() for key in keys):
            message = "The witness's key is that of a log: a log cannot witness itself."
            raise UsageError("usage.key", message, "Make one: `voltrail key new NAME --witness --out FILE`")
        self.cosigner, self.store, self.logs = cosigner, store, logs
        self.collectors = CollectorRegistry()
        self.answers = Counter(
            "voltrail_witness_answers", "Answers to add-checkpoint.", ["status"], registry=self.collectors
        )
        self.size = Gauge(
            "voltrail_witness_size",
            "Entries under the last cosigned checkpoint.",
            ["origin"],
            registry=self.collectors,
        )

    def add_checkpoint(self, body: bytes) -> str:
        """Return our signature line, durably remembered; WitnessError says why there is none."""
        request = witness.Request.parse(body)
        opened = open_request(request, self.logs)
        try:
            return self.store.cosign(request, opened, self.cosigner)
        except WitnessError as error:
            if error.rule == "witness.proof":  # it may be a fork, so what was shown is worth keeping
                log.warning("%s The checkpoint that was shown:\n%s", error.message, request.note)
            raise


def create_witness(one: Witness) -> Litestar:
    """Return the ASGI application of a witness; it does not close the store."""
    return Litestar(
        route_handlers=[add_checkpoint, last_checkpoint, about, health, metrics],
        state=State({"witness": one}),
        exception_handlers={WitnessError: _refused, HTTPException: _not_taken, Exception: _defect},
        request_max_body_size=witness.MAX_REQUEST_BYTES,
        openapi_config=None,
        logging_config=None,
        debug=False,
    )


def _witness_of(request: Asked) -> Witness:
    one: Witness = request.app.state.witness
    return one


@post("/add-checkpoint", sync_to_thread=True, status_code=200)
def add_checkpoint(request: Asked, body: RawBody) -> Response[bytes]:
    """Cosign a checkpoint that contains the last one."""
    one = _witness_of(request)
    line = one.add_checkpoint(body)
    one.answers.labels("200").inc()
    return _text(line)


@get("/{origin_hash:str}/checkpoint", sync_to_thread=True)
def last_checkpoint(request: Asked, origin_hash: FromPath[str]) -> Response[bytes]:
    """Give the last checkpoint of a log, with its log's signatures and ours."""
    one = _witness_of(request)
    origin = next((origin for origin in one.logs if witness.origin_hash(origin) == origin_hash), None)
    note = one.store.last(origin) if origin is not None else None
    if note is None:
        return _text("No checkpoint of such a log was cosigned here.\n", 404)
    return _text(note)


@get("/", sync_to_thread=False)
def about(request: Asked) -> Response[bytes]:
    """Say who this is and which logs it knows."""
    one = _witness_of(request)
    logs = "".join(f"  {origin}  /{origin_hash(origin)}/checkpoint\n" for origin in one.logs)
    return _text(f"A witness (C2SP tlog-witness).\n\n  {one.cosigner.vkey}\n\nThe logs it knows:\n\n{logs}")


@get("/healthz", sync_to_thread=True)
def health(request: Asked) -> Response[bytes]:
    """Answer when the store does."""
    one = _witness_of(request)
    one.store.last(next(iter(one.logs)))
    return _text("ok\n")


@get("/metrics", sync_to_thread=True)
def metrics(request: Asked) -> Response[bytes]:
    """Return the numbers in Prometheus' text format."""
    one = _witness_of(request)
    for origin in one.logs:
        if (note := one.store.last(origin)) is not None:
            one.size.labels(origin).set(Checkpoint.parse(parse_note(note).text).size)
    return Response(generate_latest(one.collectors), media_type=CONTENT_TYPE_LATEST)


def _refused(request: Asked, error: WitnessError) -> Response[bytes]:
    status = STATUS.get(error.rule, 400)
    _witness_of(request).answers.labels(str(status)).inc()
    if error.known_size is not None:
        return Response(f"{error.known_size}\n".encode(), status_code=status, media_type=witness.SIZE_TYPE)
    return _text(f"{error}\n", status)


def _not_taken(request: Asked, error: HTTPException) -> Response[bytes]:
    if error.status_code >= 500:
        return _defect(request, error)
    return _text(f"{error.detail}\n", error.status_code)


def _defect(request: Asked, error: Exception) -> Response[bytes]:
    log.error("%s %s failed", request.method, request.url.path, exc_info=error)
    return _text("Something went wrong in the witness itself.\n", 500)


def _text(text: str, status: int = 200) -> Response[bytes]:
    return Response(text.encode(), status_code=status, media_type="text/plain; charset=utf-8")
