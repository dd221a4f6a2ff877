"""The leaderboard in a real browser, from the file system: headless Chromium, driven by Selenium."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

pytest.importorskip("selenium", reason="selenium is not installed")

from selenium.webdriver.common.keys import Keys
from tests.leaderboard.browsing import (
    BEST_FIRST,
    CHROMIUM,
    DRIVER,
    EVIL,
    RATIOS,
    TABLE,
    click,
    enter,
    methods_shown,
    pages_of,
    press,
)

if TYPE_CHECKING:
    from tests.leaderboard.browsing import Visit

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        CHROMIUM is None or DRIVER is None, reason="no Chromium and chromedriver: install chromium and chromium-driver"
    ),
]

WIDTHS = (380, 1400, 2560)


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("name", ["leaderboard", "run", "failure", "participant"])
def test_a_page_fits_its_window_and_is_kept_as_a_picture(
    visit: Visit, site: Path, name: str, width: int, tmp_path: Path
) -> None:
    page, ready = pages_of(site)[name]
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


TOO_WIDE = "return [...document.querySelectorAll('.scroll')].filter(room => room.scrollWidth > room.clientWidth).length"
HEADS = "return [...document.querySelectorAll('table.ranking thead th')].filter(head => {}).map(h => h.dataset.column)"


@pytest.mark.parametrize("width", [1300, 1600])
def test_no_table_of_the_first_page_is_pushed_sideways_and_what_has_no_room_is_named(visit: Visit, width: int) -> None:
    browser = visit("index.html", width=width, ready=TABLE)
    assert browser.execute_script(TOO_WIDE) == 0
    shown = browser.execute_script(HEADS.format("!head.hidden"))
    left_out = browser.execute_script(HEADS.format("head.hidden"))
    assert "PSNR body, dB" in shown
    assert {"training", "Metric 13 SUV"} <= set(left_out)
    note = browser.execute_script("return document.querySelector('.left-out').textContent")
    assert note == f"No room for intervals of further metrics; {'; '.join(left_out)}: see Columns."
    click(browser, ".choices input[value=training]")
    assert "training" in browser.execute_script(HEADS.format("!head.hidden"))
    browser = visit(browser.current_url.split("/site/")[1], width=width, ready=TABLE)
    assert "training" in browser.execute_script(HEADS.format("!head.hidden"))


def test_times_to_the_target_stand_below_their_board_and_link_to_its_rows(visit: Visit) -> None:
    browser = visit("index.html", width=1300, ready=TABLE)
    lines = browser.execute_script(
        "return [...document.querySelectorAll('section.board table.times tbody tr')]"
        ".map(row => [row.querySelector('a')?.textContent, ...[...row.cells].slice(2).map(cell => cell.textContent)])"
    )
    assert lines == [
        ["pix2pix", "1 of 1 seed", "2.5", "–", "1.00 ×"],
        ["cyclegan", "1 of 1 seed", "5.0", "–", "2.00 ×"],
        [EVIL, "1 of 1 seed", "7.5", "–", "3.00 ×"],
        [None, "0 of 1 seed (1 failed)", "never", "–", "–"],
    ]
    click(browser, "table.times a")
    assert browser.execute_script("return document.querySelector(':target th b').textContent") == "pix2pix"


def test_a_wider_window_has_room_for_more_columns_and_a_telephone_shows_all(visit: Visit) -> None:
    numbers = [
        len(visit("index.html", width=width, ready=TABLE).execute_script(HEADS.format("!head.hidden")))
        for width in (1000, 1300, 1600, 380)
    ]
    assert numbers == sorted(numbers)
    assert numbers[0] < numbers[2] < numbers[3]


def test_a_click_on_a_heading_sorts_there_and_back_and_the_address_keeps_it(visit: Visit) -> None:
    browser = visit("index.html", ready=TABLE)
    assert methods_shown(browser) == BEST_FIRST
    click(browser, "th[data-column='PSNR body, dB'] button")
    assert methods_shown(browser) == BEST_FIRST
    click(browser, "th[data-column='PSNR body, dB'] button")
    assert methods_shown(browser) == BEST_FIRST[::-1]
    address = browser.current_url
    click(browser, "th[data-column='PSNR body, dB'] button")
    assert methods_shown(browser) == BEST_FIRST
    browser = visit(address.split("/site/")[1], ready=TABLE)
    assert methods_shown(browser) == BEST_FIRST[::-1]


def test_a_column_that_is_best_at_a_value_sorts_by_the_distance_from_it(visit: Visit) -> None:
    browser = visit("index.html", ready=TABLE)
    nearest_first = sorted(RATIOS, key=lambda method: abs(RATIOS[method] - 1.0))
    click(browser, "th[data-column^='Ratio'] button")
    assert methods_shown(browser) == nearest_first
    click(browser, "th[data-column^='Ratio'] button")
    assert methods_shown(browser) == nearest_first[::-1]
    for row in (1, 2):
        click(browser, f"table.ranking tbody tr:nth-child({row}) input")
    click(browser, "button.compare")
    script = (
        "return [...document.querySelectorAll('.comparison tr')]"
        ".find(row => row.cells[0].textContent.startsWith('Ratio')).querySelector('.ahead').cellIndex"
    )
    assert browser.execute_script(script) == 2  # the farthest stands first


def test_a_keyboard_alone_sorts_filters_compares_and_reaches_every_control_in_sight(visit: Visit) -> None:
    browser = visit("index.html", ready=TABLE)
    press(browser, "th[data-column='PSNR body, dB'] button", Keys.ENTER, Keys.ENTER)
    assert methods_shown(browser) == BEST_FIRST[::-1]
    press(browser, "input[name=text]", "gan")
    assert methods_shown(browser) == ["cyclegan"]
    press(browser, "input[name=text]", *[Keys.BACKSPACE] * 3)
    for row in (1, 2):
        press(browser, f"table.ranking tbody tr:nth-child({row}) input", Keys.SPACE)
    press(browser, "button.compare", Keys.ENTER)
    assert browser.execute_script("return document.activeElement.className") == "comparison"
    assert not browser.execute_script("return document.querySelector('.comparison').hidden")
    unnamed = browser.execute_script(
        "return [...document.querySelectorAll('button, input, select, [tabindex=\"0\"]')].filter(control =>"
        " !control.labels?.length && !control.textContent.trim() && !control.getAttribute('aria-label'))"
        ".map(control => control.outerHTML)"
    )
    assert unnamed == []


def test_another_dataset_hides_a_board_with_all_that_it_opens_with(visit: Visit) -> None:
    browser = visit("index.html", ready=TABLE)
    in_sight = "return [...document.querySelectorAll('section')].filter(part => part.offsetHeight > 0).length"
    assert browser.execute_script(in_sight) == 2
    browser.execute_script("document.querySelector('select[name=board]').add(new Option('another', 'another'))")
    enter(browser, "select[name=board]", "another")
    assert browser.execute_script(in_sight) == 0
    enter(browser, "select[name=board]", "")
    assert browser.execute_script(in_sight) == 2
    assert browser.execute_script(TOO_WIDE) == 0


def test_filters_leave_the_rows_that_match_and_say_how_many(visit: Visit) -> None:
    browser = visit("index.html", ready=TABLE)
    enter(browser, "input[name=text]", "GAN")
    assert methods_shown(browser) == ["cyclegan"]
    assert browser.execute_script("return document.getElementById('shown').textContent") == "1 of 4 rows"
    enter(browser, "input[name=text]", "")
    enter(browser, "select[name=supervision]", "unpaired")
    assert methods_shown(browser) == ["cyclegan"]
    enter(browser, "select[name=supervision]", "")
    enter(browser, "input[name=since]", "2999-01-01")
    assert methods_shown(browser) == []


def test_columns_are_hidden_and_two_rows_compared(visit: Visit) -> None:
    browser = visit("index.html", ready=TABLE)
    click(browser, ".choices input[value=settings]")
    hidden = "return document.querySelector('th[data-column=settings]').hidden"
    assert browser.execute_script(hidden)
    for row in (1, 3):
        click(browser, f"table.ranking tbody tr:nth-child({row}) input")
    click(browser, "button.compare")
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
    for page, ready in pages_of(site).values():
        browser = visit(page, ready=ready)
        for link in browser.execute_script("return [...document.querySelectorAll('a[href]')].map(a => a.href)"):
            path, _, anchor = link.removeprefix("file://").partition("#")
            assert Path(path).is_file(), link
            if anchor and anchor != "content":
                assert f'id="{anchor}"' in Path(path).read_text()
