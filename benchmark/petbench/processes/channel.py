"""Messages between two processes: JSON, one object at a time, with open files beside it.

Nothing is unpickled, and no message is larger than the reader allows: the other side may run code of a stranger.
"""

from __future__ import annotations

import contextlib
import json
import os
import select
import socket
import struct
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    from collections.abc import Sequence

_LENGTH = struct.Struct("!I")
_MOST_FILES = 8
LARGEST_BYTES = 2**26
"""Of one message: the scores of a large test set fit many times over."""


class ChannelError(Exception):
    """The other side sent what is no message."""


class Channel:
    """One end of a connection.

    Args:
        end: a connected stream socket of this machine.
    """

    def __init__(self, end: socket.socket) -> None:
        self._socket = end

    @classmethod
    def pair(cls) -> tuple[Self, socket.socket]:
        """Return this process's end, and the socket to hand to the other one."""
        ours, theirs = socket.socketpair()
        return cls(ours), theirs

    @classmethod
    def inherited(cls, descriptor: int) -> Self:
        """Return the end that this process was started with; none of its own children gets it."""
        os.set_inheritable(descriptor, False)
        return cls(socket.socket(fileno=descriptor))

    def send(self, message: object, files: Sequence[int] = ()) -> None:
        """Send what JSON can say, and open files by their descriptors, for the other side to read.

        Raises:
            OSError: nobody is there any more.
        """
        content = json.dumps(message).encode()
        with contextlib.ExitStack() as opened:
            shared = []
            for file in files:
                shared.append(_for_reading(file))
                opened.callback(os.close, shared[-1])
            head = _LENGTH.pack(len(content))
            if shared:
                socket.send_fds(self._socket, [head], shared)
            else:
                self._socket.sendall(head)
            self._socket.sendall(content)

    def receive(self) -> tuple[Any, list[int]] | None:
        """Wait for the next message; return it with the descriptors of its files, or None when nobody sends any more.

        Raises:
            ChannelError: what came is no message.
        """
        head, files = b"", []
        try:
            while len(head) < _LENGTH.size:
                part, found, _, _ = socket.recv_fds(self._socket, _LENGTH.size - len(head), _MOST_FILES)
                files += found
                if not part:
                    return None
                head += part
            (length,) = _LENGTH.unpack(head)
            if length > LARGEST_BYTES:
                raise ChannelError(f"a message of {length:,} bytes came; the most is {LARGEST_BYTES:,}")
            content = bytearray()
            while len(content) < length:
                more = self._socket.recv(min(length - len(content), 2**20))
                if not more:
                    return None
                content += more
        except ConnectionError:
            return None
        try:
            return json.loads(content), files
        except (ValueError, RecursionError):
            raise ChannelError("what came is no JSON") from None

    def has_message(self, seconds: float = 0.0) -> bool:
        """Wait at most so long and return whether there is something to receive, the end of the connection included."""
        return bool(select.select([self._socket], [], [], seconds)[0])

    def fileno(self) -> int:
        """Return the descriptor of this end, so that several connections can be waited for at once."""
        return self._socket.fileno()

    def end_sending(self) -> None:
        """Say that this side sends nothing more; it can still receive."""
        self._socket.shutdown(socket.SHUT_WR)

    def close(self) -> None:
        """Let go of the connection."""
        self._socket.close()


def _for_reading(descriptor: int) -> int:
    """Open a file once more, for reading alone where the system can; otherwise return another descriptor of it."""
    try:
        return os.open(f"/proc/self/fd/{descriptor}", os.O_RDONLY)
    except OSError:
        return os.dup(descriptor)
