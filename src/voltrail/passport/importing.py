"""
Passports that others made, read into our data points.

    >>> read = read_passport([("ev.json", content)])
    >>> read.found["mass_kg"].value, read.found["mass_kg"].where
    (450, 'ev.json#/Battery_Passport/IdentifiersAndProductData/BatteryMass/gramKgValue')

Which form a document is in, its members tell. Each form is a table (`import_forms.json`, and that of
BatteryPass-Ready): from which path, in which unit, which point. What is written in another way than it should
be is taken and told; what may mean two things is told and left out. What becomes of it is `proposal.py`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from importlib.resources import files
from typing import Any, Final, Literal, NamedTuple

import msgspec

from voltrail.codes.scanned import MAX_SCANNED, read_label
from voltrail.errors import CodeError, PassportError, Refusal
from voltrail.events.points import POINTS, Point, Value
from voltrail.passport import batterypass_ready
from voltrail.passport.loading import MAX_FILES, Document, NoNumber, Trouble, Twice, load

MAX_TROUBLES: Final = 500
MAX_LEFT: Final = 500
NOISE: Final = 30  # powers of ten: programs that make up samples write the largest numbers there are
_MOMENTS: Final = ("lastUpdate", "LastUpdate", "RPCLastUpdated", "time")  # when a value was measured
_SHOWN: Final = 200  # characters of a value as it was read


class Found(msgspec.Struct, frozen=True):
    """
    A value of a point: as it was read and where, and as it is taken.

    `at` is when it was measured, as the document says; `step` how coarse the form has it.
    """

    point: str
    read: str
    value: Value
    where: str
    at: str | None = None
    step: float = 0


class Left(NamedTuple):
    """A value that nothing of ours takes, and where it stands."""

    where: str
    read: str


class Imported(msgspec.Struct, frozen=True):
    """
    What files of a passport hold: in which forms, which points, what is wrong, what nothing of ours takes.

    `code` is that of the battery, where the passport names one that is a code.
    """

    forms: tuple[tuple[str, str], ...]
    found: dict[str, Found]
    troubles: tuple[Trouble, ...]
    left: tuple[Left, ...]
    code: str | None = None

    def of(self, by: Literal["declared", "measured", "record"]) -> dict[str, Found]:
        """Return the points that are declared for a model, measured, or follow from the record."""
        return {name: one for name, one in self.found.items() if POINTS[name].by == by}


class _Row(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where a form has a point: path, shape and unit; `unclear` where its schema leaves the unit open."""

    path: str
    point: str
    as_: str = msgspec.field(name="as", default="")
    unit: str | None = None
    unclear: bool = False
    step: float = 0


class _Form(msgspec.Struct, frozen=True):
    id: str
    name: str
    rows: tuple[_Row, ...]

    @property
    def tops(self) -> frozenset[str]:
        """The members that stand at the top."""
        return frozenset(name for row in self.rows for name in re.split(r"[/\[]", row.path)[0].split("|"))


def _ready() -> _Form:
    """Return the table of BatteryPass-Ready: its paths are those that it is written by."""
    rows = tuple(
        _Row(f"{batterypass_ready.NAME}/{one.path}", one.points[0], "ready." + one.as_)
        for one in batterypass_ready.MEMBERS
    )
    return _Form("batterypass-ready-1.0", "BatteryPass-Ready 1.0", rows)


FORMS: Final = (
    _ready(),
    *msgspec.json.decode(
        files(__package__).joinpath("import_forms.json").read_bytes(), type=tuple[_Form, ...]
    ),
)
_IGNORED: Final = frozenset({"withheld", "specVersion", "$schema", "@context"})


def read_passport(given: Iterable[tuple[str, bytes]]) -> Imported:
    """
    Return what files, each a JSON document or a zip of some, say of one battery or model.

    Raises PassportError where a file cannot be read, or none is in a form that is known.
    """
    reading = _Reading()
    for name, content in given:
        for document in load(name, content):
            reading.take(document)
    if not reading.forms:
        raise PassportError(
            "import.form",
            "None of the files is a passport in a form that is known.",
            f"Known are {'; '.join(one.name for one in FORMS)}.",
        )
    return reading.done()


