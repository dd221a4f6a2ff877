"""A figure of matplotlib that a notebook shows although pyplot has not made it."""

from __future__ import annotations

import io

from matplotlib.figure import Figure


class ShownFigure(Figure):
    """A figure that belongs to whoever asked for it: nothing keeps it, and nothing has to close it."""

    def _repr_png_(self) -> bytes:
        """Return what a notebook shows."""
        pixels = io.BytesIO()
        self.savefig(pixels, format="png")
        return pixels.getvalue()
