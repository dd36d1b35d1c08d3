"""
What makers of the sample world declare of their models, and measure at the end of the line, for EU passports.

Every value is invented so that passports are complete: none is a fact about any battery.
"""

from __future__ import annotations

from typing import Any, Final

from voltrail.demo.market import Design

_VOLTS: Final = {"LFP": 332.8, "NCM": 355.2, "NIB": 310.0}
_CATHODE: Final = {
    "LFP": "lithium iron phosphate",
    "NCM": "lithium nickel cobalt manganese oxide",
    "NIB": "sodium iron manganese oxide",
}
_ANODE: Final = {"NIB": "hard carbon"}
_ELECTROLYTE: Final = {"NIB": "sodium hexafluorophosphate in carbonates"}
_CRITICAL: Final = {
    "LFP": "lithium, natural graphite, phosphorus, copper",
    "NCM": "lithium, nickel, cobalt, manganese, natural graphite, copper",
    "NIB": "manganese, copper",
}
_RECYCLED: Final = {"nickel": (2.0, 4.0), "cobalt": (1.0, 6.0), "lithium": (0.5, 3.0)}
_PAPERS: Final = {
    "footprint_study": "footprint-study.pdf",
    "footprint_label": "footprint-label.svg",
    "due_diligence_report": "due-diligence.pdf",
    "collection_symbol": "separate-collection.svg",
    "metal_symbols": "no-cadmium-no-lead.svg",
    "conformity_declaration": "declaration-of-conformity.pdf",
    "waste_prevention": "waste-prevention.html",
    "waste_collection": "collection.html",
    "waste_treatment": "second-life-and-treatment.html",
    "instructions": "instructions.pdf",
    "part_numbers": "part-numbers.csv",
    "spare_sources": "spare-parts.html",
    "dismantling": "dismantling.pdf",
    "safety_measures": "safety.pdf",
    "test_reports": "test-reports.zip",
}


def declared(rank: int, design: Design, model: str) -> dict[str, Any]:
    """Return the points that the maker of a rank declares of a model."""
    chemistry, energy = design.chemistry, design.energy_kwh.value
    volts, mixed = _VOLTS[chemistry], chemistry == "NCM"
    address = f"https://papers.sample.example/{model}"
    points: dict[str, Any] = {
        "category": "ev",
        "chemistry": chemistry,
        "manufacturer_web": f"https://maker-{rank}.sample.example/",
        "manufacturer_email": f"passport@maker-{rank}.sample.example",
        "manufacturing_place": "Guangdong, CN",
        "rated_capacity_ah": rated_ah(design),
        "certified_energy_kwh": energy,
        "mass_kg": design.mass_kg.value,
        "voltage_min_v": round(volts * 0.8, 1),
        "voltage_nominal_v": volts,
        "voltage_max_v": round(volts * 1.14, 1),
        "power_at_80_w": round(energy * 3_000),
        "power_at_20_w": round(energy * 2_200),
        "power_limit_w": round(energy * 3_300),
        "power_per_energy_w_per_wh": 3.0,
        "life_cycles": 1_800 if mixed else 3_000,
        "life_years": 12 if mixed else 15,
        "cycle_test": "IEC 62660-1 (sample)",
        "cycle_test_c_rate": 0.33,
        "exhaustion_percent": 70,
        "idle_min_c": -30,
        "idle_max_c": 60,
        "efficiency_percent": 95.5,
        "efficiency_half_percent": 93.0,
        "resistance_pack_ohm": 0.06,
        "resistance_cell_ohm": 0.0006,
        "warranty_years": 8,
        "cathode_material": _CATHODE[chemistry],
        "anode_material": _ANODE.get(chemistry, "graphite"),
        "electrolyte_material": _ELECTROLYTE.get(chemistry, "lithium hexafluorophosphate in carbonates"),
        "hazardous_substances": "electrolyte salt, organic carbonates (sample)",
        "substance_effects": "Corrosive and flammable where cells are open (sample)",
        "critical_raw_materials": _CRITICAL[chemistry],
        "extinguishing_agent": "water in plenty",
        "extinguishing_class": "B",
        "footprint_kg_per_kwh": 71.5 if mixed else 58.5,
        "footprint_raw_kg_per_kwh": 40.0 if mixed else 30.0,
        "footprint_production_kg_per_kwh": 26.0 if mixed else 24.0,
        "footprint_distribution_kg_per_kwh": 2.5,
        "footprint_end_kg_per_kwh": 3.0 if mixed else 2.0,
        "footprint_class": "C" if mixed else "B",
        "recycled_lead_percent": 0,
        "renewable_content_percent": 1.5,
        "label_meanings": "A crossed-out bin: collect separately. Hg, Cd, Pb: above the limits (sample)",
    }
    for metal, (before, after) in _RECYCLED.items():
        holds = mixed or (metal == "lithium" and chemistry == "LFP")
        share = (before, after) if holds else (0.0, 0.0)
        points[f"recycled_{metal}_pre_percent"], points[f"recycled_{metal}_post_percent"] = share
    return points | {name: f"{address}/{paper}" for name, paper in _PAPERS.items()}


def tested(design: Design) -> dict[str, Any]:
    """Return what a maker measures on a new pack."""
    energy = design.energy_kwh.value
    return {
        "capacity_ah": rated_ah(design),
        "energy_kwh": energy,
        "power_now_at_80_w": round(energy * 3_000),
        "power_now_at_20_w": round(energy * 2_200),
        "resistance_ohm": 0.06,
        "efficiency_now_percent": 95.5,
        "charge_percent": 30,
        "temperature_c": 23,
        "cycles": 0,
        "deep_discharges": 0,
        "overcharges": 0,
    }


def rated_ah(design: Design) -> float:
    """Return the capacity of a design's packs when they are new, in ampere hours."""
    return round(design.energy_kwh.value * 1_000 / _VOLTS[design.chemistry])
