"""Which trainings several processes may share; what is known of that before anything is built."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from petbench.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from petbench.contract import MethodSpec

MOST_PROCESSES = 64
"""That share a training: cards of one machine."""
_BATCH = "batch_size"


def check_processes(spec: MethodSpec, processes: int, *, device: str, compiled: bool, captured: bool) -> None:
    """Refuse to have several processes share what cannot be shared.

    Args:
        spec: of the method.
        processes: that share its training.
        device: as asked for.
        compiled: whether networks are to be compiled, whatever else.
        captured: whether steps are to be replayed as a CUDA graph, whatever else.

    Raises:
        UsageError: in one line.
    """
    if processes == 1:
        return
    if spec.is_program or spec.parameters is None or _BATCH not in spec.parameters.model_fields:
        why = "trains in a program of its own" if spec.is_program else "has no batches that petbench makes"
        raise UsageError(
            f"{spec.name} {why}, so {processes} processes cannot share its training: leave --processes out"
        )
    if device.startswith("cuda:"):
        raise UsageError(
            f"--device {device} is one card, and each of {processes} processes needs its own: --device cuda"
        )
    for option, wanted in (("--compile on", compiled), ("--cuda-graphs on", captured)):
        if wanted:
            raise UsageError(f"{option} is not for a training that {processes} processes share: leave it out")


def check_batch(spec: MethodSpec, values: Mapping[str, Any], processes: int) -> None:
    """Refuse to divide a batch unevenly: the mean over the processes would not be that over the batch.

    Raises:
        UsageError: in one line.
    """
    if processes > 1 and (size := int(values[_BATCH])) % processes:
        raise UsageError(
            f"{spec.name}: {processes} processes cannot share a batch of {size} images evenly: set {_BATCH} to a "
            f"multiple of {processes}, such as {-(-size // processes) * processes}"
        )
