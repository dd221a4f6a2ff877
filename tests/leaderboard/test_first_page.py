"""What a board opens with on the first page: the sentence, the median participant in pictures, and the ranking."""

from __future__ import annotations

import html
import io
import re
from typing import TYPE_CHECKING

import numpy as np
import pytest
from PIL import Image
from tests.leaderboard.conftest import ImagesAtHand

from petbench_leaderboard.metric_facts import MetricFacts
from petbench_leaderboard.ranking import rank
from petbench_leaderboard.report.overview_figure import draw_overview
from petbench_leaderboard.report.site.build import write_site
from petbench_leaderboard.report.site.participant_pages import median_participant
from petbench_leaderboard.statistics.analysis import analyse
from petbench_leaderboard.statistics.sentences import separation

if TYPE_CHECKING:
    from pathlib import Path

    from tests.leaderboard.conftest import AddRun, MakeImages, MakeScore

    from petbench_leaderboard.store import Leaderboard

WHO = [f"sub-{number:02}" for number in range(1, 10)]
GROUPS = {who: {"sex": "female" if place % 2 else "male"} for place, who in enumerate(WHO)}


def scores(shift: float) -> dict[str, float]:
    """Return scores whose median participant is `sub-05`."""
    return {who: 28.0 + shift + place / 3 + 0.1 * np.sin(place + shift) for place, who in enumerate(WHO)}


def read(leaderboard: Leaderboard, folder: Path, *images: object) -> str:
    """Return the first page as text with its entities resolved."""
    page = write_site(leaderboard, ImagesAtHand(*images), folder)  # type: ignore[arg-type]
    return html.unescape(page.read_text(encoding="utf-8"))


@pytest.mark.slow
def test_the_page_opens_with_the_sentence_then_the_figure_then_the_ranking_then_everything_else(
    leaderboard: Leaderboard, add_run: AddRun, make_images: MakeImages, tmp_path: Path
) -> None:
    for method, shift in (("identity", 0.0), ("pix2pix", 2.0), ("cyclegan", 0.5)):
        add_run(method, scores(shift), preset="wide")
    names = ("cyclegan (wide)", "pix2pix (wide)")
    page = read(leaderboard, tmp_path, *(make_images(who, names) for who in WHO))
    assert "of the early image, pix2pix (wide), cyclegan (wide), the delayed image" in page  # best first
    (board,) = rank(leaderboard)
    sentence = separation(board, analyse(board))
    assert sentence.startswith("pix2pix is ahead of cyclegan by ")
    places = [page.index(text) for text in (
        f'<p class="sentence">{sentence}</p>', '<figure class="overview">', '<table class="standing">',
        '<form class="filters"', '<table class="ranking">',
    )]  # fmt: skip
    assert places == sorted(places)


def test_the_ranking_has_every_interval_and_the_gains(
    leaderboard: Leaderboard, add_run: AddRun, tmp_path: Path
) -> None:
    for method, shift in (("identity", 0.0), ("pix2pix", 2.0), ("cyclegan", 0.5)):
        add_run(method, scores(shift))
    page = read(leaderboard, tmp_path)
    standing = page[page.index('<table class="standing">') :].partition("</table>")[0]
    (board,) = rank(leaderboard)
    statistics = analyse(board)
    assert statistics is not None
    lines = dict(re.findall(r'<tr class="\w+">(?:(?!</tr>).)*?>([a-z0-9-]+)</a></b>(.*?)</tr>', standing, re.DOTALL))
    assert list(lines) == [row.run.method for row in board.rows]
    for row, found in zip(board.rows, statistics.rows, strict=True):
        assert found is not None
        assert found.interval is not None
        assert f">{found.interval.low:.2f} to {found.interval.high:.2f}<" in lines[row.run.method]
        if found.gain_interval is not None:
            assert f">{found.gain_interval.low:.2f} to {found.gain_interval.high:.2f}<" in lines[row.run.method]
    ranking = page[page.index('<table class="ranking">') :].partition("</table>")[0]
    assert len(re.findall(r"[+−]\d+\.\d\d <span class=.whole.>\([^)]+ to [^)]+\)</span>", ranking)) == 2


def test_limits_stand_beside_the_intervals_one_seed_in_words_and_several_with_their_spread(
    leaderboard: Leaderboard, add_run: AddRun, tmp_path: Path
) -> None:
    add_run("identity", scores(0.0), sampling="matched")
    add_run("pix2pix", scores(2.0), sampling="matched")
    for seed in range(3):
        add_run("cyclegan", scores(0.5 + seed / 4), sampling="matched", seed=seed)
    page = read(leaderboard, tmp_path)
    opening = page[page.index('<table class="standing">') : page.index('<form class="filters"')]
    assert "were matched to the statistics of a population and not drawn independently" in opening
    assert "One seed of pix2pix: intervals and tests are over participants alone" in opening
    assert "<small>one seed</small>" in opening
    (board,) = rank(leaderboard)
    assert board.ranked_by is not None
    (spread,) = (
        row.cells[board.ranked_by].seed_standard_deviation for row in board.rows if row.run.method == "cyclegan"
    )
    assert f"<small>3 seeds ± {spread:.2f}</small>" in opening
    table = page[page.index('<table class="ranking">') :]
    assert f"seeds 0, 1, 2 ± {spread:.2f}" in table
    assert "one seed: 0" in table
    assert "were matched to the statistics" in table[table.index("<dl") :]


def test_a_cohort_that_was_drawn_independently_has_no_such_limit(
    leaderboard: Leaderboard, add_run: AddRun, tmp_path: Path
) -> None:
    for seed in range(2):
        add_run("pix2pix", scores(2.0 + seed / 5), sampling="independent", seed=seed)
    assert 'class="caveat"' not in read(leaderboard, tmp_path)


