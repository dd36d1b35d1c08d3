"""
Passports as JSON-LD: each point a term of the host's vocabulary; the context is in the document.

A number with a unit is a quantity: `value`, `unitCode` where UN/CEFACT has a code for it, and `unitText`
as the catalogue writes it. Source: JSON-LD 1.1; schema.org QuantitativeValue; UN/ECE Recommendation 20.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from voltrail.events.points import POINTS, Point, Value
from voltrail.passport.rulesets import EU_GUIDANCE
from voltrail.passport.told import Told

MEDIA_TYPE: Final = "application/ld+json"
VOCABULARY: Final = "/points#"
"""Where a host says what its points are: `GET /points`."""

_SCHEMA: Final = "https://schema.org/"
_XSD: Final = "http://www.w3.org/2001/XMLSchema#"

UNIT_CODES: Final = {
    "kg": "KGM",
    "Ah": "AMH",
    "kWh": "KWH",
    "V": "VLT",
    "W": "WTT",
    "Ω": "OHM",
    "%": "P1",
    "°C": "CEL",
    "a": "ANN",
}
"""UN/CEFACT codes of units; A/Ah, W/Wh, %/month and those of carbon footprints have none."""

_TYPES: Final = {
    "uri": "@id",
    "day": f"{_XSD}date",
    "moment": f"{_XSD}dateTime",
}


def written(told: Told) -> dict[str, Any]:
    """Return the document: the battery's address, the points that the reader sees, and which are withheld."""
    barred = EU_GUIDANCE.bars(told.whole.category)
    shown = told.shown(barred)
    document: dict[str, Any] = {
        "@context": context(told.by.address, shown),
        "@id": address_of(told),
        "@type": "Battery",
        **{name: said(POINTS[name], value) for name, value in shown.items()},
    }
    if told.by.as_of is not None:
        document["as_of"] = told.by.as_of.isoformat()
    if hidden := told.hidden(barred):
        document["withheld"] = [told.by.address + VOCABULARY + name for name in hidden]
    return document


def address_of(told: Told) -> str:
    """Return the address of the battery whose passport it is."""
    return f"{told.by.address}/b/{told.whole.code}"


def said(point: Point, value: Value) -> Value | dict[str, Value]:
    """Return a value as it stands in the document."""
    if point.unit is None:
        return value
    quantity: dict[str, Value] = {"value": value, "unitText": point.unit}
    if (code := UNIT_CODES.get(point.unit)) is not None:
        quantity["unitCode"] = code
    return quantity


def context(address: str, names: Iterable[str]) -> dict[str, Any]:
    """Return what each of these terms means, in the vocabulary of a host."""
    vocabulary = address + VOCABULARY
    terms = {name: _term(vocabulary + name, POINTS[name]) for name in names}
    return {
        "Battery": vocabulary + "Battery",
        "value": f"{_SCHEMA}value",
        "unitCode": f"{_SCHEMA}unitCode",
        "unitText": f"{_SCHEMA}unitText",
        "withheld": {"@id": vocabulary + "withheld", "@type": "@id"},
        "as_of": {"@id": vocabulary + "as_of", "@type": _TYPES["moment"]},
        **terms,
    }


def _term(iri: str, point: Point) -> str | dict[str, str]:
    type_ = _TYPES.get(point.type)
    return iri if type_ is None else {"@id": iri, "@type": type_}