def form_of(value: Any) -> _Form | None:
    """Return the form of a document by the members at its top; None where none fits, or several alike."""
    if not isinstance(value, dict):
        return None
    ranked = sorted(((len(one.tops & value.keys()), one.id, one) for one in FORMS), reverse=True)
    best, second = ranked[0], ranked[1]
    return best[2] if best[0] > second[0] else None


# ------------------------------------------------------------------ reading


class _Node(NamedTuple):
    """A value with the steps that lead to it, and the objects that hold it, the nearest last."""

    value: Any
    steps: tuple[str, ...]
    above: tuple[Any, ...]


class _Reading:
    """What was found so far, in all files."""

    def __init__(self) -> None:
        self.forms: list[tuple[str, str]] = []
        self.found: dict[str, Found] = {}
        self.troubles: list[Trouble] = []
        self.left: list[Left] = []
        self._against: set[str] = set()
        self._file = ""
        self._used: set[tuple[str, ...]] = set()

    def take(self, document: Document) -> None:
        """Read one document; of several in a list each."""
        self.troubles += document.troubles
        if document.value is None:
            return
        several = document.value if isinstance(document.value, list) else [document.value]
        if len(several) > MAX_FILES:
            raise PassportError(
                "import.too_large",
                f"{document.name} holds {len(several):,} documents; {MAX_FILES} are the most.",
                "Send the passport of one battery at a time.",
            )
        for number, value in enumerate(several):
            self._file = document.name if len(several) == 1 else f"{document.name}[{number}]"
            self._used = set()
            form = form_of(value)
            if form is None:
                self._tell(
                    (),
                    Refusal(
                        "import.form",
                        f"{self._file[:80]} is in no form that is known.",
                        "See which forms are read, and export it in one of them.",
                    ),
                )
                continue
            self.forms.append((self._file, form.name))
            self._look_through(value, ())
            for row in form.rows:
                self._row(row, value)
            self._leave(value, ())

    def done(self) -> Imported:
        """Return what came of it."""
        ordered = {name: self.found[name] for name in POINTS if name in self.found}
        code = _code_of(ordered)
        troubles = tuple(dict.fromkeys(self.troubles))
        return Imported(
            tuple(self.forms), ordered, troubles[:MAX_TROUBLES], tuple(self.left[:MAX_LEFT]), code
        )

    def _row(self, row: _Row, document: Any) -> None:
        """Read what a row of the table is about."""
        point = POINTS[row.point]
        nodes = list(self._select(document, row.path.split("/"), (), ()))
        if not nodes:
            return
        shape = row.as_ or point.type
        if shape.startswith("ready."):
            self._ready(shape.removeprefix("ready."), row, nodes[0], document)
            return
        if shape in _OF_SEVERAL:
            read = "; ".join(_shown(node.value) for node in nodes)
            for node in nodes:
                if shape == "substances" and isinstance(node.value, dict):
                    self._used |= {
                        (*node.steps, name) for name in node.value if name.endswith(_OF_SUBSTANCES)
                    }
                else:
                    self._use(node)
            joined = _OF_SEVERAL[shape]([node.value for node in nodes])
            self._keep(point, read, joined, nodes[0].steps, None)
            return
        if len(nodes) > 1:
            said = f"{point.en} stands here {len(nodes)} times; one is taken."
            self._tell(
                nodes[1].steps, Refusal("import.several", said, "Name the one that is meant."), taken=True
            )
        node = nodes[0]
        self._use(node)
        value = self.value(point, shape, row.unit, node)
        if value is not None and row.unclear:
            said = f"The form leaves open in which unit {point.en} is; it is taken as {point.unit}."
            self._tell(node.steps, Refusal("import.unclear", said, "Compare it with its source."), taken=True)
        self._keep(point, _shown(node.value), value, node.steps, self._moment(node))

    def _keep(
        self,
        point: Point,
        read: str,
        value: Value | None,
        steps: tuple[str, ...],
        at: str | None,
        step: float = 0,
    ) -> None:
        """Keep a value that a point may have; one that contradicts another leaves both out."""
        if value is None:
            return
        if (wrong := point.wrong(value)) is not None:
            said = Refusal(
                "import.value", f"{point.en} {wrong}.", "Ask who made it, and leave it out until then."
            )
            self._tell(steps, said)
            return
        before = self.found.get(point.name)
        if before is not None and before.value != value:
            del self.found[point.name]
            self._against.add(point.name)
            said = Refusal(
                "import.contradiction",
                f"{point.en} is {_shown(before.value)} in {before.where}, and {_shown(value)} here.",
                "Neither is taken: find out which is right.",
            )
            self._tell(steps, said)
        elif before is None and point.name not in self._against:
            self.found[point.name] = Found(point.name, read, value, self._where(steps), at, step)

    # -- a value

    def value(self, point: Point, shape: str, unit: str | None, node: _Node) -> Value | None:
        """Return a value in one of the plain shapes; None where there is none, or it was told why not."""
        given = node.value
        if given is None or (isinstance(given, str) and not given.strip()):
            return None
        if shape in {"number", "integer"}:
            return self._number(point, unit, node)
        if shape == "address":
            return _address(given)
        if isinstance(given, dict | list | Decimal | NoNumber | Twice) and shape not in {"text", "chemistry"}:
            return self.refuse(point, node, "import.shape", "is no text")
        if isinstance(given, dict | list | Twice | NoNumber):
            return self.refuse(point, node, "import.shape", "is no text")
        text = " ".join(str(_plain(given) if isinstance(given, Decimal) else given).split())
        if shape in _CHOICES:
            return self._choice(point, shape, text, node)
        if shape == "period":
            return self._period(point, text, node)
        if shape == "day":
            return self._day(point, text, node)
        return text

    def _number(self, point: Point, unit: str | None, node: _Node) -> Value | None:
        """Return a number in the unit of its point."""
        given, named = node.value, self._unit_beside(node)
        if isinstance(given, str):
            found = _NUMBER.fullmatch(given.strip())
            if found is None:
                return self.refuse(point, node, "import.number", f"is {given[:40]!r}, which is no number")
            text = found["number"].replace(" ", "").replace("\u00a0", "")
            if re.fullmatch(r"[+-]?[1-9]\d{0,2}([,.])\d{3}(\1\d{3})*", text) and "," in text:
                said = f"is {given[:40]!r}, which may be a thousand times more or less"
                return self.refuse(point, node, "import.ambiguous", said)
            text = text.replace(",", ".")
            if text.count(".") > 1:
                return self.refuse(point, node, "import.number", f"is {given[:40]!r}, which is no number")
            amount, named = Decimal(text), (found["unit"] or named)
            said = f"{point.en} is {given[:40]!r}, a text; it is taken as the number {_plain(amount)}."
            self._tell(
                node.steps, Refusal("import.text_number", said, "Write numbers without quotes."), taken=True
            )
        elif isinstance(given, Decimal):
            amount = given
        else:
            return self.refuse(point, node, "import.number", f"is {_shown(given)}, which is no number")
        if _is_noise(amount):
            return None  # told when the document was looked through
        return self._in_unit(point, amount, named or unit, node)

    def _in_unit(self, point: Point, amount: Decimal, unit: str | None, node: _Node) -> Value | None:
        if unit is None or point.unit is None or unit == point.unit:
            return _plain(amount)
        factors = _UNITS.get(point.unit, {})
        factor = factors.get(unit)
        if factor is None:
            alike = {one for name, one in factors.items() if name.casefold() == unit.casefold()}
            if unit.casefold() == point.unit.casefold():
                alike.add(Decimal(1))
            if len(alike) != 1:
                said = f"has the unit {unit[:20]!r}, of which none is {point.unit} for certain"
                return self.refuse(point, node, "import.unit", said)
            factor = alike.pop()
        return _plain(amount * factor)

    def _unit_beside(self, node: _Node) -> str | None:
        """Return the unit that stands beside a number, as Catena-X has them."""
        holder = node.above[-1] if node.above else None
        if not isinstance(holder, dict):
            return None
        for name in ("unit", "lifeUnit"):
            said = holder.get(name)
            if isinstance(said, str):
                self._used.add((*node.steps[:-1], name))
                return said.removeprefix("unit:")
        return None

    def _choice(self, point: Point, shape: str, text: str, node: _Node) -> Value | None:
        choices = _CHOICES[shape]
        if text in choices:
            return choices[text]
        alike = {_squeezed(name): value for name, value in choices.items()}
        found = alike.get(_squeezed(text))
        if found is not None:
            said = f"{point.en} is {text[:40]!r}, and its form spells that otherwise; it is taken as {found}."
            self._tell(node.steps, Refusal("import.spelling", said, "Write it as the form does."), taken=True)
            return found
        if shape == "chemistry":
            return text
        said = f"is {text[:40]!r}, which is none of {', '.join(dict.fromkeys(choices))}"
        return self.refuse(point, node, "import.choice", said)

    def _period(self, point: Point, text: str, node: _Node) -> Value | None:
        """Return the years of an ISO 8601 duration; the published type, a month of no year, is none."""
        if found := re.fullmatch(r"P(?:(\d{1,3})Y)?(?:(\d{1,4})M)?", text):
            return _plain(Decimal(int(found[1] or 0) * 12 + int(found[2] or 0)) / 12)
        said = f"is {text[:40]!r}, from which no length of time follows"
        return self.refuse(point, node, "import.period", said)

    def _day(self, point: Point, text: str, node: _Node) -> Value | None:
        """Return the day of a day or time, as it is written there."""
        try:
            return datetime.fromisoformat(text).date().isoformat()
        except ValueError:
            return self.refuse(
                point, node, "import.day", f"is {text[:40]!r}, and the calendar has no such day"
            )

    def refuse(self, point: Point, node: _Node, rule: str, said: str) -> Value | None:
        """Tell why a value is not taken; None stands in its place."""
        fix = "Ask who made it, and leave it out until then."
        self._tell(node.steps, Refusal(rule, f"{point.en} {said}.", fix))
        return None

    def _moment(self, node: _Node) -> str | None:
        """Return when something was measured, as its document says beside it."""
        for depth, holder in enumerate(reversed(node.above[-3:]), 1):
            if not isinstance(holder, dict):
                continue
            for name in _MOMENTS:
                said = holder.get(name)
                if isinstance(said, str):
                    self._used.add((*node.steps[:-depth], name))
                    return said if _is_moment(said) else None
        return None

    # -- BatteryPass-Ready

    def _ready(self, shape: str, row: _Row, node: _Node, document: Any) -> None:
        """Read a member of BatteryPass-Ready, of one point or of several."""
        self._use(node)
        at = _ready_moment(document)
        for point, step, read, value, steps in _UNSHAPED[shape](self, row, node, document):
            self._keep(
                POINTS[point], read, value, steps, at if POINTS[point].by == "measured" else None, step
            )

    def amount(self, point: Point, node: _Node, number: str, unit: str) -> tuple[str, Value | None, _Node]:
        """Return a number that stands beside its unit, as it was read and as it is taken."""
        holder = node.value if isinstance(node.value, dict) else {}
        given = _Node(holder.get(number), (*node.steps, number), (*node.above, node.value))
        named = holder.get(unit)
        if given.value is None:
            self.refuse(point, node, "import.number", f"has no {number}")
            return "", None, given
        read = f"{_shown(given.value)} {named}" if isinstance(named, str) else _shown(given.value)
        value = self._number(point, named if isinstance(named, str) else None, given)
        return read, value, given

    # -- places

    def _select(
        self, value: Any, steps: Sequence[str], at: tuple[str, ...], above: tuple[Any, ...]
    ) -> Iterator[_Node]:
        """Yield what a path leads to. `a|b`: either name, the first as published; `[x=y]` picks elements."""
        if not steps:
            yield _Node(value, at, above)
            return
        names, bracket, chosen = steps[0].partition("[")
        if isinstance(value, Twice) or not isinstance(value, dict):
            return
        first, *others = names.split("|")
        name = next((one for one in (first, *others) if one in value), None)
        if name is None:
            return
        if name != first:
            said = f"{name!r} stands here, and {first!r} in the published schema."
            self._tell((*at, name), Refusal("import.name", said, "Both are read."), taken=True)
        inner, path, holders = value[name], (*at, name), (*above, value)
        if isinstance(inner, Twice):
            return
        if not bracket:
            yield from self._select(inner, steps[1:], path, holders)
            return
        elements = inner if isinstance(inner, list) else [inner]
        for number, element in enumerate(elements):
            place = (*path, str(number)) if isinstance(inner, list) else path
            if self._is_chosen(element, chosen.rstrip("]"), place):
                yield from self._select(element, steps[1:], place, (*holders, inner))

    def _is_chosen(self, element: Any, chosen: str, at: tuple[str, ...]) -> bool:
        if not chosen:
            return True
        path, _, wanted = chosen.partition("=")
        value, place = element, at
        for name in path.split("."):
            if not isinstance(value, dict) or name not in value:
                return False
            value, place = value[name], (*place, name)
        if isinstance(value, bool):
            same = str(value).lower() == wanted
        elif isinstance(value, Decimal):
            same = wanted.isdigit() and value == Decimal(wanted)
        else:
            same = isinstance(value, str) and _squeezed(value) == _squeezed(wanted)
        if same:
            self._used.add(place)
        return same

    def _use(self, node: _Node) -> None:
        """Note that a value, and all within it, was read."""
        self._used.add(node.steps)

    def _look_through(self, value: Any, at: tuple[str, ...]) -> None:
        """Tell what no value should be: noise, no number, a member twice, a CAS number with blanks."""
        for place, one in _leaves(value, at):
            if isinstance(one, Twice):
                same = all(each == one.values[0] for each in one.values)
                shown = " and ".join(_shown(each) for each in one.values[:4])
                said = f"The member {place[-1][:60]!r} stands {len(one.values)} times here: {shown}."
                fix = "One is enough." if same else "Neither is taken: find out which is right."
                self._tell(place, Refusal("import.twice", said, fix))
            elif isinstance(one, NoNumber):
                said = f"{one.text[:40]} is no number in JSON."
                self._tell(
                    place, Refusal("import.nan", said, "Leave the member out where there is no value.")
                )
            elif isinstance(one, Decimal) and _is_noise(one):
                said = f"{one} stands here, as programs write that make up samples."
                self._tell(place, Refusal("import.noise", said, "It is not taken: put the true value there."))
            elif isinstance(one, str) and one != one.strip() and _CAS.fullmatch(one.strip()):
                said = f"The CAS number {one!r} has blanks around it, so its schema refuses it."
                self._tell(place, Refusal("import.blanks", said, "It is taken without them."), taken=True)

    def _leave(self, value: Any, at: tuple[str, ...]) -> None:
        """Note what nothing of ours took."""
        if at in self._used or (len(at) == 1 and at[0] in _IGNORED):
            return
        if isinstance(value, dict):
            for name, one in value.items():
                self._leave(one, (*at, name))
        elif isinstance(value, list):
            for number, one in enumerate(value):
                self._leave(one, (*at, str(number)))
        elif value is not None and len(self.left) <= MAX_LEFT:
            self.left.append(Left(self._where(at), _shown(value)))

    def _tell(self, steps: tuple[str, ...], said: Refusal, *, taken: bool = False) -> None:
        if len(self.troubles) <= MAX_TROUBLES:
            self.troubles.append(Trouble(self._where(steps), said, taken))

    def _where(self, steps: tuple[str, ...]) -> str:
        """Return a place as a JSON pointer (RFC 6901) behind the name of its file."""
        pointer = "".join("/" + one[:80].replace("~", "~0").replace("/", "~1") for one in steps)
        return f"{self._file}#{pointer}"


