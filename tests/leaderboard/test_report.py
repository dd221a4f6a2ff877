from __future__ import annotations

import base64
import io
import json
import re
from html.parser import HTMLParser
from importlib import resources
from statistics import fmean
from typing import TYPE_CHECKING

import numpy as np
import pytest
from PIL import Image
from tests.leaderboard.conftest import ImagesAtHand

from petbench_leaderboard.board import Column
from petbench_leaderboard.errors import LeaderboardError
from petbench_leaderboard.metric_facts import MetricFacts
from petbench_leaderboard.ranking import rank
from petbench_leaderboard.report.images import ParticipantImages
from petbench_leaderboard.report.site import build, run_pages
from petbench_leaderboard.report.site.build import SiteOptions, write_site
from petbench_leaderboard.report.site.pages import POLICY
from petbench_leaderboard.report.site.pareto import mark_front
from petbench_leaderboard.report.site.participant_pages import choose_participants
from petbench_leaderboard.report.site.sources import RunFiles, read_run_files
from petbench_leaderboard.report.site.volumes import packed_script

if TYPE_CHECKING:
    from pathlib import Path

    from tests.leaderboard.conftest import AddRun, MakeImages, MakeRecord, MakeScore

    from petbench_leaderboard.records import RunRow
    from petbench_leaderboard.store import Leaderboard

EVIL = "<script>alert(1)</script>"


