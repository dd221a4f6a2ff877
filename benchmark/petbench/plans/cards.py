"""Cards and processes of a run: what `--gpus`, `--processes` and `--device` mean together."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

from petbench.errors import UsageError

if TYPE_CHECKING:
    from petbench.plans.sweep_request import SweepRequest


def with_cards(request: SweepRequest, gpus: int | None, *, here: bool) -> SweepRequest:
    """Return a request whose runs have a number of cards each, shared by as many processes unless it says otherwise.

    One process with several cards is for a method that uses them by itself.

    Args:
        request: as typed.
        gpus: cards of each run; None where nobody says.
        here: whether the runs are made on this machine, where no engine gives them their cards.

    Raises:
        UsageError: what is asked for contradicts itself.
    """
    if gpus is None:
        number = request.processes or 1
        if number > 1 and request.device == "auto" and not here:
            raise UsageError(
                f"--processes {number} with --on says not what they run on, and without a card each they would share a "
                f"CPU: add --gpus {number}, --device cuda where the engine's workers have their cards, or --device cpu"
            )
        return request
    processes = request.processes or max(1, gpus)
    if gpus and request.device == "cpu":
        raise UsageError(f"--gpus {gpus} and --device cpu contradict each other: leave one out")
    if not gpus and request.device.startswith("cuda"):
        raise UsageError(f"--gpus 0 and --device {request.device} contradict each other: leave one out")
    if processes not in (1, gpus) and request.device != "cpu":
        raise UsageError(
            f"--processes {processes} needs a card for each of them, and --gpus is {gpus}: make them equal"
        )
    device = request.device
    if device == "auto" and (here or processes > 1):
        device = "cuda" if gpus else "cpu"
    return dataclasses.replace(request, processes=processes, device=device)
