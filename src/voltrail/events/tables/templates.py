"""The files to begin with: for each kind of event its headers, an example, and what each column is for."""

from __future__ import annotations

import csv
import io
import zipfile
from collections.abc import Iterable, Sequence
from typing import Final, Literal
from xml.sax.saxutils import escape

import msgspec

from voltrail.errors import TableError
from voltrail.events.answers import EXAMPLE
from voltrail.events.structs import STRUCTS
from voltrail.events.table import KINDS
from voltrail.events.tables.cells import types_of
from voltrail.events.tables.columns import COLUMNS, Language, members_of
from voltrail.events.tables.mapping import WITHOUT_CODES, required
from voltrail.events.words import NAMES_ZH

Form = Literal["csv", "xlsx"]

_CODE = "9ZZPB240000003G4C0221953"
_OTHER = "9ZZPB240000003G4C0221954"
_THIRD = "9ZZPB240000003G4C0221955"
_EXAMPLES: Final = {
    "points": "capacity_ah=157; temperature_c=23",
    "issued_on": "2026-04-21",
    "number": "1",
    "lot": "91000000MA00000009/2026-041",
    "moisture_fraction": "0.12",
    "tolerance_fraction": "0.01",
    "from_country": "CN",
    "log": "registry.example/log",
    "events": "12",
    "head": "0" * 64,
    "occurred_at": "2026-04-21 09:30", "code": _CODE, "codes": f"{_OTHER} {_THIRD}", "right": _OTHER,
    "into": _THIRD, "taken_out": _CODE, "put_in": _OTHER, "vin": "LZZZZ0000A0000001", "model_id": "9ZZ-60",
    "to": "91000000MA00000009", "from": "91000000MA00000009", "carrier": "91000000MA00000009",
    "organisation": "91000000MA00000009", "site": "plant-1", "station": "station-7", "country": "CN",
    "manufactured_on": "2024-03-12", "cleared_at": "2026-04-20 16:00", "certificate_date": "2026-04-20",
    "certified_on": "2026-04-20", "until": "2027-04-21 00:00", "mass_kg": "412.5", "energy_kwh": "60.2",
    "energy_out_kwh": "12.4", "energy_in_kwh": "58.1", "capacity_ah": "164", "voltage_v": "403.2",
    "resistance_mohm": "0.8", "odometer_km": "48213", "distance_km": "48213", "cycles": "812",
    "soh_fraction": "0.92", "corrects": "1204978", "name": "Sample 示例", "key_id": "line-1",
    "algorithm": "ed25519", "public_key": "3m8Z…", "certificate": "C-2026-018", "campaign": "R-2026-03",
    "work": "BMS", "reason": "SOH 62 %", "title": "9ZZ-60", "digest": "0" * 64,
    "makers": "91000000MA00000009", "supplier_id": "91000000MA00000009", "part": "cell LFP-157",
    "soh_low": "0.88", "soh_high": "0.94", "life_years_low": "5", "life_years_high": "8",
    "measured_from": "2026-03-01 00:00", "measured_until": "2026-04-01 00:00", "trace_digest": "0" * 64,
    "sessions": "9", "alarm_level": "3", "alarms": "cell overvoltage", "method_version": "1",
    "interfaces": "qiji", "bays": "2", "slots": "14", "chargers": "8", "charger_kw": "300",
    "swap_pack": "qiji-171", "swap_interface": "qiji",
    "protocol": "capacity", "protocols": "capacity cycle_life", "campaigns": "C-2026-03", "plan": "0" * 64,
    "data": "0" * 64, "instrument": "cycler 4, channel 12", "calibrated_on": "2026-03-02",
    "signed_off_by": "Li Wei", "production_line": "pilot-1", "step": "coating", "entered": "120",
    "good": "117", "product": "9ZZ-60",
    "phone": "021 1234 5678", "latitude": "31.23", "longitude": "121.47",
}  # fmt: skip


_CORRECTION: Final = ("occurred_at", "code", "corrects", "void")  # it is void, or has another line


