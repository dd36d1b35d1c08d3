"""
Swap stations on a map: degrees as they are, equirectangular, with some cities and no borders.

There are no tiles, since nothing is loaded from elsewhere; and no borders, since how they are drawn is a
matter of law. `cities.csv` has city centres to a hundredth of a degree, the best known first, for orientation
alone.
"""

from __future__ import annotations

import csv
import math
from collections.abc import Iterable, Mapping, Sequence
from importlib.resources import files
from itertools import pairwise
from typing import Any, Final, NamedTuple

import msgspec

WIDTH: Final = 960
MOST_HEIGHT: Final = 720
LEAST_HEIGHT: Final = 320
MARK: Final = 15  # radius of a station
_MARGIN: Final = 70
_LEAST_SPAN: Final = 1.5  # degrees: a single station has surroundings, too
_MOST_CITIES: Final = 24
_STRAIGHT: Final = 1.7  # a corridor is no longer than that times the way from end to end
_DEGREES: Final = (0.25, 0.5, 1, 2, 5, 10, 20, 30)
_MOST_NAMED: Final = 60  # stations, of full size
_MOST_LETTERS: Final = 36
_LETTER, _WIDE_LETTER, _LINE = 8.0, 14.0, 18.0  # how large names are drawn
_WIDE_FROM: Final = 0x2E80  # from there on letters are as wide as high
_GROUND_KM: Final = 111.32  # a degree of latitude
_SCALES: Final = (5, 10, 20, 50, 100, 200, 500, 1000, 2000)


class City(msgspec.Struct, frozen=True):
    """A city, in degrees."""

    name: str
    name_zh: str
    latitude: float
    longitude: float


class Mark(NamedTuple):
    """A station on the map; `name` is what stands beside it, empty where there is no room."""

    x: float
    y: float
    station: Mapping[str, Any]
    ready: int | None
    name: str = ""
    name_x: float = 0
    name_y: float = 0


class Map(NamedTuple):
    """
    What the template draws into a field of `WIDTH` by `height`, y downwards.

    `lines` are corridors, `cities` with their places, `across` and `down` degrees with theirs; `scale` is a
    length in pixels and the kilometres it is in the middle of the map.
    """

    height: int
    marks: list[Mark]
    lines: list[str]
    cities: list[tuple[float, float, City]]
    across: list[tuple[float, float]]
    down: list[tuple[float, float]]
    scale: tuple[float, int]
    mark: float  # radius of a station


def _cities() -> tuple[City, ...]:
    text = files("voltrail.web").joinpath("cities.csv").read_text("utf-8")
    return tuple(msgspec.convert(row, City, strict=False) for row in csv.DictReader(text.splitlines()))


CITIES: Final = _cities()


class _Field:
    """From degrees to places."""

    def __init__(self, stations: Sequence[Mapping[str, Any]]) -> None:
        latitudes = [one["latitude"] for one in stations]
        longitudes = [one["longitude"] for one in stations]
        middle = (min(latitudes) + max(latitudes)) / 2
        self.narrow = max(math.cos(math.radians(middle)), 0.1)
        wide = max(max(longitudes) - min(longitudes), _LEAST_SPAN)
        high = max(max(latitudes) - min(latitudes), _LEAST_SPAN)
        inside = WIDTH - 2 * _MARGIN
        self.per_degree = min(inside / (wide * self.narrow), (MOST_HEIGHT - 2 * _MARGIN) / high)
        self.height = max(LEAST_HEIGHT, round(high * self.per_degree + 2 * _MARGIN))
        self._west = (min(longitudes) + max(longitudes)) / 2 - WIDTH / 2 / self.per_degree / self.narrow
        self._north = middle + self.height / 2 / self.per_degree

    def x(self, longitude: float) -> float:
        return float(round((longitude - self._west) * self.narrow * self.per_degree, 1))

    def y(self, latitude: float) -> float:
        return float(round((self._north - latitude) * self.per_degree, 1))

    def grid(self) -> tuple[list[tuple[float, float]], list[tuple[float, float]]]:
        wide, high = WIDTH / self.narrow / self.per_degree, self.height / self.per_degree
        step = next((one for one in _DEGREES if wide / one <= 8), _DEGREES[-1])
        across = _multiples(self._west, self._west + wide, step)
        down = _multiples(self._north - high, self._north, step)
        return [(self.x(one), one) for one in across], [(self.y(one), one) for one in down]

    def scale(self) -> tuple[float, int]:
        per_km = self.per_degree / _GROUND_KM
        km = next((one for one in reversed(_SCALES) if one * per_km <= WIDTH / 5), _SCALES[0])
        return round(km * per_km, 1), km


