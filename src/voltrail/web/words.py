"""The names of the record in two languages: kinds, members, phases. Sentences are in `catalogue`."""

from __future__ import annotations

from typing import Final

from voltrail.events.table import KINDS
from voltrail.events.words import NAMES_ZH
from voltrail.web.language import Language

_NAMES_EN: Final = {
    "soh_fraction": "state of health",
    "soh_low": "state of health, from",
    "soh_high": "state of health, to",
    "method_version": "version of the method",
    "measured_from": "measured from",
    "measured_until": "measured until",
    "sessions": "charging sessions",
    "trace_digest": "digest of the trace",
    "alarm_level": "alarm level",
    "life_years_low": "remaining life, from (years)",
    "life_years_high": "remaining life, to (years)",
    "vin": "vehicle",
    "model_id": "model",
    "codes": "batteries",
    "into": "new codes",
    "energy_kwh": "energy (kWh)",
    "mass_kg": "mass (kg)",
    "capacity_ah": "capacity (Ah)",
    "voltage_v": "voltage (V)",
    "odometer_km": "odometer (km)",
    "distance_km": "distance (km)",
    "resistance_mohm": "resistance (mΩ)",
    "energy_out_kwh": "energy out (kWh)",
    "energy_in_kwh": "energy in (kWh)",
    "re_used": "re-used",
    "occurred_at": "when it happened",
    "day": "days",
    "working_day": "working days",
    "month": "months",
    "batteries": "other batteries",
    "other_pack": "another battery on record",
    "two_vehicles": "in two vehicles",
    "elsewhere": "out of use or elsewhere",
    "unknown_code": "not on record",
    "agreed": "agrees with the record",
    "no_code": "a number of its maker’s own",
}


def event_word(kind: str, language: Language) -> str:
    """Return the word for a kind of event."""
    row = KINDS.get(kind)
    if language == "zh" and row is not None:
        return row.zh
    return kind.replace("_", " ").capitalize()


def name_word(name: str, language: Language) -> str:
    """Return the word for a name of the record; one without a word stays as it is written there."""
    if language == "zh":
        return NAMES_ZH.get(name, name)
    return _NAMES_EN.get(name, name.replace("_", " "))
