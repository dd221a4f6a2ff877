"""What a method is given of one participant: the early image, and of what petbench knows beside it what it named."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, get_args

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    import numpy as np
    from numpy.typing import NDArray

    from petbench.contract import Volume

Need = Literal["spacing", "weight", "dose", "sex", "height", "age", "times", "frames", "ct", "labels"]
"""What a method may ask for beside the early image, in `MethodSpec.needs`."""

Sex = Literal["female", "male", "other"]

NEEDS: tuple[Need, ...] = get_args(Need)

ANSWERS: Mapping[Need, tuple[str, ...]] = {
    "spacing": ("spacing_mm",),
    "weight": ("weight_kg",),
    "dose": ("dose_mbq",),
    "sex": ("sex",),
    "height": ("height_m",),
    "age": ("age_years",),
    "times": ("early_minutes", "delayed_minutes"),
    "frames": ("frames", "frame_minutes"),
    "ct": ("ct",),
    "labels": ("labels", "label_names"),
}
"""Which fields of a `Scan` answer a need."""

IMAGES = ("frames", "ct", "labels")
"""The fields of a `Scan` that are images on the grid of the early one."""

Image: TypeAlias = "NDArray[np.float32] | NDArray[np.int16]"


@dataclass(frozen=True, slots=True)
class Scan:
    """One participant's early image, and what the method named in `MethodSpec.needs`; every other field is None.

    Nothing here was made from a delayed image. Arrays are the method's own: it may change them.

    Attributes:
        early: the early image in SUV, float32, shape (z, y, x).
        spacing_mm: size of a voxel (z, y, x); need `spacing`.
        weight_kg: of the body; need `weight`.
        dose_mbq: injected activity; need `dose`.
        sex: `female`, `male` or `other`; need `sex`.
        height_m: of the body; need `height`.
        age_years: at the scan; need `age`.
        early_minutes: from when to when after the injection the early image was measured; need `times`.
        delayed_minutes: likewise of the image to predict; 42 to 63 where that is not known; need `times`.
        frames: the frames that the early image is the mean of, in SUV, float32, shape (t, z, y, x); need `frames`.
        frame_minutes: from when to when each of them was measured; need `frames`.
        ct: a CT in HU on the early image's grid, float32, shape (z, y, x); need `ct`.
        labels: organs drawn on the early image or the CT, int16, shape (z, y, x), 0 for none; need `labels`.
        label_names: what each label means; the same for every participant; need `labels`.
    """

    early: Volume
    spacing_mm: tuple[float, float, float] | None = None
    weight_kg: float | None = None
    dose_mbq: float | None = None
    sex: Sex | None = None
    height_m: float | None = None
    age_years: float | None = None
    early_minutes: tuple[float, float] | None = None
    delayed_minutes: tuple[float, float] | None = None
    frames: NDArray[np.float32] | None = None
    frame_minutes: tuple[tuple[float, float], ...] | None = None
    ct: Volume | None = None
    labels: NDArray[np.int16] | None = None
    label_names: Mapping[int, str] | None = None

    @property
    def inputs(self) -> tuple[Need, ...]:
        """The needs that are answered here."""
        return tuple(need for need, fields in ANSWERS.items() if all(getattr(self, one) is not None for one in fields))

    @property
    def images(self) -> dict[str, Image]:
        """The images beside the early one, by their field."""
        return {name: image for name in IMAGES if (image := getattr(self, name)) is not None}

    @property
    def facts(self) -> dict[str, Any]:
        """All that is no image, as JSON can keep it."""
        found = {field.name: getattr(self, field.name) for field in dataclasses.fields(self)}
        known = {name: value for name, value in found.items() if value is not None and name not in ("early", *IMAGES)}
        return {name: _as_json(value) for name, value in known.items()}

    def copy(self) -> Scan:
        """Return a scan whose arrays may be changed."""
        return with_images(self, lambda image: image.copy())


def with_images(scan: Scan, change: Callable[[Any], Any]) -> Scan:
    """Return a scan whose images, the early one included, are what `change` makes of them."""
    images = {name: change(image) for name, image in scan.images.items()}
    return dataclasses.replace(scan, early=change(scan.early), **images)


def assemble(early: Volume, facts: Mapping[str, Any], images: Mapping[str, Any]) -> Scan:
    """Return the scan that was taken apart into its early image, its `facts`, through JSON or not, and its images."""
    known = {name: _as_declared(name, value) for name, value in facts.items()}
    if "labels" in images:
        images = {**images, "labels": images["labels"].astype("<i2", copy=False)}
    return Scan(early, **known, **images)


def _as_json(value: Any) -> Any:
    if isinstance(value, tuple):
        return [_as_json(part) for part in value]
    return {str(number): meaning for number, meaning in value.items()} if isinstance(value, dict) else value


def _as_declared(name: str, value: Any) -> Any:
    """Put back what JSON does not tell apart: tuples, and numbers as keys."""
    if name == "label_names":
        return {int(number): str(meaning) for number, meaning in value.items()}
    return _tuples(value)


def _tuples(value: Any) -> Any:
    return tuple(_tuples(part) for part in value) if isinstance(value, list | tuple) else value


def unknown_needs(needs: Iterable[object]) -> list[object]:
    """Return what of a method's needs petbench has no word for."""
    return [need for need in needs if need not in NEEDS]
