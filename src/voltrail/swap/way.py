"""The way of a truck: given by points, as kilometres, minutes and kWh; and where stations stand by it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import Annotated, Final, NamedTuple

import msgspec
import numpy as np
from msgspec import Meta
from numpy.typing import NDArray

from voltrail.technology.vehicle import VEHICLES, Air, Legs, energy

ROAD_FACTOR: Final = 1.25  # a road for a great circle; an assumption
STOPS_PER_KM: Final = 0.05  # an assumption
EARTH_KM: Final = 6371.0088
DEGREE_KM: Final = math.radians(1) * EARTH_KM
PIECE_KM: Final = 25.0  # parts into which a great circle is cut
AT_ONCE: Final = 256  # stations held against all of the way together

Numbers = NDArray[np.float64]


class Point(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A point of the way, in degrees (WGS 84); from it on `speed_kmh` is driven, where that is known."""

    latitude: Annotated[float, Meta(ge=-90, le=90)]
    longitude: Annotated[float, Meta(ge=-180, le=180)]
    altitude_m: Annotated[float, Meta(ge=-500, le=6000)] | None = None
    speed_kmh: Annotated[float, Meta(ge=5, le=120)] | None = None


class Way:
    """
    The way up to each of its nodes: `km`, `minutes`, `kwh`, arrays that begin with 0.

    `off_min_km` and `off_kwh_km` are what a kilometre beside it takes, on level roads. Points farther apart
    than `PIECE_KM` do not trace a road: between them the way is the great circle, ROAD_FACTOR times as long.
    `factor` is by how much all of it was made longer.
    """

    def __init__(
        self,
        truck: str,
        mass_kg: float,
        points: Sequence[Point],
        speed_kmh: float,
        temperature_c: float,
        headwind_kmh: float,
    ) -> None:
        vehicle = VEHICLES[truck]
        nodes = _nodes(points, speed_kmh)
        self.latitudes, self.longitudes = nodes.latitudes, nodes.longitudes
        straight = apart_km(
            nodes.latitudes[:-1], nodes.longitudes[:-1], nodes.latitudes[1:], nodes.longitudes[1:]
        )
        length_km = straight * nodes.factors
        self.factor = round(float(length_km.sum() / straight.sum()), 6) if straight.sum() else 1.0
        legs = Legs(
            distance_m=length_km * 1e3,
            speed_m_s=nodes.speeds_kmh / 3.6,
            climb_m=np.diff(nodes.altitudes),
            stops=STOPS_PER_KM * length_km,
        )
        middle_m = (nodes.altitudes[1:] + nodes.altitudes[:-1]) / 2
        self.energy = energy(vehicle, mass_kg, legs, Air(temperature_c, middle_m, headwind_kmh / 3.6))
        self.km = _summed(length_km)
        self.minutes = _summed(length_km / nodes.speeds_kmh * 60)
        self.kwh = _summed(self.energy.total_kwh)
        one_km = Legs(np.array([1e3]), np.array([speed_kmh / 3.6]), np.zeros(1), stops=STOPS_PER_KM)
        self.off_kwh_km = float(energy(vehicle, mass_kg, one_km, Air(temperature_c)).total_kwh[0])
        self.off_min_km = 60 / speed_kmh

    @property
    def length(self) -> float:
        """How long it is, in km."""
        return float(self.km[-1])

    def beside(self, latitudes: Numbers, longitudes: Numbers) -> tuple[Numbers, Numbers]:
        """Return where the way (km) comes nearest to points, and how far off they are as roads go (km)."""
        at, off = np.zeros(len(latitudes)), np.zeros(len(latitudes))
        for first in range(0, len(latitudes), AT_ONCE):
            some = slice(first, first + AT_ONCE)
            at[some], off[some] = self._beside(latitudes[some, None], longitudes[some, None])
        return at, off

    def _beside(self, latitudes: Numbers, longitudes: Numbers) -> tuple[Numbers, Numbers]:
        # A plane around each point itself: exact enough where the way is near, which alone matters.
        x = ((self.longitudes - longitudes + 180) % 360 - 180) * (DEGREE_KM * np.cos(np.radians(latitudes)))
        y = (self.latitudes - latitudes) * DEGREE_KM
        dx, dy = np.diff(x), np.diff(y)
        x, y = x[:, :-1], y[:, :-1]
        share = np.clip(-(x * dx + y * dy) / np.maximum(dx * dx + dy * dy, 1e-12), 0, 1)
        apart = np.hypot(x + share * dx, y + share * dy)
        apart[np.abs(dx) > 90 * DEGREE_KM] = np.inf  # it goes round the other side of the earth
        nearest = np.argmin(apart, axis=1)
        row = np.arange(len(nearest))
        behind = self.km[nearest]
        at = behind + share[row, nearest] * (self.km[nearest + 1] - behind)
        return at, apart[row, nearest] * ROAD_FACTOR


