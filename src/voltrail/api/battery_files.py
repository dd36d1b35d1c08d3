"""Batteries as files: the history of one, its family, the list of all, what a search finds."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from litestar.response import Stream

from voltrail.api.access import reader_of
from voltrail.api.answers import Asked, registry_of
from voltrail.api.batteries import (
    CodeText,
    Level,
    ModelId,
    Place,
    Words,
    check_place,
    search,
    without_parents,
)
from voltrail.api.take_away import hidden_by, take_away, taken
from voltrail.codes import parse
from voltrail.organisations.access import BATTERY
from voltrail.registry.holdings import level_by_letter
from voltrail.registry.lookup import Family, Lookup, unknown_battery
from voltrail.registry.registry import battery_rows
from voltrail.registry.sent import in_log
from voltrail.registry.snapshot import Snapshot
from voltrail.web import Page
from voltrail.web.sheets import EVENT_TYPES, Column, InLog, Row, Sheet
from voltrail.web.sheets.events import event_columns, event_row

MOST_FOUND: Final = 1_000
DEPTH: Final = 8
AT_ONCE: Final = 1_000

_LISTED: Final = (
    Column("code", heading="Code"),
    Column("level", "name", "Level"),
    Column("phase", "name", "Phase"),
    Column("model_id", heading="Model"),
    Column("events", "integer", "Events"),
    Column("place", "name", "Place"),
)
_FOUND: Final = (
    Column("kind", "name", "What it is"),
    Column("id", heading="Code"),
    Column("name", heading="Name"),
    Column("level", "name", "Level"),
)
_FAMILY: Final = (
    Column("code", heading="Code"),
    Column("relation", "name", "Relation"),
    Column("of", heading="Of which battery"),
    Column("level", "name", "Level"),
    Column("phase", "name", "Phase"),
    Column("end", "name", "End"),
    Column("parent", heading="Built into"),
)
_RELATIONS: Final = {"parts": "part", "predecessors": "predecessor", "successors": "successor"}


@taken("/b/{code:str}/history", summary="A battery's events, as a file", types=EVENT_TYPES)
def history_file(request: Asked, code: CodeText) -> Stream:
    """Return all events of a battery, the first in the log first, with the members the reader may see."""
    registry, reader, text = registry_of(request), reader_of(request), parse(code).text

    def making(snapshot: Snapshot, page: Page) -> Sheet:
        life, sight = registry.life(snapshot, text, reader)
        rows = life[::-1]
        columns = event_columns({row[1] for row in rows})
        runs = (
            [event_row(columns, one) for one in registry.told(rows[start : start + AT_ONCE], sight, life)]
            for start in range(0, len(rows), AT_ONCE)
        )
        by_index = {row[0]: row for row in rows}
        log = InLog((in_log(row, by_index.get) for row in rows), hidden_by(sight))
        title = page.say("History of {code}", code=text)
        return Sheet(f"{text}-history", title, columns, runs, log=log)

    return take_away(request, making)


@taken("/b/{code:str}/family", summary="A battery's family, as a file")
def family_file(request: Asked, code: CodeText) -> Stream:
    """Return a battery's parts, what it was made from and into, down to eight generations; each once."""
    registry, text = registry_of(request), parse(code).text
    eyes = reader_of(request).eyes

    def making(snapshot: Snapshot, page: Page) -> Sheet:
        lookup = Lookup(snapshot.connection, registry.authorities, None, None)
        if lookup.battery(text) is None:
            raise unknown_battery(text)
        family = Family(lookup).tree(text, DEPTH)
        sees_parents = eyes.see(BATTERY, "parent")
        rows = list(_relatives(family if sees_parents else without_parents(family), None, None))
        columns = _FAMILY if sees_parents else _FAMILY[:-1]
        return Sheet(
            f"{text}-family",
            page.say("Family of {code}", code=text),
            columns,
            ([row[: len(columns)] for row in rows],),
        )

    return take_away(request, making)


@taken("/batteries", summary="The list of batteries, as a file")
def batteries_file(request: Asked, level: Level = None, place: Place = None, model: ModelId = None) -> Stream:
    """Return all batteries of such a list in the order of their codes; those of a model with `model`."""
    check_place(request, place)
    eyes = reader_of(request).eyes
    columns = tuple(
        column for column in _LISTED if eyes.see(BATTERY, _ATTRIBUTE.get(column.name, column.name))
    )
    query, values = battery_rows(level or None, place or None, model or None)
    at = [_LISTED.index(column) for column in columns]

    def making(snapshot: Snapshot, page: Page) -> Sheet:
        def cells(row: tuple[Any, ...]) -> Row:
            name, in_place, phase, of_model, events = row
            code = name.removeprefix("battery:")
            whole = (code, level_by_letter(code), phase, of_model, events, in_place)
            return [whole[number] for number in at]

        runs = ([cells(row) for row in run] for run in snapshot.rows(query, values))
        count = lambda most: snapshot.count(query, values, most)  # noqa: E731
        title = (
            page.say("Batteries of model {model}", model=model) if model else page.say("Batteries on record")
        )
        return Sheet("batteries", title, columns, runs, count)

    return take_away(request, making)


@taken("/search", summary="What a search finds, as a file")
def search_file(request: Asked, q: Words = None) -> Stream:
    """Return what `q` may mean, at most a thousand: batteries, organisations, models."""
    text = (q or "").strip()

    def making(snapshot: Snapshot, page: Page) -> Sheet:  # noqa: ARG001 - a search reads by itself
        found = search(request, text, MOST_FOUND) if text else []
        rows = [
            (one.get("kind", "battery"), one.get("code") or one["id"], one.get("name"), one.get("level"))
            for one in found
        ]
        return Sheet("search", page.say("Found for “{q}”", q=text), _FOUND, (rows,), stands="at_least")

    return take_away(request, making)


_ATTRIBUTE: Final = {"model_id": "model"}


def _relatives(node: dict[str, Any], relation: str | None, of: str | None) -> Iterator[Row]:
    yield node["code"], relation, of, node["level"], node.get("phase"), node.get("end"), node.get("parent")
    for name, word in _RELATIONS.items():
        for one in node.get(name, ()):
            yield from _relatives(one, word, node["code"])


ROUTES: Final = (*history_file, *family_file, *batteries_file, *search_file)