def _leaves(value: Any, at: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], Any]]:
    if isinstance(value, dict):
        for name, one in value.items():
            yield from _leaves(one, (*at, name))
    elif isinstance(value, list):
        for number, one in enumerate(value):
            yield from _leaves(one, (*at, str(number)))
    else:
        yield at, value


def _shown(value: Any) -> str:
    if isinstance(value, Decimal):
        return str(value)
    if isinstance(value, NoNumber):
        return value.text
    if isinstance(value, Twice):
        return " and ".join(map(_shown, value.values[:4]))
    if isinstance(value, dict | list):
        value = ", ".join(_shown(one) for _, one in _leaves(value, ()))
    text = value if isinstance(value, str) else msgspec.json.encode(value).decode()
    return text if len(text) <= _SHOWN else text[: _SHOWN - 1] + "…"


def _plain(amount: Decimal) -> float | int:
    """Return a number as ours are: whole where it is, else the nearest float."""
    if abs(amount) < Decimal(10) ** 15 and amount == amount.to_integral_value():
        return int(amount)
    return float(amount)


def _is_noise(amount: Decimal) -> bool:
    return bool(amount) and amount.adjusted() >= NOISE


def _squeezed(text: str) -> str:
    """Return a text without case, blanks, hyphens and underscores."""
    return re.sub(r"[\s_-]+", "", text).casefold()


