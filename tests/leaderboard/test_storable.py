"""One rule of what is stored: every output can carry it, whoever it comes from."""

from __future__ import annotations

import json
import math
import random
import unicodedata
from datetime import UTC, datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any

import pytest

from petbench_leaderboard import storable, strict_json
from petbench_leaderboard.errors import LeaderboardError

if TYPE_CHECKING:
    from tests.leaderboard.conftest import MakeRecord, MakeScore

    from petbench_leaderboard.store import Leaderboard

REFUSED: dict[str, Any] = {
    "not a number": math.nan,
    "infinite": -math.inf,
    "a number whose square overflows": 1.1e100,
    "an integer beyond 64 bits": 2**63,
    "2 to the power of 70": 2**70,
    "half of a surrogate pair": "\ud800",
    "an order to a terminal": "\x1b[31m",
    "a text that ends early": "a\0b",
    "a text that turns around": "a\u202eb",
    "a text that nobody sees": "a\u200bb",
    "a line that is none to an editor": "a\u2028b",
    "an endless text": "a" * 20_001,
    "the year 1": datetime(1, 1, 1, tzinfo=timezone(timedelta(hours=14))),
    "the year 9999": datetime(9999, 12, 31, 23, tzinfo=timezone(timedelta(hours=-14))),
    "a time without its zone": datetime(2026, 1, 1),
    "a set": {1},
    "bytes": b"a",
    "a complex number": 1j,
    "a key that is a number": {1: "a"},
}


@pytest.mark.parametrize("wrap", [lambda value: value, lambda value: [value], lambda value: {"a": ({"b": value},)}])
@pytest.mark.parametrize("case", REFUSED)
def test_what_some_output_cannot_carry_is_refused_at_any_depth(case: str, wrap: Any) -> None:
    with pytest.raises(ValueError, match=r".+"):
        storable.check(wrap(REFUSED[case]))


@pytest.mark.parametrize("case", REFUSED)
def test_what_was_measured_is_mended_so_that_every_output_carries_it(case: str) -> None:
    mended = storable.cleaned({"a": [REFUSED[case]]})
    if case != "an endless text":  # an exception may say much
        storable.check(mended)
    assert json.dumps(mended, allow_nan=False).encode()


def test_what_every_output_carries_is_left_alone() -> None:
    value = {
        "a": [None, True, -(2**63) + 1, 1e100, -1e-300, "Größe 5 µm\n\tβ", [], {}],
        "b": datetime(2026, 1, 1, tzinfo=UTC),
    }
    storable.check(value)
    assert storable.cleaned(value) == value


def test_depth_is_counted_without_recursion() -> None:
    value: Any = 1
    for _ in range(100_000):
        value = [value]
    with pytest.raises(ValueError, match="nested deeper"):
        storable.check(value)


def test_a_plain_text_has_no_character_that_a_terminal_obeys_or_nobody_sees() -> None:
    every = "".join(map(chr, range(0x110000)))
    shown = storable.plain(every)
    assert {unicodedata.category(letter) for letter in shown if letter not in "\n\t"}.isdisjoint(
        ("Cc", "Cf", "Cs", "Co", "Zl", "Zp")
    )
    assert storable.plain("\x1b[31m\u202e") == r"\x1b[31m\u202e"


def test_json_is_read_as_the_standard_reader_reads_it_or_refused() -> None:
    generator = random.Random(1)
    alphabet = ['{"a":', "}", "[", "]", "1e999", "NaN", "-0.5", '"x"', ",", '"\\ud800"', "1" * 30, "null", '"\\u202e"']
    for _ in range(2000):
        text = "".join(generator.choices(alphabet, k=generator.randint(1, 6)))
        try:
            found = strict_json.parse(text.encode())
        except ValueError:
            continue
        assert found == json.loads(text)
        json.dumps(found, allow_nan=False).encode()


def test_a_run_whose_parameter_is_infinite_is_not_planned(leaderboard: Leaderboard, make_record: MakeRecord) -> None:
    with pytest.raises(LeaderboardError, match="parameters of pix2pix cannot be stored: inf"):
        leaderboard.plan(make_record(parameters={"rate": math.inf}))
    assert leaderboard.runs() == []


def test_no_run_is_lost_by_what_its_exception_said_or_its_clock_measured(
    leaderboard: Leaderboard, make_record: MakeRecord
) -> None:
    run_id = leaderboard.plan(make_record(machine={"processor": "\x1b[31m", "speed": math.inf}))
    leaderboard.update(run_id, error_message="\ud800\x1b]0;gone\x07", images_per_second=math.inf, status="failed")
    row = leaderboard.run(run_id)
    assert (row.error_message, row.images_per_second) == (r"\ud800\x1b]0;gone\x07", None)
    assert row.machine == {"processor": r"\x1b[31m", "speed": None}


def test_a_score_whose_facts_no_output_can_carry_is_not_stored(
    leaderboard: Leaderboard, make_record: MakeRecord, make_score: MakeScore
) -> None:
    run_id = leaderboard.plan(make_record())
    for changes in ({"extra": {"floor": math.nan}}, {"reason": "\x1b", "value": None}, {"unit": "\u202e"}):
        with pytest.raises(LeaderboardError, match="cannot be stored"):
            leaderboard.record_scores(run_id, [make_score(**changes)])
    assert leaderboard.scores([run_id]) == []
