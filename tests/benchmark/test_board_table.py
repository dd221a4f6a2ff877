"""The leaderboard on terminals of any width."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import click
import pytest
from rich.console import Console

from petbench.cli import board_table
from petbench.cli.main import cli
from petbench_leaderboard.metric_facts import MetricFacts
from petbench_leaderboard.ranking import rank
from petbench_leaderboard.records import RunRecord
from petbench_leaderboard.score_records import ScoreRecord
from petbench_leaderboard.store import Leaderboard

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from petbench_leaderboard.records import Role

WHO = tuple(f"sub-{number:02}" for number in range(1, 11))
ROLES: dict[str, Role] = {"identity": "reference", "organ-scale": "privileged", "predictable": "predictable"}
METRICS = {
    "psnr_body_suv20": ("dB", True, MetricFacts(label="PSNR", detail="body", decimals=2, place=1)),
    "ssim_body_suv20": ("", True, MetricFacts(label="SSIM", detail="body", place=2)),
    "mae_body_suv": ("SUV", False, MetricFacts(label="MAE", detail="body", place=3)),
}


def record_of(method: str, *, width: int = 0, seed: int = 0, sampling: str | None = None) -> RunRecord:
    return RunRecord(
        identity=method.ljust(64, "0"),
        method=method,
        plugin="gan",
        distribution="petbench",
        version="1",
        source_hash="a" * 64,
        supervision="paired",
        role=ROLES.get(method, "competitor"),
        preset="",
        parameters={"width": width},
        changed_parameters={"width": width} if width else {},
        dataset="dataset",
        fingerprint="f" * 64,
        split="holdout",
        split_digest="5" * 64,
        fold=0,
        seed=seed,
        precision="fp32",
        budget="images=0",
        protocol=1,
        test_participants=WHO,
        sampling=sampling,
    )


def enter(
    store: Leaderboard, method: str, scores: Mapping[str, float], sampling: str | None = None, *, width: int = 0
) -> None:
    """Store a run whose scores, of every metric, are those given by participant."""
    run_id = store.plan(record_of(method, width=width, sampling=sampling))
    store.record_scores(
        run_id,
        [
            ScoreRecord(
                participant=who,
                region="body",
                metric=metric,
                convention_id=f"{metric}@1",
                value=value,
                unit=unit,
                higher_is_better=better,
                facts=facts,
            )
            for who, value in scores.items()
            for metric, (unit, better, facts) in METRICS.items()
        ],
    )
    store.update(run_id, status="ok")


@pytest.fixture
def show(monkeypatch: pytest.MonkeyPatch) -> Callable[..., str]:
    def shown(store: Leaderboard, width: int = 160, metric: str = "psnr_body_suv20") -> str:
        text = io.StringIO()
        monkeypatch.setattr(board_table, "standard_output", lambda: Console(file=text, width=width))
        for board in rank(store, metric=metric):
            board_table.print_board(board, None)
        return text.getvalue()

    return shown


@pytest.fixture
def store() -> Iterator[Leaderboard]:
    with Leaderboard.open("sqlite://") as opened:
        yield opened


def test_methods_that_cannot_be_told_apart_are_said_to_be_so_and_have_rank_intervals(
    store: Leaderboard, show: Callable[..., str]
) -> None:
    noise = (0.3, -0.2, 0.1, -0.4, 0.2, -0.1, 0.35, -0.3, 0.15, -0.15)
    enter(store, "pix2pix", {who: 30.0 + extra for who, extra in zip(WHO, noise, strict=True)})
    enter(store, "cyclegan", dict.fromkeys(WHO, 29.99))
    shown = show(store)
    assert "pix2pix cannot be told apart from cyclegan" in shown
    assert "1–2" in shown
    enter(store, "unet", {who: 33.0 + extra for who, extra in zip(WHO, noise, strict=True)})
    assert "unet is ahead of pix2pix by 3.0" in show(store)


def test_the_sentence_leads_the_board_and_what_limits_it_is_said_below(
    store: Leaderboard, show: Callable[..., str]
) -> None:
    spread = (0.3, -0.2, 0.1, -0.4, 0.2, -0.1, 0.35, -0.3, 0.15, -0.15)
    enter(store, "identity", dict.fromkeys(WHO, 28.0), "matched")
    enter(store, "pix2pix", {who: 30.0 + extra for who, extra in zip(WHO, spread, strict=True)}, "matched")
    shown = show(store)
    heading, sentence, *_ = shown.splitlines()
    assert heading.startswith("dataset  split holdout")
    assert sentence.startswith("pix2pix is ahead of identity by 2.00")  # a method alone is compared with identity
    assert sentence.endswith("with 10 participants and one seed.")
    for caveat in ("– The participants of dataset were matched to", "– One seed: intervals and tests are over"):
        assert shown.index("PSNR ↑") < shown.index(caveat)


def test_of_more_methods_than_the_terminal_tests_it_is_said_who_tests_them(
    store: Leaderboard, show: Callable[..., str]
) -> None:
    for number in range(13):
        enter(store, f"method-{number}", dict.fromkeys(WHO, 30.0 + number))
    assert "13 methods: petbench report and --json test every two of them" in show(store)


def test_every_score_stands_with_its_gain_and_its_normalized_score(
    store: Leaderboard, show: Callable[..., str]
) -> None:
    for method, value in (("identity", 28.0), ("predictable", 36.0), ("pix2pix", 30.0)):
        enter(store, method, dict.fromkeys(WHO, value))
    shown = show(store)
    words = set(shown.replace("  ", "\n").replace("\n ", "\n").split("\n"))
    assert {"30.00", "+2.00 (2.00 to 2.00)", "25 %"} <= words
    assert "−2.000" in words  # pix2pix's error is larger by 2: a gain is positive where better
    assert "positive where better" in shown


def test_an_incomplete_row_shows_its_coverage_for_a_rank_and_a_privileged_row_its_mark(
    store: Leaderboard, show: Callable[..., str]
) -> None:
    enter(store, "pix2pix", dict.fromkeys(WHO[:9], 40.0))
    enter(store, "organ-scale", dict.fromkeys(WHO, 35.0))
    lines = show(store).splitlines()
    (row,) = (number for number, line in enumerate(lines) if "pix2pix" in line)
    assert lines[row].split()[0] == "-"
    assert "40.00" not in "".join(lines)
    assert "9/10 scored" in "".join(lines[row : row + 3])
    (row,) = (number for number, line in enumerate(lines) if "organ-scale" in line)
    assert "privileged" in "".join(lines[row : row + 2])


def test_a_narrow_terminal_loses_whole_columns_that_are_named_and_never_the_one_that_ranks(
    store: Leaderboard, show: Callable[..., str]
) -> None:
    enter(store, "pix2pix", dict.fromkeys(WHO, 30.0))
    for width in (60, 80, 100, 160):
        shown = show(store, width, "mae_body_suv")
        assert "MAE ↓" in shown
        assert "…" not in shown
    assert "no room for" not in show(store, 160)
    assert "no room for" in show(store, 60)


def test_variants_lost_seeds_and_values_under_their_floor_are_marked_and_explained(
    store: Leaderboard, show: Callable[..., str]
) -> None:
    for width in (8, 16):
        enter(store, "pix2pix", dict.fromkeys(WHO, 30.0 + width), width=width)
    enter(store, "cyclegan", dict.fromkeys(WHO, 29.0))
    store.update(store.plan(record_of("cyclegan", seed=1)), status="diverged")
    fid = ScoreRecord(
        participant=None, region="volume", metric="fid", convention_id="fid@1", value=8.0, unit="",
        higher_is_better=False, extra={"floor": 9.5, "n_real": 40}, facts=MetricFacts(label="FID", decimals=1),
    )  # fmt: skip
    store.record_scores(1, [fid])
    shown = show(store)
    first, second = (shown.split(" pix2pix")[place] for place in (1, 2))
    assert "best of 2 rows" in first
    assert "46.00" in first
    assert "variant" not in first
    assert "variant" in second
    assert "1/2 seeds" in shown
    assert "cyclegan 1/2 seeds, failed 1" in shown
    assert "8.0†" in shown
    assert "† FID of pix2pix: under its floor" in shown
    assert "pix2pix: planned first, since validation does not tell the method's rows apart" in shown


@pytest.mark.parametrize("typed", ["mine", "./mine", "elsewhere/mine", "elsewhere/mine/", "~/elsewhere/mine"])
def test_a_dataset_given_as_a_folder_is_the_one_that_runs_are_kept_under(typed: str) -> None:
    context = click.Context(cli)
    option = next(parameter for parameter in cli.commands["leaderboard"].params if parameter.name == "dataset")
    assert option.process_value(context, typed) == "mine"