def template(kind: str, language: Language, form: Form) -> bytes:
    """
    Return a file with the headers of a kind, in UTF-8 CSV or as a workbook whose columns keep what is typed.

    An example stands in a row that begins with `# ` (CSV), or on a second sheet; it is never read as data.
    """
    if kind not in STRUCTS:
        raise TableError(
            "table.kind",
            f"There is no kind of event called {kind[:40]!r}.",
            "docs/events.md lists the kinds.",
        )
    members = _members(kind)
    header = [COLUMNS[member].header(language) for member in members]
    word = KINDS[kind].zh if language == "zh" else kind.replace("_", " ")
    example = [word, *(_example(kind, member, language) for member in members[1:])]
    if form == "csv":
        written = io.StringIO()
        csv.writer(written, lineterminator="\r\n").writerows([header, [f"# {word}", *example[1:]]])
        return b"\xef\xbb\xbf" + written.getvalue().encode()
    return _workbook(header, _explained(kind, members, example, language), language)


def _members(kind: str) -> tuple[str, ...]:
    """Return the columns of a template: no member that others say already."""
    own = members_of(kind)
    return ("kind", *(name for name in own if name != "codes" or kind not in WITHOUT_CODES))


def _example(kind: str, member: str, language: Language) -> str:
    field = types_of(kind).get(member)
    if (kind == "corrected" and member not in _CORRECTION) or member == "system":
        return ""
    if isinstance(field, msgspec.inspect.DateTimeType):
        return _EXAMPLES["occurred_at"]
    if (kind, member) == ("lot_processed", "process"):
        return NAMES_ZH["discharge"] if language == "zh" else "discharge"
    values = getattr(field, "values", None)
    if values:
        value: str | bool = values[0]
        if value is True:
            return "是" if language == "zh" else "yes"
        return NAMES_ZH.get(str(value), str(value)) if language == "zh" else str(value)
    if kind == "answer_accepted" and member in EXAMPLE:
        return EXAMPLE[member]
    if (kind, member) == ("points_declared", "points"):
        return "rated_capacity_ah=157; chemistry=LFP"
    return _EXAMPLES.get(member, "")


def _explained(
    kind: str, members: Sequence[str], example: Sequence[str], language: Language
) -> list[list[str]]:
    """Return the rows of the second sheet."""
    zh = language == "zh"
    needed = {*required(kind), "kind"}
    rows = [["列", "必填", "示例", "可填的值"] if zh else ["Column", "Needed", "Example", "Values"]]
    for member, value in zip(members, example, strict=True):
        values = getattr(types_of(kind).get(member), "values", ()) or ()
        told = [str(NAMES_ZH.get(one, one) if zh else one) for one in values if one is not True]
        must = ("是" if zh else "yes") if member in needed else ""
        rows.append(
            [COLUMNS[member].header(language), must, value, "、".join(told) if zh else ", ".join(told)]
        )
    return rows


# -------------------------------------------------------------------- workbook

_HEAD: Final = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n'
_MAIN: Final = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
_OFFICE: Final = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_PACKAGE: Final = "http://schemas.openxmlformats.org/package/2006"
_KIND: Final = "application/vnd.openxmlformats-officedocument.spreadsheetml"
_STAMP: Final = (1980, 1, 1, 0, 0, 0)  # so that the same template is the same bytes


