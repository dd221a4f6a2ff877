"""Two threads that share a training, as two processes would, and who must do the same in every step."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, TypeVar

from petbench.testing.subject import expect

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import torch

    from petbench.training.ranks import Ranks

T = TypeVar("T")
SAME = "let every step yield the same updates of the same weights with the same terms, or leave out `splittable = True`"


class Meeting:
    """Where both bring what they have, see that it is of the same kind, and take away what both have brought."""

    def __init__(self) -> None:
        self._barrier = threading.Barrier(2)
        self._brought: dict[int, tuple[str, Mapping[str, object]]] = {}

    def exchange(self, place: int, what: str, given: Mapping[str, T]) -> tuple[Mapping[str, T], Mapping[str, T]]:
        """Wait for the other, and return what both have brought.

        Args:
            place: 0 or 1.
            what: is brought, in words.
            given: that, by name.

        Raises:
            ConformanceError: the other has brought something else; both are told so.
            BrokenBarrierError: the other has left.
        """
        self._brought[place] = (what, given)
        self._barrier.wait()
        (kind, one), (other_kind, other) = self._brought[0], self._brought[1]
        self._barrier.wait()  # until both have looked
        expect(kind == other_kind, f"one half of a batch makes more updates in a step than the other: {SAME}")
        lone = sorted(one.keys() ^ other.keys())
        expect(not lone, lambda: f"{what} `{lone[0]}` is there on one half of a batch and not on the other: {SAME}")
        return one, other  # type: ignore[return-value] # of one kind, as was just seen

    def leave(self) -> None:
        """Let the other wait no longer."""
        self._barrier.abort()

    def threads(self) -> list[Ranks]:
        """Return the two as who shares a training."""
        from petbench.training.ranks import Ranks

        meeting = self

        class InThread(Ranks):
            """Meets the other in memory."""

            def average_gradients(self, name: str, weights: Sequence[torch.nn.Parameter]) -> None:
                gradients = {
                    f"weight {number} of {name}, of shape {tuple(weight.shape)}": weight.grad
                    for number, weight in enumerate(weights, start=1)
                    if weight.grad is not None
                }
                copies = {name: gradient.clone() for name, gradient in gradients.items()}
                one, other = meeting.exchange(self.rank, "the gradient of", copies)
                for each, gradient in gradients.items():
                    gradient.copy_((one[each] + other[each]) / 2)

        return [InThread(rank, 1) for rank in range(2)]
