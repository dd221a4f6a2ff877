"""The site in a real browser, from the file system: headless Chromium, driven by Selenium."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from tests.leaderboard.conftest import ImagesAtHand

from petbench_leaderboard.records import RunRecord, ScoreRecord
from petbench_leaderboard.report.images import PatientImages
from petbench_leaderboard.report.site import write_site
from petbench_leaderboard.store import Leaderboard

if TYPE_CHECKING:
    from selenium.webdriver.chrome.webdriver import WebDriver

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
DRIVER = shutil.which("chromedriver")
WIDTHS = (380, 1400, 2560)
WHO = ("sub-01", "sub-02", "sub-03", "sub-04", "sub-05")
EVIL = "<script>alert(1)</script>"
METHODS = {"identity": 0.0, "pix2pix": 3.0, "cyclegan": 1.0, EVIL: 2.0}

webdriver = pytest.importorskip("selenium.webdriver", reason="selenium is not installed")
pytestmark = pytest.mark.skipif(
    CHROMIUM is None or DRIVER is None, reason="no Chromium and chromedriver: install chromium and chromium-driver"
)

Visit = Callable[..., "WebDriver"]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("browser")
    generator = np.random.default_rng(2)
    with Leaderboard.open(folder / "leaderboard.db") as board:
        for place, (method, offset) in enumerate(METHODS.items()):
            run_id = board.plan(_record(method, place))
            board.record_scores(run_id, [_score(who, 28.0 + offset + k / 7) for k, who in enumerate(WHO)])
            board.record_scores(run_id, [_organ(who, organ) for who in WHO for organ in ("liver", "brain")])
            board.record_phase(run_id, "train", 10.0 + place)
            board.update(run_id, status="ok", train_seconds=10.0 / (place + 1), parameter_count=place)
        failed = board.plan(_record("broken", 9))
        board.update(failed, status="failed", error_class="ValueError", error_message=EVIL)
        early = generator.gamma(1.0, 2.0, (20, 16, 18)).astype(np.float32)
        panels = [
            PatientImages(
                participant=who, spacing_millimetres=(20.0, 10.0, 10.0), early=early, delayed=early * np.float32(0.7),
                predictions={"pix2pix": early * np.float32(0.8), EVIL: early * np.float32(0.9)},
            )
            for who in WHO
        ]  # fmt: skip
        write_site(board, ImagesAtHand(*panels), folder / "site")
    return folder / "site"


@pytest.fixture(scope="module")
def browser() -> Iterator[WebDriver]:
    options = webdriver.ChromeOptions()
    options.binary_location = str(CHROMIUM)
    for flag in ("--headless=new", "--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu", "--hide-scrollbars"):
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    opened = webdriver.Chrome(options=options, service=webdriver.ChromeService(str(DRIVER)))
    opened.set_script_timeout(60)
    yield opened
    opened.quit()


@pytest.fixture
def visit(browser: WebDriver, site: Path) -> Iterator[Visit]:
    """Open a page and wait until its scripts are done; afterwards nothing may have gone wrong or left the site."""
    _log(browser, "browser")
    _log(browser, "performance")

    def go(page: str, *, width: int = 1280, ready: str = "") -> WebDriver:
        metrics = {"width": width, "height": 1000, "deviceScaleFactor": 1, "mobile": width < 600}
        browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
        browser.get("about:blank")
        browser.get(f"file://{site}/{page}")
        _wait(browser, ready or "document.readyState === 'complete'")
        return browser

    yield go
    complaints = [entry for entry in _log(browser, "browser") if entry["level"] in ("SEVERE", "WARNING")]
    assert complaints == []
    for entry in _log(browser, "performance"):
        message = json.loads(entry["message"])["message"]
        if message["method"] == "Network.requestWillBeSent":
            url = message["params"]["request"]["url"]
            assert url.startswith((f"file://{site}/", "data:", "about:")), url


def _log(browser: Any, kind: str) -> list[dict[str, Any]]:
    return list(browser.get_log(kind))


def _wait(browser: WebDriver, condition: str) -> None:
    """Wait in the page, frame by frame, until a condition holds."""
    script = f"""
        const done = arguments[arguments.length - 1];
        const look = () => ({condition}) ? done(true) : requestAnimationFrame(look);
        look();
    """
    assert browser.execute_async_script(script)


def _record(method: str, number: int) -> RunRecord:
    return RunRecord(
        identity=f"{number:064x}", method=method, plugin="p", distribution="petbench", version="0.1.0",
        source_hash="a" * 64, supervision="unpaired" if method == "cyclegan" else "paired", preset="default",
        parameters={"width": 16, "evil": EVIL}, dataset="fdg-phantom-mini", fingerprint="f" * 64, split="holdout",
        split_digest="5" * 64, fold=0, seed=0, precision="fp32", budget="images=1000", protocol=1,
        test_participants=WHO, split_participants=WHO, device="cpu",
    )  # fmt: skip


def _score(who: str, value: float) -> ScoreRecord:
    return ScoreRecord(
        participant=who, region="body", metric="psnr_body_suv20", convention_id="psnr@1", value=value, unit="dB",
        higher_is_better=True,
    )  # fmt: skip


def _organ(who: str, organ: str) -> ScoreRecord:
    return ScoreRecord(
        participant=who, region=organ, metric="organ_suvmean_bias", convention_id="suvmean@1", value=4.0, unit="%",
        higher_is_better=None, extra={"real": 2.0, "predicted": 2.08},
    )  # fmt: skip


def _methods(browser: WebDriver) -> list[str]:
    script = (
        "return [...document.querySelectorAll('table.ranking tbody tr')].filter(row => !row.hidden)"
        ".map(row => row.querySelector('th b').textContent)"
    )
    return list(browser.execute_script(script))


def _click(browser: WebDriver, selector: str) -> None:
    browser.execute_script("document.querySelector(arguments[0]).click()", selector)


def _type(browser: WebDriver, selector: str, text: str) -> None:
    browser.execute_script(
        "const box = document.querySelector(arguments[0]); box.value = arguments[1];"
        "box.dispatchEvent(new Event('input', {bubbles: true}));",
        selector,
        text,
    )


BEST_FIRST = ["pix2pix", EVIL, "cyclegan", "identity"]
TABLE = "document.documentElement.dataset.table === 'ready'"
CHARTS = "document.documentElement.dataset.charts !== undefined"
VIEWER = "document.getElementById('viewer').dataset.drawn !== undefined"


def _pages(site: Path) -> dict[str, tuple[str, str]]:
    patient = min(path.name for path in site.glob("patients/*.html"))
    return {
        "leaderboard": ("index.html", f"{TABLE} && {CHARTS}"),
        "run": ("runs/2.html", CHARTS),
        "failure": ("runs/5.html", "document.readyState === 'complete'"),
        "patient": (f"patients/{patient}", VIEWER),
    }


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("name", ["leaderboard", "run", "failure", "patient"])
def test_a_page_fits_its_window_and_is_kept_as_a_picture(
    visit: Visit, site: Path, name: str, width: int, tmp_path: Path
) -> None:
    page, ready = _pages(site)[name]
    browser = visit(page, width=width, ready=ready)
    assert browser.execute_script("return document.documentElement.scrollWidth") <= width
    assert browser.execute_script("return document.querySelectorAll('h1').length") == 1
    folder = Path(os.environ.get("PETBENCH_ARTEFACTS", str(tmp_path)))
    folder.mkdir(parents=True, exist_ok=True)
    height = browser.execute_script("return document.documentElement.scrollHeight")
    metrics: dict[str, Any] = {
        "width": width,
        "height": min(height, 5000),
        "deviceScaleFactor": 1,
        "mobile": width < 600,
    }
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics | {"mobile": width < 600})
    picture = folder / f"site-{name}-{width}.png"
    assert browser.save_screenshot(str(picture))
    assert picture.stat().st_size > 5_000


def test_a_click_on_a_heading_sorts_there_and_back_and_the_address_keeps_it(visit: Visit) -> None:
    browser = visit("index.html", ready=TABLE)
    assert _methods(browser) == BEST_FIRST
    _click(browser, "th[data-column='PSNR body, dB'] button")
    assert _methods(browser) == BEST_FIRST
    _click(browser, "th[data-column='PSNR body, dB'] button")
    assert _methods(browser) == BEST_FIRST[::-1]
    address = browser.current_url
    _click(browser, "th[data-column='PSNR body, dB'] button")
    assert _methods(browser) == BEST_FIRST
    browser = visit(address.split("/site/")[1], ready=TABLE)
    assert _methods(browser) == BEST_FIRST[::-1]


def test_filters_leave_the_rows_that_match_and_say_how_many(visit: Visit) -> None:
    browser = visit("index.html", ready=TABLE)
    _type(browser, "input[name=text]", "GAN")
    assert _methods(browser) == ["cyclegan"]
    assert browser.execute_script("return document.getElementById('shown').textContent") == "1 of 4 rows"
    _type(browser, "input[name=text]", "")
    _type(browser, "select[name=supervision]", "unpaired")
    assert _methods(browser) == ["cyclegan"]
    _type(browser, "select[name=supervision]", "")
    _type(browser, "input[name=since]", "2999-01-01")
    assert _methods(browser) == []


def test_columns_are_hidden_and_two_rows_compared(visit: Visit) -> None:
    browser = visit("index.html", ready=TABLE)
    _click(browser, ".choices input[value=settings]")
    hidden = "return document.querySelector('th[data-column=settings]').hidden"
    assert browser.execute_script(hidden)
    for row in (1, 3):
        _click(browser, f"table.ranking tbody tr:nth-child({row}) input")
    _click(browser, "button.compare")
    lines = browser.execute_script(
        "return [...document.querySelectorAll('.comparison tr')]"
        ".map(row => [...row.cells].map(cell => cell.textContent))"
    )
    assert lines[0][1:3] == ["pix2pix", "cyclegan"]
    (psnr,) = [line for line in lines if line[0] == "PSNR body, dB"]
    assert psnr[3] == "−2.00"
    browser = visit(browser.current_url.split("/site/")[1], ready=TABLE)
    assert browser.execute_script(hidden)
    assert not browser.execute_script("return document.querySelector('.comparison').hidden")


def test_every_link_leads_somewhere(visit: Visit, site: Path) -> None:
    for page, ready in _pages(site).values():
        browser = visit(page, ready=ready)
        for link in browser.execute_script("return [...document.querySelectorAll('a[href]')].map(a => a.href)"):
            path, _, anchor = link.removeprefix("file://").partition("#")
            assert Path(path).is_file(), link
            if anchor and anchor != "content":
                assert f'id="{anchor}"' in Path(path).read_text()


def test_the_viewer_scrolls_all_images_together_in_every_plane(visit: Visit, site: Path) -> None:
    page, ready = _pages(site)["patient"]
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
    _type(browser, "input[name=slice]", "3")
    assert browser.execute_script(drawn) == "axial 3"
    second = browser.execute_script(grey)
    assert all(one != two for one, two in zip(first, second, strict=True))
    browser.execute_script(
        "document.querySelector('.tiles').dispatchEvent(new KeyboardEvent('keydown', {key: 'ArrowUp', bubbles: true}))"
    )
    assert browser.execute_script(drawn) == "axial 4"
    _type(browser, "input[name=window]", "30")
    wide = browser.execute_script(grey)
    _type(browser, "input[name=window]", "1")
    assert all(one > two for one, two in zip(wide, browser.execute_script(grey), strict=True))
    for plane in ("coronal", "sagittal", "coronal-mip", "sagittal-mip", "rotating-mip"):
        _click(browser, f"input[value={plane}]")
        assert browser.execute_script(drawn).startswith(f"{plane} ")
    _type(browser, "select[name=colours]", "inferno")
    names = browser.execute_script("return [...document.querySelectorAll('.tiles figcaption')].map(c => c.textContent)")
    assert names == ["early", "pix2pix", EVIL, "real delayed"]
