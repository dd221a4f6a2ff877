"""What processes say to each other arrives as it was sent, and what is no message is refused."""

from __future__ import annotations

import os
import socket
from typing import TYPE_CHECKING

import pytest
from pydantic import ValidationError

from petbench.processes.channel import LARGEST_BYTES, Channel, ChannelError
from petbench.runs.method_process import messages

if TYPE_CHECKING:
    from pathlib import Path


def test_messages_and_files_arrive_as_they_were_sent_and_the_end_is_seen(tmp_path: Path) -> None:
    ours, theirs = Channel.pair()
    other = Channel(theirs)
    assert not ours.has_message()
    with (tmp_path / "file").open("w+b") as file:
        file.write(b"voxels")
        file.flush()
        other.send({"a": [1.5, None, "\ud800"]}, [file.fileno()])
    received = ours.receive()
    assert received is not None
    message, (descriptor,) = received
    assert message == {"a": [1.5, None, "\ud800"]}
    assert os.pread(descriptor, 6, 0) == b"voxels"
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.pwrite(descriptor, b"other", 0)
    os.close(descriptor)
    other.close()
    assert ours.has_message()
    assert ours.receive() is None
    ours.close()


@pytest.mark.parametrize(
    "sent", [b"\x00\x00\x00\x03{]}", (LARGEST_BYTES + 1).to_bytes(4, "big"), b"\x00\x00\x00\x01\xff"]
)
def test_what_is_no_message_is_refused(sent: bytes) -> None:
    ours, theirs = Channel.pair()
    theirs.sendall(sent)
    with pytest.raises(ChannelError):
        ours.receive()
    ours.close()
    theirs.close()


@pytest.mark.parametrize(
    "said",
    [
        {"kind": "saved", "parameter_count": 2**70},
        {"kind": "saved", "parameter_count": -1},
        {"kind": "saved", "parameter_count": True},
        {"kind": "saved", "parameter_count": 1, "score": 99.0},
        {"kind": "progress", "description": "x" * 3000, "done": 1, "total": 2},
        {"kind": "progress", "description": "x", "done": float("nan"), "total": 2},
        {"kind": "fit"},
        {"kind": "failed", "status": "splendid", "error_class": "", "message": "", "fault": "method"},
        {},
        [],
        None,
    ],
)
def test_an_answer_that_says_more_or_other_than_it_may_is_refused(said: object) -> None:
    with pytest.raises(ValidationError):
        messages.ANSWERS.validate_python(said)


def test_a_socket_of_another_machine_is_not_what_connects_the_processes() -> None:
    ours, theirs = Channel.pair()
    assert theirs.family == socket.AF_UNIX
    ours.close()
    theirs.close()
