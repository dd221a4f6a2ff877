"""Make the pictures beside this file: real runs on `fdg-phantom-mini`, their site, and a browser that looks at it.

    python docs/screenshots/make.py

Runs that are stored already are not repeated. `$PETBENCH_HOME` says where they are; Chromium and chromedriver must be
installed, and selenium in this Python.
"""

from __future__ import annotations

import argparse
import io
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PIL import Image
from selenium import webdriver

if TYPE_CHECKING:
    from selenium.webdriver.chrome.webdriver import WebDriver

DATASET = "fdg-phantom-mini"
COMMANDS = (
    *(("run", "--method", method) for method in ("identity", "scale", "ridge", "unet", "pix2pix")),
    *(("score", "--reference", name, "--dataset", DATASET) for name in ("organ-scale", "predictable", "repeat-scan")),
)
DIVERGES = ("run", "--method", "unet", "--set", "learning_rate=1e30", "--budget", "images=400")
COLOURS = 256
SECONDS = 120

TABLE = "document.documentElement.dataset.table === 'ready'"
CHARTS = "document.documentElement.dataset.charts !== undefined"
VIEWER = "document.getElementById('viewer').dataset.drawn !== undefined"
LOADED = "document.readyState === 'complete'"
PROJECTIONS = """
    document.querySelector("input[value=rotating-mip]").click();
    const form = document.querySelector("form.controls");
    form.elements.slice.value = "2";
    form.elements.colours.value = "inferno";
    form.dispatchEvent(new Event("input"));
"""
COMPARISON = """
    const rows = [...document.querySelectorAll("table.ranking tbody tr.competitor")];
    if (rows.length < 2) throw new Error("there are no two rows to compare");
    for (const row of rows.slice(0, 2)) row.querySelector("input").click();
    document.querySelector("button.compare").click();
    document.querySelector(".comparison").scrollIntoView();
"""


@dataclass(frozen=True)
class Shot:
    """One picture: which page, when it is ready, how wide and at most how high, and what to do there first."""

    name: str
    page: str
    ready: str
    width: int = 1400
    most: int = 1700
    script: str = ""
    dark: bool = False


def main() -> None:
    """Make the runs and the site, and take every picture."""
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--output", type=Path, default=Path(__file__).parent)
    output = arguments.parse_args().output
    for command in COMMANDS:
        _petbench(*command)
    _petbench(*DIVERGES, expected=1)
    with tempfile.TemporaryDirectory() as name:
        site = Path(name)
        _petbench("report", "--dataset", DATASET, "-o", str(site))
        browser = _browser()
        try:
            for shot in _shots(site):
                path = output / f"{shot.name}.png"
                _take(browser, site, shot, path)
                print(f"{path} {path.stat().st_size / 1024:.0f} KiB")  # noqa: T201 - what the command says
        finally:
            browser.quit()


def _petbench(*arguments: str, expected: int = 0) -> None:
    code = subprocess.run([sys.executable, "-m", "petbench", *arguments]).returncode
    if code not in (0, expected):
        sys.exit(f"petbench {' '.join(arguments)} ended with {code}")


def _shots(site: Path) -> list[Shot]:
    participant = min(path.relative_to(site).as_posix() for path in site.glob("participants/*.html"))
    pages = {path: path.read_text(encoding="utf-8") for path in site.glob("runs/*.html")}
    trained = _page_with(pages, "<h1>pix2pix ")
    failed = _page_with(pages, '<div class="failure"')
    return [
        Shot("leaderboard", "index.html", f"{TABLE} && {CHARTS}", most=2100),
        Shot("leaderboard-dark", "index.html", f"{TABLE} && {CHARTS}", dark=True, most=1000),
        Shot("leaderboard-phone", "index.html", f"{TABLE} && {CHARTS}", width=380, most=1500),
        Shot("comparison", "index.html", f"{TABLE} && {CHARTS}", script=COMPARISON, most=1200),
        Shot("run", trained, CHARTS, most=2600),
        Shot("failure", failed, LOADED),
        Shot("participant", participant, VIEWER, most=1500),
        Shot("participant-projections", participant, VIEWER, script=PROJECTIONS, most=1200),
    ]


def _page_with(pages: dict[Path, str], text: str) -> str:
    return next(f"runs/{path.name}" for path, html in sorted(pages.items(), reverse=True) if text in html)


def _browser() -> WebDriver:
    options = webdriver.ChromeOptions()
    options.binary_location = str(shutil.which("chromium") or shutil.which("google-chrome"))
    for flag in ("--headless=new", "--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu", "--hide-scrollbars"):
        options.add_argument(flag)
    browser = webdriver.Chrome(options=options, service=webdriver.ChromeService(str(shutil.which("chromedriver"))))
    browser.set_script_timeout(SECONDS)
    return browser


def _take(browser: WebDriver, site: Path, shot: Shot, path: Path) -> None:
    """Open a page, wait until it is ready, and keep its upper part as a picture of few colours."""
    _resize(browser, shot.width, 1000)
    scheme = {"name": "prefers-color-scheme", "value": "dark" if shot.dark else "light"}
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [scheme]})
    browser.get("about:blank")
    browser.get(f"file://{site}/{shot.page}")
    _wait(browser, shot.ready)
    height = min(int(browser.execute_script("return document.documentElement.scrollHeight")), shot.most)
    _resize(browser, shot.width, height)
    if shot.script:
        browser.execute_script(shot.script)
    _wait(browser, "true")
    with Image.open(io.BytesIO(browser.get_screenshot_as_png())) as picture:
        picture.convert("RGB").quantize(COLOURS, dither=Image.Dither.FLOYDSTEINBERG).save(path, optimize=True)


def _resize(browser: WebDriver, width: int, height: int) -> None:
    metrics: dict[str, Any] = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)


def _wait(browser: WebDriver, condition: str) -> None:
    """Wait in the page, frame by frame, until a condition holds, and two frames more."""
    script = f"""
        const done = arguments[arguments.length - 1];
        const frames = (left) => left ? requestAnimationFrame(() => frames(left - 1)) : done(true);
        const look = () => ({condition}) ? frames(2) : requestAnimationFrame(look);
        look();
    """
    browser.execute_async_script(script)


if __name__ == "__main__":
    main()
