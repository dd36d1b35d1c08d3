"""
/labels and /b/{code}/label.*: labels to print.

A label says nothing but the code and where the registry is, so whoever has a code may have its label, signed
in or not, and on record or not: makers print before they report. The registry is asked for GTINs alone. What
is bounded is the work: some hundred labels at once without a sign-in, ten thousand with one, one such file at
a time.
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext
from threading import BoundedSemaphore
from typing import Annotated, Any, Final
from urllib.parse import urlsplit

from litestar import Response, get, post
from litestar.params import QueryParameter

from voltrail.api.access import person_of
from voltrail.api.answers import (
    NEGOTIATED,
    Asked,
    as_json,
    as_page,
    page_for,
    registry_of,
    tell_programs,
    wants_page,
)
from voltrail.api.batteries import CodeText
from voltrail.api.failures import status_of
from voltrail.api.sign_in import Form, field
from voltrail.api.work import Findings, Level, ModelId, Part, Phase, Place, reading, wanted_of
from voltrail.codes import labels, parse, printing
from voltrail.codes.carriers import CARRIERS
from voltrail.codes.labels import DEFAULT_SIZE, SIZES, Label
from voltrail.errors import AccessError, UsageError, VoltrailError
from voltrail.registry.holdings import Wanted

RUN: Final = 1_000  # codes read at once
MOST: Final = 10_000
MOST_UNKNOWN: Final = 300  # for who is not signed in: about a third of a second
MOST_PICTURES: Final = 1_000  # SVG or PNG in one zip
SHOWN: Final = 12
MAX_LABELS_BYTES: Final = 1_048_576
DEFAULT_DPI: Final = 300
SVG_TYPE, PNG_TYPE, PDF_TYPE, ZIP_TYPE = "image/svg+xml", "image/png", "application/pdf", "application/zip"

CarrierName = Annotated[str, QueryParameter(description="qr, datamatrix or code128")]
SizeName = Annotated[str, QueryParameter(description="such as a4-3x7 or 100x50: /labels names them all")]
HostName = Annotated[
    str | None, QueryParameter(max_length=100, description="the host that the label names; else this one")
]
LinkName = Annotated[
    str, QueryParameter(description="code: the address with the code; gtin: a GS1 Digital Link")
]
Dpi = Annotated[int, QueryParameter(description="dots per inch: 203, 300 or 600")]
Mine = Annotated[bool, QueryParameter(description="for all of my batteries, or those that the filters leave")]
OneCode = Annotated[
    str | None, QueryParameter(max_length=100, description="a code that the form begins with")
]

_many: Final = BoundedSemaphore(1)  # files of many labels: each takes a core for seconds


@get("/b/{code:str}/label.svg", sync_to_thread=True, summary="A label as SVG")
def label_svg(
    request: Asked,
    code: CodeText,
    carrier: CarrierName = "qr",
    size: SizeName = DEFAULT_SIZE,
    host: HostName = None,
    link: LinkName = "code",
) -> Response[bytes]:
    """Return the label of a code as SVG, in millimetres."""
    made = _label(request, code, carrier, size, host, link)
    return _file(printing.svg(made), SVG_TYPE, f"{made.code}.svg")


@get("/b/{code:str}/label.png", sync_to_thread=True, summary="A label as PNG")
def label_png(
    request: Asked,
    code: CodeText,
    carrier: CarrierName = "qr",
    size: SizeName = DEFAULT_SIZE,
    host: HostName = None,
    link: LinkName = "code",
    dpi: Dpi = DEFAULT_DPI,
) -> Response[bytes]:
    """Return the label of a code as PNG; its modules are whole dots."""
    made = _label(request, code, carrier, size, host, link, printing.check_dots(dpi))
    return _file(printing.png(made, dpi), PNG_TYPE, f"{made.code}.png")


@get("/b/{code:str}/label.pdf", sync_to_thread=True, summary="A label as PDF")
def label_pdf(
    request: Asked,
    code: CodeText,
    carrier: CarrierName = "qr",
    size: SizeName = DEFAULT_SIZE,
    host: HostName = None,
    link: LinkName = "code",
) -> Response[bytes]:
    """Return the label of a code as PDF: one page, or one sheet with it in the first place."""
    made = _label(request, code, carrier, size, host, link)
    return _file(printing.pdf([made], labels.size_of(size)), PDF_TYPE, f"{made.code}.pdf")


@get("/labels", sync_to_thread=True, summary="Labels")
def labels_page(
    request: Asked,
    code: OneCode = None,
    mine: Mine = False,
    place: Place = None,
    phase: Phase = None,
    level: Level = None,
    model: ModelId = None,
    findings: Findings = False,
    q: Part = None,
) -> Response[bytes]:
    """
    Return the page on which labels are made: for codes that are typed, or for an organisation's batteries.

    For programs, which carriers and sizes there are; labels of one code are at `/b/CODE/label.pdf`.
    """
    if not wants_page(request):
        return as_json({"carriers": list(CARRIERS), "sizes": [_told(one) for one in SIZES], "most": MOST})
    given = {"codes": code or ""}
    if mine:
        wanted = wanted_of(place, phase, level, model, findings, q, None)
        given["codes"] = "\n".join(_mine(request, wanted))
    return _answer(request, given)


@post(
    "/labels/make",
    sync_to_thread=True,
    status_code=200,
    request_max_body_size=MAX_LABELS_BYTES,
    summary="Make labels",
)
def make_labels(request: Asked, data: Form) -> Response[bytes]:
    """
    Take `codes` (one a line), `carrier`, `size`, `host`, `link`, `start`, and `do`: pdf, svg, png, or show.

    Answers with a file: of SVG and PNG a zip where there are several. With `show`, the page with the first
    labels.
    Up to 300 codes; from who is signed in, 10,000.
    """
    given = {name: field(data, name) for name in ("codes", "carrier", "size", "host", "link", "start", "do")}
    try:
        return _made(request, given)
    except VoltrailError as error:
        return _answer(request, given, error)


def label_host(request: Asked) -> str:
    """Return the host that labels name: whom this page was asked of; on this machine alone, the log's."""
    origin = registry_of(request).origin.partition("/")[0]
    asked = urlsplit(str(request.base_url))
    is_here = asked.hostname in {"127.0.0.1", "::1", "localhost"} or asked.hostname is None
    return origin if is_here else asked.netloc


