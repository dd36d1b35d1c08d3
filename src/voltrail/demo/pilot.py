"""
A pilot line for solid-state cells: electrode lots, cells, modules, a few packs that go into trial cars.

What each step of the line yields and measures is told lot by lot. From some lot on the press loses pressure,
little by little. Cells are tested on the way, once with a deviation and again; a laboratory grants stages.
It is told last and draws by itself, so that the rest of a world is the same with it or without.
"""

from __future__ import annotations

import random
from hashlib import sha256
from typing import Any, Final

from voltrail.codes import build, issue
from voltrail.demo.books import Books
from voltrail.demo.diary import DAY, Diary, day_of, moment
from voltrail.demo.dossier import declared, rated_ah, tested
from voltrail.demo.market import Design, Fact
from voltrail.demo.matter import composition
from voltrail.demo.moves import fit, hand_over, sample_vin

LINE: Final = "Pilot 1"
CELL: Final = "SAMPLE-9Z4-SOLID-CELL"
MODULE: Final = "SAMPLE-9Z4-SOLID-MODULE"
PACK: Final = "SAMPLE-9Z4-SOLID-PACK"
MOST_LOTS: Final = 48
DRIFTS_FROM: Final = 34  # the lot, counted from 0
_EACH: Final = 6  # packs of the world for one lot
_BEGUN: Final = moment(2025, 5)
_EVERY: Final = 10 * DAY
_STARTED: Final = 10  # stacks from one lot
_SAMPLES: Final = 5  # lots whose cells are tested
_IN_MODULE: Final = 12
_MODULES: Final = 4
_PACK_MADE: Final = moment(2026, 5, 20)
_ON_TRIAL: Final = moment(2026, 6, 25)
_VIN: Final = 90_000_000

_INVENTED: Final = "a sample must show a line; no source held"
DESIGN: Final = Design(
    "TRIAL CAR",
    "NCM",
    "E",
    Fact(15, "invented", _INVENTED),
    Fact(60, "invented", _INVENTED),
    Fact(3.5, "invented", _INVENTED),
    Fact(10, "invented", _INVENTED),
)

# step, unit, days after the lot, share lost, why, readings: mean, from lot to lot, within a lot, number
_STEPS: Final[tuple[tuple[str, str, int, float, str, dict[str, tuple[float, float, float, int]]], ...]] = (
    ("mixing", "kg", 0, 0.010, "left_in_mixer", {"viscosity_pa_s": (4.2, 0.12, 0.05, 5)}),
    ("coating", "m", 1, 0.035, "edges", {"areal_mass_mg_cm2": (27.5, 0.22, 0.35, 40)}),
    ("calendering", "m", 2, 0.012, "cracks", {"density_g_cm3": (3.42, 0.012, 0.02, 40)}),
    ("electrolyte_film", "m", 2, 0.055, "pinholes", {"film_thickness_um": (32.0, 0.6, 1.1, 40)}),
    ("lamination", "m", 3, 0.020, "delamination", {"peel_n_m": (48.0, 1.8, 3.0, 12)}),
    ("stacking", "pieces", 4, 0.030, "misaligned", {"alignment_mm": (0.18, 0.012, 0.03, 10)}),
    ("isostatic_pressing", "pieces", 5, 0.040, "cracked", {"pressure_mpa": (450.0, 2.0, 3.0, 10)}),
    ("tab_welding", "pieces", 6, 0.010, "weak_weld", {"resistance_uohm": (62.0, 1.5, 3.0, 10)}),
    ("sealing", "pieces", 6, 0.015, "leak", {}),
)
_OF_CELLS: Final[tuple[tuple[str, int, float, str, dict[str, tuple[float, float, float, int]]], ...]] = (
    ("formation", 8, 0.040, "short_circuit", {"first_efficiency_percent": (88.5, 0.35, 0.8, 10)}),
    ("ageing", 14, 0.010, "self_discharge", {"voltage_drop_mv": (2.4, 0.15, 0.4, 10)}),
    ("grading", 15, 0.025, "low_capacity", {"capacity_ah": (20.4, 0.07, 0.12, 10)}),
)
_LOST_PER_LOT_MPA: Final = 0.9  # by the press, once its seal wears