def _is_moment(text: str) -> bool:
    try:
        return datetime.fromisoformat(text).tzinfo is not None
    except ValueError:
        return False


def _code_of(found: Mapping[str, Found]) -> str | None:
    """Return the code that a passport's identifiers carry."""
    for name in ("serial_number", "battery_id", "passport_id"):
        one = found.get(name)
        if one is not None and isinstance(one.value, str) and len(one.value) <= MAX_SCANNED:
            try:
                return read_label(one.value).code
            except CodeError:
                continue
    return None


# ------------------------------------------------------------------ shapes

_NUMBER: Final = re.compile(
    r"(?P<number>[+-]?\d[\d \u00a0.,]{0,30}(?:[eE][+-]?\d{1,3})?)\s*(?P<unit>[A-Za-z%°Ωµ][^\d]{0,20})?"
)
_CAS: Final = re.compile(r"\d{2,7}-\d{2}-\d")
_THOUSANDTH, _THOUSAND = Decimal("0.001"), Decimal(1000)
_UNITS: Final[dict[str, dict[str, Decimal]]] = {
    "Ah": {"mAh": _THOUSANDTH},
    "kWh": {"mWh": Decimal("1E-6"), "Wh": _THOUSANDTH, "MWh": _THOUSAND},
    "kg": {
        "kilogram": Decimal(1),
        "g": _THOUSANDTH,
        "gram": _THOUSANDTH,
        "t": _THOUSAND,
        "tonneMetricTon": _THOUSAND,
        "pound": Decimal("0.45359237"),
        "ounceAvoirdupois": Decimal("0.028349523125"),
    },
    "V": {"mV": _THOUSANDTH, "kV": _THOUSAND},
    "W": {"mW": _THOUSANDTH, "kW": _THOUSAND},
    "W/Wh": {"W/kWh": _THOUSANDTH},
    "Ω": {"Ohm": Decimal(1), "mOhm": _THOUSANDTH, "mΩ": _THOUSANDTH},
    "°C": {"C": Decimal(1), "degreeCelsius": Decimal(1)},
    "A/Ah": {"C": Decimal(1)},
    "kgCO2e/kWh": {"kgCO2-eq/kWh": Decimal(1), "kg CO2 / kWh": Decimal(1), "gCO2-eq/kWh": _THOUSANDTH},
    "kgCO2e": {"kgCO2-eq": Decimal(1), "tCO2-eq": _THOUSAND},
    "a": {"year": Decimal(1), "month": Decimal(1) / 12, "day": Decimal(1) / Decimal("365.25")},
}
"""How much of a point's unit one of another is; case matters: mWh is no MWh."""

