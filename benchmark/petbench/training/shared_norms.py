"""Norms whose statistics are of a batch, where several processes share the training: which can be computed together.

Batch norm becomes torch's `SyncBatchNorm`, which is made of a norm's weights, statistics and settings alone: what a
module does beside that, such as the activation of timm's `BatchNormAct2d`, would be gone without a word.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm as BatchNorm
from torch.nn.modules.instancenorm import _InstanceNorm as InstanceNorm

if TYPE_CHECKING:
    import torch

_COMPUTED_TOGETHER = (nn.BatchNorm2d, nn.BatchNorm3d, nn.SyncBatchNorm)
"""Not `BatchNorm1d`: what it becomes could no longer be told from these, whose statistics `norm_eval` chooses."""


def why_norms_not_shared(method: nn.Module, device: torch.device) -> str:
    """Return what keeps several processes on such a device from computing the norms of a method; empty for nothing."""
    for module in method.modules():
        kind = type(module)
        if isinstance(module, InstanceNorm) and module.track_running_stats:
            return "has instance norm with running statistics, which would be those of one process's images"
        if not isinstance(module, BatchNorm):
            continue
        if device.type != "cuda":
            return "has batch norm, which several processes compute together on CUDA alone"
        if kind not in _COMPUTED_TOGETHER:
            return (
                f"has {kind.__module__}.{kind.__qualname__}: of batch norms, several processes compute together "
                "torch's BatchNorm2d, BatchNorm3d and SyncBatchNorm alone"
            )
        if _does_more(module):
            return (
                f"has a {kind.__name__} with hooks or a `forward` of its own, which synchronized batch norm would lose"
            )
    return ""


def compute_norms_together(method: nn.Module) -> None:
    """Let batch norm take its means over all processes; `why_norms_not_shared` has nothing against it."""
    nn.SyncBatchNorm.convert_sync_batchnorm(method)  # type: ignore[no-untyped-call] # torch does not type it


def _does_more(norm: BatchNorm) -> bool:
    """Return whether a norm of torch's own class was given something to do beside; parametrized, it is of another."""
    return "forward" in vars(norm) or any(value for name, value in vars(norm).items() if name.endswith("_hooks"))
