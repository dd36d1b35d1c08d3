"""From an EPCIS document to lines of ours: one row for each event, with its line or with what is wrong."""

from __future__ import annotations

import msgspec

from voltrail.errors import VoltrailError
from voltrail.events.epcis.document import Document, read_document
from voltrail.events.epcis.mapping import SOURCE, Importing, line_of
from voltrail.events.epcis.source import SOURCE as STANDARD
from voltrail.events.epcis.validation import Trouble


class Row(msgspec.Struct, frozen=True):
    """
    What became of one event: its line, or its troubles, the first of which says why it has none.

    `number` counts the events of the document from 1; `path` is where it stands. `source` cites what was
    not kept: the standard, or our own table.
    """

    number: int
    path: str
    line: bytes | None
    troubles: tuple[Trouble, ...] = ()
    source: str = STANDARD


def lines_of_document(data: bytes | Document, organisation: str | Importing) -> list[Row]:
    """
    Return a row for each event of an EPCIS 2.0 document in JSON (or of one that was read), in order.

    `organisation` is who reports it; with an `Importing` in its place, error declarations and GLNs are
    looked up in a record.
    A document with something wrong around its events gives rows without lines. Raises EventError for what
    cannot be read as EPCIS at all.
    """
    importing = organisation if isinstance(organisation, Importing) else Importing(organisation)
    document = data if isinstance(data, Document) else read_document(data)
    rows: list[Row] = []
    for event in document.events:
        wrong = document.whole or tuple(one for one in document.of(event.number))
        if wrong:
            rows.append(Row(event.number, event.path, None, wrong))
            continue
        try:
            line = line_of(event.value, event.context, importing)
            rows.append(Row(event.number, event.path, line))
        except VoltrailError as error:
            trouble = Trouble(event.path, error.rule, error.message, error.fix, event.number)
            rows.append(Row(event.number, event.path, None, (trouble,), error.source or SOURCE))
    return rows
