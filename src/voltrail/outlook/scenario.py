"""
A scenario: what it is called, and the parameters that it sets. Written as TOML.

    name = "Heavy trucks faster"
    draws = 1000
    seed = 1

    [set]
    truck.ceiling_percent = 92
    car.battery_years = {value = 13, low = 11, high = 15}

A parameter that is set has that value in all draws, or the spread that is given; all others keep their own.
`voltrail outlook run --example` prints one with all of them.
"""

from __future__ import annotations

import json
import math
import tomllib
from collections.abc import Iterator, Mapping
from importlib.resources import files
from typing import Annotated, Any, Final, get_args

import msgspec
from msgspec import Meta

from voltrail.errors import UsageError
from voltrail.outlook.book import vintage_of
from voltrail.outlook.parameters import Parameter, parameters
from voltrail.outlook.survival import Law

DRAWS_MOST: Final = 5_000  # of which each takes 0.1 MB
DRAWS: Final = 1000
BYTES_MOST: Final = 65_536
_DEEPEST: Final = 4  # tables inside tables; the ids of parameters need two


class Range(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A value with a spread of its own, in place of that of the parameter's table."""

    value: float
    low: float
    high: float


class Scenario(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """
    What an outlook is asked.

    `given` are values by the parameter's id, `ranges` those with a spread of their own; `known_at` the
    vintage of figures, `2025-06` or `2025`, empty for the latest; `law` how lives spread about their mean.
    """

    name: Annotated[str, Meta(max_length=200)] = "As things stand"
    note: Annotated[str, Meta(max_length=4_000)] = ""
    draws: int = DRAWS
    seed: Annotated[int, Meta(ge=0, le=2**53)] = 1
    known_at: str = ""
    law: Law = "weibull"
    given: dict[str, float] = {}
    ranges: dict[str, Range] = {}


def read(text: str) -> Scenario:
    """
    Read a scenario from TOML: `name`, `note`, `draws`, `seed`, `known_at`, `law` and a table `[set]`.

    In `[set]` a parameter stands by its id, dotted keys and tables alike. Raises UsageError.
    """
    if len(text) > BYTES_MOST:
        raise UsageError(
            "outlook.toml",
            f"The scenario has {len(text):,} characters.",
            f"Write at most {BYTES_MOST:,}: only what it sets otherwise than the table of parameters.",
        )
    try:
        table = tomllib.loads(f"{text}\n")  # so that an error on the last line names it
    except (ValueError, RecursionError) as error:  # ValueError: a number of thousands of digits
        why = str(error) if isinstance(error, ValueError) else "too many brackets inside each other"
        raise UsageError(
            "outlook.toml", f"The scenario is no TOML: {why.rstrip('.')}.", "Mend the line it names."
        ) from error
    inside = table.pop("set", {})
    if not isinstance(inside, dict):
        raise UsageError(
            "outlook.scenario",
            f"`set` is {_shown(inside)}.",
            "Write a line `[set]`, and what is set below it, one parameter a line.",
        )
    return scenario_of(dict(_flat(inside)), **table)


def scenario_of(given: Mapping[str, Any], /, **head: Any) -> Scenario:
    """
    Return a scenario, its values checked: `given` are numbers by id, or tables of value, low and high.

    Raises UsageError that names what is wrong.
    """
    _check_head(head)
    values: dict[str, float] = {}
    ranges: dict[str, Range] = {}
    for name, value in given.items():
        one = _known(name)
        if isinstance(value, dict | Range):
            ranges[name] = _range(one, value)
        else:
            values[name] = _number(one, name, value)
    try:
        scenario = msgspec.convert({**head, "given": values, "ranges": ranges}, Scenario)
    except msgspec.ValidationError as error:
        raise UsageError(
            "outlook.scenario", f"The scenario: {error}.", "See docs/guides/outlook.md."
        ) from error
    if scenario.known_at:
        vintage_of(scenario.known_at)
    if not 1 <= scenario.draws <= DRAWS_MOST:
        raise UsageError(
            "outlook.draws", f"{_shown(scenario.draws)} draws.", f"Take from 1 to {DRAWS_MOST:,}."
        )
    return scenario


def named(name: str) -> Scenario | None:
    """Return a scenario that Voltrail brings along, or None."""
    if name not in names():  # never a path made of what somebody typed
        return None
    return read((files("voltrail.outlook") / "scenarios" / f"{name}.toml").read_text(encoding="utf-8"))


def names() -> list[str]:
    """Return the names of the scenarios that Voltrail brings along, the baseline first."""
    here = (files("voltrail.outlook") / "scenarios").iterdir()
    found = sorted(path.name.removesuffix(".toml") for path in here if path.name.endswith(".toml"))
    return sorted(found, key=lambda name: name != "baseline")


def parameters_of(scenario: Scenario) -> dict[str, Parameter]:
    """Return the parameters by id, with the spreads that a scenario gives."""
    known = dict(parameters())
    for name, own in scenario.ranges.items():
        known[name] = msgspec.structs.replace(known[name], value=own.value, low=own.low, high=own.high)
    return known


def as_toml(scenario: Scenario) -> str:
    """Return a scenario as TOML that reads as the same again, each value with what it is."""
    lines = [f"name = {_text(scenario.name)}"]
    if scenario.note:
        lines.append(f"note = {_text(scenario.note)}")
    lines += [f"draws = {scenario.draws}", f"seed = {scenario.seed}"]
    if scenario.known_at:
        lines.append(f"known_at = {_text(scenario.known_at)}")
    if scenario.law != "weibull":
        lines.append(f"law = {_text(scenario.law)}")
    lines += ["", "[set]"]
    for one in parameters().values():
        if one.id in scenario.ranges:
            own = scenario.ranges[one.id]
            spread = f"{{value = {own.value!r}, low = {own.low!r}, high = {own.high!r}}}"
            lines.append(f"{one.id} = {spread}  # {_about(one)}")
        elif one.id in scenario.given:
            lines.append(f"{one.id} = {_plain(scenario.given[one.id])}  # {_about(one)}")
    return "\n".join(lines) + "\n"


def example() -> str:
    """Return a scenario with comments to start from: all parameters at their own values, none set."""
    lines = [
        "# What is not set keeps its value and its spread, as `voltrail outlook levers` prints them.",
        as_toml(Scenario(note="Take the # away before what you want to set.")).rstrip("\n"),
        '# Above [set], lives that spread by another law than Weibull’s: law = "normal" or "lognormal"',
        "# With a spread of its own: car.battery_years = {value = 13, low = 11, high = 15}",
    ]
    lines += [f"# {one.id} = {_plain(one.value)}  # {_about(one)}" for one in parameters().values()]
    return "\n".join(lines) + "\n"


def _check_head(head: Mapping[str, Any]) -> None:
    known = [name for name in Scenario.__struct_fields__ if name not in ("given", "ranges")]
    for name in head:
        if name not in known:
            raise UsageError(
                "outlook.scenario",
                f"A scenario has no {_shown(name)}.",
                f"It has {', '.join(known)}; parameters stand below a line `[set]`.",
            )
    if (law := head.get("law", "weibull")) not in get_args(Law):
        raise UsageError(
            "outlook.scenario",
            f"Lives by the law of {_shown(law)} are not known.",
            f"Take one of {', '.join(get_args(Law))}.",
        )


def _known(name: str) -> Parameter:
    known = parameters()
    if name not in known:
        raise UsageError(
            "outlook.parameter", f"There is no parameter {_shown(name)}.", "See `voltrail outlook levers`."
        )
    return known[name]


def _number(one: Parameter, name: str, value: Any) -> float:
    if (
        isinstance(value, bool)
        or not isinstance(value, int | float)
        or not one.least <= value <= one.most  # false for what is not a number
    ):
        raise UsageError(
            "outlook.number",
            f"{name}: {_shown(value)} cannot be taken.",
            f"Give a number from {one.least:g} to {one.most:g} ({one.unit}).",
        )
    return float(value)


def _range(one: Parameter, told: dict[str, Any] | Range) -> Range:
    table = msgspec.structs.asdict(told) if isinstance(told, Range) else told
    if set(table) != {"value", "low", "high"}:
        raise UsageError(
            "outlook.range",
            f"{one.id}: a spread of {_shown(', '.join(table))} cannot be taken.",
            "Write {value = ..., low = ..., high = ...}.",
        )
    own = Range(**{key: _number(one, f"{one.id}.{key}", value) for key, value in table.items()})
    if not (own.low <= own.value <= own.high and own.low < own.high):
        raise UsageError(
            "outlook.range",
            f"{one.id}: {own.value:g} does not lie between {own.low:g} and {own.high:g}.",
            "Give low <= value <= high, and low below high.",
        )
    return own


def _flat(table: Mapping[str, Any], before: str = "", depth: int = 1) -> Iterator[tuple[str, Any]]:
    """Yield values by dotted key; tables of numbers with a value, a low and a high stay together."""
    if depth > _DEEPEST:
        raise UsageError(
            "outlook.scenario",
            f"There are tables in tables in {_shown(before)}.",
            "Write what is set as `parameter = value`, one a line.",
        )
    for key, value in table.items():
        if isinstance(value, dict) and before + key not in parameters():
            yield from _flat(value, f"{before}{key}.", depth + 1)
        else:
            yield before + key, value


def _shown(value: object) -> str:
    """Return what somebody wrote, short enough for an error."""
    try:
        said = repr(value)
    except ValueError:  # a number of thousands of digits
        said = "a very large number"
    return said if len(said) <= 60 else f"{said[:57]}..."


def _text(text: str) -> str:
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")


def _plain(value: float) -> str:
    return (
        str(int(value)) if math.isfinite(value) and value == int(value) and abs(value) < 1e15 else repr(value)
    )


def _about(one: Parameter) -> str:
    return f"{one.unit}, {one.least:g} to {one.most:g}: {one.word[0].lower()}{one.word[1:]}"
