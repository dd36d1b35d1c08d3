"""
Answers of suppliers: the exact text that a supplier signs, and what `answer_accepted` holds of it.

The text is compact JSON (RFC 8259) in one form: the members of `Answer` in their order, absent ones left out,
no white space between tokens, only the escapes that JSON demands. Whoever has the event has the text, the key
and the signature: nothing else is needed to see who said it.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Final, Literal

import msgspec
from msgspec import Meta

from voltrail.errors import EventError, NoteError
from voltrail.events import reading
from voltrail.events.points import POINTS, check_points
from voltrail.ledger.keys import ED25519, P256, Verifier, decode64

MAX_BYTES: Final = 20_000  # of a text: it stands in one line of the record, beside its values
MAX_POINTS: Final = 100
ALGORITHMS: Final = (ED25519, P256)

_Word = Annotated[str, Meta(min_length=1, max_length=256)]
_Text = Annotated[str, Meta(min_length=1, max_length=1_000)]


class PointAnswer(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """One data point as a supplier says it: `unit` as the catalogue has it, `document` the file's SHA-256."""

    point: _Word
    value: float | int | str
    unit: _Word | None = None
    method: _Text | None = None
    document: Annotated[str, Meta(pattern="^[0-9a-f]{64}$")] | None = None
    remark: _Text | None = None


class Answer(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """
    An answer: to which request of which registry, asked by which organisation, for which part, by whom.

    `revision` grows with every answer to the same request. It names no model: a part may be in several.
    """

    voltrail_answer: Literal[1]
    registry: _Word
    request: _Word
    asked_by: _Word
    part: _Word
    supplier: _Word
    revision: Annotated[int, Meta(ge=1, le=10_000)]
    answered_at: _Word
    points: Annotated[tuple[PointAnswer, ...], Meta(min_length=1, max_length=MAX_POINTS)]

    @property
    def values(self) -> dict[str, float | int | str]:
        """The values by their points."""
        return {one.point: one.value for one in self.points}


def write(answer: Answer) -> str:
    """Return the text of an answer, which is what is signed, in UTF-8."""
    return msgspec.json.encode(answer).decode()


def read(text: str) -> Answer:
    """Return what a text says. Raises EventError unless it is an answer, in its one form, and can be so."""
    if len(text.encode(errors="replace")) > MAX_BYTES:
        raise reading.value(f"The answer has more than {MAX_BYTES:,} bytes.", "Shorten methods and remarks.")
    try:
        answer = msgspec.json.decode(text.encode(errors="replace"), type=Answer)
    except (msgspec.DecodeError, RecursionError) as error:
        raise reading.value(f"The answer does not read: {error}.", _FORM) from None
    if write(answer) != text:
        raise reading.value("The answer is not written in its one form.", _FORM)
    if len(answer.values) != len(answer.points):
        raise reading.value("The answer names a data point twice.", "Name each once.")
    if not answer.supplier.isprintable() or answer.supplier != answer.supplier.strip():
        raise reading.value("The supplier's name has signs that are not seen.", "Type the name anew.")
    try:
        zone = datetime.fromisoformat(answer.answered_at).tzinfo
    except ValueError:
        zone = None
    if zone is None:
        raise reading.value("answered_at is no time with its zone.", "Write it as 2026-04-21T09:00:00+08:00.")
    check_points(answer.values, of_battery=False)
    for one in answer.points:
        if one.unit != POINTS[one.point].unit:
            message = f"{one.point} is given in {one.unit or 'no unit'}."
            raise reading.value(message, f"Give it in {POINTS[one.point].unit or 'no unit'}.")
    return answer


def holds(text: str, algorithm: str, public_key: str, signature: str) -> bool:
    """Return whether a key, in base64 as on record, made a signature (base64) over a text in UTF-8."""
    try:
        verifier = Verifier.of("supplier/key", algorithm, decode64(public_key))
        return algorithm in ALGORITHMS and verifier.holds(text.encode(), decode64(signature))
    except NoteError:
        return False


def check(event: Any) -> None:
    """Raise EventError unless `answer_accepted` says what its text does, and its key signed the text."""
    answer = read(event.answer)
    if (answer.part, answer.supplier) != (event.part, event.supplier_name):
        raise reading.value("The answer is of another part or supplier.", "Take part and supplier from it.")
    said = answer.values
    for name, value in event.points.items():
        if said.get(name) != value:
            raise reading.value(f"The supplier did not answer {name} so.", "Take the points from the answer.")
    if not holds(event.answer, event.algorithm, event.public_key, event.signature):
        raise EventError(
            "answer.signature",
            "The signature is not that of this key over this answer.",
            "Take answer, key and signature as the supplier sent them.",
            source="docs/guides/supplier.md",
        )


EXAMPLE: Final = {
    "part": "cell LFP-157",
    "supplier_name": "Sample 示例",
    "points": "rated_capacity_ah=157; chemistry=LFP",
    "answer": (
        '{"voltrail_answer":1,"registry":"registry.example/log","request":"18",'
        '"asked_by":"91000000MA00000009","part":"cell LFP-157","supplier":"Sample 示例","revision":1,'
        '"answered_at":"2026-04-21T09:30:00+08:00","points":[{"point":"rated_capacity_ah","value":157,'
        '"unit":"Ah"},{"point":"chemistry","value":"LFP"}]}'
    ),
    "algorithm": ED25519,
    "public_key": "A6EHv/POEL4dcN0Y50vAmWfk1jCbpQ1fHdyGZBJVMbg=",
    "signature": "cfJ8lUKmCBmcY258TJj9hAeGYV+YLTVJBkfwfKnWBuAfvr0DJhVYNmaVPczTCaueM7aFUHWtKwCCtVQ+HU5EDg==",
}
"""Members of an `answer_accepted` that holds, as a spreadsheet has them; its key's seed is bytes 0 to 31."""

_FORM: Final = "Take the text as the registry gives it; docs/guides/supplier.md describes it."