_CHOICES: Final[dict[str, dict[str, str]]] = {
    "category": {
        **{said: name for name, said in batterypass_ready.CATEGORIES.items()},
        "ev": "ev", "EV": "ev", "lmt": "lmt", "LMT": "lmt", "industrial": "industrial",
        "stationary": "industrial",
    },
    "status": {
        "Original": "original", "original": "original", "Repurposed": "repurposed",
        "repurposed": "repurposed",
        "Reused": "re_used", "re-used": "re_used", "Remanufactured": "remanufactured",
        "remanufactured": "remanufactured", "Waste": "waste", "waste": "waste",
    },
    "passport_status": {one.capitalize(): one for one in POINTS["passport_status"].choices},
    "chemistry": {said: name for name, said in reversed(batterypass_ready.CHEMISTRIES.items())},
}  # fmt: skip


def _address(given: Any) -> str | None:
    """Return a postal address in one line: street, then postal code, then country."""
    if isinstance(given, str):
        return " ".join(given.split())
    if not isinstance(given, dict):
        return None
    parts = [given.get(name) for name in ("streetAddress", "postalCode", "addressCountry")]
    return ", ".join(one.strip() for one in parts if isinstance(one, str) and one.strip()) or None


def _joined(values: list[Any]) -> str | None:
    """Return texts one after the other, each once."""
    said = [" ".join(one.split()) for one in values if isinstance(one, str) and one.strip()]
    return "; ".join(dict.fromkeys(said)) or None


