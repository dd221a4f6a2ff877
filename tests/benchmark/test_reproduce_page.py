"""The page of `petbench reproduce`, from invented runs: what it says, and what it says is missing."""

from __future__ import annotations

import dataclasses
import json
import re
import statistics
from typing import TYPE_CHECKING

import numpy as np
import pytest
from scipy import stats
from tests.benchmark.reproduction import FLOOR, FRECHET, TESTED, Invented, write_tested_dataset

from petbench.errors import PetbenchError
from petbench.registry import load_plugins
from petbench.reproduce.cohort import others
from petbench.reproduce.facts import as_json
from petbench.reproduce.page import conclusion, write_page
from petbench.reproduce.page_files import PageFiles
from petbench.reproduce.paper import METHODS
from petbench.reproduce.profiles import LARGER_RATES, RATES, REDUCED
from petbench_datasets.files import write_text
from petbench_leaderboard.store import Leaderboard

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.slow  # each page is written from some fifty runs

AHEAD = {"pix2pix": 1.6, "cyclegan": -0.5}


@pytest.fixture(scope="session")
def tested_dataset(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_tested_dataset(tmp_path_factory.mktemp("tested") / "people")


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Leaderboard]:
    with Leaderboard.open(tmp_path / "leaderboard.db") as opened:
        yield opened


@pytest.fixture
def invented(tested_dataset: Path, tmp_path: Path, store: Leaderboard) -> Invented:
    made = Invented(tested_dataset, tmp_path / "home", store)
    made.enter_grid({"pix2pix": 2, "cyclegan": 1})
    return made


def page_of(made: Invented, folder: Path) -> str:
    return write_page(made.account(folder)).read_text(encoding="utf-8")


def section(page: str, title: str) -> str:
    """Return what stands under a heading of the page."""
    return page.split(f"## {title}", maxsplit=1)[1].split("\n## ", maxsplit=1)[0]


def sentence(text: str) -> str:
    """Return a text on one line, with a plain minus."""
    return " ".join(text.replace("\N{MINUS SIGN}", "-").split())


def test_a_whole_experiment_is_complete_and_says_who_is_ahead(invented: Invented, tmp_path: Path) -> None:
    invented.enter_references(("predictable", 7.0), ("repeat-scan", 14.0))
    invented.enter_sets(AHEAD, {"pix2pix": 8.0, "cyclegan": 37.0})
    page = page_of(invented, tmp_path / "docs")
    said = sentence(page)
    assert "not complete" not in page
    assert "5 seeds (0, 1, 2, 3, 4), 8 test participants" in said
    assert (
        "**The paper's order is found: pix2pix is ahead of CycleGAN in PSNR (body, dB), PSNR (volume, dB), "
        "PSNR (slice, dB) and FD-randconv.**"
    ) in said
    for title in ("Until converged", "Equal images", "Equal seconds"):
        assert f"**{title}** (5 seeds): pix2pix is ahead of CycleGAN in PSNR (body, dB)" in said
    assert f"`cyclegan` | {47.45:.2f}" in page
    assert "is not known here" not in said


def test_every_difference_is_the_paired_one_with_its_interval(invented: Invented, tmp_path: Path) -> None:
    invented.enter_references()
    invented.enter_sets(AHEAD, {"pix2pix": 8.0, "cyclegan": 37.0})
    facts = as_json(invented.account(tmp_path / "docs"))
    tables = {
        method: np.array([invented.table(gain, seed + 1)["psnr_body_suv20"] for seed in range(5)])
        for method, gain in AHEAD.items()
    }
    paired = tables["pix2pix"].mean(axis=0) - tables["cyclegan"].mean(axis=0)
    for name in ("converged", "equal-images", "equal-seconds"):
        of_set = {one["metric"]: one for one in facts["sets"][name]["differences"]}
        found = of_set["psnr_body_suv20"]
        assert found["mean"] == pytest.approx(paired.mean())
        assert list(found["by_participant"].values()) == pytest.approx(list(paired))
        assert found["interval"][0] < paired.mean() < found["interval"][1]
        assert found["verdict"] == "ahead"
        distances = {m: [d + 0.1 * seed for seed in range(5)] for m, d in (("pix2pix", 8.0), ("cyclegan", 37.0))}
        welch = stats.ttest_ind(distances["pix2pix"], distances["cyclegan"], equal_var=False).confidence_interval()
        assert of_set[FRECHET.name]["interval"] == pytest.approx([welch.low, welch.high])
        assert of_set[FRECHET.name]["verdict"] == "ahead"


