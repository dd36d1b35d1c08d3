"""
Passports as EN 18223 has them, in both representations, and read back from either.

    >>> whole = written({"mass_kg": 412.5})
    >>> whole, read(whole)
    ({'battery': {'mass': {'value': 412.5, 'unit': 'kg'}}}, {'mass_kg': 412.5})

A table (`en18223.json`) says of each point in which section it stands and how it is called there; what stands
in no section is of the envelope. Compressed, an element is a member: its value, or value and unit. In full it
is an object of `elements` that says its type, too. What a reader may not see is named in `withheld`, by path.
Source: EN 18223:2026 as an implementer's contract of EN 18222 has it; the standard itself was not read.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from importlib.resources import files
from typing import Any, Final

import msgspec

from voltrail.errors import UsageError
from voltrail.events.points import POINTS, Value
from voltrail.passport.json_ld import VOCABULARY
from voltrail.passport.paths import read_path, written_path
from voltrail.passport.rulesets import EU_GUIDANCE
from voltrail.passport.told import Told

WITHHELD: Final = "withheld"
ELEMENTS: Final = "elements"


class Place(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where a point stands: its element, in a section; without one, in the envelope."""

    point: str
    element: str
    section: str | None = None

    @property
    def steps(self) -> tuple[str, ...]:
        """The names on the way to it."""
        return (self.element,) if self.section is None else (self.section, self.element)

    @property
    def path(self) -> str:
        """The JSONPath to it, in the compressed representation."""
        return written_path(self.steps)


PLACES: Final = msgspec.json.decode(
    files(__package__).joinpath("en18223.json").read_bytes(), type=tuple[Place, ...]
)
SECTIONS: Final = tuple(dict.fromkeys(one.section for one in PLACES if one.section is not None))
_BY_STEPS: Final = {one.steps: one for one in PLACES}
_BY_POINT: Final = {one.point: one for one in PLACES}


def compressed(told: Told) -> dict[str, Any]:
    """Return the compressed document of what a reader sees, without what must not stand in it."""
    barred = EU_GUIDANCE.bars(told.whole.category)
    return written(told.shown(barred), told.hidden(barred))


def in_full(told: Told) -> dict[str, Any]:
    """Return the full document of what a reader sees; its elements lead to the host's vocabulary."""
    barred = EU_GUIDANCE.bars(told.whole.category)
    vocabulary = told.by.address + VOCABULARY
    return written(told.shown(barred), told.hidden(barred), full=True, vocabulary=vocabulary)


def written(
    values: Mapping[str, Value],
    withheld: Collection[str] = (),
    *,
    full: bool = False,
    vocabulary: str | None = None,
) -> dict[str, Any]:
    """
    Return the document of these values, as JSON has it, compressed or in full.

    Where some points are `withheld` the document is partial, and says so. `vocabulary` is where it is told
    what points mean; elements in full then refer to it.
    """
    document: dict[str, Any] = {}
    for place in PLACES:
        if place.section is None and place.point in values:
            document[place.element] = values[place.point]
    for section in SECTIONS:
        places = [one for one in PLACES if one.section == section and one.point in values]
        if not places:
            continue
        if full:
            document.setdefault(ELEMENTS, []).append(_collection(section, places, values, full, vocabulary))
        else:
            document[section] = {one.element: _value(one.point, values[one.point]) for one in places}
    if withheld:
        document[WITHHELD] = [one.path for one in PLACES if one.point in withheld]
    return document


def _collection(
    section: str, places: list[Place], values: Mapping[str, Value], full: bool, vocabulary: str | None
) -> dict[str, Any]:
    elements = [_element(one, values[one.point], full, vocabulary) for one in places]
    kind = {"objectType": "DataElementCollection"} if full else {}
    return {"elementId": section, **kind, ELEMENTS: elements}


def _value(point: str, value: Value) -> Any:
    unit = POINTS[point].unit
    return value if unit is None else {"value": value, "unit": unit}


