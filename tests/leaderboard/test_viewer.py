"""A participant's page in a real browser, from the file system: headless Chromium, driven by Selenium."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

pytest.importorskip("selenium", reason="selenium is not installed")

from tests.leaderboard.browsing import CHROMIUM, DRIVER, EVIL, click, enter, pages_of

if TYPE_CHECKING:
    from pathlib import Path

    from tests.leaderboard.browsing import Visit

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        CHROMIUM is None or DRIVER is None, reason="no Chromium and chromedriver: install chromium and chromium-driver"
    ),
]


def test_the_viewer_scrolls_all_images_together_in_every_plane(visit: Visit, site: Path) -> None:
    page, ready = pages_of(site)["participant"]
    browser = visit(page, ready=ready)
    grey = (
        "return [...document.querySelectorAll('.tiles canvas:not(.error)')].map(canvas => {"
        "const copy = new OffscreenCanvas(canvas.width, canvas.height);"
        "const context = copy.getContext('2d', {willReadFrequently: true}); context.drawImage(canvas, 0, 0);"
        "const d = context.getImageData(0, 0, canvas.width, canvas.height).data;"
        "let sum = 0; for (let i = 0; i < d.length; i += 4) sum += d[i]; return sum / (d.length / 4); })"
    )
    drawn = "return document.getElementById('viewer').dataset.drawn"
    first = browser.execute_script(grey)
    assert len(first) == 4
    assert len(set(first)) == 4
    enter(browser, "input[name=slice]", "3")
    assert browser.execute_script(drawn) == "axial 3"
    second = browser.execute_script(grey)
    assert all(one != two for one, two in zip(first, second, strict=True))
    browser.execute_script(
        "document.querySelector('.tiles').dispatchEvent(new KeyboardEvent('keydown', {key: 'ArrowUp', bubbles: true}))"
    )
    assert browser.execute_script(drawn) == "axial 4"
    enter(browser, "input[name=window]", "30")
    wide = browser.execute_script(grey)
    enter(browser, "input[name=window]", "1")
    assert all(one > two for one, two in zip(wide, browser.execute_script(grey), strict=True))
    for plane in ("coronal", "sagittal", "coronal-mip", "sagittal-mip", "rotating-mip"):
        click(browser, f"input[value={plane}]")
        assert browser.execute_script(drawn).startswith(f"{plane} ")
    enter(browser, "select[name=colours]", "inferno")
    shown = (
        "return [...document.querySelectorAll('.tiles figure')].filter(tile => !tile.hidden)"
        ".map(tile => tile.querySelector('figcaption').textContent)"
    )
    assert browser.execute_script(shown) == ["early", "pix2pix", EVIL, "delayed"]
    click(browser, ".chosen input[value=pix2pix]")
    assert browser.execute_script(shown) == ["early", EVIL, "delayed"]


@pytest.mark.parametrize("plane", ["axial", "coronal", "sagittal", "coronal-mip", "sagittal-mip", "rotating-mip"])
def test_images_have_the_proportions_of_the_participant_in_millimetres(visit: Visit, site: Path, plane: str) -> None:
    page, ready = pages_of(site)["participant"]
    browser = visit(page, ready=ready)
    click(browser, f"input[value={plane}]")
    drawn = browser.execute_script(
        "const canvas = document.querySelector('.tiles canvas'); const box = canvas.getBoundingClientRect();"
        "return [box.width, box.height, canvas.width, canvas.height, ...window.petbenchParticipant.spacing]"
    )
    width, height, columns, rows, z, y, x = drawn
    across, down = {"axial": (x, y), "sagittal": (y, z), "sagittal-mip": (y, z)}.get(plane, (x, z))
    assert width / height == pytest.approx(columns * across / (rows * down), rel=0.02)


def test_projections_are_the_maxima_of_the_very_slices(visit: Visit, site: Path) -> None:
    page, ready = pages_of(site)["participant"]
    browser = visit(page, ready=ready)
    dark = (
        "const canvas = document.querySelectorAll('.tiles canvas:not(.error)')[0];"
        "const copy = new OffscreenCanvas(canvas.width, canvas.height);"
        "const context = copy.getContext('2d', {willReadFrequently: true}); context.drawImage(canvas, 0, 0);"
        "const found = context.getImageData(0, 0, canvas.width, canvas.height).data;"
        "return Array.from({length: found.length / 4}, (_, place) => found[4 * place]);"
    )
    for slices, projection, turn in (("coronal", "coronal-mip", "0"), ("sagittal", "sagittal-mip", None)):
        click(browser, f"input[value={slices}]")
        darkest: list[int] = []
        for place in range(int(browser.execute_script("return document.querySelector('input[name=slice]').max")) + 1):
            enter(browser, "input[name=slice]", str(place))
            levels = browser.execute_script(dark)
            darkest = list(map(min, darkest, levels)) if darkest else levels
        click(browser, f"input[value={projection}]")
        assert browser.execute_script(dark) == darkest
        if turn is not None:
            click(browser, "input[value=rotating-mip]")
            enter(browser, "input[name=slice]", turn)
            assert min(browser.execute_script(dark)) == min(darkest)