def test_the_numbers_of_the_page_are_those_of_the_leaderboard(invented: Invented, tmp_path: Path) -> None:
    invented.enter_references()
    invented.enter_sets(AHEAD)
    page = page_of(invented, tmp_path / "docs")
    rows = {
        line.split("|")[1].strip(): line for line in section(page, "Table 2").splitlines() if line.startswith("| `")
    }
    for method, gain in AHEAD.items():
        scores = np.array([invented.table(gain, seed + 1)["psnr_body_suv20"] for seed in range(5)]).mean(axis=0)
        line = rows[f"`{method}`, until converged; 5 seeds"]
        assert f"| {scores.mean():.2f} ± {statistics.stdev(scores):.2f} |" in line
    assert "| 30.00 ± 0.70 |" in rows["`identity`"]


@pytest.mark.parametrize(
    ("gains", "distances", "said"),
    [
        ({"pix2pix": -0.5, "cyclegan": 1.6}, {"pix2pix": 37.0, "cyclegan": 8.0}, "The contrary of the paper's order"),
        ({"pix2pix": 1.0, "cyclegan": 1.0}, {"pix2pix": 9.0, "cyclegan": 9.0}, "The paper's result is not reproduced"),
        ({"pix2pix": 1.6, "cyclegan": -0.5}, {"pix2pix": 37.0, "cyclegan": 8.0}, "The paper's order is found in part."),
    ],
)
def test_the_honest_contrary_reads_as_plainly(
    gains: dict[str, float], distances: dict[str, float], said: str, invented: Invented, tmp_path: Path
) -> None:
    invented.enter_references()
    invented.enter_sets(gains, distances)
    account = invented.account(tmp_path / "docs")
    assert conclusion(account).startswith(said)
    page = write_page(account).read_text(encoding="utf-8")
    assert f"**{said}" in page


def test_the_page_of_another_dataset_lies_beside_the_profiles_own_and_each_leads_to_the_other(
    invented: Invented, tmp_path: Path
) -> None:
    invented.enter_references()
    invented.enter_sets(AHEAD)
    docs = tmp_path / "docs"
    own = PageFiles.of(docs, REDUCED, REDUCED.dataset)
    write_text(own.page, "of sixty people\n")
    other = write_page(invented.account(docs))
    assert own.page.name == "reproduction.md"
    assert other.name == f"reproduction-{invented.planner.places[0].name}.md"
    assert own.page.read_text(encoding="utf-8") == "of sixty people\n", "no page is written over another dataset's"
    assert "The same comparison on other datasets: [the profile's own](reproduction.md)." in sentence(other.read_text())
    back = write_page(dataclasses.replace(invented.account(docs), files=own)).read_text(encoding="utf-8")
    assert f"[{invented.planner.places[0].name}]({other.name})." in sentence(back)


def test_a_page_of_half_an_experiment_says_what_is_missing(invented: Invented, tmp_path: Path) -> None:
    invented.enter_references()
    invented.enter_set("equal-images", AHEAD, seeds=(0, 1, 2))
    page = page_of(invented, tmp_path / "docs")
    missing = page.split("**This page is not complete.** What is missing:")[1].split("**The")[0]
    assert "- equal images, pix2pix: seeds 3, 4\n- equal images, CycleGAN: seeds 3, 4" in missing
    assert "- until converged, pix2pix: seeds 0, 1, 2, 3, 4" in missing
    assert "- reference: predictable" in missing
    assert "3 seeds, 2 not run yet" in page
    assert "No curve yet" in page
    assert "The paper's order is found" in conclusion(invented.account(tmp_path / "docs"))