_OF_SUBSTANCES: Final = ("Class", "Name", "Identifier", "materialIdentification")  # how their members end


def _substances(values: list[Any]) -> str | None:
    """Return substances by class, name and CAS number, as far as they are said."""
    found = []
    for one in values:
        if not isinstance(one, dict):
            continue
        named = {name: said.strip() for name, said in one.items() if isinstance(said, str) and said.strip()}
        for each in one.get("materialIdentification") or ():
            if isinstance(each, dict) and isinstance(each.get("name"), str):
                named["materialName"] = each["name"].strip()
        what = ": ".join(said for name, said in named.items() if name.endswith(_OF_SUBSTANCES[:2]))
        number = next((said for name, said in named.items() if name.endswith("Identifier")), None)
        if what or number:
            found.append(f"{what} (CAS {number})".strip() if number else what)
    return "; ".join(dict.fromkeys(found)) or None


_OF_SEVERAL: Final[dict[str, Callable[[list[Any]], str | None]]] = {
    "joined": _joined,
    "substances": _substances,
}

# -- BatteryPass-Ready: each shape that it is written in, the other way round

_Read = Iterator[tuple[str, float, str, Value | None, tuple[str, ...]]]
_Unshape = Callable[[_Reading, _Row, _Node, Any], _Read]


