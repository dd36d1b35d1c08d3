"""The forms of a passport: each by its table, read by others' programs, honest about what it leaves out."""

import json
from datetime import datetime

import pytest
import rdflib
from aas_core3 import jsonization, verification

from tests.passport.telling import AT, HOST, told_to
from voltrail.errors import UsageError
from voltrail.events.points import POINTS
from voltrail.organisations.access import AUDIENCES
from voltrail.passport import EU_GUIDANCE, FORMS, batterypass, form, idta, json_ld

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning:rdflib")  # of itself

VOCABULARY = f"https://{HOST}{json_ld.VOCABULARY}"


@pytest.fixture(scope="module")
def passport(passports):
    return max(passports.values(), key=lambda one: len(one.values))


@pytest.mark.parametrize("audience", ["public", "operator"])
def test_json_ld_is_read_by_another_processor_without_losing_a_point(passport, audience):
    """Every point is a triple of the battery, or a quantity with its unit; nothing is fetched for it."""
    told = told_to(audience, passport)
    shown = told.shown(EU_GUIDANCE.bars("ev"))
    graph = rdflib.Graph().parse(data=json_ld_of(told), format="json-ld")
    battery = rdflib.URIRef(f"https://{HOST}/b/{passport.code}")
    schema = rdflib.Namespace("https://schema.org/")
    for name, value in shown.items():
        (found,) = graph.objects(battery, rdflib.URIRef(VOCABULARY + name))
        if POINTS[name].unit:
            assert str(graph.value(found, schema.unitText)) == POINTS[name].unit
            code = graph.value(found, schema.unitCode)
            assert (None if code is None else str(code)) == json_ld.UNIT_CODES.get(POINTS[name].unit)
            found = graph.value(found, schema.value)
        assert isinstance(found, rdflib.URIRef) == (POINTS[name].type == "uri"), name
        if isinstance(value, int | float):
            assert float(found) == value, name
        elif POINTS[name].type == "moment":
            assert found.toPython() == datetime.fromisoformat(value), name
        else:
            assert str(found) == value, name
    withheld = {str(one) for one in graph.objects(battery, rdflib.URIRef(VOCABULARY + "withheld"))}
    assert withheld == {VOCABULARY + one for one in told.hidden(EU_GUIDANCE.bars("ev"))}


def json_ld_of(told):
    return form("json-ld").written(told).decode()


def test_days_and_moments_have_their_types(passport):
    """So that programs compare them as what they are."""
    graph = rdflib.Graph().parse(data=json_ld_of(told_to("operator", passport)), format="json-ld")
    for name, type_ in (("manufactured_on", "date"), ("updated_at", "dateTime")):
        (found,) = graph.objects(None, rdflib.URIRef(VOCABULARY + name))
        assert str(found.datatype) == f"http://www.w3.org/2001/XMLSchema#{type_}"


def test_every_point_has_a_place_in_batterypass_or_is_named(passport):
    """What BatteryPass 1.2 has no member for, or none that can hold it, is this and no more."""
    placed = {point for member in batterypass.MEMBERS for point in member.points}
    assert POINTS.keys() - placed == {
        # it has no member for these
        "gtin",
        "schema_version",
        "granularity",
        "passport_status",
        "updated_at",
        "operator_trade_name",
        "manufacturer_trade_name",
        "model_id",
        "serial_number",
        "facility_id",
        "extinguishing_class",
        "instructions",
        "part_numbers",
        "resistance_ohm",
        "deep_discharges",
        "overcharges",
        # its pattern takes no address, no e-mail address as people have them, and no term of years
        "passport_id",
        "manufacturer_email",
        "warranty_years",
        # it wants an address, one number for a range, two shares, the text of each accident, a language
        "cycle_test",
        "idle_min_c",
        "idle_max_c",
        "recycled_lead_percent",
        "accidents",
        "label_meanings",
        # durations at extreme temperatures only
        "temperature_c",
    }


def test_what_was_measured_says_when(passport):
    """`lastUpdate` is when it was measured, not when the passport changed last."""
    document = batterypass.written(told_to("operator", passport))
    condition = document["PerformanceAndDurability"]["batteryCondition"]
    cycles = passport.values["cycles"]
    assert condition["numberOfFullCycles"] == {
        "numberOfFullCyclesValue": cycles.value,
        "lastUpdate": cycles.at.isoformat(),
    }


@pytest.mark.parametrize("audience", AUDIENCES)
def test_partial_documents_name_what_they_withhold(passport, audience):
    """In either form a reader who sees all is told of nothing withheld, and the others of what it is."""
    told = told_to(audience, passport)
    document = batterypass.written(told)
    hidden = {m.path for m in batterypass.MEMBERS if not set(m.points).isdisjoint(told.withheld)}
    assert set(document.get("withheld", ())) == hidden
    (submodel,) = idta.written(told)["submodels"]
    (extension,) = submodel.get("extensions", [{"value": ""}])
    named = {one for one in extension["value"].split(", ") if one}
    assert named == {one.element for one in idta.ELEMENTS if one.point in told.withheld}


def test_a_submodel_of_which_nothing_is_seen_has_no_empty_list(passport):
    """The metamodel allows none: EU authorities see nothing of one battery's condition."""
    (submodel,) = idta.written(told_to("authority_eu", passport))["submodels"]
    assert "submodelElements" not in submodel


@pytest.mark.parametrize("audience", AUDIENCES)
def test_the_shell_is_one_by_the_metamodel(passport, audience):
    """A program of others reads it, and finds no constraint broken."""
    shell = json.loads(form("idta-02035").written(told_to(audience, passport)))
    read = jsonization.environment_from_jsonable(shell)
    assert [(str(one.path), one.cause) for one in verification.verify(read)] == []


@pytest.mark.parametrize("name", FORMS)
def test_each_form_is_bytes_that_read(passport, name):
    """JSON, or a compact token; for who sees all and for who sees least."""
    for audience in ("public", "operator"):
        written = FORMS[name].written(told_to(audience, passport))
        if FORMS[name].media_type.endswith("json"):
            json.loads(written)
        else:
            assert written.isascii()
            assert b" " not in written


def test_a_form_that_is_none_is_refused_with_those_there_are():
    """The names are told."""
    with pytest.raises(UsageError, match="batterypass-ready") as raised:
        form("pdf")
    assert raised.value.rule == "usage.choice"


def test_credentials_say_when_they_were_issued(passport):
    """By the clock of who asks, which no pure code looks at."""
    assert told_to("public", passport).by.at == AT
