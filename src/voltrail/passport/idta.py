"""
Passports as IDTA 02035 has them: an asset administration shell with the submodel of the condition.

One table (`idta_02035_product_condition.json`) says which element has which point. Semantic ids are those
of the published model, and only those: the other submodels of IDTA 02035 are not written, since none of their
schemas is there to test against. A capacity is in Ah and a power in W, as the elements are described;
the units that the model gives them, kWh and %, contradict these, and 1.0.2 corrects one.
Source: IDTA 02035, ProductCondition 1.0.1, whose schema names each id; AAS metamodel 3.0.
"""

from __future__ import annotations

from importlib.resources import files
from typing import Any, Final

import msgspec

from voltrail.passport.compose import Known
from voltrail.passport.json_ld import address_of
from voltrail.passport.told import Told

_MODEL: Final = "urn:samm:io.admin-shell.idta.batterypass.product_condition"
_SUBMODEL: Final = "ProductCondition"
_SUBMODEL_VERSION: Final = "1.0.1"


class Element(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """
    One element of the submodel: its value's name (None: a list of texts), its point, the version of its ids.

    `at_charge` is the state of charge at which a power was measured, in percent: there is room for one.
    """

    element: str
    value: str | None
    point: str
    version: str
    at_charge: float | None = None


ELEMENTS: Final = msgspec.json.decode(
    files(__package__).joinpath("idta_02035_product_condition.json").read_bytes(), type=tuple[Element, ...]
)


def written(told: Told) -> dict[str, Any]:
    """Return the shell and its submodel, as JSON has them; an extension names what is withheld."""
    address = address_of(told)
    identifier = f"{address}#{_SUBMODEL}"
    submodel: dict[str, Any] = {
        "modelType": "Submodel",
        "id": identifier,
        "idShort": _SUBMODEL,
        "kind": "Instance",
        "semanticId": _reference(f"{_MODEL}:{_SUBMODEL_VERSION}#{_SUBMODEL}"),
    }
    if hidden := [one.element for one in ELEMENTS if one.point in told.withheld]:
        submodel["extensions"] = [{"name": "withheld", "valueType": "xs:string", "value": ", ".join(hidden)}]
    if elements := [_element(one, told.values[one.point]) for one in ELEMENTS if one.point in told.values]:
        submodel["submodelElements"] = elements
    shell = {
        "modelType": "AssetAdministrationShell",
        "id": f"{address}#AssetAdministrationShell",
        "assetInformation": {"assetKind": "Instance", "globalAssetId": address},
        "submodels": [{"type": "ModelReference", "keys": [{"type": "Submodel", "value": identifier}]}],
    }
    return {"assetAdministrationShells": [shell], "submodels": [submodel]}


def _element(one: Element, known: Known) -> dict[str, Any]:
    if one.value is None:
        return {
            **_named("SubmodelElementList", one.element, one.version),
            "typeValueListElement": "Property",
            "valueTypeListElement": "xs:string",
            "value": [{"modelType": "Property", "valueType": "xs:string", "value": str(known.value)}],
        }
    if one.at_charge is None:
        value = _property(one.value, one.version, "xs:double", known.value)
    else:
        value = _collection(
            one.value,
            one.version,
            _property("AtSoC", one.version, "xs:double", one.at_charge),
            _property("PowerCapabilityAt", one.version, "xs:double", known.value),
            *_last_update("RPCLastUpdated", one.version, known),
        )
    return _collection(one.element, one.version, value, *_last_update("LastUpdate", one.version, known))


def _last_update(name: str, version: str, known: Known) -> list[dict[str, Any]]:
    return [] if known.at is None else [_property(name, version, "xs:dateTime", known.at.isoformat())]


def _property(name: str, version: str, type_: str, value: Any) -> dict[str, Any]:
    return {**_named("Property", name, version), "valueType": type_, "value": str(value)}


def _collection(name: str, version: str, *values: dict[str, Any]) -> dict[str, Any]:
    return {**_named("SubmodelElementCollection", name, version), "value": list(values)}


def _named(kind: str, name: str, version: str) -> dict[str, Any]:
    return {"modelType": kind, "idShort": name, "semanticId": _reference(semantic_id(name, version))}


def semantic_id(name: str, version: str) -> str:
    """Return the id that the published model gives an element."""
    prefix = "rPC" if name.startswith("RPC") else name[0].lower()
    return f"{_MODEL}:{version}#{prefix}{name[len(prefix) :]}"


def _reference(identifier: str) -> dict[str, Any]:
    return {"type": "ExternalReference", "keys": [{"type": "GlobalReference", "value": identifier}]}