def test_one_seed_is_called_one_seed_wherever_numbers_stand(
    tested_dataset: Path, tmp_path: Path, store: Leaderboard
) -> None:
    made = Invented(tested_dataset, tmp_path / "home", store, seeds=(0,))
    made.enter_grid({"pix2pix": 0, "cyclegan": 0})
    made.enter_references()
    made.enter_sets(AHEAD)
    page = page_of(made, tmp_path / "docs")
    assert "one seed (0), 8 test participants" in sentence(page)
    assert "- more seeds: 1 asked for, 5 make the page complete" in page
    assert "| `cyclegan`, until converged; one seed |" in page
    assert "until converged, one seed | equal images, one seed | equal seconds, one seed |" in page
    assert "With one seed they are over participants alone, for this one training." in page
    assert "Nothing can be said of FD-randconv: one seed has no interval." in page


def test_a_seed_that_diverged_is_shown_and_leaves_no_mean_of_the_others(invented: Invented, tmp_path: Path) -> None:
    invented.enter_references()
    invented.enter_sets(AHEAD)
    invented.enter_set("converged", AHEAD, failed={"cyclegan": {3: "diverged"}}, seeds=(3,))
    account = invented.account(tmp_path / "docs")
    page = write_page(account).read_text(encoding="utf-8")
    assert not any("converged" in line for line in account.missing), "it ended, if not well"
    row = next(line for line in page.splitlines() if line.startswith("| `cyclegan`, until converged;"))
    assert row.startswith("| `cyclegan`, until converged; 4 seeds, seed 3 diverged | – (")
    assert "4/5 seeds, seed 3 diverged" in page
    assert "Some runs did not end well, and they count" in page
    assert re.search(r"- run \d+, `cyclegan` seed 3 fold 0: diverged", page)
    by_seed = next(line for line in page.splitlines() if line.startswith("| `cyclegan`, until converged | "))
    assert by_seed.count("diverged") == 1
    assert conclusion(account).startswith(
        "Nothing can be decided yet between pix2pix and CycleGAN: cyclegan: 4/5 seeds"
    )


def test_a_rate_at_which_a_method_diverged_is_on_the_page_and_not_chosen(
    tested_dataset: Path, tmp_path: Path, store: Leaderboard
) -> None:
    made = Invented(tested_dataset, tmp_path / "home", store)
    made.enter_grid({"pix2pix": 2, "cyclegan": 2}, failed={"cyclegan": (2,)})
    made.enter_references()
    made.enter_sets(AHEAD)
    table = section(page_of(made, tmp_path / "docs"), "The learning rates")
    assert f"| {RATES[1]:g} | 30.000 | **30.000** |" in table
    assert f"| {RATES[2]:g} | **31.000** | diverged |" in table
    assert "CycleGAN is compared at 0.0005." in table


def test_where_a_method_diverged_at_every_rate_the_page_says_so_and_shows_the_other(
    tested_dataset: Path, tmp_path: Path, store: Leaderboard
) -> None:
    made = Invented(tested_dataset, tmp_path / "home", store)
    made.enter_grid({"pix2pix": 2, "cyclegan": 2}, failed={"cyclegan": range(len(RATES))})
    made.enter_references()
    made.enter_set("equal-images", AHEAD)
    page = page_of(made, tmp_path / "docs")
    assert "CycleGAN ended well at no rate of the grid: it is not compared." in page
    assert "Nothing is compared yet: no set has a seed of both methods." in page
    assert "| `pix2pix`, equal images; 5 seeds |" in page


def test_what_the_dataset_allows_is_computed_from_its_rows(invented: Invented, tmp_path: Path) -> None:
    invented.enter_references(("predictable", 7.0))
    invented.enter_sets({"pix2pix": 1.6, "cyclegan": -0.5})
    said = sentence(page_of(invented, tmp_path / "docs"))
    assert "what can be predicted at all lies 7.0, 7.0, 7.0 dB above the early image (body, volume, slice)." in said
    assert (
        "So the paper's gap of 10.4 dB cannot appear unless the method that is behind falls below the early image, "
        "by at least 3.4, 3.4, 3.4 dB."
    ) in said
    assert "CycleGAN, until converged, lies -0.5" in said