def _as_it_is(shape: str = "", inner: str | None = None) -> _Unshape:
    """Return what reads a plain value, or the one that stands within a member."""

    def read(reading: _Reading, row: _Row, node: _Node, _: Any) -> _Read:
        if inner is not None and isinstance(node.value, dict):
            node = _Node(node.value.get(inner), (*node.steps, inner), (*node.above, node.value))
        point = POINTS[row.point]
        value = reading.value(point, shape or point.type, row.unit, node)
        yield row.point, 0, _shown(node.value), value, node.steps

    return read


def _amount(number: str, unit: str, *, step: float = 0) -> _Unshape:
    """Return what reads a number beside its unit; the exact one, where ours stands beside a rounded one."""

    def read(reading: _Reading, row: _Row, node: _Node, _: Any) -> _Read:
        exact = isinstance(node.value, dict) and batterypass_ready.EXACT in node.value
        said, value, at = reading.amount(
            POINTS[row.point], node, batterypass_ready.EXACT if exact else number, unit
        )
        yield row.point, 0 if exact else step, said, value, at.steps

    return read


def _watts(reading: _Reading, row: _Row, node: _Node, _: Any) -> _Read:
    for level in ("80", "20"):
        point = row.point.replace("80", level)
        said, value, at = reading.amount(POINTS[point], node, f"wattValueAt{level}SoC", "watt")
        yield point, 1, said, value, at.steps