def _element(place: Place, value: Value, full: bool, vocabulary: str | None) -> dict[str, Any]:
    point = POINTS[place.point]
    said: dict[str, Any] = {"value": value}
    kind = {"objectType": "SingleValuedDataElement", "valueDataType": _XSD.get(point.type, "xsd:string")}
    if point.type == "uri" and place.section is not None:
        kind, said = {"objectType": "RelatedResource", "resourceTitle": point.en}, {"url": value}
    if vocabulary is not None:
        kind["dictionaryReference"] = vocabulary + point.name
    unit = {} if point.unit is None else {"unit": point.unit}
    return {"elementId": place.element, **(kind if full else {}), **said, **unit}


_XSD: Final = {
    "number": "xsd:decimal",
    "integer": "xsd:integer",
    "uri": "xsd:anyURI",
    "day": "xsd:date",
    "moment": "xsd:dateTime",
}


# ------------------------------------------------------------------ one element


class Found(msgspec.Struct, frozen=True):
    """What a path leads to: one point or those of a section; `part` of a point is its value or its unit."""

    element: str
    points: tuple[str, ...]
    section: bool = False
    part: str | None = None


def find(path: str) -> Found | None:
    """Return what a JSONPath leads to, None where that is no element. Raises UsageError for no path."""
    steps = read_path(path)
    if (place := _BY_STEPS.get(steps)) is not None:
        return Found(place.element, (place.point,))
    if len(steps) == 1 and steps[0] in SECTIONS:
        of = tuple(one.point for one in PLACES if one.section == steps[0])
        return Found(steps[0], of, section=True)
    above = _BY_STEPS.get(steps[:-1])
    if above is not None and POINTS[above.point].unit is not None and steps[-1] in {"value", "unit"}:
        return Found(steps[-1], (above.point,), part=steps[-1])
    return None


def element(
    found: Found,
    values: Mapping[str, Value],
    withheld: Collection[str] = (),
    *,
    full: bool = False,
    vocabulary: str | None = None,
) -> dict[str, Any]:
    """Return a data element, of whose points at least one has a value."""
    places = [_BY_POINT[one] for one in found.points if one in values]
    if found.section:
        hidden = [_BY_POINT[one].path for one in found.points if one in withheld]
        return _collection(found.element, places, values, full, vocabulary) | (
            {WITHHELD: hidden} if hidden else {}
        )
    (place,) = places
    whole = _element(place, values[place.point], full, vocabulary)
    if found.part is None:
        return whole
    kind = {"objectType": whole["objectType"], "valueDataType": "xsd:string"} if full else {}
    if full and found.part == "value":
        kind["valueDataType"] = whole["valueDataType"]
    return {"elementId": found.part, **kind, "value": whole[found.part]}


# ------------------------------------------------------------------ read back


def read(document: Any) -> dict[str, Value]:
    """
    Return the values of a document in either representation, or of a part of one, by point.

    Values are not judged here. Raises UsageError for an element that is none, and for one that is removed
    (`passport.removal`): the record only appends.
    """
    if not isinstance(document, dict):
        raise _wrong("The passport is no JSON object.", "Send an object with the elements that change.")
    return _once(_pairs(document))


def read_element(found: Found, given: Any) -> dict[str, Value]:
    """Return the values that an element says of what a path leads to. Raises UsageError as `read` does."""
    if not isinstance(given, dict):
        said = f'{{"elementId": "{found.element}", "value": ...}}'
        raise _wrong("A data element is a JSON object.", f"Send {said}.")
    if given.get("elementId", found.element) != found.element:
        raise _wrong(
            f"elementId is {given['elementId']!r:.80}, and the path leads to {found.element}.",
            f"Write {found.element}, or leave it out.",
        )
    if found.section:
        return _once(_of_collection(found.element, given))
    place = _BY_POINT[found.points[0]]
    if found.part == "unit":
        _check_unit(place, _given(given, "value", place))
        return {}
    return {place.point: _of_element(place, given)}


def _once(pairs: Iterator[tuple[Place, Value]]) -> dict[str, Value]:
    found: dict[str, Value] = {}
    for place, value in pairs:
        if place.point in found:
            raise _wrong(f"The element {place.path} stands there twice.", "Say it once.")
        found[place.point] = value
    return found