def _workbook(header: Sequence[str], explained: Sequence[Sequence[str]], language: Language) -> bytes:
    """Return a workbook of two sheets; each column is formatted as text, so that codes stay what they are."""
    names = ("数据", "说明") if language == "zh" else ("Data", "Explained")
    parts = {
        "[Content_Types].xml": f'<Types xmlns="{_PACKAGE}/content-types">'
        '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
        '<Default Extension="xml" ContentType="application/xml"/>'
        f'<Override PartName="/xl/workbook.xml" ContentType="{_KIND}.sheet.main+xml"/>'
        f'<Override PartName="/xl/styles.xml" ContentType="{_KIND}.styles+xml"/>'
        f'<Override PartName="/xl/worksheets/sheet1.xml" ContentType="{_KIND}.worksheet+xml"/>'
        f'<Override PartName="/xl/worksheets/sheet2.xml" ContentType="{_KIND}.worksheet+xml"/></Types>',
        "_rels/.rels": f'<Relationships xmlns="{_PACKAGE}/relationships">'
        f'<Relationship Id="r1" Type="{_OFFICE}/officeDocument" Target="xl/workbook.xml"/></Relationships>',
        "xl/workbook.xml": f'<workbook xmlns="{_MAIN}" xmlns:r="{_OFFICE}"><sheets>'
        f'<sheet name="{names[0]}" sheetId="1" r:id="r1"/><sheet name="{names[1]}" sheetId="2" r:id="r2"/>'
        "</sheets></workbook>",
        "xl/_rels/workbook.xml.rels": f'<Relationships xmlns="{_PACKAGE}/relationships">'
        f'<Relationship Id="r1" Type="{_OFFICE}/worksheet" Target="worksheets/sheet1.xml"/>'
        f'<Relationship Id="r2" Type="{_OFFICE}/worksheet" Target="worksheets/sheet2.xml"/>'
        f'<Relationship Id="r3" Type="{_OFFICE}/styles" Target="styles.xml"/></Relationships>',
        # style 1 is text, 2 the heading; format 49 is "@", text
        "xl/styles.xml": f'<styleSheet xmlns="{_MAIN}">'
        '<fonts count="2"><font><sz val="11"/><name val="Calibri"/></font>'
        '<font><b/><sz val="11"/><name val="Calibri"/></font></fonts>'
        '<fills count="2"><fill><patternFill patternType="none"/></fill>'
        '<fill><patternFill patternType="gray125"/></fill></fills>'
        '<borders count="1"><border/></borders><cellStyleXfs count="1"><xf/></cellStyleXfs>'
        '<cellXfs count="3"><xf xfId="0"/><xf numFmtId="49" applyNumberFormat="1" xfId="0"/>'
        '<xf numFmtId="49" fontId="1" applyNumberFormat="1" applyFont="1" xfId="0"/></cellXfs>'
        '<cellStyles count="1"><cellStyle name="Normal" xfId="0" builtinId="0"/></cellStyles></styleSheet>',
        "xl/worksheets/sheet1.xml": _sheet([header]),
        "xl/worksheets/sheet2.xml": _sheet(explained),
    }
    written = io.BytesIO()
    with zipfile.ZipFile(written, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in parts.items():
            archive.writestr(zipfile.ZipInfo(name, _STAMP), _HEAD + text, zipfile.ZIP_DEFLATED)
    return written.getvalue()


def _sheet(rows: Sequence[Sequence[str]]) -> str:
    """Return a sheet whose first row is the heading and stays in sight."""
    columns = "".join(
        f'<col min="{at}" max="{at}" width="{_width(texts)}" style="1" customWidth="1"/>'
        for at, texts in enumerate(zip(*rows, strict=True), 1)
    )
    data = "".join(
        f'<row r="{number}">'
        + "".join(
            f'<c r="{_letters(at)}{number}" s="{2 if number == 1 else 1}" t="inlineStr">'
            f'<is><t xml:space="preserve">{escape(text)}</t></is></c>'
            for at, text in enumerate(row)
        )
        + "</row>"
        for number, row in enumerate(rows, 1)
    )
    return (
        f'<worksheet xmlns="{_MAIN}"><sheetViews><sheetView workbookViewId="0">'
        '<pane ySplit="1" topLeftCell="A2" activePane="bottomLeft" state="frozen"/></sheetView></sheetViews>'
        f"<cols>{columns}</cols><sheetData>{data}</sheetData></worksheet>"
    )


def _width(texts: Iterable[str]) -> int:
    """Return the width of a column in characters; Chinese ones are twice as wide."""
    return min(
        60, max(12, *(sum(1 if character.isascii() else 2 for character in text) + 3 for text in texts))
    )


def _letters(at: int) -> str:
    found = ""
    at += 1
    while at:
        at, rest = divmod(at - 1, 26)
        found = chr(65 + rest) + found
    return found
