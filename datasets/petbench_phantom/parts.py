"""A piece of an organ: which organ, which solid, and with what it grows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from petbench_phantom.shapes import Point, Shape

Frame = Literal["skin", "lean"]
Sex = Literal["F", "M"]


@dataclass(frozen=True, slots=True)
class Part:
    """A piece of an organ.

    Attributes:
        organ: its name in the table of organs.
        shape: in template coordinates.
        frame: whether it grows with the body's outline or with its lean mass.
        centre: the point about which `scale` enlarges it.
        scale: linear size over the template's.
    """

    organ: str
    shape: Shape
    frame: Frame = "lean"
    centre: Point = (0.0, 0.0, 0.0)
    scale: float = 1.0
