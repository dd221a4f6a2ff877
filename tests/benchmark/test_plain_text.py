"""Whatever a process or an exception says is shown as lines of text, and showing it fails nothing."""

from __future__ import annotations

import errno
import os
from typing import TYPE_CHECKING, cast

import pytest

from petbench.errors import one_line, plain_line
from petbench.processes.output import Output
from petbench.terminal import that_may_fail

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from petbench_datasets.progress import Progress


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("two\n  lines\t", "two lines"),
        ("\x1b[1;31mred\x1b[0m", "red"),
        ("\x1b]8;;http://x\x07link\x1b]8;;\x07", "link"),
        ("a\x00b", "a\ufffdb"),
        ("\ud800", "\ufffd"),
        ("left\u202eright\u200b", "left\ufffdright\ufffd"),
        ("SUV ≥ 4 — µ", "SUV ≥ 4 — µ"),
    ],
)
def test_a_line_is_text_whatever_it_was_made_of(text: str, line: str) -> None:
    assert plain_line(text) == line
    line.encode()


def test_an_exception_that_cannot_be_printed_still_has_its_name() -> None:
    class MuteError(Exception):
        def __str__(self) -> str:
            raise RuntimeError

    assert one_line(MuteError()) == "MuteError"
    assert len(one_line(ValueError("x" * 10_000))) <= 500


def test_whatever_a_process_prints_is_shown_as_lines_of_text() -> None:
    lines: list[str] = []
    reading, writing = os.pipe()
    output = Output(reading, lines.append)
    os.write(writing, b"1 %\r50 %\r100 %\n\x1b[2Jcleared\x00\n\n\xff\xfe\nlast")
    os.close(writing)
    output.finish(10)
    assert lines == ["100 %", "cleared\ufffd", "\ufffd\ufffd", "last"]


def test_a_bar_that_nobody_can_see_any_more_stops_no_work() -> None:
    class Closed:
        def __enter__(self) -> Progress:
            return cast("Progress", self.show)

        def __exit__(self, *_: object) -> None:
            raise OSError(errno.EIO, "Input/output error")

        def show(self, *_: object) -> None:
            raise OSError(errno.EIO, "Input/output error")

    bar: AbstractContextManager[Progress] = Closed()
    with that_may_fail(bar) as show:
        show("train", 1, 2)
        show("train", 2, 2)
    with pytest.raises(KeyError), that_may_fail(Closed()):  # what the work itself raises is not the bar's
        raise KeyError
