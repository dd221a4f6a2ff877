"""A board on paper: its tables of parts fit a sheet of A4, however many methods there are."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING

import pytest

pytest.importorskip("selenium", reason="selenium is not installed")

from tests.leaderboard.browsing import CHROMIUM, DRIVER, TABLE, wait
from tests.leaderboard.conftest import ImagesAtHand

from petbench_leaderboard.report.site.build import write_site

if TYPE_CHECKING:
    from pathlib import Path

    from selenium.webdriver.chrome.webdriver import WebDriver
    from tests.leaderboard.conftest import AddRun

    from petbench_leaderboard.store import Leaderboard

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        CHROMIUM is None or DRIVER is None, reason="no Chromium and chromedriver: install chromium and chromium-driver"
    ),
]
PIXELS_OF_A4 = {"portrait": 718, "landscape": 1047}  # 190 and 277 mm: a sheet without its margins, at 96 dpi
TOO_WIDE = "return [...document.querySelectorAll('table.parts')].map(t => t.scrollWidth - t.parentNode.clientWidth)"
CUT_OFF = (
    "return [...document.querySelectorAll('.parts td, .parts th')].filter(c => c.scrollWidth > c.clientWidth).length"
)
WHO = [f"sub-{number:02d}" for number in range(1, 9)]


@pytest.mark.parametrize("orientation", list(PIXELS_OF_A4))
def test_a_table_of_subgroups_of_ten_methods_fits_a_sheet(
    orientation: str, browser: WebDriver, leaderboard: Leaderboard, add_run: AddRun, tmp_path: Path
) -> None:
    groups = {who: {"sex": "female" if index % 2 else "male", "age": "up to 50"} for index, who in enumerate(WHO)}
    for number in range(10):
        run_id = add_run(f"a-method-{number}", {who: 20.0 + number + k / 3 for k, who in enumerate(WHO)})
        leaderboard.update(run_id, subgroups=groups)
    write_site(leaderboard, ImagesAtHand(), tmp_path / "site")
    size = {"width": PIXELS_OF_A4[orientation], "height": 1000, "deviceScaleFactor": 1, "mobile": False}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "print"})
    try:
        browser.get(f"file://{tmp_path / 'site' / 'index.html'}")
        wait(browser, TABLE)
        widths = browser.execute_script(TOO_WIDE)
        assert widths
        assert max(widths) <= 0
        assert browser.execute_script(CUT_OFF) == 0
        sheet = browser.execute_cdp_cmd("Page.printToPDF", {"landscape": orientation == "landscape"})["data"]
        assert base64.b64decode(sheet).startswith(b"%PDF")
    finally:
        browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": ""})