def draw(stations: Iterable[Mapping[str, Any]]) -> Map | None:
    """Return the map of stations as `/stations` tells them; None where none of them says where it is."""
    placed = [one for one in stations if one["latitude"] is not None and one["longitude"] is not None]
    if not placed:
        return None
    field = _Field(placed)
    radius = MARK if len(placed) <= _MOST_NAMED else MARK / 2
    bare = [_mark(one, field) for one in placed]
    taken = [_Box(one.x - radius, one.y - radius, 2 * radius, 2 * radius) for one in bare]
    marks = [_named(one, field, radius, taken) for one in bare]
    across, down = field.grid()
    return Map(
        field.height,
        marks,
        list(_corridors(placed, field)),
        _shown(field, taken),
        across,
        down,
        field.scale(),
        radius,
    )


def _mark(one: Mapping[str, Any], field: _Field) -> Mark:
    ready = None if one["ready"] is None else sum(one["ready"].values())
    return Mark(field.x(one["longitude"]), field.y(one["latitude"]), one, ready)


class _Box(NamedTuple):
    """What is covered already, from its corner at the upper left."""

    x: float
    y: float
    width: float
    height: float

    def covers(self, other: _Box) -> bool:
        return (
            self.x < other.x + other.width
            and other.x < self.x + self.width
            and self.y < other.y + other.height
            and other.y < self.y + self.height
        )


def _named(one: Mark, field: _Field, radius: float, taken: list[_Box]) -> Mark:
    """Return a mark with its name where it covers nothing: to the right, to the left, below or above."""
    name = one.station["name"] or one.station["site"]
    name = name if len(name) <= _MOST_LETTERS else f"{name[: _MOST_LETTERS - 1]}…"
    width = _width(name)
    for x, y in (
        (one.x + radius + 6, one.y - _LINE / 2),
        (one.x - radius - 6 - width, one.y - _LINE / 2),
        (one.x - width / 2, one.y + radius + 2),
        (one.x - width / 2, one.y - radius - _LINE - 8),
    ):
        box = _Box(x, y, width, _LINE)
        inside = 0 < x < WIDTH - width and 0 < y < field.height - _LINE
        if inside and not any(map(box.covers, taken)):
            taken.append(box)
            return one._replace(name=name, name_x=round(x, 1), name_y=round(y + _LINE / 2, 1))
    return one


def _width(text: str) -> float:
    """Return about how wide a text is, so that it is not too little."""
    return sum(_LETTER if ord(one) < _WIDE_FROM else _WIDE_LETTER for one in text)


def _corridors(stations: Sequence[Mapping[str, Any]], field: _Field) -> Iterable[str]:
    """Yield a line through the stations of each operator, where they lie along a road and not in an area."""
    by_operator: dict[str, list[tuple[float, float]]] = {}
    for one in stations:
        point = field.x(one["longitude"]), field.y(one["latitude"])
        by_operator.setdefault(one["operator"], []).append(point)
    for points in by_operator.values():
        xs, ys = zip(*points, strict=True)
        points.sort(key=lambda one: one[0 if max(xs) - min(xs) >= max(ys) - min(ys) else 1])
        length = sum(math.dist(*pair) for pair in pairwise(points))
        if len(points) > 1 and length <= _STRAIGHT * math.dist(points[0], points[-1]):
            yield "M" + "L".join(f"{x} {y}" for x, y in points)


def _shown(field: _Field, taken: list[_Box]) -> list[tuple[float, float, City]]:
    """Return the cities that lie on the map, the best known of those whose names would cover one another."""
    found: list[tuple[float, float, City]] = []
    for city in CITIES:
        x, y = field.x(city.longitude), field.y(city.latitude)
        box = _Box(x - 5, y - _LINE / 2, 14 + _width(city.name), _LINE)
        inside = 5 < x < WIDTH - box.width and _LINE < y < field.height - 2 * _LINE
        if inside and not any(map(box.covers, taken)) and len(found) < _MOST_CITIES:
            taken.append(box)
            found.append((x, y, city))
    return found


def _multiples(low: float, high: float, step: float) -> list[float]:
    return [step * number for number in range(math.ceil(low / step), math.floor(high / step) + 1)]


class Hour(NamedTuple):
    """An hour to come: how many trucks are expected in it, and how many packs may be put in by its end."""

    hour: int
    trucks: float
    ready: int


def forecast(ready_min: Sequence[float | None], per_hour: Sequence[float], now_hour: int) -> list[Hour]:
    """
    Return the next hours of a station: trucks as they came at that hour before, packs as they charge now.

    Those that trucks take in the meantime are not subtracted.
    """
    hours = []
    for ahead in range(len(per_hour) // 2):
        ready = sum(1 for one in ready_min if one is not None and one <= 60 * (ahead + 1))
        hour = (now_hour + ahead) % len(per_hour)
        hours.append(Hour(hour, per_hour[hour], ready))
    return hours
