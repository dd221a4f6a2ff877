"""The harness's own expected failures; the base is `petbench_datasets.errors.PetbenchError`."""

from __future__ import annotations

import contextlib
import re
import unicodedata
from typing import TYPE_CHECKING, Any

from petbench_datasets.errors import DataError, PetbenchError, unknown_name

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

__all__ = [
    "ChangedError",
    "CheckpointError",
    "DataError",
    "Diverged",
    "Interrupted",
    "PeerLostError",
    "PetbenchError",
    "PluginError",
    "SharingError",
    "UnknownNameError",
    "UsageError",
    "causes",
    "given_by",
    "one_line",
    "plain_line",
    "text_of",
]

LONGEST_LINE = 500
_ESCAPES = re.compile(r"\x1b(?:\[[0-9;:?<=>]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?|[@-_])")
_NO_TEXT = frozenset({"Cc", "Cf", "Cs", "Co", "Cn"})


def plain_line(text: str, longest: int = LONGEST_LINE) -> str:
    """Return text as one line that every output can carry and no terminal obeys.

    Colours and other commands to a terminal are dropped; each other character that is no text, such as NUL, half a
    surrogate pair or a mark that turns the direction of writing, becomes U+FFFD.
    """
    line = " ".join(_ESCAPES.sub("", text).split())
    return "".join("\ufffd" if unicodedata.category(letter) in _NO_TEXT else letter for letter in line)[:longest]


def text_of(error: BaseException) -> str:
    """Return what an exception says, in one line; nothing where it cannot even say that."""
    try:
        return plain_line(str(error))
    except Exception:  # an exception's own __str__ may raise
        return ""


def one_line(error: BaseException) -> str:
    """Return an exception as one line; one that petbench did not expect begins with its class."""
    text, name = text_of(error), plain_line(type(error).__name__)
    if isinstance(error, PetbenchError) and text:
        return text
    return f"{name}: {text}"[:LONGEST_LINE] if text else name


class UsageError(PetbenchError):
    """A request that makes no sense as it was typed."""

    exit_code = 2


class UnknownNameError(UsageError):
    """A name that nothing has, with the nearest ones that something has."""

    def __init__(self, kind: str, name: str, known: Iterable[str], *, listed: str = "Installed:") -> None:
        super().__init__(unknown_name(kind, name, known, listed))


class PluginError(PetbenchError):
    """A plugin that broke its contract.

    Args:
        message: one line.
        code: the function of the author's that gave what is refused, where it has ended by then.
    """

    def __init__(self, message: str, code: Callable[..., Any] | None = None) -> None:
        super().__init__(message)
        self.code = code


@contextlib.contextmanager
def given_by(code: Callable[..., Any]) -> Iterator[None]:
    """Within the block, what is refused was given by a function of an author's, which its author wants to find."""
    try:
        yield
    except PluginError as error:
        error.code = error.code or code
        raise


def causes(error: BaseException) -> Iterator[BaseException]:
    """Yield an exception and those that it was raised for."""
    seen: list[BaseException] = []
    following: BaseException | None = error
    while following is not None and not any(following is each for each in seen):
        seen.append(following)
        yield following
        following = following.__cause__ or (None if following.__suppress_context__ else following.__context__)


class ChangedError(PetbenchError):
    """What a run is made of is no longer what it was planned with."""


class SharingError(PetbenchError):
    """A training cannot be shared by as many processes as was asked for: nothing that the method did wrong."""


class PeerLostError(SharingError):
    """A process that shared the training is gone; what ended it, somebody else says."""


class Diverged(PetbenchError):  # noqa: N818 - the name is the status of the run
    """A loss or a weight is no longer finite."""


class CheckpointError(PetbenchError):
    """A checkpoint that cannot be read, or that belongs to another run."""


class Interrupted(Exception):  # noqa: N818 - the name is the status of the run
    """The user asked to stop, and a checkpoint is written."""