_MATERIALS: Final = re.compile(
    r"Cathode: (?P<cathode>.+?); anode: (?P<anode>.+?); electrolyte: (?P<electrolyte>.+)"
)


def _materials(reading: _Reading, row: _Row, node: _Node, _: Any) -> _Read:
    found = _MATERIALS.fullmatch(node.value) if isinstance(node.value, str) else None
    if found is None:
        said = "names materials, and not which is in the cathode, the anode and the electrolyte"
        reading.refuse(POINTS[row.point], node, "import.materials", said)
        return
    for part in ("cathode", "anode", "electrolyte"):
        yield f"{part}_material", 0, _shown(node.value), found[part], node.steps


def _warranty(reading: _Reading, _: _Row, node: _Node, document: Any) -> _Read:
    """Read the years between the day it was made and the last day of its warranty."""
    made = _within(document, batterypass_ready.NAME, "IdentifiersAndProductData", "ManufacturingDate")
    try:
        begun, end = date.fromisoformat(str(made)[:10]), date.fromisoformat(str(node.value)[:10])
    except ValueError:
        said = "follows from two days, of which one is not there or none"
        reading.refuse(POINTS["warranty_years"], node, "import.day", said)
        return
    months = (end.year - begun.year) * 12 + end.month - begun.month
    yield "warranty_years", 1 / 12, _shown(node.value), _plain(Decimal(months) / 12), node.steps


def _within(value: Any, *names: str) -> Any:
    for name in names:
        value = value.get(name) if isinstance(value, dict) else None
    return value


def _ready_moment(document: Any) -> str | None:
    """Return when a BatteryPass-Ready document was last changed: of its values it says no other time."""
    said = _within(
        document, batterypass_ready.NAME, "IdentifiersAndProductData", "Date-timeOfLatestUpdateOfDPP"
    )
    return said if isinstance(said, str) and _is_moment(said) else None


def _chemistry(reading: _Reading, row: _Row, node: _Node, document: Any) -> _Read:
    held = node.value if isinstance(node.value, dict) else {}
    name = "chemicalCodeValue" if "chemicalCodeValue" in held else "additionallyPossibleValue"
    yield from _as_it_is("chemistry", name)(reading, row, node, document)


_AH: Final = ("amperehourMiliamperehourValue", "ampereHourMiliamperehour")
_UNSHAPED: Final[dict[str, _Unshape]] = {
    "text": _as_it_is(),
    "number": _as_it_is(),
    "integer": _as_it_is(),
    "percent": _amount("percentageValue", "percent"),
    "kg": _amount("gramKgValue", "gramKg"),
    "ah": _amount(*_AH, step=1),
    "ah_or_mah": _amount(*_AH, step=0.001),
    "kwh": _amount("kilowattHourValue", "kilowattHour", step=1),
    "volt": _amount("voltValue", "volt"),
    "watt": _amount("wattValue", "watt", step=1),
    "watts": _watts,
    "watt_per_wh": _amount("wattPerWattHourValue", "wattPerWattHour", step=1),
    "ohm": _amount("ohmValue", "ohm", step=1),
    "celsius": _amount("celsiusValue", "degreeCelsius", step=1),
    "c_rate": _amount("amperePerAmpereHourValue", "amperePerAmpereHour"),
    "co2_per_kwh": _amount(*batterypass_ready.CO2_PER_KWH[:2]),
    "co2": _amount("kgCO2-equivalentValue", "kgCO2-equivalent", step=1),
    "category": _as_it_is("category", "batteryCategoryValue"),
    "status": _as_it_is("status", "batteryStatusValues"),
    "passport_status": _as_it_is("passport_status", "dppStatusValue"),
    "chemistry": _chemistry,
    "materials": _materials,
    "warranty_end": _warranty,
}
