from __future__ import annotations

import random
from typing import TYPE_CHECKING

import pytest

from petbench_leaderboard.errors import LeaderboardError, RequestError
from petbench_leaderboard.ranking import rank
from petbench_leaderboard.where import parse

if TYPE_CHECKING:
    from tests.leaderboard.conftest import AddRun

    from petbench_leaderboard.store import Leaderboard


@pytest.fixture
def filled(leaderboard: Leaderboard, add_run: AddRun) -> Leaderboard:
    add_run("identity", {"sub-01": 29.0}, supervision="no-target")
    add_run("pix2pix", {"sub-01": 31.0}, seed=0)
    add_run("pix2pix", {"sub-01": 33.0}, seed=1)
    add_run("cyclegan", {"sub-01": 30.0}, supervision="unpaired", device="cuda:0", preset=None)
    return leaderboard


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        ("method=pix2pix", [3, 2]),
        ("method = 'pix2pix' and seed >= 1", [3]),
        ("psnr_body_suv20>30.5", [3, 2]),
        ("psnr_body_suv20 == 32", [3, 2]),
        ("not psnr_body_suv20>30.5", [4, 1]),
        ("device=cuda:0 or method=identity", [4, 1]),
        ("method=identity or method=pix2pix and seed=0", [2, 1]),
        ("(method=identity or method=pix2pix) and seed=0", [2, 1]),
        ("NOT (method ~ GAN)", [3, 2, 1]),
        ("preset=''", [4]),
        ("role=reference", [1]),
        ("train_seconds>0", []),
        ("not train_seconds>0", [4, 3, 2, 1]),
        ("created_at>2020-01-01", [4, 3, 2, 1]),
        ("created_at<2020-01-01T00:00:00+05:00", []),
        ("method='x'' or 1=1 --'", None),
        ('method="\'; DROP TABLE runs; --"', []),
        ("method ~ '%'", []),
    ],
)
def test_conditions_choose_runs(filled: Leaderboard, condition: str, expected: list[int] | None) -> None:
    if expected is None:
        with pytest.raises(LeaderboardError):
            filled.runs(where=condition)
    else:
        assert [run.id for run in filled.runs(where=condition)] == expected
    assert len(filled.runs()) == 4


SETTINGS: tuple[dict[str, object], ...] = (
    {"learning_rate": 0.001, "clip": "auto", "attention": True, "width": 16, "note": "3d"},
    {"learning_rate": 1e-4, "clip": 50, "attention": False, "width": 8, "note": "2.5d", "depth": None},
    {"learning_rate": 0.1 + 0.2, "clip": 50.5, "width": 8.0, "note": "0.001", "levels": [1, 2], "seed": 7},
    {"only": "here"},
)


@pytest.fixture
def settings(leaderboard: Leaderboard, add_run: AddRun) -> Leaderboard:
    for parameters in SETTINGS:
        add_run("pix2pix", {"sub-01": 31.0}, parameters=parameters)
    return leaderboard


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        ("learning_rate=0.001", [1]),
        ("learning_rate=1e-3", [1]),
        ("learning_rate!=0.001", [3, 2]),
        ("not learning_rate=0.001", [4, 3, 2]),
        ("learning_rate<0.01", [2, 1]),
        ("learning_rate=0.30000000000000004", [3]),
        ("learning_rate=0.3", []),
        ("clip=auto", [1]),
        ("clip=50", [2]),
        ("clip>50", [3]),
        ("clip!=auto", [3, 2]),
        ("not clip>50", [4, 2, 1]),
        ("clip ~ AUT", [1]),
        ("attention=true", [1]),
        ("attention=False", [2]),
        ("attention!=true", [2]),
        ("depth=none", [2]),
        ("width=8", [3, 2]),
        ("width>=8.5", [1]),
        ("note=3d", [1]),
        ("note='0.001'", [3]),
        ("note ~ 5D", [2]),
        ("parameters.seed=7", [3]),
        ("seed=7", []),
        ("parameters.width=8 and clip<=50", [2]),
        ("only=here", [4]),
    ],
)
def test_a_parameter_is_compared_as_what_it_is(settings: Leaderboard, condition: str, expected: list[int]) -> None:
    assert [run.id for run in settings.runs(where=condition)] == expected


