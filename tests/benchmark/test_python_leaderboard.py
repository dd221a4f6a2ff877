"""The leaderboard from Python is the command's: rows, tests, frames and figures; and every name is text."""

from __future__ import annotations

import csv
import io
import math
import shutil
import sys
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pandas as pd
import polars as pl
import pytest

import petbench
from petbench.api.boards import Ranking
from petbench.api.frames import columns_of, to_polars
from petbench.errors import DataError, UnknownNameError, UsageError
from petbench_leaderboard.errors import LeaderboardError, RequestError
from petbench_leaderboard.report.publication.figures import export_figure

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.command import Petbench

    from petbench.api.pairs import OpenedDataset


@pytest.fixture
def session(tmp_path: Path) -> Iterator[petbench.Session]:
    with petbench.Session(home=tmp_path / "home", offline=True) as opened:
        yield opened


@pytest.fixture
def dataset(session: petbench.Session, body_dataset: Path) -> OpenedDataset:
    return petbench.open_dataset(body_dataset, session=session)


@pytest.mark.slow
def test_rows_and_boards_are_those_of_the_command(ran: Callable[..., Petbench], session: petbench.Session) -> None:
    command = ran("identity", "scale", "ridge")
    ranking = petbench.leaderboard(session=session)
    assert ranking.to_json() == command.json("leaderboard")
    rows = list(csv.DictReader(io.StringIO(command("leaderboard", "--csv").stdout)))
    assert [row["method"] for row in ranking.to_dicts()] == [row["method"] for row in rows]
    frame = ranking.to_pandas()
    assert list(frame.columns) == list(rows[0])
    for name in ("psnr_body_suv20", "psnr_body_suv20_gain", "mae_body_suv"):
        assert list(frame[name]) == [float(row[name]) for row in rows]
    chosen = petbench.leaderboard(metric="mae_body_suv", where="method=ridge", session=session)
    assert chosen.to_json() == command.json("leaderboard", "--metric", "mae_body_suv", "--where", "method=ridge")
    with pytest.raises(RequestError, match="did you mean"):
        petbench.leaderboard(where="metod=ridge", session=session)


def test_a_frame_has_one_type_a_column_and_json_where_a_value_is_a_table() -> None:
    rows = [
        {"method": "a", "rank": 1, "mean": 1, "parameters": {"width": 4}},
        {"method": "b", "mean": 2.5, "seeds": (0, 1)},
    ]
    found = columns_of(rows)
    assert found == {
        "method": ["a", "b"],
        "rank": [1, None],
        "mean": [1.0, 2.5],
        "parameters": ['{"width": 4}', None],
        "seeds": [None, [0, 1]],
    }
    assert all(isinstance(value, float) for value in found["mean"])
    assert pd.DataFrame(found)["mean"].dtype == float


@pytest.mark.parametrize("name", ["pandas", "polars"])
def test_a_package_that_is_missing_is_said_in_one_line(
    session: petbench.Session, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(UsageError, match=f"{name} is not installed; pip install {name}"):
        getattr(petbench.leaderboard(session=session), f"to_{name}")()


def test_frames_of_polars_and_pandas_hold_the_same(session: petbench.Session, dataset: OpenedDataset) -> None:
    for factor, name in ((1.0, "whole"), (0.5, "halved")):
        prediction = {who: dataset.pair(who).early * factor for who in ("sub-04",)}
        petbench.enter(prediction, dataset, name, session=session)
    ranking = petbench.leaderboard(validation=True, session=session)
    scores = petbench.open_run(1, session=session).scores
    for source in (ranking, scores):
        ours, theirs = source.to_pandas(), source.to_polars()
        assert isinstance(theirs, pl.DataFrame)
        assert theirs.columns == list(ours.columns)
        assert theirs.height == len(ours) > 1
        for column in theirs.columns:
            for one, other in zip(theirs[column].to_list(), ours[column].tolist(), strict=True):
                assert one == other or (one is None and (other is None or math.isnan(other)))
    means = ranking.to_polars()["psnr_body_suv20"]
    assert means.dtype == pl.Float64
    assert ranking.to_polars()["seeds"].dtype == pl.List(pl.Int64)
    assert petbench.leaderboard(where="seed=7", session=session).to_polars().is_empty()


def test_a_frame_of_polars_takes_what_a_column_of_pandas_takes() -> None:
    rows: list[dict[str, Any]] = [
        {"method": "a", "mean": 1, "extra": {"n": 1}},
        {"method": "b", "mean": 2.5, "seeds": [0]},
    ]
    assert to_polars(rows).to_dict(as_series=False) == columns_of(rows)


def test_a_notebook_shows_methods_and_datasets_as_text(
    session: petbench.Session, dataset: OpenedDataset, body_dataset: Path
) -> None:
    halved = {"sub-04": dataset.pair("sub-04").early / 2}
    petbench.enter(halved, dataset, "theirs", session=session)
    evil = "<script>alert(1)</script>"
    board = petbench.leaderboard(dataset=body_dataset, session=session).board
    (row,) = board.rows
    run = replace(row.run, method=evil, changed_parameters={"width": evil}, verification="rescored", submitter=evil)
    shown = Ranking([replace(board, dataset=evil, split=evil, rows=(replace(row, run=run),))], session)._repr_html_()
    assert "<script" not in shown
    assert shown.count("&lt;script&gt;") >= 5
    assert "PSNR (body, dB)" in shown
    assert "nothing on the leaderboard" in petbench.leaderboard(where="seed=7", session=session)._repr_html_()


@pytest.mark.slow
def test_figures_are_those_that_the_report_writes(
    ran: Callable[..., Petbench], session: petbench.Session, tmp_path: Path
) -> None:
    ran("identity", "scale")
    ranking = petbench.leaderboard(session=session)
    figure = ranking.figure(1)
    assert figure._repr_png_().startswith(b"\x89PNG")  # type: ignore[attr-defined]
    written = export_figure(ranking.board, 1, tmp_path / "written.svg").read_text(encoding="utf-8")
    labels = [label.get_text() for label in figure.axes[0].get_yticklabels()]
    assert sorted(labels) == ["identity", "scale"]
    assert all(f">{label}<" in written for label in labels)
    with pytest.raises(LeaderboardError, match="there is no figure 9"):
        ranking.figure(9)
    titles = [text.get_text() for text in ranking.images().texts]
    assert titles == ["early", "scale", "delayed"]
    assert [text.get_text() for text in ranking.images("sub-04", ["identity"]).texts] == [
        "early", "identity", "delayed",
    ]  # fmt: skip
    wrong: tuple[dict[str, Any], ...] = ({"participant": "sub-4"}, {"methods": ["scal"]})
    for asked in wrong:
        with pytest.raises(UnknownNameError, match="did you mean"):
            ranking.images(**asked)
    shutil.rmtree(session.home.runs)
    with pytest.raises(DataError, match="no image of bodies can be drawn here: its runs were made elsewhere"):
        ranking.images()


def test_a_figure_of_no_board_is_refused(session: petbench.Session) -> None:
    with pytest.raises(UsageError, match="shows one board"):
        petbench.leaderboard(session=session).figure(1)


@pytest.mark.slow
def test_what_was_asked_for_stays_as_it_was(ran: Callable[..., Petbench], session: Any, body_dataset: Path) -> None:
    command = ran("identity")
    before = petbench.leaderboard(session=session)
    command("run", "-m", "scale", "-d", body_dataset)
    assert [len(board.rows) for board in before] == [1]
    assert [len(board.rows) for board in petbench.leaderboard(session=session)] == [2]
