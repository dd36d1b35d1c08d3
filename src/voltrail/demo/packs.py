"""How batteries come into being: packs, some with modules, some of those with cells."""

from __future__ import annotations

from itertools import count
from typing import Any, Final, Literal

import msgspec

from voltrail.codes import build, issue
from voltrail.demo.cast import Member
from voltrail.demo.diary import DAY, Diary, day_of
from voltrail.demo.dossier import tested
from voltrail.demo.founding import model_id, module_id
from voltrail.demo.market import Design
from voltrail.demo.matter import MODULES

CELLS: Final = 12  # in each module

Parts = Literal["none", "modules", "cells"]


class Pack(msgspec.Struct):
    """
    A pack of the sample world; `modules` are the codes of its modules on the record.

    `fitted_by` built it into its first vehicle. A `pioneer` was made early and worn out soon: its life has
    gone all the way. One whose making was told is `modelled`: the record knows its model.
    """

    code: str
    maker: Member
    design: Design
    made: int
    serial: int
    modules: list[str] = []
    fitted_by: Member | None = None
    pioneer: bool = False
    modelled: bool = False


class Serials:
    """Serial numbers of the sample world, for packs and second lives."""

    def __init__(self) -> None:
        self._next = count(1)

    def next(self) -> int:
        """Return the next number."""
        return next(self._next)


def design_pack(maker: Member, design: Design, made: int, serial: int) -> Pack:
    """Return a pack that is not on the record yet."""
    code = build(
        maker=maker.maker,
        level="pack",
        battery_type=design.letter,
        production_date=day_of(made),
        serial=serial,
        specification="9Z",
        traceability="SAMPLE0",
    )
    return Pack(code, maker, design, made, serial)


def make(diary: Diary, pack: Pack, parts: Parts) -> None:
    """Tell how a pack was made, with its parts where they are on the record."""
    if parts != "none":
        pack.modules = part_codes(pack, "module", MODULES, pack.made)
        model = module_id(pack.maker, pack.design)
        about: dict[str, Any] = {"code": pack.modules[0], "codes": pack.modules[1:], "model_id": model}
        diary.tell(pack.maker, pack.made - 3 * DAY, "manufactured", **about)
    if parts == "cells":
        _fill(diary, pack)
    made = diary.tell(
        pack.maker,
        pack.made,
        "manufactured",
        code=pack.code,
        model_id=model_id(pack.maker, pack.design),
        energy_kwh=pack.design.energy_kwh.value,
        mass_kg=pack.design.mass_kg.value,
        site=pack.maker.sites[0],
        points=tested(pack.design),
    )
    pack.modelled = True
    if pack.pioneer:
        diary.issue(pack.maker, pack.made + 7_200, pack.code, made)
    if pack.modules:
        diary.tell(pack.maker, pack.made + 3_600, "assembled", code=pack.code, codes=list(pack.modules))


def part_codes(pack: Pack, level: Literal["module", "cell"], number: int, when: int) -> list[str]:
    """Return codes for parts of a pack; their serials follow from the pack's."""
    return list(
        issue(
            maker=pack.maker.maker,
            count=number,
            level=level,
            battery_type=pack.design.letter,
            production_date=day_of(when),
            first_serial=pack.serial * 100,
            specification="9Z",
            traceability="SAMPLE0",
        )
    )


def second_life_code(maker: Member, design: Design, when: int, serial: int) -> str:
    """Return a code of 19 characters for what was made of used batteries."""
    return build(
        maker=maker.maker,
        level="pack",
        battery_type=design.letter,
        production_date=day_of(when),
        serial=serial,
        specification="9Z",
        second_life="pack",
    )


def _fill(diary: Diary, pack: Pack) -> None:
    """Tell of the cells and how they went into the modules."""
    cells = part_codes(pack, "cell", MODULES * CELLS, pack.made)
    diary.tell(pack.maker, pack.made - 4 * DAY, "manufactured", code=cells[0], codes=cells[1:])
    for number, module in enumerate(pack.modules):
        inside = cells[number * CELLS : (number + 1) * CELLS]
        diary.tell(pack.maker, pack.made - 2 * DAY, "assembled", code=module, codes=inside)
