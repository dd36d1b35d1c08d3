"""Documents on models: put on record by their makers, read by whom they are for."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any, Final, get_args, get_type_hints

import msgspec
from litestar import Response, get, post
from litestar.params import MultipartBody, PathParameter, QueryParameter
from litestar.response import Redirect

from voltrail.api.access import accounts_of, address_of, check_form, reader_of, signed_in
from voltrail.api.answers import NEGOTIATED, Asked, as_json, page_for, registry_of, wants_page
from voltrail.api.report_page import content_of
from voltrail.api.reports import taken_from
from voltrail.errors import AccessError, NotFound, UsageError
from voltrail.events.kinds import DocumentAdded
from voltrail.registry.documents import MAX_BYTES, may_read, type_of

PURPOSES: Final = get_args(get_type_hints(DocumentAdded)["purpose"])
FORM_BYTES: Final = 65_536  # what a browser puts around the file

ModelId = Annotated[str, QueryParameter(min_length=1, max_length=256, description="the model it is of")]
Digest = Annotated[str, PathParameter(description="the file's SHA-256 in hex, as the record has it")]


@post(
    "/documents",
    sync_to_thread=True,
    status_code=200,
    request_max_body_size=MAX_BYTES + FORM_BYTES,
    summary="Add a document to a model",
)
def add(request: Asked, data: MultipartBody[dict[str, Any]]) -> Response[Any]:
    """
    Take `file` (a PDF, or a zip of files), `model_id`, `purpose`, `title` and `csrf`, from the model's maker.

    `issuer` and `issued_on` may say by whom and when it was issued.

    The host signs `document_added`. Who reports with a key alone gets the line to sign, with `do=line`.
    """
    person, registry = signed_in(request), registry_of(request)
    check_form(request, person, str(data.get("csrf", "")))
    content = content_of(data.get("file"))
    if not content:
        raise UsageError("report.none", "No file was chosen, or it is empty.", "Choose a file, then send.")
    model_id, purpose, title = (str(data.get(name, "")).strip() for name in ("model_id", "purpose", "title"))
    issued = {name: said for name in ("issuer", "issued_on") if (said := str(data.get(name, "")).strip())}
    known = registry.declared(model_id)
    if known is None or person.organisation not in {known.maker, *registry.authorities}:
        raise AccessError(
            "access.model",
            "Documents are added by who declared the model, or by the authority.",
            "Declare the model first, or ask its maker.",
        )
    digest = registry.documents.keep(content)
    line = msgspec.json.encode(
        {
            "kind": "document_added",
            "occurred_at": datetime.now(UTC).isoformat(timespec="seconds"),
            "model_id": model_id,
            "purpose": purpose,
            "title": title,
            "digest": digest,
            **issued,
        }
    )
    if data.get("do") == "line":
        headers = {"Content-Disposition": 'attachment; filename="document.jsonl"'}
        return Response(line + b"\n", media_type="application/jsonl", headers=headers)
    receipt = msgspec.json.decode(taken_from(request, person, line + b"\n", "all"))
    accounts_of(request).note("document.added", person, address_of(request), f"{model_id} {digest}")
    if wants_page(request):
        return Redirect(page_for(request).link(f"/models/{model_id}"), status_code=303)
    return as_json({"sha256": digest, "report": receipt["report"], "index": receipt["first_index"]})


@get("/documents/{digest:str}", sync_to_thread=True, summary="A document of a model")
def read(request: Asked, digest: Digest, model: ModelId) -> Response[bytes]:
    """
    Return the file, to whom its purpose is for: what is for safety to everybody, test reports to authorities.
    """
    registry, reader = registry_of(request), reader_of(request)
    known = registry.declared(model)
    everything = reader.audience in {"authority_cn", "authority_eu", "auditor"}
    if known is None or all(one.digest != digest for one in known.documents):
        raise NotFound("document.not_named", "The model has no such document.", "Its page lists its own.")
    roles = registry.roles_of(reader.organisation)
    if not may_read(known, digest, reader.organisation, roles, everything=everything):
        raise AccessError(
            "access.document",
            "This document is for who takes batteries apart, repairs or recycles them.",
            "Sign in for an organisation that does; the authority grants the role.",
        )
    content = registry.documents.read(digest)
    kind = type_of(content) or "application/octet-stream"
    name = f"{digest[:16]}.{kind.partition('/')[2]}"
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return Response(content, media_type=kind, headers=NEGOTIATED | headers)


ROUTES: Final = (add, read)