@pytest.mark.parametrize(
    ("condition", "message"),
    [
        ("learning_rat=0.001", "did you mean .*learning_rate"),
        ("parameters.learning_rat=1", "no column, metric or parameter"),
        ("learning_rate=fast", "is a number: 'fast' is none"),
        ("learning_rate=nan", "is a number: 'nan' is none"),
        ("learning_rate<fast", "is a number"),
        ("note<3", "no number: compare it with"),
        ("levels=1", "is a list or a table"),
        ("attention=1", "is true or false"),
        ("validation.learning_rate=1", "no column, metric or parameter"),
        ("parameters.status=ok", "no column, metric or parameter"),
    ],
)
def test_a_parameter_that_is_none_or_a_value_of_another_kind_is_refused(
    settings: Leaderboard, condition: str, message: str
) -> None:
    with pytest.raises(RequestError, match=message):
        settings.runs(where=condition)


@pytest.mark.parametrize(
    ("condition", "message"),
    [
        ("", "it ends where a name is expected"),
        ("method", "it ends where an operator"),
        ("method=", "it ends where a value"),
        ("method=a b=c", "'b' is not expected here"),
        ("(method=a", "it ends where a closing bracket"),
        ("method=(a)", "'\\(' is no value"),
        ("1=1", "'1' is no name"),
        ("method in a", "'in' is no operator"),
        ("method;x", "';x' is not understood"),
        ("colour=red", "no column, metric or parameter of this leaderboard is called 'colour'"),
        ("methd=pix2pix", "did you mean 'method'"),
        ("psnr_body>30", "did you mean 'psnr_body_suv20'"),
        ("status=failled", "no status is called 'failled'; did you mean 'failed'"),
        ("role!=referense", "did you mean 'reference'"),
        ("verification=checked", "no verification is called 'checked'"),
        ("track=equal-image", "did you mean 'equal-images'"),
        ("track~equal", "'track' is a name"),
        ("__class__=x", "is no name"),
        ("seed=one", "'seed' is a number"),
        ("created_at=yesterday", "is a date"),
        ("seed~1", "'seed' is no text"),
        ("(" * 60 + "seed=1" + ")" * 60, "nested too deeply"),
    ],
)
def test_a_condition_that_is_not_understood_is_refused_in_one_line(
    filled: Leaderboard, condition: str, message: str
) -> None:
    with pytest.raises(LeaderboardError, match=message) as caught:
        filled.runs(where=condition)
    assert isinstance(caught.value, RequestError)
    assert caught.value.exit_code == 2
    assert "\n" not in str(caught.value)


def test_any_text_is_either_a_condition_or_refused() -> None:
    generator = random.Random(5)
    alphabet = ["method", "=", "(", ")", "and", "or", "not", "'a'", ">", "<=", "1", '"', "'", "\\", "é", " ", "\0", "~"]
    for _ in range(3000):
        text = "".join(
            generator.choice(alphabet) + " " * generator.randint(0, 1) for _ in range(generator.randint(0, 9))
        )
        try:
            parse(text)
        except LeaderboardError:
            continue


def test_a_filtered_board_keeps_its_gains_and_ranks_what_it_shows(filled: Leaderboard) -> None:
    (board,) = rank(filled, where="method=cyclegan")
    (row,) = board.rows
    assert (row.run.method, row.rank) == ("cyclegan", 1)
    assert next(iter(row.cells.values())).gain == 1.0


def test_the_best_rows_are_those_of_the_whole_board(filled: Leaderboard, add_run: AddRun) -> None:
    for number in range(6):
        add_run(f"method-{number}", {"sub-01": 20.0 + number})
    (whole,), (best,) = rank(filled), rank(filled, best=3)
    competing = [row for row in whole.rows if row.role == "competitor"]
    assert [row.run.method for row in best.rows] == ["pix2pix", "cyclegan", "identity", "method-5"]
    assert [row.rank for row in best.rows if row.rank] == [row.rank for row in competing[:3]]
    assert best.omitted == len(competing) - 3
    assert [row.cells for row in best.rows if row.role == "competitor"] == [row.cells for row in competing[:3]]


def test_the_cached_means_follow_every_change(filled: Leaderboard) -> None:
    assert [run.id for run in filled.runs(where="psnr_body_suv20>=33")] == []
    filled.delete(2)
    assert [run.id for run in filled.runs(where="psnr_body_suv20>=33")] == [3]
    filled.update(3, status="failed")
    assert filled.runs(where="psnr_body_suv20>=33") == []
    (board,) = rank(filled, best=5)
    assert [row.run.method for row in board.rows] == ["cyclegan", "identity"]
    assert [run.id for run in board.unscored] == [3]
    filled.update(4, verification="self-reported")
    (board,) = rank(filled, best=5)
    assert board.rows[0].run.verification == "self-reported"