def _label(
    request: Asked,
    code: str,
    carrier: str,
    size: str,
    host: str | None,
    link: str,
    dots: int = labels.DOTS_PER_INCH,
) -> Label:
    chosen = labels.carrier_of(carrier), labels.size_of(size), host or label_host(request)
    text = parse(code).text
    return labels.make(text, *chosen, dots, _gtins(request, [text], link)[text])


def _gtins(request: Asked, codes: list[str], link: str) -> dict[str, str | None]:
    """Return by which GTIN each label is to lead to its battery; None for its code. Raises UsageError."""
    if link == "code":
        return dict.fromkeys(codes)
    if link != "gtin":
        raise UsageError("usage.choice", f"There is no link {link[:40]!r}.", "Use code or gtin.")
    found = registry_of(request).gtins(codes)
    for code in codes:
        if not found.get(code):
            raise UsageError(
                "label.no_gtin",
                f"{code} is not on record with a model that declares a GTIN.",
                "Declare the point gtin of its model, or take the address with the code.",
            )
    return found


def _made(request: Asked, given: dict[str, str]) -> Response[bytes]:
    """Return what a form asks for."""
    known = person_of(request) is not None
    codes = labels.read_list(given["codes"], MOST)
    if len(codes) > MOST_UNKNOWN and not known:
        raise AccessError(
            "label.sign_in",
            f"More than {MOST_UNKNOWN} labels at once are made for who is signed in.",
            "Sign in, or make them in parts; `voltrail label` makes any number without us.",
        )
    carrier = labels.carrier_of(given["carrier"] or "qr")
    size = labels.size_of(given["size"] or DEFAULT_SIZE)
    host, start = given["host"].strip() or label_host(request), _start(given["start"])
    printing.check_start(size, start)
    do = given["do"] or "show"
    gtins = _gtins(request, codes, given["link"] or "code")

    def made(code: str, dots: int = labels.DOTS_PER_INCH) -> Label:
        return labels.make(code, carrier, size, host, dots, gtins[code])

    first = made(codes[0])  # so that what is wrong is said before a file begins
    if do == "pdf":
        every = (made(code) for code in codes)
        with _turn(len(codes)):
            return _file(printing.pdf(every, size, start), PDF_TYPE, "labels.pdf")
    if do in {"svg", "png"}:
        return _pictures(codes, made, do)
    for code in codes[1:SHOWN]:
        made(code)
    values = given | {"host": host, "carrier": carrier, "size": size.name, "start": str(start + 1)}
    pages = -(-(len(codes) + start) // size.per_sheet)
    return _answer(
        request, values | {"codes": "\n".join(codes)}, shown=codes[:SHOWN], first=first, pages=pages
    )


def _pictures(codes: list[str], made: Callable[..., Label], do: str) -> Response[bytes]:
    """Return one picture, or a zip of several."""
    if len(codes) > MOST_PICTURES:
        raise UsageError(
            "label.too_many", f"More than {MOST_PICTURES:,} pictures.", "Take a PDF, or make them in parts."
        )

    def drawn() -> Iterator[tuple[str, bytes]]:
        for code in codes:
            if do == "svg":
                yield f"{code}.svg", printing.svg(made(code))
            else:
                yield f"{code}.png", printing.png(made(code, DEFAULT_DPI), DEFAULT_DPI)

    if len(codes) == 1:
        name, content = next(drawn())
        return _file(content, SVG_TYPE if do == "svg" else PNG_TYPE, name, download=True)
    packed = io.BytesIO()
    with _turn(len(codes)), zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in drawn():
            archive.writestr(zipfile.ZipInfo(name), content, zipfile.ZIP_DEFLATED)
    return _file(packed.getvalue(), ZIP_TYPE, "labels.zip")


def _turn(count: int) -> AbstractContextManager[Any]:
    """Return what is held while labels are made: of many, one file at a time."""
    return _many if count > MOST_UNKNOWN else nullcontext()


def _start(text: str) -> int:
    """Return a place on a sheet, counted from 0, of one counted from 1."""
    if not text.strip():
        return 0
    if not text.strip().isdecimal() or len(text) > 4:
        raise UsageError("label.start", f"{text[:20]!r} is no number of a label.", "Count from 1.")
    return int(text) - 1


def _mine(request: Asked, wanted: Wanted) -> list[str]:
    """Return the codes of an organisation's batteries. Raises UsageError for more than are made at once."""
    person, holdings = reading(request), registry_of(request).holdings
    holdings.follow()
    found: list[str] = []
    after: str | None = None
    while True:
        run, after = holdings.page(person.organisation, wanted, RUN, after)
        found += [one.code for one in run]
        if len(found) > MOST:
            raise UsageError(
                "label.too_many", f"These are more than {MOST:,} batteries.", "Narrow the list first."
            )
        if after is None:
            return found


def _told(name: str) -> dict[str, Any]:
    size = SIZES[name]
    return {"size": name, "width_mm": size.width_mm, "height_mm": size.height_mm, "labels": size.per_sheet}


def _answer(
    request: Asked,
    given: dict[str, str],
    error: VoltrailError | None = None,
    shown: list[str] | None = None,
    first: Label | None = None,
    pages: int = 0,
) -> Response[bytes]:
    tell_programs(request, error)
    page = page_for(request)
    page.path = "/labels"  # also after the form, whose address cannot be asked for again
    person = page.person
    return as_page(
        page,
        "labels",
        200 if error is None else status_of(error),
        given={
            "codes": "",
            "carrier": "qr",
            "size": DEFAULT_SIZE,
            "start": "1",
            "host": label_host(request),
            "link": "code",
        }
        | {name: value for name, value in given.items() if value},
        carriers=CARRIERS,
        sizes=SIZES,
        shown=shown or [],
        first=first,
        pages=pages,
        count=len(given["codes"].splitlines()) if shown else 0,
        most=MOST if person is not None else MOST_UNKNOWN,
        error=error,
    )


def _file(content: bytes, media_type: str, name: str, *, download: bool = False) -> Response[bytes]:
    """Return a file; a picture is shown where it is asked for, others are taken away."""
    shown = media_type in {SVG_TYPE, PNG_TYPE} and not download
    kind = "inline" if shown else "attachment"
    headers = NEGOTIATED | {"Content-Disposition": f'{kind}; filename="{name}"'}
    return Response(content, media_type=media_type, headers=headers)


ROUTES: Final = (label_svg, label_png, label_pdf, labels_page, make_labels)