def test_a_dataset_with_more_room_leaves_room_for_the_papers_gap(invented: Invented, tmp_path: Path) -> None:
    invented.enter_references(("predictable", 12.0))
    invented.enter_sets(AHEAD)
    said = sentence(page_of(invented, tmp_path / "docs"))
    assert "That leaves room for the paper's gap of 10.4 dB." in said
    assert "cannot appear" not in said


def test_distances_under_their_floor_say_so_and_decide_nothing(invented: Invented, tmp_path: Path) -> None:
    invented.enter_references()
    invented.enter_sets(AHEAD, {"pix2pix": FLOOR - 2.0, "cyclegan": FLOOR - 1.0})
    account = invented.account(tmp_path / "docs")
    (distance,) = [one for one in account.differences["converged"] if one.column.metric == FRECHET.name]
    assert distance.verdict == "undecided"
    page = write_page(account).read_text(encoding="utf-8")
    assert "both lie under the distance between real slices" in page
    assert (
        "under the distance between real slices of these and of other participants: such a value orders nothing" in page
    )


def test_the_page_says_which_images_these_are_and_how_to_run_it_on_others(invented: Invented, tmp_path: Path) -> None:
    invented.enter_references()
    invented.enter_sets(AHEAD)
    page = page_of(invented, tmp_path / "docs")
    assert "How the images of `people` were acquired and reconstructed is not known to petbench." in page
    for name in ("fdg-phantom-3d", "fdg-phantom-multibed", "fdg-phantom-multibed-3d"):
        assert f"petbench reproduce --dataset {name} --split cv6" in page
    assert str(tmp_path) not in page, "a page names no folder of its machine"


def test_without_a_run_there_is_nothing_to_write_up(tested_dataset: Path, tmp_path: Path, store: Leaderboard) -> None:
    made = Invented(tested_dataset, tmp_path / "home", store)
    made.enter_references()
    with pytest.raises(PetbenchError, match="no run of pix2pix or CycleGAN is on the leaderboard yet"):
        made.account(tmp_path / "docs")
    assert not (tmp_path / "docs").exists()


def test_the_json_has_no_value_that_json_has_not(invented: Invented, tmp_path: Path) -> None:
    invented.enter_references(("predictable", 7.0))
    invented.enter_set("equal-images", AHEAD, seeds=(0,))
    facts = json.loads(json.dumps(as_json(invented.account(tmp_path / "docs")), allow_nan=False))
    assert facts["complete"] is False
    assert facts["rates"]["pix2pix"]["chosen"] == RATES[2]
    assert facts["sets"]["equal-images"]["cyclegan"]["missing_seeds"] == [1, 2, 3, 4]
    assert set(facts["sets"]) == {"converged", "equal-images", "equal-seconds"}
    assert len(facts["participants"]) == TESTED
    assert facts["made_references"] == {"predictable": "scored", "repeat-scan": "not made yet"}
    assert {name for name in facts["sets"]["converged"] if name in METHODS} == set(METHODS)


def test_the_page_shows_rates_beyond_the_grid_that_were_tried_and_chooses_none_of_them(
    invented: Invented, tmp_path: Path
) -> None:
    invented.enter_references()
    invented.enter_sets(AHEAD)
    assert "beyond the grid that were tried" not in page_of(invented, tmp_path / "before")
    for cell in invented.planner.rates("pix2pix", LARGER_RATES[:1]):
        invented.enter(cell.plan, invented.table(9.0, 0), validation=50.0)
    page = page_of(invented, tmp_path / "after")
    assert f"rates beyond the grid that were tried\nlater ({LARGER_RATES[0]:g})" in page
    assert re.search(rf"\| \*{LARGER_RATES[0]:g}\* \| `pix2pix` \| 50\.000 \|", page)
    chosen = next(line for line in page.splitlines() if line.startswith("pix2pix is compared at"))
    assert f"{LARGER_RATES[0]:g}" not in chosen


def test_datasets_of_the_same_people_come_first_among_the_others() -> None:
    commands = others("fdg-phantom-60", "holdout", load_plugins().datasets())
    assert commands[0] == "petbench reproduce --dataset fdg-phantom-60-multibed-3d --split holdout"
    assert "petbench reproduce --dataset fdg-phantom-multibed-3d --split cv6" in commands
    assert not any("--dataset fdg-phantom-60 " in command for command in commands)
