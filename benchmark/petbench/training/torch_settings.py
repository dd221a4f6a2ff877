"""What torch keeps for the whole process: threads, determinism, precision of float32 products."""

from __future__ import annotations

import contextlib
import os
from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from collections.abc import Iterator

    from petbench.engine_settings import EngineSettings


@contextlib.contextmanager
def torch_settings(engine: EngineSettings, device: torch.device) -> Iterator[None]:
    """Within the block, torch is set as `engine` says; afterwards, as it was before."""
    threads = torch.get_num_threads()
    deterministic = torch.are_deterministic_algorithms_enabled()
    tuned, tf32 = torch.backends.cudnn.benchmark, torch.get_float32_matmul_precision()
    if engine.threads is not None:
        torch.set_num_threads(engine.threads)
    if engine.deterministic and device.type == "cuda":
        # cuBLAS repeats itself only with a workspace of fixed size, read when it is first used.
        os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    torch.use_deterministic_algorithms(engine.deterministic)
    # Fixed shapes: let cuDNN time its algorithms once, unless the choice must not depend on that clock.
    torch.backends.cudnn.benchmark = not engine.deterministic
    if device.type == "cuda":
        torch.set_float32_matmul_precision("high")
    try:
        yield
    finally:
        torch.set_num_threads(threads)
        torch.use_deterministic_algorithms(deterministic)
        torch.backends.cudnn.benchmark = tuned
        torch.set_float32_matmul_precision(tf32)
