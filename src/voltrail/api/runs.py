"""/recycling/run: a plant's clerk reports a run: what went in, what came out, what was lost."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Annotated, Any, Final

import msgspec
from litestar import Response, get, post
from litestar.params import QueryParameter
from litestar.response import Redirect

from voltrail.accounts import Person
from voltrail.api.access import check_form, may_report, signed_in
from voltrail.api.answers import Asked, as_page, page_for, registry_of, tell_programs, wants_page
from voltrail.api.failures import status_of
from voltrail.api.lots import SUBSTANCES
from voltrail.api.report_page import signs
from voltrail.api.reports import taken_from
from voltrail.api.sign_in import Form, field
from voltrail.api.steps import sites_for
from voltrail.codes import tidy
from voltrail.errors import UsageError, VoltrailError
from voltrail.events import decode
from voltrail.events.masses import kilograms
from voltrail.events.structs import Process
from voltrail.ledger.reports import split_lines
from voltrail.lifecycle.lots import masses
from voltrail.regimes.deadlines import CHINA
from voltrail.registry.lots import Listed, Wanted
from voltrail.web.outcome import read_receipt

PROCESSES: Final[tuple[str, ...]] = ("recycled", "dismantled", *Process.__args__)  # type: ignore[attr-defined]
ENDING: Final = frozenset({"recycled", "dismantled"})
ROWS: Final = {"in": 6, "add": 3, "out": 6, "loss": 4}
MOST_LOTS: Final = 200  # of one's own to choose from
MAX_FORM_BYTES: Final = 131_072
_ASSAY: Final = re.compile(
    r"\s*([A-Z][a-z]?)\s*[:=]?\s*([0-9]+(?:[.,][0-9]+)?)\s*%?(?:\s*(?:±|\+/-|\+-)\s*([0-9]+(?:[.,][0-9]+)?)\s*%?)?\s*"
)

ProcessAsked = Annotated[str | None, QueryParameter(description="which process, such as recycled or leach")]
LotAsked = Annotated[str | None, QueryParameter(max_length=90, description="a lot that goes in")]


@get("/recycling/run", sync_to_thread=True, summary="The page to report a run of a plant")
def run(request: Asked, process: ProcessAsked = None, lot: LotAsked = None) -> Response[bytes]:
    """Return the form in which a run is reported: what went in, what came out, what was lost."""
    person = signed_in(request)
    typed = {"process": process or "recycled"} | ({"in_lot_1": lot} if lot else {})
    return _form(request, person, typed)


@post(
    "/recycling/run/report",
    sync_to_thread=True,
    status_code=200,
    request_max_body_size=MAX_FORM_BYTES,
    summary="Check or report a run of a plant",
)
def report_run(request: Asked, data: Form) -> Response[Any]:
    """
    Take the form of a run with `csrf`. With `do=check` nothing is reported; with `do=file` the line comes as
    a file, to be signed with a key; with `do=report` the host signs it.

    Sent twice, it is the same line and reported once.
    """
    person = signed_in(request)
    check_form(request, person, field(data, "csrf"))
    typed = {name: field(data, name) for name in data}
    error: VoltrailError | None = None
    balance, answer = None, None
    try:
        line = line_of(typed, person.organisation)
        if typed.get("do") == "file":
            headers = {"Content-Disposition": 'attachment; filename="run.jsonl"'}
            return Response(line, media_type="application/jsonl", headers=headers)
        into, out = masses(decode(line.rstrip(b"\n")))
        balance = kilograms(into), kilograms(out), kilograms(abs(into - out)), into - out
        if typed.get("do") == "report":
            may_report(request, typed.get("csrf"))
            receipt = taken_from(request, person, line, "valid")
            if not wants_page(request):
                return Response(receipt, media_type="application/json")
            outcome = read_receipt(receipt, split_lines(line))
            if outcome.first_index is not None:
                return Redirect(
                    page_for(request).link(f"/workspace/reports/{outcome.report}"), status_code=303
                )
        registry = registry_of(request)
        (answer,) = registry.check(person.organisation, [line.rstrip(b"\n")], "reporter")
    except VoltrailError as wrong:
        if status_of(wrong) >= 500:  # not for the sender to mend
            raise
        error = wrong
    tell_programs(request, error)
    return _form(request, person, typed, error, balance, answer)


def _form(
    request: Asked,
    person: Person,
    typed: Mapping[str, str],
    error: VoltrailError | None = None,
    balance: tuple[float, float, float, int] | None = None,
    answer: Mapping[str, Any] | None = None,
) -> Response[bytes]:
    registry = registry_of(request)
    registry.lots.follow()
    mine, _ = registry.lots.page(Wanted(holder=person.organisation, left=True), MOST_LOTS)
    return as_page(
        page_for(request),
        "run",
        200 if error is None else status_of(error),
        typed=typed,
        error=error,
        balance=balance,
        answer=answer,
        processes=PROCESSES,
        ending=ENDING,
        substances=SUBSTANCES,
        rows={name: range(1, number + 1) for name, number in ROWS.items()},
        mine=_sorted(mine),
        kg=kilograms,
        sites=sites_for(request, person),
        signs=signs(request),
        organisation=person.organisation,
    )


def _sorted(mine: list[Listed]) -> list[Listed]:
    """Return lots, the newest first."""
    return sorted(mine, key=lambda one: (one.made_at is None, one.made_at or datetime.now(UTC)), reverse=True)


def line_of(typed: Mapping[str, str], organisation: str) -> bytes:
    """
    Return the line that a form says, with its end; empty fields and rows say nothing.

    Raises UsageError (`run.field`, `request.time`), EventError for what cannot be.
    """
    process = typed.get("process", "")
    if process not in PROCESSES:
        raise UsageError("run.field", f"There is no process {process[:40]!r}.", "Choose one of the list.")
    said: dict[str, Any] = {
        "kind": process if process in ENDING else "lot_processed",
        "occurred_at": _when(typed.get("when", "")).isoformat(timespec="seconds"),
    }
    if process not in ENDING:
        said["process"] = process
    codes = [tidy(one) for one in re.split(r"[\s,;，；、]+", typed.get("codes", "")) if one]
    if codes:
        said |= {"code": codes[0]} | ({"codes": codes[1:]} if codes[1:] else {})
    said |= {name: text for name in ("site", "batch") if (text := typed.get(name, "").strip())}
    if process in ENDING:
        said |= {name: _mass(typed, name) for name in ("mass_kg", "parts_mass_kg") if _has(typed, name)}
    if process == "recycled":
        said.pop("parts_mass_kg", None)
    said |= {name: rows for name, rows in _rows(typed, organisation).items() if rows}
    if _has(typed, "tolerance"):
        said["tolerance_fraction"] = _percent(typed, "tolerance")
    line = msgspec.json.encode(said)
    decode(line)
    return line + b"\n"


def _rows(typed: Mapping[str, str], organisation: str) -> dict[str, list[dict[str, Any]]]:
    """Return what the rows of the form say; half a row is an error, and not left out."""
    return {
        "inputs": [
            {"lot": typed[f"in_lot_{n}"].strip(), "mass_kg": _mass(typed, f"in_mass_{n}")}
            for n in _filled(typed, "in", "lot", "mass")
        ],
        "outputs": [_output(typed, n, organisation) for n in _filled(typed, "out", "name", "mass")],
        "additions": [_stream(typed, "add", n) for n in _filled(typed, "add", "substance", "mass")],
        "emissions": [_stream(typed, "loss", n) for n in _filled(typed, "loss", "substance", "mass")],
    }


def _filled(typed: Mapping[str, str], row: str, *names: str) -> Iterator[int]:
    for n in range(1, ROWS[row] + 1):
        there = [_has(typed, f"{row}_{name}_{n}") for name in names]
        if any(there) and not all(there):
            raise UsageError("run.row", "A row is only half filled in.", "Give its mass and what it is.")
        if all(there):
            yield n


def _output(typed: Mapping[str, str], n: int, organisation: str) -> dict[str, Any]:
    name = typed[f"out_name_{n}"].strip()
    substance = typed.get(f"out_substance_{n}", "")
    if substance not in SUBSTANCES:
        raise UsageError("run.row", "A row is only half filled in.", "Give its mass and what it is.")
    made: dict[str, Any] = {
        "lot": name if "/" in name else f"{organisation}/{name}",
        "substance": substance,
        "mass_kg": _mass(typed, f"out_mass_{n}"),
    }
    if _has(typed, f"out_moisture_{n}"):
        made["moisture_fraction"] = _percent(typed, f"out_moisture_{n}")
    if _has(typed, f"out_assays_{n}"):
        made["assays"] = read_assays(typed[f"out_assays_{n}"])
    if typed.get(f"out_waste_{n}"):
        made["waste"] = True
    return made


def _stream(typed: Mapping[str, str], row: str, n: int) -> dict[str, Any]:
    return {"substance": typed[f"{row}_substance_{n}"], "mass_kg": _mass(typed, f"{row}_mass_{n}")}


def read_assays(text: str) -> list[dict[str, Any]]:
    """
    Return assays as people write them: `Li 5.2 ± 0.1; Ni 20 %`, in percent of dry mass.

    Raises UsageError (`run.assay`).
    """
    found = []
    for part in filter(None, (one.strip() for one in re.split("[;；\n]", text))):
        matched = _ASSAY.fullmatch(part)
        if matched is None:
            raise UsageError(
                "run.assay",
                f"{part[:40]!r} is no assay.",
                "Write element and percent of dry mass, parted by semicolons: Li 5.2 ± 0.1; Ni 20",
            )
        element, share, uncertainty = matched.groups()
        one = {"element": element, "fraction": _fraction(share)}
        found.append(one | ({"uncertainty": _fraction(uncertainty)} if uncertainty else {}))
    return found


def _fraction(text: str) -> float:
    return round(float(text.replace(",", ".")) / 100, 9)


def _has(typed: Mapping[str, str], name: str) -> bool:
    return bool(typed.get(name, "").strip())


def _number(typed: Mapping[str, str], name: str) -> float:
    text = typed.get(name, "").strip()
    try:
        return float(text.replace(",", ".").removesuffix("kg").removesuffix("%").strip())
    except ValueError:
        raise UsageError("run.field", f"{text[:40]!r} is no number.", "Write digits, as 412.5.") from None


def _mass(typed: Mapping[str, str], name: str) -> float:
    number = _number(typed, name)
    if not 0 <= number < 1_000_000_000:
        raise UsageError("run.field", f"{number} is no mass in kilograms.", "Write digits, as 412.5.")
    return number


def _percent(typed: Mapping[str, str], name: str) -> float:
    number = _number(typed, name)
    if not 0 <= number <= 100:
        raise UsageError("run.field", f"{number} is no percentage.", "Write a number from 0 to 100.")
    return round(number / 100, 9)


def _when(text: str) -> datetime:
    """Return when it happened, in China's time where no zone is said. Raises UsageError."""
    try:
        when = datetime.fromisoformat(text.strip())
    except ValueError:
        raise UsageError(
            "request.time", f"{text[:40]!r} is no time.", "Write it as 2026-05-03T08:00."
        ) from None
    return when if when.tzinfo is not None else when.replace(tzinfo=CHINA)


ROUTES: Final = (run, report_run)
