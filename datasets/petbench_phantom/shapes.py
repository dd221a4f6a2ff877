"""Solids of the MIRD family, in centimetres: x to the Left, y to Posterior, z to the head."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Coordinates = NDArray[np.floating[Any]]
    Mask = NDArray[np.bool_]

Point = tuple[float, float, float]
Bounds = tuple[float, float, float, float, float, float]


class Shape(Protocol):
    """A solid: which points it holds, and a box (x0, x1, y0, y1, z0, z1) that holds it."""

    def contains(self, x: Coordinates, y: Coordinates, z: Coordinates) -> Mask:
        """Return which points lie inside."""

    def bounds(self) -> Bounds:
        """Return a box around the solid."""


@dataclass(frozen=True, slots=True)
class Ellipsoid:
    """An ellipsoid along the axes."""

    centre: Point
    radii: Point

    def contains(self, x: Coordinates, y: Coordinates, z: Coordinates) -> Mask:
        """Return which points lie inside."""
        (a, b, c), (p, q, r) = self.centre, self.radii
        level = _square((x - a) * (1 / p)) + _square((y - b) * (1 / q)) + _square((z - c) * (1 / r))
        return np.asarray(level <= 1.0)

    def bounds(self) -> Bounds:
        """Return a box around the solid."""
        (a, b, c), (p, q, r) = self.centre, self.radii
        return (a - p, a + p, b - q, b + q, c - r, c + r)


@dataclass(frozen=True, slots=True)
class Spheroid:
    """An ellipsoid of revolution about `axis` (a unit vector), cut off below `cut` along it."""

    centre: Point
    axis: Point
    length: float
    radius: float
    cut: float = -math.inf

    def contains(self, x: Coordinates, y: Coordinates, z: Coordinates) -> Mask:
        """Return which points lie inside."""
        dx, dy, dz = x - self.centre[0], y - self.centre[1], z - self.centre[2]
        along = dx * self.axis[0] + dy * self.axis[1] + dz * self.axis[2]
        across = dx * dx + dy * dy + dz * dz - along * along
        inside = _square(along * (1 / self.length)) + across * (1 / self.radius**2) <= 1.0
        return np.asarray(inside & (along > self.cut))

    def bounds(self) -> Bounds:
        """Return a box around the solid."""
        reach = max(self.length, self.radius)
        a, b, c = self.centre
        return (a - reach, a + reach, b - reach, b + reach, c - reach, c + reach)


@dataclass(frozen=True, slots=True)
class Column:
    """An elliptic column along z whose centre and radii change linearly from bottom to top."""

    bottom: Point
    top: Point
    bottom_radii: tuple[float, float]
    top_radii: tuple[float, float]

    def contains(self, x: Coordinates, y: Coordinates, z: Coordinates) -> Mask:
        """Return which points lie inside."""
        low, high = self.bottom[2], self.top[2]
        part = (z - low) * (1 / (high - low))
        inside = (z >= low) & (z <= high)
        u = x - (self.bottom[0] + part * (self.top[0] - self.bottom[0]))
        v = y - (self.bottom[1] + part * (self.top[1] - self.bottom[1]))
        p = self.bottom_radii[0] + part * (self.top_radii[0] - self.bottom_radii[0])
        q = self.bottom_radii[1] + part * (self.top_radii[1] - self.bottom_radii[1])
        return inside & (_square(u * q) + _square(v * p) <= _square(p * q))

    def bounds(self) -> Bounds:
        """Return a box around the solid."""
        p, q = max(self.bottom_radii[0], self.top_radii[0]), max(self.bottom_radii[1], self.top_radii[1])
        xs, ys = (self.bottom[0], self.top[0]), (self.bottom[1], self.top[1])
        return (min(xs) - p, max(xs) + p, min(ys) - q, max(ys) + q, self.bottom[2], self.top[2])


@dataclass(frozen=True, slots=True)
class Tube:
    """All points within `radius` of the line between two ends."""

    start: Point
    stop: Point
    radius: float

    def contains(self, x: Coordinates, y: Coordinates, z: Coordinates) -> Mask:
        """Return which points lie inside."""
        way = tuple(b - a for a, b in zip(self.start, self.stop, strict=True))
        square = sum(step * step for step in way)
        dx, dy, dz = x - self.start[0], y - self.start[1], z - self.start[2]
        part = ((dx * way[0] + dy * way[1] + dz * way[2]) * (1 / square)).clip(0.0, 1.0)
        distance = _square(dx - part * way[0]) + _square(dy - part * way[1]) + _square(dz - part * way[2])
        return np.asarray(distance <= self.radius**2)

    def bounds(self) -> Bounds:
        """Return a box around the solid."""
        pairs = zip(self.start, self.stop, strict=True)
        (a, b), (c, d), (e, f) = ((min(p) - self.radius, max(p) + self.radius) for p in pairs)
        return (a, b, c, d, e, f)


@dataclass(frozen=True, slots=True)
class Folded:
    """An ellipsoid whose surface is folded like the cortex, with ridges `period` apart."""

    centre: Point
    radii: Point
    depth: float
    period: float

    def contains(self, x: Coordinates, y: Coordinates, z: Coordinates) -> Mask:
        """Return which points lie inside."""
        (a, b, c), (p, q, r) = self.centre, self.radii
        level = _square((x - a) * (1 / p)) + _square((y - b) * (1 / q)) + _square((z - c) * (1 / r))
        rate = 1 / self.period
        waves = _wave((x + 0.4 * y) * rate) + _wave((y - 0.5 * z) * rate) + _wave((z + 0.3 * x) * rate)
        return np.asarray(level <= 1.0 + self.depth * waves)

    def bounds(self) -> Bounds:
        """Return a box around the solid."""
        (a, b, c), reach = self.centre, math.sqrt(1 + 3 * self.depth)
        p, q, r = (radius * reach for radius in self.radii)
        return (a - p, a + p, b - q, b + q, c - r, c + r)


@dataclass(frozen=True, slots=True)
class Half:
    """The half space where normal . point <= offset."""

    normal: Point
    offset: float

    def contains(self, x: Coordinates, y: Coordinates, z: Coordinates) -> Mask:
        """Return which points lie inside."""
        height = x * self.normal[0] + y * self.normal[1] + z * self.normal[2]
        return np.asarray(height <= self.offset)

    def bounds(self) -> Bounds:
        """Return a box without end."""
        far = math.inf
        return (-far, far, -far, far, -far, far)


@dataclass(frozen=True, slots=True)
class Slices:
    """The layers z0 + k period <= z < z0 + k period + thickness: every other one of them is a rib."""

    first: float
    period: float
    thickness: float

    def contains(self, x: Coordinates, y: Coordinates, z: Coordinates) -> Mask:  # noqa: ARG002 - a Shape takes all
        """Return which points lie inside; ribs fall towards the front and to the sides."""
        height = z - self.first - 0.22 * y
        return height - self.period * np.floor(height * (1 / self.period)) < self.thickness

    def bounds(self) -> Bounds:
        """Return a box without end."""
        far = math.inf
        return (-far, far, -far, far, -far, far)


@dataclass(frozen=True, slots=True)
class Common:
    """What lies in the first solid and in all others, and in none of `without`."""

    first: Shape
    others: tuple[Shape, ...] = ()
    without: tuple[Shape, ...] = ()

    def contains(self, x: Coordinates, y: Coordinates, z: Coordinates) -> Mask:
        """Return which points lie inside."""
        inside = self.first.contains(x, y, z)
        for shape in self.others:
            inside &= shape.contains(x, y, z)
        for shape in self.without:
            inside &= ~shape.contains(x, y, z)
        return inside

    def bounds(self) -> Bounds:
        """Return a box around the solid."""
        boxes = [shape.bounds() for shape in (self.first, *self.others)]
        low = [max(box[index] for box in boxes) for index in (0, 2, 4)]
        high = [min(box[index] for box in boxes) for index in (1, 3, 5)]
        return (low[0], high[0], low[1], high[1], low[2], high[2])


@dataclass(frozen=True, slots=True)
class Together:
    """What lies in any of several solids."""

    shapes: tuple[Shape, ...]

    def contains(self, x: Coordinates, y: Coordinates, z: Coordinates) -> Mask:
        """Return which points lie inside."""
        inside = self.shapes[0].contains(x, y, z)
        for shape in self.shapes[1:]:
            inside |= shape.contains(x, y, z)
        return inside

    def bounds(self) -> Bounds:
        """Return a box around the solid."""
        boxes = [shape.bounds() for shape in self.shapes]
        low = [min(box[index] for box in boxes) for index in (0, 2, 4)]
        high = [max(box[index] for box in boxes) for index in (1, 3, 5)]
        return (low[0], high[0], low[1], high[1], low[2], high[2])


def mirrored(shape: Ellipsoid | Tube | Column) -> Together:
    """Return the solid and its mirror image on the other side of the body."""
    if isinstance(shape, Ellipsoid):
        return Together((shape, Ellipsoid(_flip(shape.centre), shape.radii)))
    if isinstance(shape, Tube):
        return Together((shape, Tube(_flip(shape.start), _flip(shape.stop), shape.radius)))
    twin = Column(_flip(shape.bottom), _flip(shape.top), shape.bottom_radii, shape.top_radii)
    return Together((shape, twin))


def _flip(point: Point) -> Point:
    return (-point[0], point[1], point[2])


def _square(values: Coordinates) -> Coordinates:
    return values * values


def _wave(values: Coordinates) -> Coordinates:
    """Return a wave of period 1 between -1 and 1, made of parabolas: a sine without its last-bit differences."""
    phase = (values - np.floor(values)) * 2.0 - 1.0
    return 4.0 * phase * (1.0 - abs(phase))
