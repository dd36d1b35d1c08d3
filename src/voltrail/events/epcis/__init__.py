"""
EPCIS 2.0: documents of others read, checked and turned into lines of ours, and back.

`document` reads and checks, `hashing` names events, `mapping` turns events into lines and lines into events
by `table`, `writing` writes documents of any length. `lines` is the way from a file to lines.
"""

from voltrail.events.epcis.document import Document, EventRead, Trouble, read_document
from voltrail.events.epcis.hashing import event_hash
from voltrail.events.epcis.lines import Row, lines_of_document
from voltrail.events.epcis.mapping import Importing, event_of, line_of
from voltrail.events.epcis.writing import (
    MEDIA_TYPE,
    SUFFIX,
    EventInLog,
    Hidden,
    StandsOn,
    write_document,
    write_query_document,
    written_event,
)

__all__ = [
    "MEDIA_TYPE",
    "SUFFIX",
    "Document",
    "EventInLog",
    "EventRead",
    "Hidden",
    "Importing",
    "Row",
    "StandsOn",
    "Trouble",
    "event_hash",
    "event_of",
    "line_of",
    "lines_of_document",
    "read_document",
    "write_document",
    "write_query_document",
    "written_event",
]