class _Page(HTMLParser):
    """What a browser would see: the elements, their attributes and the text of the table cells.

    The rows of the short ranking and of the comparisons with references that a board opens with are apart from those of
    all other tables.
    """

    def __init__(self, html: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self._others: list[list[str]] = []
        self.standing: list[list[str]] = []
        self.references: list[list[str]] = []
        self.cells = self._others
        self._inside_cell = False
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag == "table":
            kind = str(dict(attrs).get("class")).split()[-1]
            self.cells = {"standing": self.standing, "references": self.references}.get(kind, self._others)
        if tag == "tr":
            self.cells.append([])
        if tag in ("td", "th") and "pick" not in str(dict(attrs).get("class")):
            self.cells[-1].append("")
            self._inside_cell = True

    def handle_endtag(self, tag: str) -> None:
        if tag == "table":
            self.cells = self._others
        if tag in ("td", "th"):
            self._inside_cell = False

    def handle_data(self, data: str) -> None:
        if self._inside_cell and data.strip(" ¶"):
            self.cells[-1][-1] += data + "|"

    def row(self, method: str) -> list[str]:
        return next(row for row in self.cells if len(row) > 1 and row[1].startswith(method))


def _read(page: Path) -> tuple[str, _Page]:
    html = page.read_text(encoding="utf-8")
    return html, _Page(html)


def test_an_empty_leaderboard_gives_a_page_that_says_how_to_begin(leaderboard: Leaderboard, tmp_path: Path) -> None:
    html, page = _read(write_site(leaderboard, ImagesAtHand(), tmp_path / "site"))
    assert "no run on this leaderboard yet" in html
    assert "petbench run --method pix2pix" in html
    assert page.cells == []


def test_a_site_replaces_its_own_pages_and_never_somebody_elses(leaderboard: Leaderboard, tmp_path: Path) -> None:
    for _ in range(2):
        write_site(leaderboard, ImagesAtHand(), tmp_path / "site")
    (tmp_path / "theirs").mkdir()
    (tmp_path / "theirs" / "index.html").write_text("<title>My department</title>")
    with pytest.raises(LeaderboardError, match="name another folder"):
        write_site(leaderboard, ImagesAtHand(), tmp_path / "theirs")
    assert [path.name for path in (tmp_path / "theirs").iterdir()] == ["index.html"]


def test_only_failures_give_a_page_with_their_status_and_message(
    leaderboard: Leaderboard, make_record: MakeRecord, tmp_path: Path
) -> None:
    run_id = leaderboard.plan(make_record("cyclegan", seed=4))
    leaderboard.update(run_id, status="diverged", phase="train", error_class="NonFinite", error_message="loss is NaN")
    html, page = _read(write_site(leaderboard, ImagesAtHand(), tmp_path))
    assert "No run on this dataset has a score yet." in html
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
    _, page = _read(write_site(leaderboard, ImagesAtHand(), tmp_path))
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
    assert page.references == [
        ["Method|", "over identity|", "over scale|"],
        ["pix2pix|", "+2.52, cannot decide|", "+3.27, cannot decide|"],
    ]


def test_the_gain_of_an_error_is_positive_where_the_error_is_smaller_and_the_notes_say_so(
    leaderboard: Leaderboard, make_record: MakeRecord, make_score: MakeScore, tmp_path: Path
) -> None:
    for method, value in (("identity", 0.32), ("pix2pix", 0.22)):
        run_id = leaderboard.plan(make_record(method))
        leaderboard.update(run_id, status="ok")
        leaderboard.record_scores(run_id, [make_score(value=value, metric="mae_body_suv", higher_is_better=False)])
    html, page = _read(write_site(leaderboard, ImagesAtHand(), tmp_path))
    assert page.row("pix2pix")[3] == "0.220|+0.100|"
    assert '<small class="better">+0.100</small>' in html
    assert "positive where better" in html


def test_the_site_names_the_command_for_what_can_be_predicted_only_where_it_is_missing(
    leaderboard: Leaderboard, add_run: AddRun, tmp_path: Path
) -> None:
    command = "petbench score --reference predictable"
    add_run("pix2pix", {"sub-01": 30.0})
    for method, value, reason, helps in (
        ("", 0.0, "no identity", False),
        ("identity", 28.0, "no predictable row", True),
        ("predictable", 27.0, "predictable no better than identity", False),
    ):
        if method:
            add_run(method, {"sub-01": value})
        html, _ = _read(write_site(leaderboard, ImagesAtHand(), tmp_path))
        assert f"cannot be normalized: {reason} (PSNR)." in html
        assert (command in html) is helps
    add_run("predictable", {"sub-01": 32.0})
    html, _ = _read(write_site(leaderboard, ImagesAtHand(), tmp_path))
    assert "cannot be normalized" not in html
    assert "normalized score, 0 % at identity and 100 % at predictable" in html


def test_an_empty_column_shows_a_dash_and_its_reason_once(
    leaderboard: Leaderboard, make_record: MakeRecord, make_score: MakeScore, tmp_path: Path
) -> None:
    for method in ("identity", "pix2pix"):
        run_id = leaderboard.plan(make_record(method))
        leaderboard.update(run_id, status="ok")
        leaderboard.record_scores(run_id, [make_score(None, None, metric="fid", reason="the weights are missing")])
    html, page = _read(write_site(leaderboard, ImagesAtHand(), tmp_path))
    assert page.row("pix2pix")[3] == "–|a|"
    assert html.count("FID: the weights are missing") == 1


def test_an_incomplete_method_shows_its_coverage_in_place_of_a_rank(
    leaderboard: Leaderboard, add_run: AddRun, tmp_path: Path
) -> None:
    add_run("partial", {"sub-01": 50.0, "sub-02": 50.0, "sub-03": 50.0}, planned=("sub-04",))
    html, page = _read(write_site(leaderboard, ImagesAtHand(), tmp_path))
    assert page.row("partial")[0] == "3/4|"
    assert "50.00" not in html
    assert "missing sub-04" in html


def test_the_page_says_which_methods_are_apart_and_which_cannot_be_told_apart(
    leaderboard: Leaderboard, add_run: AddRun, tmp_path: Path
) -> None:
    who = [f"sub-{number:02}" for number in range(9)]
    add_run("good", {name: 33.0 + number / 3 for number, name in enumerate(who)})
    add_run("alike", {name: 33.0 + number / 3 + (-1) ** number / 9 for number, name in enumerate(who)})
    html, page = _read(write_site(leaderboard, ImagesAtHand(), tmp_path))
    assert "alike cannot be told apart from good" in html
    assert page.row("good")[0] == "2|1–2|"
    assert "is ahead" not in html
    leaderboard.delete(2)
    add_run("poor", {name: 30.0 + number / 2 for number, name in enumerate(who)})
    html, page = _read(write_site(leaderboard, ImagesAtHand(), tmp_path))
    assert "good is ahead of poor by " in html
    assert [row[0] for row in page.cells[1:]] == ["1|1|", "2|2|"]


def test_text_from_plugins_is_shown_and_never_run(
    leaderboard: Leaderboard, add_run: AddRun, make_images: MakeImages, make_record: MakeRecord, tmp_path: Path
) -> None:
    add_run(EVIL, {"sub-01": 30.0}, distribution='"><img src=x onerror=alert(1)>', preset="{{ 7 * 7 }}", dataset=EVIL)
    failed = leaderboard.plan(make_record("b", dataset=EVIL))
    leaderboard.update(failed, status="failed", error_message=EVIL, phase=EVIL, log_path="javascript:alert(1)")
    images = make_images(participant=EVIL, predictions=(EVIL, "$\\frac{$", "a" * 500))
    add_run("identity", {EVIL: 29.0}, dataset=EVIL)
    html, page = _read(write_site(leaderboard, ImagesAtHand(images), tmp_path, options=SiteOptions(title=EVIL)))
    assert "{{ 7 * 7 }}" in html
    assert page.row(EVIL)
    pages = [_read(path) for path in tmp_path.rglob("*.html")]
    assert len(pages) == 5
    for html, page in pages:
        assert "alert(1)" in html
        for tag, attributes in page.elements:
            assert not any(name.startswith("on") for name in attributes)
            assert "javascript:" not in str(attributes.get("href"))
            if tag == "script" and attributes.get("type") != "application/json":
                assert re.fullmatch(r"(\.\./|\./)?(assets/)?[A-Za-z0-9.-]+\.js", str(attributes.get("src")))
            if tag == "script":
                assert "<" not in html.split("<script", 1)[1].split("</script>")[0].split(">", 1)[1]
    for script in tmp_path.glob("participants/*.js"):
        assert "<script>" not in script.read_text()


def test_every_page_has_a_policy_an_alternative_text_for_every_image_and_nothing_from_elsewhere(
    leaderboard: Leaderboard, add_run: AddRun, make_images: MakeImages, tmp_path: Path
) -> None:
    add_run("pix2pix", {"sub-06": 30.0})
    write_site(leaderboard, ImagesAtHand(make_images()), tmp_path)
    names = {path.parent.name for path in tmp_path.rglob("*.html")}
    assert names == {tmp_path.name, "runs", "participants"}
    assert "https:" not in POLICY
    assert "connect-src 'none'" in POLICY
    assert "unsafe-eval" not in POLICY
    for path in tmp_path.rglob("*.html"):
        html, page = _read(path)
        policies = [a["content"] for tag, a in page.elements if tag == "meta" and a.get("http-equiv")]
        assert policies == [POLICY]
        assert not re.search(r"(src|href)=.https?://|@import|url\(", html)
        assert all(attributes.get("alt") for tag, attributes in page.elements if tag == "img")
        for _, attributes in page.elements:
            for link in (attributes.get("src"), attributes.get("href")):
                if link and not link.startswith(("data:", "#")):
                    assert (path.parent / link.split("#")[0]).is_file(), link
    for name in ("style.css", "site.css"):
        assert not re.search(r"url\(|@import", (tmp_path / "assets" / name).read_text())


@pytest.mark.slow
@pytest.mark.parametrize("number", [0, 4, 5])
def test_every_prediction_is_drawn_a_few_to_a_figure_and_packed_for_the_viewer(
    leaderboard: Leaderboard, add_run: AddRun, make_images: MakeImages, tmp_path: Path, number: int
) -> None:
    add_run("pix2pix", {"sub-06": 30.0})
    images = make_images(predictions=tuple(f"method-{index}" for index in range(number)))
    write_site(leaderboard, ImagesAtHand(images), tmp_path)
    (path,) = tmp_path.glob("participants/*.html")
    _, page = _read(path)
    descriptions = [str(attributes["alt"]) for tag, attributes in page.elements if tag == "img"]
    assert len(descriptions) == max(1, -(-number // 4))
    assert all(any(f"method-{index}" in text for text in descriptions) for index in range(number))
    (script,) = tmp_path.glob("participants/*.js")
    packed = json.loads(script.read_text().removeprefix("window.petbenchParticipant=").rstrip(";\n"))
    assert len(packed["volumes"]) == number + 2


def test_the_viewers_volumes_are_the_images_to_a_hundredth_of_the_window() -> None:
    generator = np.random.default_rng(3)
    early = generator.gamma(1.0, 3.0, (7, 9, 8)).astype(np.float32)
    early[0, 0, 0], early[6, 8, 7] = 30.0, 0.5
    images = ParticipantImages(
        participant="sub-01", spacing_millimetres=(20.0, 10.0, 10.0), early=early, delayed=early * np.float32(0.5)
    )
    packed = json.loads(packed_script(images).removeprefix("window.petbenchParticipant=").rstrip(";\n"))
    depth, height, width = packed["shape"]
    assert (depth, height, width) == early.shape
    for volume, real in zip(packed["volumes"], (early, early * 0.5), strict=True):
        picture = base64.b64decode(volume["image"]["source"].split(",")[1])
        with Image.open(io.BytesIO(picture)) as opened:
            sheet = np.asarray(opened.convert("L"), dtype=float)
        across = volume["image"]["across"]
        for z in range(depth):
            top, left = z // across * height, z % across * width
            levels = sheet[top : top + height, left : left + width]
            shown = packed["largest"] * np.square(levels / 255.0)
            assert np.abs(np.sqrt(shown) - np.sqrt(real[z])).max() < np.sqrt(packed["largest"]) / 255.0


def test_every_number_of_the_first_page_is_the_databases(
    leaderboard: Leaderboard, add_run: AddRun, tmp_path: Path
) -> None:
    for number, method in enumerate(("identity", "pix2pix", "cyclegan")):
        run_id = add_run(method, {"sub-01": 29.0 + number / 3, "sub-02": 28.0 + number / 7})
        leaderboard.update(run_id, train_seconds=1.5 * number, peak_memory_bytes=2**30, parameter_count=7 * number)
    html, page = _read(write_site(leaderboard, ImagesAtHand(), tmp_path))
    exact = [str(a["data-sort"]) for tag, a in page.elements if tag == "td" and "data-sort" in a]
    for row in leaderboard.runs():
        mean = fmean(score.value or 0.0 for score in leaderboard.scores([row.id]))
        assert repr(mean) in exact
        assert f">{mean:.2f} <" in html
        assert repr(float(row.train_seconds or 0.0)) in exact
        run_page = (tmp_path / "runs" / f"{row.id}.html").read_text()
        assert row.identity in run_page
        for score in leaderboard.scores([row.id]):
            assert f'title="{score.value!r}"' in run_page


@pytest.mark.slow
def test_two_thousand_runs_give_the_best_rows_and_say_how_many_more_there_are(
    leaderboard: Leaderboard, add_run: AddRun, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(build, "ROWS_SHOWN", 5)
    monkeypatch.setattr(run_pages, "RUN_PAGES", 3)
    for number in range(9):
        add_run(f"method-{number}", {"sub-01": 20.0 + number})
    html, page = _read(write_site(leaderboard, ImagesAtHand(), tmp_path))
    assert [row[1].split("|")[0] for row in page.cells[1:]] == [f"method-{number}" for number in (8, 7, 6, 5, 4)]
    assert "4 further rows rank below these" in html
    assert sorted(path.stem for path in tmp_path.glob("runs/*.html")) == ["7", "8", "9"]


class FilesAtHand(ImagesAtHand):
    """The files of one folder for the runs that say where their log is."""

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self._folder = folder

    def run_files(self, run: RunRow) -> RunFiles:
        if run.log_path is None:
            return RunFiles()
        return read_run_files(self._folder / "log", self._folder / "losses", self._folder / "plan")


def test_a_runs_page_shows_curves_log_failure_and_phases_where_its_files_are_here(
    leaderboard: Leaderboard, make_record: MakeRecord, tmp_path: Path
) -> None:
    step = {"event": "step", "images": 16, "losses": {"l1": 0.5, "worse": float("nan")}}
    (tmp_path / "losses").write_text(f"{json.dumps(step)}\n{json.dumps(step | {'images': 32})}\n{{half a li")
    (tmp_path / "log").write_text("Traceback (most recent call last):\nValueError: <b>no</b>\n")
    for path in ("log", None):
        run_id = leaderboard.plan(make_record("broken", seed=leaderboard.plan(make_record())))
        leaderboard.update(run_id, status="failed", error_class="ValueError", error_message="no", log_path=path)
        leaderboard.record_phase(run_id, "train", 2.5)
        leaderboard.record_source_diff(run_id, "-a\n+<script>alert(1)</script>\n")
    write_site(leaderboard, FilesAtHand(tmp_path), tmp_path / "site")
    html, page = _read(tmp_path / "site" / "runs" / "2.html")
    assert "Traceback (most recent call last):\nValueError: &lt;b&gt;no&lt;/b&gt;" in html
    assert "Changes since the commit (2 lines)" in html
    assert "+&lt;script&gt;alert(1)&lt;/script&gt;" in html
    assert "Last values: l1 0.5." in html
    assert ["train|", "2.5 s|"] in [row[:2] for row in page.cells]
    html, _ = _read(tmp_path / "site" / "runs" / "4.html")
    assert "Traceback" not in html
    assert "The log is not on this machine." in html


def test_worst_median_and_best_participants_are_chosen_by_their_mean_over_the_ranked_methods(
    leaderboard: Leaderboard, add_run: AddRun
) -> None:
    who = {f"sub-{number}": 30.0 + number for number in range(9)}
    add_run("pix2pix", who)
    add_run("cyclegan", {name: value + (9.0 if name == "sub-0" else 0.0) for name, value in who.items()})
    add_run("identity", dict.fromkeys(who, 1.0))
    (board,) = rank(leaderboard)
    assert choose_participants(board, 3) == {"sub-1": "worst", "sub-0": "median", "sub-8": "best"}
    assert len(choose_participants(board, 9)) == 9


@pytest.mark.parametrize(
    ("higher_is_better", "best", "front"),
    [
        (True, None, [True, False, True, False, True]),
        (False, None, [True, True, False, False, False]),
        (None, 4.0, [True, False, False, False, False]),
        (None, 7.0, [True, False, True, False, True]),
    ],
)
def test_no_other_point_of_the_front_is_both_better_and_faster(
    higher_is_better: bool | None, best: float | None, front: list[bool]
) -> None:
    column = Column("m", "body", "m@1", "", higher_is_better, MetricFacts(best_value=best))
    points = [{"x": x, "y": y} for x, y in ((1.0, 3.0), (2.0, 2.0), (2.0, 5.0), (4.0, 5.0), (9.0, 7.0))]
    mark_front(points, column)
    assert [point["front"] for point in points] == front


def _luminance(colour: str) -> float:
    """Return the relative luminance of `#rrggbb`, as WCAG 2 defines it."""
    parts = [int(colour[at : at + 2], 16) / 255.0 for at in (1, 3, 5)]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_colour_of_text_stands_out_from_every_background_as_wcag_asks(scheme: str) -> None:
    style = (resources.files("petbench_leaderboard.report.site") / "assets" / "style.css").read_text(encoding="utf-8")
    block = style.split(":root")[1 if scheme == "light" else 2].split("}")[0]
    colours = dict(re.findall(r"--([a-z]+): (#[0-9a-f]{6})", block))
    assert len(colours) == 12
    for name in ("ink", "quiet", "faint", "better", "worse", "accent"):
        for background in ("paper", "band", "hover"):
            light, dark = sorted((_luminance(colours[name]), _luminance(colours[background])), reverse=True)
            assert (light + 0.05) / (dark + 0.05) >= 4.5, (name, background)