def _pairs(document: Mapping[str, Any]) -> Iterator[tuple[Place, Value]]:
    for name, given in document.items():
        if name == WITHHELD:
            continue  # said by us of what a reader sees, and sent back with what was read
        if name == ELEMENTS:
            yield from _of_elements(given)
        elif name in SECTIONS:
            yield from _of_section(name, given)
        else:
            place = _place(name)
            yield place, _plain(place, given)


def _of_section(section: str, given: Any) -> Iterator[tuple[Place, Value]]:
    if given is None:
        raise _removal(section)
    if not isinstance(given, dict):
        raise _wrong(f"The section {section} is no JSON object.", "Send an object with its elements.")
    for name, one in given.items():
        place = _place(section, name)
        if POINTS[place.point].unit is None:
            yield place, _plain(place, one)
            continue
        if one is None:
            raise _removal(place.path)
        if not isinstance(one, dict):
            unit = POINTS[place.point].unit
            raise _wrong(
                f"{place.path} is {one!r:.60}, without its unit.",
                f'Write {{"value": ..., "unit": "{unit}"}}.',
            )
        yield place, _of_element(place, one)


def _of_elements(given: Any) -> Iterator[tuple[Place, Value]]:
    if not isinstance(given, list) or not all(isinstance(one, dict) for one in given):
        raise _wrong("elements is no list of objects.", "Send a list of data elements, one for each section.")
    for one in given:
        section = one.get("elementId")
        if section not in SECTIONS:
            raise _unknown(str(section))
        yield from _of_collection(section, one)


def _of_collection(section: str, given: Mapping[str, Any]) -> Iterator[tuple[Place, Value]]:
    elements = given.get(ELEMENTS)
    if not isinstance(elements, list) or not all(isinstance(one, dict) for one in elements):
        raise _wrong(f"The section {section} has no list of elements.", "Send its elements in a list.")
    for one in elements:
        place = _place(section, str(one.get("elementId")))
        yield place, _of_element(place, one)


def _of_element(place: Place, given: Mapping[str, Any]) -> Value:
    """Return the value of an element in either form; its unit, where it says one, is ours."""
    if "unit" in given:
        _check_unit(place, given["unit"])
    return _given(given, "url" if "url" in given and "value" not in given else "value", place)


def _given(given: Mapping[str, Any], name: str, place: Place) -> Value:
    if name not in given:
        raise _wrong(f"{place.path} has no value.", "Send its value, too.")
    return _plain(place, given[name])


def _plain(place: Place, given: Any) -> Value:
    if given is None:
        raise _removal(place.path)
    if isinstance(given, bool) or not isinstance(given, int | float | str):
        raise _wrong(f"{place.path} is {given!r:.60}.", "Send a number or a text.")
    return given


def _check_unit(place: Place, unit: Any) -> None:
    if unit != POINTS[place.point].unit:
        ours = POINTS[place.point].unit
        said = f"It is given in {ours}." if ours else "It has none: leave it out."
        raise _wrong(f"The unit of {place.path} is {unit!r:.40}.", said)


def _place(*steps: str) -> Place:
    if (found := _BY_STEPS.get(steps)) is None:
        raise _unknown(".".join(steps))
    return found


def _unknown(name: str) -> UsageError:
    return _wrong(
        f"There is no element {name[:80]!r}.", "docs/en18222.md lists the elements, and where they stand."
    )


def _removal(name: str) -> UsageError:
    return UsageError(
        "passport.removal",
        f"{name} would be removed, and the record only appends.",
        "Say what is true instead; what was reported wrongly is corrected by `corrected`.",
    )


def _wrong(message: str, fix: str) -> UsageError:
    return UsageError("passport.element", message, fix)


def table() -> str:
    """Return the elements as a table for docs/en18222.md."""
    heads = "| Element | Point | Type | Unit | Said by |\n|---|---|---|---|---|\n"
    points = [(one.path, POINTS[one.point]) for one in PLACES]
    return heads + "".join(
        f"| `{path}` | {point.name} | {point.type} | {point.unit or ''} | {point.by} |\n"
        for path, point in points
    )
