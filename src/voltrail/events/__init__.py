"""
What organisations report: lines of bytes, and the typed events they hold.

`lines` holds the strict byte form, `kinds` one struct for each kind of event,
`table` who may report it and what follows from it.
"""

from voltrail.events.kinds import Event, batteries, decode, decode_all, encode, member_names, subjects
from voltrail.events.lines import split

__all__ = ["Event", "batteries", "decode", "decode_all", "encode", "member_names", "split", "subjects"]