@pytest.mark.slow
def test_the_participant_in_the_middle_is_drawn_and_the_rule_is_stated(
    leaderboard: Leaderboard, add_run: AddRun, make_images: MakeImages, tmp_path: Path
) -> None:
    add_run("pix2pix", scores(2.0), preset="default")
    add_run("identity", scores(0.0))
    (board,) = rank(leaderboard)
    assert median_participant(board) == "sub-05"
    page = read(leaderboard, tmp_path, *(make_images(who) for who in WHO))
    figure = page[page.index('<figure class="overview">') : page.index('<table class="standing">')]
    assert "the median of 9 test participants by PSNR (body, dB), the mean over the ranked methods" in figure
    assert 'alt="sub-05: coronal maximum projections of the early image, pix2pix, the delayed image' in figure
    source, link = re.search(r'src="([^"]+)"', figure), re.search(r'href="([^"]+)"', figure)
    assert source is not None
    assert link is not None
    assert (tmp_path / link.group(1)).is_file()
    with Image.open(tmp_path / source.group(1)) as picture:
        assert f'width="{picture.width}" height="{picture.height}"' in figure


def test_of_one_test_participant_the_figure_says_so(
    leaderboard: Leaderboard, add_run: AddRun, make_images: MakeImages, tmp_path: Path
) -> None:
    add_run("pix2pix", {"sub-06": 30.0})
    page = read(leaderboard, tmp_path, make_images("sub-06"))
    assert "sub-06</a>, the only test participant." in page


def test_without_images_or_a_ranking_metric_the_page_is_whole_all_the_same(
    leaderboard: Leaderboard, make_score: MakeScore, add_run: AddRun, tmp_path: Path
) -> None:
    add_run("pix2pix", scores(2.0))
    page = read(leaderboard, tmp_path / "without-images")
    assert 'class="standing"' in page
    assert 'class="overview"' not in page
    leaderboard.delete(1)
    run_id = add_run("other", {}, planned=("sub-01",))
    leaderboard.record_scores(run_id, [make_score(value=3.0, metric="not_a_ranking_metric")])
    page = read(leaderboard, tmp_path / "without-rank")
    assert 'class="standing"' not in page
    assert "no rank: nothing here was scored by the metric that ranks" in page


def test_the_errors_lie_below_their_images_and_the_delayed_one_has_none(make_images: MakeImages) -> None:
    images = make_images(predictions=("perfect",))
    images.predictions["perfect"][:] = images.delayed
    figure = draw_overview(images, ["perfect"])
    with Image.open(io.BytesIO(figure.webp)) as picture:
        pixels = np.asarray(picture.convert("RGB"), dtype=float)
    assert pixels.shape[:2] == (figure.height, figure.width)
    column = figure.width // 3
    darkness = 255.0 - pixels.mean(axis=2)
    below = darkness[int(0.6 * figure.height) : int(0.97 * figure.height)]
    above = darkness[int(0.1 * figure.height) : int(0.45 * figure.height)]
    assert all(
        part[:, place * column + 40 : (place + 1) * column - 40].mean() > 5.0 for part in (above,) for place in range(3)
    )
    assert below[:, 40 : column - 40].mean() > 5.0
    assert below[:, column + 40 : 2 * column - 40].mean() < 0.5


@pytest.mark.slow
def test_subgroups_of_the_participants_are_a_table_with_counts_means_and_intervals(
    leaderboard: Leaderboard, add_run: AddRun, tmp_path: Path
) -> None:
    values = scores(2.0)
    leaderboard.update(add_run("pix2pix", values), subgroups=GROUPS)
    page = read(leaderboard, tmp_path)
    female = [values[who] for who in WHO if GROUPS[who]["sex"] == "female"]
    line = page[page.index("sex: female (n = 4)") :].partition("</tr>")[0]
    assert f"<td>{np.mean(female):.2f}<small" in line
    assert " to " in line
    assert "sex: male (n = 5)" in page
    assert "described, not tested" in page


def test_lesions_are_a_table_by_contrast_from_low_to_high_where_there_are_any(
    leaderboard: Leaderboard, add_run: AddRun, make_score: MakeScore, tmp_path: Path
) -> None:
    run_id = add_run("pix2pix", scores(2.0))
    assert "Lesions by contrast" not in read(leaderboard, tmp_path)
    found = {"contrast from 5": 91.0, "contrast below 1.5": 40.0, "all contrasts": 70.0, "contrast 1.5 to 2": None}
    leaderboard.record_scores(
        run_id,
        [
            make_score(
                None, value, region=region, metric="lesion_sensitivity_by_contrast", convention_id="c@1", unit="%",
                reason=None if value else "no lesion", facts=MetricFacts(label="Sensitivity", decimals=0, shown=False),
            )
            for region, value in found.items()
        ],
    )  # fmt: skip
    page = read(leaderboard, tmp_path)
    lines = re.findall(r'scope="row">((?:all|contrast)[^<]*)</th><td>([^<]*)</td>', page)
    assert lines == [
        ("all contrasts", "70"),
        ("contrast below 1.5", "40"),
        ("contrast 1.5 to 2", "–"),
        ("contrast from 5", "91"),
    ]


@pytest.mark.parametrize("people", [2, 4])
def test_of_an_even_number_the_worse_of_the_two_in_the_middle_is_the_median(
    leaderboard: Leaderboard, add_run: AddRun, people: int
) -> None:
    add_run("pix2pix", {f"sub-{number}": 30.0 + number for number in range(people)})
    (board,) = rank(leaderboard)
    assert median_participant(board) == f"sub-{people // 2 - 1}"