class PilotLine:
    """Tells the line of one world."""

    def __init__(self, diary: Diary, seed: int) -> None:
        self._diary, self._rng = diary, random.Random(f"pilot/{seed}")
        self._maker = diary.cast.pilot
        self._lab = diary.cast.one("testing_lab")
        self._lots: list[str] = []
        self._good: list[list[str]] = []  # cells by lot
        self.shown: dict[str, list[str]] = {}

    def tell(self, packs: int) -> None:
        """Tell of as many lots as suit a world of so many packs."""
        lots = min(MOST_LOTS, packs // _EACH)
        if not lots:
            return
        with self._diary.life():
            self._declare()
        for number in range(lots):
            self._lot(number)
        samples = [code for cells in self._good[:_SAMPLES] for code in cells]
        if len(self._good) > _SAMPLES:
            self._test(samples)
        self._packs()

    def _say(self, when: int, kind: str, **members: Any) -> None:
        self._diary.tell(self._maker, when, kind, 0.0, **members)

    def _declare(self) -> None:
        when = _BEGUN - 60 * DAY
        energy, mass = DESIGN.energy_kwh.value, DESIGN.mass_kg.value
        for model, level, name, share in (
            (CELL, "cell", "固态电芯 solid-state cell", 1 / (_IN_MODULE * _MODULES)),
            (MODULE, "module", "固态模组 solid-state module", 1 / _MODULES),
        ):
            self._say(
                when, "model_registered", model_id=model, name=f"示例 Sample {name}", level=level,
                chemistry="NCM", energy_kwh=round(energy * share, 3), mass_kg=round(mass * 0.8 * share, 3),
            )  # fmt: skip
        self._say(
            when, "model_registered", model_id=PACK, name="示例 Sample 固态试验包 solid-state trial pack",
            level="pack", chemistry="NCM", energy_kwh=energy, mass_kg=mass, capacity_ah=rated_ah(DESIGN),
            composition=composition(DESIGN),
        )  # fmt: skip
        self._say(
            when + DAY, "model_certified", model_id=PACK, certificate=f"SAMPLE-CERT-{PACK}",
            certified_on=day_of(when).isoformat(),
        )  # fmt: skip
        self._say(
            when + DAY, "points_declared", model_id=PACK, issuer=self._maker.name,
            points=declared(self._maker.rank, DESIGN, PACK)
            | {"electrolyte_material": "sulfide, lithium argyrodite (sample)", "anode_material": "lithium"},
        )  # fmt: skip

    # ------------------------------------------------------------------ the line

    def _lot(self, number: int) -> None:
        """Tell of one electrode lot and of the cells that it became."""
        when = _BEGUN + number * _EVERY
        if when > self._diary.until:
            return
        books = Books(self._diary, self._rng, self._maker, self._maker.sites[0], when)
        for substance, grams in (("cathode_material", 16_000), ("aluminium", 3_000), ("graphite", 600)):
            books.add(substance, grams)
        lot = books.give("electrodes", 19_000, {}).name
        books.lose("residue", books.gap)
        books.process("synthesise")
        self._lots.append(lot)
        stacks = self._electrodes(number, lot, when)
        if stacks:
            self._cells(lot, stacks, when)

    def _electrodes(self, number: int, lot: str, when: int) -> int:
        """Tell the steps up to closed cells; return how many there are, 0 where the world ends before."""
        amount = {"kg": 19.6, "m": self._rng.uniform(118, 124), "pieces": float(_STARTED)}
        for step, unit, days, share, why, readings in _STEPS:
            if when + days * DAY > self._diary.until:
                return 0
            entered = amount[unit]
            lost = entered * self._rng.uniform(0.7, 1.3) * share
            if unit == "pieces":
                lost = self._lost(entered, share)
            amount[unit] = good = entered - lost
            worn = _LOST_PER_LOT_MPA * max(0, number - DRIFTS_FROM) if step == "isostatic_pressing" else 0.0
            measured = self._measured(readings, worn)
            self._step(when + days * DAY, step, unit, entered, good, why, measured, lot=lot)
        return round(amount["pieces"])

    def _cells(self, lot: str, number: int, when: int) -> None:
        """Tell of the cells of a lot: made, formed, aged and graded."""
        made = when + 7 * DAY
        if made > self._diary.until:
            return
        codes = list(
            issue(
                maker=self._maker.maker, count=number, level="cell", battery_type=DESIGN.letter,
                production_date=day_of(made), first_serial=1, specification="9Z", traceability="SAMPLE0",
            )
        )  # fmt: skip
        with self._diary.life():
            self._say(made, "manufactured", **_named(codes), model_id=CELL, site=self._maker.sites[0])
        for step, days, share, why, readings in _OF_CELLS:
            if when + days * DAY > self._diary.until:
                return
            lost = round(self._lost(len(codes), share))
            good = codes[: len(codes) - lost]
            self._step(
                when + days * DAY, step, "pieces", len(codes), len(good), why, self._measured(readings),
                lot=lot if step == "formation" else None, product=CELL, **_named(codes),
            )  # fmt: skip
            codes = good
        self._good.append(codes)

    def _lost(self, entered: float, share: float) -> float:
        """Draw how many pieces of some are lost, but the last one."""
        return min(entered - 1, sum(self._rng.random() < share for _ in range(round(entered))))

    def _measured(
        self, readings: dict[str, tuple[float, float, float, int]], worn: float = 0.0
    ) -> list[dict[str, Any]]:
        return [
            {
                "quantity": quantity,
                "mean": round(self._rng.gauss(mean, between) - worn, 4),
                "sd": round(within * self._rng.uniform(0.8, 1.2), 4),
                "number": number,
            }
            for quantity, (mean, between, within, number) in readings.items()
        ]

    def _step(
        self, when: int, step: str, unit: str, entered: float, good: float, why: str,
        readings: list[dict[str, Any]], **about: Any,
    ) -> None:  # fmt: skip
        entered, good = round(entered, 3), round(good, 3)
        lost = round(entered - good, 3)
        said: dict[str, Any] = {"scrapped": {why: lost} if lost else {}, "readings": readings, **about}
        with self._diary.life():
            self._say(
                when, "step_reported", production_line=LINE, step=step, unit=unit, entered=entered, good=good,
                site=self._maker.sites[0], **{name: one for name, one in said.items() if one is not None},
            )  # fmt: skip

    # ------------------------------------------------------------------ tests and stages

    def _test(self, samples: list[str]) -> None:
        """Tell of the campaigns on some cells, and of the stages that a laboratory granted for them."""
        first, three, ten = samples[:1], samples[:3], samples[:10]
        room: dict[str, float] = {"temperature_c": 25.0}
        rated, third = {"capacity_ah": 20.4, "energy_wh": 312.0}, {**room, "c_rate": 1 / 3}
        cold: dict[str, float] = {"c_rate": 1 / 3}
        fast: dict[str, float] = {**room, "from_fraction": 0.1, "to_fraction": 0.8}
        cycled: dict[str, float] = {
            **room, "charge_c_rate": 0.5, "discharge_c_rate": 1.0, "depth_fraction": 1.0, "pressure_mpa": 5.0,
        }  # fmt: skip
        with self._diary.life():
            self._campaign("laboratory", moment(2025, 6, 25), ["capacity_energy"], first)
            self._tested("laboratory", moment(2025, 6, 28), "capacity_energy", first, rated, third)
            self._grant("laboratory", moment(2025, 8, 1))
            self._campaign("prototype", moment(2025, 8, 5), ["capacity_energy", "rate", "cold_20"], three)
            self._tested("prototype", moment(2025, 8, 8), "capacity_energy", three, rated, third)
            rate = {**room, "c_rate": 2.0}
            self._tested("prototype", moment(2025, 8, 12), "rate", three, {"capacity_fraction": 0.87}, rate)
            warm = {"capacity_fraction": 0.71, "energy_fraction": 0.66}
            at_twenty = {**cold, "temperature_c": -20.0}
            self._tested("prototype", moment(2025, 8, 20), "cold_20", three, warm, at_twenty)
            self._grant("prototype", moment(2025, 9, 25))
            planned = ["capacity_energy", "cycle_life", "fast_charge"]
            self._campaign("pilot_line", moment(2025, 10, 1), planned, ten)
            self._tested("pilot_line", moment(2025, 10, 6), "capacity_energy", ten, rated, third)
            slow = {"charge_min": 31.0, "peak_temperature_c": 52.0}
            self._tested(
                "pilot_line", moment(2025, 10, 14), "fast_charge", three, slow, {**fast, "pressure_mpa": 1.2},
                outcome="failed", deviations="夹具失压 The fixture lost pressure: 1.2 MPa in place of 5 MPa.",
            )  # fmt: skip
            quick = {"charge_min": 14.5, "peak_temperature_c": 46.0}
            right = {**fast, "pressure_mpa": 5.0}
            self._tested("pilot_line", moment(2025, 10, 28), "fast_charge", three, quick, right)
            lived = {"cycles": 800.0, "capacity_fraction": 0.91}
            self._tested("pilot_line", moment(2026, 1, 20), "cycle_life", three, lived, cycled)
            self._grant("pilot_line", moment(2026, 2, 25))
            self._campaign("vehicle_trial", moment(2026, 3, 1), ["cold_30", "calendar", "weight_loss"], ten)
            icy = {"capacity_fraction": 0.54, "energy_fraction": 0.47}
            at_thirty = {**cold, "temperature_c": -30.0}
            self._tested("vehicle_trial", moment(2026, 3, 10), "cold_30", three, icy, at_thirty)
            kept = {"days": 60.0, "capacity_fraction": 0.985}
            stored = {"temperature_c": 45.0, "charge_fraction": 1.0}
            self._tested("vehicle_trial", moment(2026, 5, 2), "calendar", three, kept, stored)
            self._grant("vehicle_trial", moment(2026, 6, 15))

    def _campaign(self, stage: str, when: int, protocols: list[str], codes: list[str]) -> None:
        plan = _digest("plan", stage)
        about: dict[str, Any] = {"campaign": _campaign(stage), "model_id": CELL, "stage": stage}
        self._say(when, "campaign_opened", **about, protocols=protocols, codes=codes, plan=plan)

    def _tested(
        self, stage: str, when: int, protocol: str, codes: list[str], results: dict[str, float],
        conditions: dict[str, float], outcome: str = "passed", **more: Any,
    ) -> None:  # fmt: skip
        """Tell of a test, each sample a little different."""
        found = [
            {"metric": metric, "value": _near(self._rng, metric, value), "code": code}
            for code in codes
            for metric, value in results.items()
        ]
        rounded = {name: round(value, 4) for name, value in conditions.items()}
        self._say(
            when, "test_reported", campaign=_campaign(stage), model_id=CELL, protocol=protocol, codes=codes,
            outcome=outcome, results=found, conditions=rounded, data=[_digest(protocol, str(when))],
            instrument="Sample cycler 3", calibrated_on="2025-06-01", signed_off_by="示例 Sample engineer",
            **more,
        )  # fmt: skip

    def _grant(self, stage: str, when: int) -> None:
        """Tell that the laboratory granted a stage, a round after what it rests on."""
        self._diary.tell(
            self._lab, when, "stage_granted", 0.0, model_id=CELL, stage=stage,
            campaigns=[_campaign(one) for one in _upto(stage)], certificate=f"SAMPLE-{stage.upper()}",
        )  # fmt: skip

    # ------------------------------------------------------------------ packs

    def _packs(self) -> None:
        """Tell of modules and packs of the cells that are not samples, and of the cars they went into."""
        last = (_PACK_MADE - _BEGUN) // _EVERY - 3  # the lot whose cells are graded well before
        cells = [code for of_lot in self._good[_SAMPLES:last] for code in of_lot]
        each = _IN_MODULE * _MODULES
        for number in range(len(cells) // each):
            mine = cells[number * each : (number + 1) * each]
            made = _PACK_MADE + number * DAY
            if made > self._diary.until:
                return
            with self._diary.life():
                code = self._pack(number, mine, made)
                self.shown.setdefault("line", [code, self._lots[_SAMPLES]])
                self._drive(number, code)

    def _pack(self, number: int, cells: list[str], made: int) -> str:
        """Tell how a pack was made of cells; return its code."""
        about: dict[str, Any] = {
            "battery_type": DESIGN.letter, "production_date": day_of(made), "specification": "9Z",
            "traceability": "SAMPLE0", "maker": self._maker.maker,
        }  # fmt: skip
        modules = list(issue(count=_MODULES, level="module", first_serial=number * _MODULES + 1, **about))
        site = self._maker.sites[0]
        self._say(made - 2 * DAY, "manufactured", **_named(modules), model_id=MODULE, site=site)
        for place, module in enumerate(modules):
            inside = cells[place * _IN_MODULE : (place + 1) * _IN_MODULE]
            self._say(made - 2 * DAY + 600, "assembled", code=module, codes=inside, site=site)
        code = build(level="pack", serial=number + 1, **about)
        told = self._diary.tell(
            self._maker, made, "manufactured", 0.0, code=code, model_id=PACK, site=site,
            energy_kwh=DESIGN.energy_kwh.value, mass_kg=DESIGN.mass_kg.value, points=tested(DESIGN),
        )  # fmt: skip
        self._diary.issue(self._maker, made + 7_200, code, told)
        self._say(made + 3_600, "assembled", code=code, codes=modules, site=site)
        for step, unit in (("module", _MODULES), ("pack", 1)):
            codes = modules if step == "module" else [code]
            self._say(
                made + 3_600, "step_reported", production_line=LINE, step=step, unit="pieces", entered=unit,
                good=unit, product=MODULE if step == "module" else PACK, site=site, **_named(codes),
            )  # fmt: skip
        return code

    def _drive(self, number: int, code: str) -> None:
        """Tell how a pack went into a trial car."""
        cars = self._diary.cast.one("vehicle_maker")
        when = hand_over(self._diary, code, self._maker, cars, _ON_TRIAL + number * DAY)
        fit(self._diary, code, cars, sample_vin(_VIN + number), when)


def _named(codes: list[str]) -> dict[str, Any]:
    return {"code": codes[0], "codes": codes[1:]} if len(codes) > 1 else {"code": codes[0]}


def _campaign(stage: str) -> str:
    return f"SAMPLE-SOLID-{stage.upper()}"


def _upto(stage: str) -> list[str]:
    stages = ["laboratory", "prototype", "pilot_line", "vehicle_trial"]
    return stages[: stages.index(stage) + 1]


def _digest(*parts: str) -> str:
    return sha256("/".join(("sample", *parts)).encode()).hexdigest()


def _near(rng: random.Random, metric: str, value: float) -> float:
    """Return a value like another; counts and times that were set are the same for all."""
    return value if metric in {"cycles", "days"} else round(value * rng.uniform(0.99, 1.01), 4)
