"""Where a body's points lie: its size, its smooth individual shape, and how it moved between the two frames."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from petbench_phantom.anatomy import body, head_width
from petbench_phantom.fields import generator, smooth_noise

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from petbench_phantom.parts import Part
    from petbench_phantom.population import Participant
    from petbench_phantom.spec import PhantomSpec

    Coordinates = tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.float32]]
    Lattice = NDArray[np.float64]

_LATTICE_MILLIMETRES = 24.0
_SHAPE_MILLIMETRES, _SHAPE_REACH = 5.0, 30.0  # per axis: about 9 mm in all; sigma of the kernel
_MOTION_MILLIMETRES, _MOTION_REACH = 1.7, 110.0  # per axis: 3 mm in all, head and limbs each their own way
_CENTRE_CENTIMETRES = 7.0  # template height of the field's centre: (crown + soles) / 2
_NECK = (66.0, 74.0)


def posed_body(spec: PhantomSpec, person: Participant, frame: int) -> tuple[list[Part], Pose]:
    """Return the parts of one person's body, and where they lie, at the early (0) or the delayed frame (1)."""
    shape = generator(spec.seed, 8, person.index)  # the same in both frames
    lean_frame = person.lean * person.lean * person.upright  # its volume over the template's
    parts = body(person.sex, person.organ_scales, person.bladder_millilitres[frame] / lean_frame, shape)
    return parts, Pose(spec, person, moved=frame == 1)


class Pose:
    """The mapping from the voxels of a grid to the template's centimetres.

    Attributes:
        window: (rows, columns) of the voxels that the body can reach; all else is air.
    """

    def __init__(self, spec: PhantomSpec, person: Participant, *, moved: bool) -> None:
        self._spec = spec
        self._person = person
        field = tuple(size * step for size, step in zip(spec.shape, spec.spacing_millimetres, strict=True))
        self._field = field
        lattice = tuple(math.ceil(length / _LATTICE_MILLIMETRES) + 2 for length in field)
        shape_random = generator(spec.seed, 2, person.index)
        self._shift = [_drift(shape_random, lattice, _SHAPE_MILLIMETRES, _SHAPE_REACH) for _ in range(3)]
        place = shape_random.random(3) - 0.5
        self._offset = (0.8 * place[0], 0.6 * place[1], 1.0 * place[2])  # cm on the table: x, y, z
        if moved:
            motion_random = generator(spec.seed, 3, person.index)
            for axis in range(3):
                drift = _drift(motion_random, lattice, _MOTION_MILLIMETRES, _MOTION_REACH)
                self._shift[axis] = self._shift[axis] + drift
        self._margin = 0.1 * max(float(np.abs(part).max()) for part in self._shift) + 0.3
        self.window = self._reachable()

    def coordinates(self, low: int, high: int) -> tuple[Coordinates, Coordinates]:
        """Return the template coordinates of the sub-voxels of slices low to high, by skin and by lean size."""
        (z, y, x), index = self._points(low, high)
        moved = [_interpolate(part, index) for part in self._shift]
        person, offset = self._person, self._offset
        down = (z[:, None, None] - 0.1 * moved[0] - offset[2]) * (1 / person.upright) + _CENTRE_CENTIMETRES
        across = y[None, :, None] - 0.1 * moved[1] - offset[1]
        aside = x[None, None, :] - 0.1 * moved[2] - offset[0]
        neck = ((down - _NECK[0]) * (1 / (_NECK[1] - _NECK[0]))).clip(0.0, 1.0)
        height = down.astype(np.float32)
        frames = []
        for width in (person.skin, person.lean):
            trunk, head = 1 / width, 1 / head_width(width)
            shrink = trunk + (head - trunk) * neck
            frames.append(((aside * shrink).astype(np.float32), (across * shrink).astype(np.float32), height))
        return frames[0], frames[1]

    def box(self, part: Part, low: int, high: int) -> tuple[slice, slice, slice] | None:
        """Return the sub-voxels of slices low to high that `part` may reach, or None."""
        bounds = part.shape.bounds()
        middle = part.centre
        width = self._person.skin if part.frame == "skin" else self._person.lean
        widest, narrowest = max(width, head_width(width)), min(width, head_width(width))
        spans = []
        for axis in range(3):
            first, last = ((bounds[2 * axis + end] - middle[axis]) * part.scale + middle[axis] for end in (0, 1))
            if axis == 2:
                first, last = ((edge - _CENTRE_CENTIMETRES) * self._person.upright for edge in (first, last))
            else:
                first *= widest if first < 0 else narrowest
                last *= widest if last > 0 else narrowest
            spans.append((first + self._offset[axis] - self._margin, last + self._offset[axis] + self._margin))
        rows, columns = self.window
        starts = (low, rows.start, columns.start)
        sizes = (high - low, rows.stop - rows.start, columns.stop - columns.start)
        pieces = []
        for axis, (first, last) in enumerate(reversed(spans)):
            step = 0.1 * self._spec.spacing_millimetres[axis] / self._spec.supersampling[axis]
            origin = -0.05 * self._field[axis] + starts[axis] * step * self._spec.supersampling[axis]
            size = sizes[axis] * self._spec.supersampling[axis]
            begin = min(max(math.floor(max((first - origin) / step, -1e6)), 0), size)
            end = min(max(math.ceil(min((last - origin) / step, 1e6)), 0), size)
            if begin >= end:
                return None
            pieces.append(slice(begin, end))
        return pieces[0], pieces[1], pieces[2]

    def _points(self, low: int, high: int) -> tuple[list[Lattice], list[tuple[NDArray[np.intp], Lattice]]]:
        """Return centres of sub-voxels in centimetres from the field's centre, and their places in the lattice."""
        rows, columns = self.window
        points, index = [], []
        for axis, (start, stop) in enumerate(((low, high), (rows.start, rows.stop), (columns.start, columns.stop))):
            parts = self._spec.supersampling[axis]
            step = self._spec.spacing_millimetres[axis] / parts
            millimetres = (np.arange(start * parts, stop * parts) + 0.5) * step
            place = millimetres * (1 / _LATTICE_MILLIMETRES)
            floor = np.floor(place)
            points.append((millimetres - 0.5 * self._field[axis]) * 0.1)
            index.append((floor.astype(np.intp), place - floor))
        return points, index

    def _reachable(self) -> tuple[slice, slice]:
        reach = (14.5 * self._person.skin + 1.2 + self._margin, 26.5 * self._person.skin + 1.2 + self._margin)
        pieces = []
        for axis, length in ((1, reach[0]), (2, reach[1])):
            size, step = self._spec.shape[axis], 0.1 * self._spec.spacing_millimetres[axis]
            half = math.ceil(length / step)
            pieces.append(slice(max(size // 2 - half, 0), min(size // 2 + half, size)))
        return pieces[0], pieces[1]


def _drift(random: np.random.Generator, lattice: tuple[int, ...], millimetres: float, reach: float) -> Lattice:
    return millimetres * smooth_noise(random, lattice, (reach / _LATTICE_MILLIMETRES,) * 3)


def _interpolate(field: Lattice, index: list[tuple[NDArray[np.intp], Lattice]]) -> Lattice:
    """Interpolate linearly at the crossings of three axes, one axis after the other."""
    for axis, (floor, part) in enumerate(index):
        weight = part.reshape(tuple(-1 if other == axis else 1 for other in range(3)))
        field = np.take(field, floor, axis=axis) * (1 - weight) + np.take(field, floor + 1, axis=axis) * weight
    return field
