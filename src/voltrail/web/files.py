"""What the pages of files show: rows with their cells, what is wrong beside each, choices for columns."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any, Final, Protocol

import msgspec

from voltrail.events.table import KINDS, TRUST_KINDS
from voltrail.events.tables import Mapping, Trouble
from voltrail.events.tables.columns import COLUMNS, members_of
from voltrail.web.page import Page

MAX_SHOWN: Final = 2_000  # characters of a cell that can be mended on a page
MAX_LINE_SHOWN: Final = 8_192


class About(Protocol):
    """As much of what a file was found to be as is shown."""

    @property
    def header(self) -> tuple[str, ...]:
        """The heads of its columns."""

    @property
    def sample(self) -> tuple[tuple[str, ...], ...]:
        """Its first rows."""


class File(Protocol):
    """As much of a file as is shown."""

    @property
    def form(self) -> str:
        """What it is: csv, xlsx, jsonl, epcis."""

    @property
    def has_columns(self) -> bool:
        """Whether its rows are of cells under heads."""

    @property
    def about(self) -> Any:
        """Its header and first rows, once it was opened."""

    @property
    def mapping(self) -> Mapping | None:
        """How its columns are read."""


class Listed(Protocol):
    """A row to look at."""

    @property
    def number(self) -> int:
        """Where it stands in the file."""

    @property
    def cells(self) -> tuple[str, ...]:
        """Its cells."""

    @property
    def troubles(self) -> tuple[Trouble, ...]:
        """What is wrong."""


class CellShown(msgspec.Struct, frozen=True):
    """A cell: its head, the member it gives, its text, what is wrong; None for text too long to be shown."""

    column: int
    head: str
    member: str | None
    text: str | None
    troubles: tuple[Trouble, ...]


class RowShown(msgspec.Struct, frozen=True):
    """A row: the cells that are wrong, the others, and what is wrong with none of them alone."""

    number: int
    wrong: list[CellShown]
    others: list[CellShown]
    troubles: list[Trouble]


class Choice(msgspec.Struct, frozen=True):
    """A column, and what it may be read as: members with their words, the chosen one among them."""

    column: int
    head: str
    member: str | None
    sample: list[str]
    options: list[tuple[str, str]]


def member_word(page: Page, member: str) -> str:
    """Return what a member is called at the head of a column."""
    return COLUMNS[member].header(page.language) if member in COLUMNS else page.name(member)


def shown_rows(job: File, rows: Sequence[Listed]) -> list[RowShown]:
    """Return rows as a page shows them: what is wrong first, beside its cell."""
    header = job.about.header if job.about is not None else ()
    members = job.mapping.columns if job.mapping is not None else ()
    shown = []
    for row in rows:
        width = max(len(header), len(row.cells))
        cells = [
            CellShown(
                column,
                header[column] if column < len(header) else "",
                members[column] if column < len(members) else None,
                _fitting(row.cells[column] if column < len(row.cells) else "", job.form),
                tuple(one for one in row.troubles if one.column == column),
            )
            for column in range(width)
        ]
        shown.append(
            RowShown(
                row.number,
                [cell for cell in cells if cell.troubles],
                [cell for cell in cells if not cell.troubles and (cell.member is not None or cell.text)],
                [one for one in row.troubles if one.column is None or one.column >= width],
            )
        )
    return shown


def columns_of(page: Page, job: File) -> list[tuple[str, str]]:
    """Return the columns that are read, each with the word for its member."""
    if job.about is None or job.mapping is None or not job.has_columns:
        return []
    pairs = zip(job.about.header, job.mapping.columns, strict=False)
    return [(head, member_word(page, member)) for head, member in pairs if member is not None]


def choices_of(page: Page, job: File, mapping: Mapping) -> list[Choice]:
    """Return for each column what it may be read as, in the words of the page."""
    if job.about is None:
        return []
    names = members_of(mapping.kind) if mapping.kind in KINDS else tuple(COLUMNS)
    options = [(name, member_word(page, name)) for name in ("kind", *names) if name in COLUMNS]
    columns = (*mapping.columns, *[None] * len(job.about.header))
    return [
        Choice(
            column,
            head,
            columns[column],
            [cells[column] for cells in job.about.sample if column < len(cells) and cells[column]][:3],
            options
            if columns[column] is None or columns[column] in dict(options)
            else [(str(columns[column]), member_word(page, str(columns[column]))), *options],
        )
        for column, head in enumerate(job.about.header)
    ]


def kinds_of(roles: Collection[str]) -> list[str]:
    """Return the kinds of event that these roles may report with a sign-in, in the order of the table."""
    return [
        name
        for name, kind in KINDS.items()
        if name not in TRUST_KINDS and name != "corrected" and not kind.roles.isdisjoint(roles)
    ]


def remark_of(page: Page, job: File, row: Listed) -> str:
    """Return in one cell what is wrong with a row, and what to do."""
    header = job.about.header if job.about is not None else ()
    said = []
    for one in row.troubles:
        own = page.rule(one.rule)
        head = header[one.column] if one.column is not None and one.column < len(header) else ""
        words = f"{own.message} {own.fix}" if own else f"{one.message} {one.fix}"
        said.append(f"{head}: {words}" if head else words)
    return " | ".join(said).replace("`", "")


def _fitting(text: str, form: str) -> str | None:
    return text if len(text) <= (MAX_LINE_SHOWN if form in {"jsonl", "epcis"} else MAX_SHOWN) else None