class _Nodes(NamedTuple):
    """Degrees and metres of points close together; `speeds_kmh` and `factors` are between them."""

    latitudes: Numbers
    longitudes: Numbers
    altitudes: Numbers
    speeds_kmh: Numbers
    factors: Numbers


def _nodes(points: Sequence[Point], speed_kmh: float) -> _Nodes:
    """Return the points and others between those that are far apart; unknown altitudes as the one before."""
    heights = [next((one.altitude_m for one in points if one.altitude_m is not None), 0.0)]
    for one in points[1:]:
        heights.append(heights[-1] if one.altitude_m is None else one.altitude_m)
    parts = []
    for number, (one, other) in enumerate(pairwise(points)):
        apart = float(apart_km(one.latitude, one.longitude, other.latitude, other.longitude))
        count = max(math.ceil(apart / PIECE_KM), 1)
        share = np.arange(count) / count
        climbed = heights[number] + share * (heights[number + 1] - heights[number])
        speed = np.full(count, one.speed_kmh or speed_kmh)
        factor = np.full(count, ROAD_FACTOR if apart > PIECE_KM else 1.0)
        parts.append((*_great_circle(one, other, share), climbed, speed, factor))
    latitudes, longitudes, altitudes, speeds, factors = (
        np.concatenate(one) for one in zip(*parts, strict=True)
    )
    return _Nodes(
        np.append(latitudes, points[-1].latitude),
        np.append(longitudes, points[-1].longitude),
        np.append(altitudes, heights[-1]),
        speeds,
        factors,
    )


def _great_circle(one: Point, other: Point, share: Numbers) -> tuple[Numbers, Numbers]:
    """Return latitudes and longitudes of points on the great circle between two, by their share of it."""

    def vector(point: Point) -> Numbers:
        latitude, longitude = math.radians(point.latitude), math.radians(point.longitude)
        return np.array(
            [
                math.cos(latitude) * math.cos(longitude),
                math.cos(latitude) * math.sin(longitude),
                math.sin(latitude),
            ]
        )

    first, last = vector(one), vector(other)
    angle = math.acos(max(-1.0, min(1.0, float(first @ last))))
    if angle < 1e-9 or math.pi - angle < 1e-9:
        return np.full(len(share), one.latitude), np.full(len(share), one.longitude)
    found = np.outer(np.sin((1 - share) * angle), first) + np.outer(np.sin(share * angle), last)
    x, y, z = (found / math.sin(angle)).T
    return np.degrees(np.arctan2(z, np.hypot(x, y))), np.degrees(np.arctan2(y, x))


def apart_km(
    latitude: Numbers | float,
    longitude: Numbers | float,
    other_latitude: Numbers | float,
    other_longitude: Numbers | float,
) -> Numbers:
    """Return km between points along the great circle (haversine)."""
    one, other = np.radians(latitude), np.radians(other_latitude)
    across = np.radians(np.subtract(other_longitude, longitude))
    half = np.sin((other - one) / 2) ** 2 + np.cos(one) * np.cos(other) * np.sin(across / 2) ** 2
    found: Numbers = 2 * EARTH_KM * np.arcsin(np.sqrt(np.clip(half, 0, 1)))
    return found


def _summed(parts: Numbers) -> Numbers:
    return np.concatenate(([0.0], np.cumsum(parts)))
