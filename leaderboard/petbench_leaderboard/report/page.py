"""The report: one HTML file that needs nothing but itself."""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib import metadata
from typing import TYPE_CHECKING

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from petbench_datasets.files import write_text
from petbench_leaderboard.ranking import rank
from petbench_leaderboard.report.figure import ERROR_LIMIT_SUV, SUV_LIMIT, draw_patient
from petbench_leaderboard.report.table import view_board

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from petbench_leaderboard.report.figure import PatientFigure
    from petbench_leaderboard.report.images import PatientImages
    from petbench_leaderboard.store import Leaderboard

PAGE_NAME = "index.html"


@dataclass(frozen=True, slots=True)
class _FigureView:
    source: str
    width: int
    height: int
    description: str


@dataclass(frozen=True, slots=True)
class _PatientView:
    participant: str
    dataset: str
    figures: list[_FigureView]


def write_report(
    leaderboard: Leaderboard,
    panels: Iterable[PatientImages],
    folder: Path,
    *,
    dataset: str | None = None,
    split: str | None = None,
    title: str = "Early to delayed PET: the leaderboard",
) -> Path:
    """Write the leaderboard and the patients' images as one page and return its path.

    Everything that comes from plugins and users is escaped; the page's own policy forbids scripts and the network.

    Args:
        leaderboard: where the runs are.
        panels: the patients to draw, taken one at a time, so that only one patient's volumes need be in memory.
        folder: where `index.html` is written, wholly or not at all.
        dataset: only this cohort's boards.
        split: only this split's boards.
        title: the page's heading.
    """
    environment = Environment(
        loader=PackageLoader("petbench_leaderboard.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    css, _, _ = environment.loader.get_source(environment, "style.css") if environment.loader else ("", None, None)
    html = environment.get_template("page.html.j2").render(
        title=title,
        css=Markup(css),  # noqa: S704 - petbench's own file
        policy=_policy(css),
        boards=[view_board(board) for board in rank(leaderboard, dataset=dataset, split=split)],
        patients=[_patient(images) for images in panels],
        suv_limit=f"{SUV_LIMIT:g}",
        error_limit=f"{ERROR_LIMIT_SUV:g}",
        version=_version(),
        made=datetime.now(UTC).strftime("%d %B %Y, %H:%M UTC"),
    )
    page = folder / PAGE_NAME
    write_text(page, html)
    return page


def _policy(css: str) -> str:
    """Allow this page's own style and embedded images, and nothing else."""
    digest = base64.b64encode(hashlib.sha256(css.encode()).digest()).decode()
    return f"default-src 'none'; style-src 'sha256-{digest}'; img-src data:; base-uri 'none'; form-action 'none'"


def _patient(images: PatientImages) -> _PatientView:
    return _PatientView(images.participant, images.dataset, [_figure(figure) for figure in draw_patient(images)])


def _figure(figure: PatientFigure) -> _FigureView:
    source = "data:image/webp;base64," + base64.b64encode(figure.webp).decode()
    return _FigureView(source, figure.width, figure.height, figure.description)


def _version() -> str:
    try:
        return metadata.version("petbench")
    except metadata.PackageNotFoundError:
        return "of unknown version"
