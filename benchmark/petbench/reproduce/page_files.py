"""Where the page and its figures lie: the profile's own dataset has reproduction.md, every other a page beside it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from petbench.reproduce.profiles import Profile

_STEM = "reproduction"


@dataclass(frozen=True, slots=True)
class PageFiles:
    """The files of one page.

    Attributes:
        folder: of the page and of those of other datasets.
        stem: what the names of its files begin with.
    """

    folder: Path
    stem: str

    @classmethod
    def of(cls, folder: Path, profile: Profile, dataset: str) -> PageFiles:
        """Return the files of the page on a dataset of that name."""
        return cls(folder, _STEM if dataset == profile.dataset else f"{_STEM}-{dataset}")

    @property
    def page(self) -> Path:
        """The page itself."""
        return self.folder / f"{self.stem}.md"

    @property
    def figure_2(self) -> Path:
        """The images of one participant."""
        return self.folder / "figures" / f"{self.stem}-figure-2.webp"

    @property
    def curves(self) -> Path:
        """The validation errors of the converged runs."""
        return self.folder / "figures" / f"{self.stem}-validation.svg"

    def link(self, path: Path) -> str:
        """Return how the page names one of its files."""
        return path.relative_to(self.folder).as_posix()

    def others(self) -> dict[str, str]:
        """Return the pages on other datasets that lie beside this one, by dataset; the profile's own is `default`."""
        found = {}
        for path in sorted(self.folder.glob(f"{_STEM}*.md")):
            if path != self.page:
                found[path.stem.removeprefix(_STEM).lstrip("-") or "default"] = path.name
        return found
