from __future__ import annotations

import base64
import hashlib
import re
from html.parser import HTMLParser
from typing import TYPE_CHECKING

import pytest

from petbench_leaderboard.ranking import rank
from petbench_leaderboard.report.page import write_report

if TYPE_CHECKING:
    from pathlib import Path

    from tests.leaderboard.conftest import AddRun, MakeImages, MakeRecord, MakeScore

    from petbench_leaderboard.store import Leaderboard

EVIL = "<script>alert(1)</script>"


class _Page(HTMLParser):
    """What a browser would see: the elements, their attributes and the text of the table cells."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.cells: list[list[str]] = []
        self._inside_cell = False
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag == "tr":
            self.cells.append([])
        if tag in ("td", "th"):
            self.cells[-1].append("")
            self._inside_cell = True

    def handle_endtag(self, tag: str) -> None:
        if tag in ("td", "th"):
            self._inside_cell = False

    def handle_data(self, data: str) -> None:
        if self._inside_cell:
            self.cells[-1][-1] += data + "|"

    def row(self, method: str) -> list[str]:
        return next(row for row in self.cells if len(row) > 1 and row[1].startswith(method))


def _read(page: Path) -> tuple[str, _Page]:
    html = page.read_text(encoding="utf-8")
    return html, _Page(html)


def test_an_empty_leaderboard_gives_a_page_that_says_how_to_begin(leaderboard: Leaderboard, tmp_path: Path) -> None:
    html, page = _read(write_report(leaderboard, [], tmp_path / "site"))
    assert "no run on this leaderboard yet" in html
    assert "petbench run --method pix2pix" in html
    assert page.cells == []


def test_only_failures_give_a_page_with_their_status_and_message(
    leaderboard: Leaderboard, make_record: MakeRecord, tmp_path: Path
) -> None:
    run_id = leaderboard.plan(make_record("cyclegan", seed=4))
    leaderboard.update(run_id, status="diverged", phase="train", error_class="NonFinite", error_message="loss is NaN")
    html, page = _read(write_report(leaderboard, [], tmp_path))
    assert "No run on this cohort has a score yet." in html
    assert page.row("cyclegan") == [
        "1|",
        "cyclegan|petbench 0.1.0|",
        "4, 0|",
        "diverged|train|",
        "NonFinite: loss is NaN|",
    ]


def test_the_numbers_on_the_page_are_those_of_the_ranking(
    leaderboard: Leaderboard, add_run: AddRun, tmp_path: Path
) -> None:
    add_run("identity", {"sub-01": 29.0, "sub-02": 28.0})
    add_run("pix2pix", {"sub-01": 30.8349, "sub-02": 31.2})
    add_run("scale", {"sub-01": 28.5, "sub-02": 27.0})
    _, page = _read(write_report(leaderboard, [], tmp_path))
    (board,) = rank(leaderboard)
    cells = {row.run.method: next(iter(row.cells.values())) for row in board.rows}
    gain = cells["pix2pix"].gain
    assert gain is not None
    assert (
        page.row("pix2pix")[3]
        == f"{cells['pix2pix'].mean:.2f} |± {cells['pix2pix'].standard_deviation:.2f}|+{gain:.2f}|"
    )
    assert page.row("scale")[3].endswith("|−0.75|")
    assert [row[0] for row in page.cells[1:]] == ["1|", "ref|", "ref|"]


def test_an_error_metric_shows_its_difference_with_its_own_sign(
    leaderboard: Leaderboard, make_record: MakeRecord, make_score: MakeScore, tmp_path: Path
) -> None:
    for method, value in (("identity", 0.32), ("pix2pix", 0.22)):
        run_id = leaderboard.plan(make_record(method))
        leaderboard.update(run_id, status="ok")
        leaderboard.record_scores(run_id, [make_score(value=value, metric="mae_body_suv", higher_is_better=False)])
    html, page = _read(write_report(leaderboard, [], tmp_path))
    assert page.row("pix2pix")[3] == "0.220|−0.100|"
    assert '<small class="better">−0.100</small>' in html


def test_an_empty_column_shows_a_dash_and_its_reason_once(
    leaderboard: Leaderboard, make_record: MakeRecord, make_score: MakeScore, tmp_path: Path
) -> None:
    for method in ("identity", "pix2pix"):
        run_id = leaderboard.plan(make_record(method))
        leaderboard.update(run_id, status="ok")
        leaderboard.record_scores(run_id, [make_score(None, None, metric="fid", reason="the weights are missing")])
    html, page = _read(write_report(leaderboard, [], tmp_path))
    assert page.row("pix2pix")[3] == "–|a|"
    assert html.count("FID: the weights are missing") == 1


def test_an_incomplete_method_shows_its_coverage_in_place_of_a_rank(
    leaderboard: Leaderboard, add_run: AddRun, tmp_path: Path
) -> None:
    add_run("partial", {"sub-01": 50.0, "sub-02": 50.0, "sub-03": 50.0}, planned=("sub-04",))
    html, page = _read(write_report(leaderboard, [], tmp_path))
    assert page.row("partial")[0] == "3/4|"
    assert "50.00" not in html
    assert "missing sub-04" in html


def test_the_page_says_which_methods_are_apart_and_which_are_ties(
    leaderboard: Leaderboard, add_run: AddRun, tmp_path: Path
) -> None:
    who = [f"sub-{number:02}" for number in range(9)]
    add_run("good", {name: 33.0 + number / 3 for number, name in enumerate(who)})
    add_run("alike", {name: 33.0 + number / 3 + (-1) ** number / 9 for number, name in enumerate(who)})
    html, page = _read(write_report(leaderboard, [], tmp_path))
    assert "nothing separates alike and good" in html
    assert page.row("good")[0] == "2|1–2|"
    assert "is ahead" not in html
    leaderboard.delete(2)
    add_run("poor", {name: 30.0 + number / 2 for number, name in enumerate(who)})
    html, page = _read(write_report(leaderboard, [], tmp_path))
    assert "good is ahead of every other method" in html
    assert [row[0] for row in page.cells[1:]] == ["1|1|", "2|2|"]


def test_text_from_plugins_is_shown_and_never_run(
    leaderboard: Leaderboard, add_run: AddRun, make_images: MakeImages, make_record: MakeRecord, tmp_path: Path
) -> None:
    add_run(EVIL, {"sub-01": 30.0}, distribution='"><img src=x onerror=alert(1)>', preset="{{ 7 * 7 }}", dataset=EVIL)
    failed = leaderboard.plan(make_record("b", dataset=EVIL))
    leaderboard.update(failed, status="failed", error_message=EVIL, phase=EVIL, log_path="javascript:alert(1)")
    images = make_images(participant=EVIL, predictions=(EVIL, "$\\frac{$", "a" * 500))
    html, page = _read(write_report(leaderboard, [images], tmp_path, title=EVIL))
    tags = {tag for tag, _ in page.elements}
    assert "script" not in tags
    assert not any(name.startswith("on") for _, attributes in page.elements for name in attributes)
    assert all(
        (attributes.get("src") or "").startswith("data:image/webp") for tag, attributes in page.elements if tag == "img"
    )
    assert "{{ 7 * 7 }}" in html
    assert page.row(EVIL)


def test_the_page_allows_its_own_style_and_images_and_asks_the_network_for_nothing(
    leaderboard: Leaderboard, add_run: AddRun, make_images: MakeImages, tmp_path: Path
) -> None:
    add_run("pix2pix", {"sub-01": 30.0})
    html, page = _read(write_report(leaderboard, [make_images()], tmp_path))
    policy = next(a["content"] for tag, a in page.elements if tag == "meta" and a.get("http-equiv"))
    style = re.search(r"<style>(.*?)</style>", html, re.DOTALL)
    assert style is not None
    assert policy is not None
    assert policy.startswith("default-src 'none'")
    assert base64.b64encode(hashlib.sha256(style[1].encode()).digest()).decode() in policy
    assert not re.search(r"https?://|url\(|@import", html)
    assert not any("style" in attributes for _, attributes in page.elements)
    assert all(attributes.get("alt") for tag, attributes in page.elements if tag == "img")
    assert [path.name for path in tmp_path.iterdir() if path.suffix == ".html"] == ["index.html"]


@pytest.mark.parametrize("number", [0, 4, 5])
def test_every_prediction_is_drawn_a_few_to_a_figure(
    leaderboard: Leaderboard, make_images: MakeImages, tmp_path: Path, number: int
) -> None:
    images = make_images(predictions=tuple(f"method-{index}" for index in range(number)))
    _, page = _read(write_report(leaderboard, [images], tmp_path))
    descriptions = [str(attributes["alt"]) for tag, attributes in page.elements if tag == "img"]
    assert len(descriptions) == max(1, -(-number // 4))
    assert all(any(f"method-{index}" in text for text in descriptions) for index in range(number))
