"""An example site, and a headless Chromium to look at it from the file system."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
from selenium import webdriver
from selenium.webdriver.common.by import By
from tests.leaderboard.conftest import ImagesAtHand

from petbench_leaderboard.metric_facts import MetricFacts
from petbench_leaderboard.records import RunRecord
from petbench_leaderboard.report.images import ParticipantImages
from petbench_leaderboard.report.site.build import write_site
from petbench_leaderboard.score_records import ScoreRecord
from petbench_leaderboard.store import Leaderboard
from petbench_leaderboard.validation_history import ValidationHistory

if TYPE_CHECKING:
    from pathlib import Path

    from selenium.webdriver.chrome.webdriver import WebDriver

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
DRIVER = shutil.which("chromedriver")
WHO = ("sub-01", "sub-02", "sub-03", "sub-04", "sub-05")
EVIL = "<script>alert(1)</script>"
METHODS = {"identity": 0.0, "pix2pix": 3.0, "cyclegan": 1.0, EVIL: 2.0}
RATIOS = {"identity": 1.7, "pix2pix": 0.4, "cyclegan": 1.1, EVIL: 0.95}
"""Of a metric that is best at 1."""
BEST_FIRST = ["pix2pix", EVIL, "cyclegan", "identity"]
TABLE = "document.documentElement.dataset.table === 'ready'"
CHARTS = "document.documentElement.dataset.charts !== undefined"
VIEWER = "document.getElementById('viewer').dataset.drawn !== undefined"

Visit = Callable[..., "WebDriver"]


def write_example(folder: Path) -> Path:
    """Write a site of four methods, one with a hostile name, a failure and five participants."""
    generator = np.random.default_rng(2)
    with Leaderboard.open(folder / "leaderboard.db") as board:
        for place, (method, offset) in enumerate(METHODS.items()):
            run_id = board.plan(_record(method, place))
            board.record_scores(run_id, [_score(who, 28.0 + offset + k / 7) for k, who in enumerate(WHO)])
            board.record_scores(run_id, [_ratio(who, RATIOS[method]) for who in WHO])
            board.record_scores(
                run_id, [_further(who, offset + k / 7, n) for k, who in enumerate(WHO) for n in range(14)]
            )
            board.record_scores(run_id, [_organ(who, organ) for who in WHO for organ in ("liver", "brain")])
            board.record_phase(run_id, "train", 10.0 + place)
            history = ValidationHistory(seconds=(2.5 * place,), mae_suv=(0.3 - place / 10,), final_mae_suv=0.2)
            board.update(
                run_id,
                status="ok",
                train_seconds=10.0 / (place + 1),
                parameter_count=place,
                validation_history=history.to_json(),
            )
        failed = board.plan(_record("broken", 9))
        board.update(failed, status="failed", error_class="ValueError", error_message=EVIL)
        early = generator.gamma(1.0, 2.0, (20, 16, 18)).astype(np.float32)
        panels = [
            ParticipantImages(
                participant=who, spacing_millimetres=(20.0, 10.0, 10.0), early=early, delayed=early * np.float32(0.7),
                predictions={"pix2pix": early * np.float32(0.8), EVIL: early * np.float32(0.9)},
            )
            for who in WHO
        ]  # fmt: skip
        write_site(board, ImagesAtHand(*panels), folder / "site")
    return folder / "site"


def open_browser() -> WebDriver:
    """Open headless Chromium, which writes down what it complains of and what it asks for."""
    options = webdriver.ChromeOptions()
    options.binary_location = str(CHROMIUM)
    for flag in ("--headless=new", "--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu", "--hide-scrollbars"):
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    opened = webdriver.Chrome(options=options, service=webdriver.ChromeService(str(DRIVER)))
    opened.set_script_timeout(60)
    return opened


def read_log(browser: Any, kind: str) -> list[dict[str, Any]]:
    """Return what the browser has written down since it was last asked."""
    return list(browser.get_log(kind))


def wait(browser: WebDriver, condition: str) -> None:
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
        source_hash="a" * 64, supervision="unpaired" if method == "cyclegan" else "paired",
        role="reference" if method == "identity" else "competitor", preset="default",
        parameters={"width": 16, "evil": EVIL}, dataset="fdg-phantom-mini", fingerprint="f" * 64, split="holdout",
        split_digest="5" * 64, fold=0, seed=0, precision="fp32", budget="images=1000", protocol=2,
        test_participants=WHO, split_participants=WHO, device="cpu",
        machine={"processor": "A processor with a name", "cores": 16, "threads": 8},
    )  # fmt: skip


def _score(who: str, value: float) -> ScoreRecord:
    return ScoreRecord(
        participant=who, region="body", metric="psnr_body_suv20", convention_id="psnr@1", value=value, unit="dB",
        higher_is_better=True, facts=MetricFacts(label="PSNR", detail="body", decimals=2, place=10),
    )  # fmt: skip


def _ratio(who: str, value: float) -> ScoreRecord:
    return ScoreRecord(
        participant=who, region="body", metric="ratio", convention_id="ratio@1", value=value, unit="",
        higher_is_better=None, facts=MetricFacts(label="Ratio", decimals=2, best_value=1.0, place=20),
    )  # fmt: skip


def _further(who: str, value: float, number: int) -> ScoreRecord:
    """Return a score of one of so many metrics that no window has room for all of their columns."""
    return ScoreRecord(
        participant=who, region="body", metric=f"metric_{number}", convention_id="m@1", value=value, unit="SUV",
        higher_is_better=True, facts=MetricFacts(label=f"Metric {number}", decimals=3, place=20 + number),
    )  # fmt: skip


def _organ(who: str, organ: str) -> ScoreRecord:
    return ScoreRecord(
        participant=who, region=organ, metric="organ_suvmean_bias", convention_id="suvmean@1", value=4.0, unit="%",
        higher_is_better=None, extra={"real": 2.0, "predicted": 2.08},
        facts=MetricFacts(label="Bias", detail="SUVmean", decimals=1, best_value=0.0, shown=False),
    )  # fmt: skip


def methods_shown(browser: WebDriver) -> list[str]:
    """Return the names of the rows in sight, in their order."""
    script = (
        "return [...document.querySelectorAll('table.ranking tbody tr')].filter(row => !row.hidden)"
        ".map(row => row.querySelector('th b').textContent)"
    )
    return list(browser.execute_script(script))


def click(browser: WebDriver, selector: str) -> None:
    """Click on the first element that a selector finds."""
    browser.execute_script("document.querySelector(arguments[0]).click()", selector)


def enter(browser: WebDriver, selector: str, text: str) -> None:
    """Put a value into a control, as if it had been chosen there."""
    browser.execute_script(
        "const box = document.querySelector(arguments[0]); box.value = arguments[1];"
        "box.dispatchEvent(new Event('input', {bubbles: true}));",
        selector,
        text,
    )


def press(browser: WebDriver, selector: str, *keys: str) -> None:
    """Press real keys on a control that has the focus."""
    control = browser.find_element(By.CSS_SELECTOR, selector)
    browser.execute_script("arguments[0].focus()", control)
    browser.switch_to.active_element.send_keys(*keys)


def pages_of(site: Path) -> dict[str, tuple[str, str]]:
    """Return one page of every kind, and when its scripts are done."""
    participant = min(path.name for path in site.glob("participants/*.html"))
    return {
        "leaderboard": ("index.html", f"{TABLE} && {CHARTS}"),
        "run": ("runs/2.html", CHARTS),
        "failure": ("runs/5.html", "document.readyState === 'complete'"),
        "participant": (f"participants/{participant}", VIEWER),
    }
