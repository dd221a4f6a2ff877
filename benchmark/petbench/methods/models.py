"""Save the trained model of a run, and load it again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch

from petbench.errors import PetbenchError, UsageError
from petbench.methods.build import build_method
from petbench.methods.source import source_hash
from petbench.registry import load_plugins
from petbench_datasets.files import atomic_path

if TYPE_CHECKING:
    from pathlib import Path

    from petbench.contract import Method, RunnableMethod
    from petbench.plans.run_plan import RunPlan

FILE_NAME = "model.pt"


def choose_device(asked: str) -> torch.device:
    """Return the device that was asked for; `auto` is the first CUDA device where there is one.

    Raises:
        UsageError: there is no such device here.
    """
    if asked == "auto":
        return torch.device("cuda:0" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(asked)
    except RuntimeError:
        raise UsageError(f"the device {asked!r} is not understood; use auto, cpu, cuda or cuda:INDEX") from None
    if device.type not in ("cpu", "cuda"):
        raise UsageError(f"petbench does not run on {asked!r}; use auto, cpu, cuda or cuda:INDEX")
    if device.type == "cuda" and (device.index or 0) >= torch.cuda.device_count():
        raise UsageError(f"there is no {asked} here; `petbench doctor` says what there is, --device auto takes it")
    return torch.device("cuda", device.index or 0) if device.type == "cuda" else device


def build(plan: RunPlan) -> RunnableMethod:
    """Build the method of a plan, untrained."""
    spec, _ = load_plugins().method(plan.method)
    return build_method(spec, dict(plan.parameters))


def save(method: Method, folder: Path) -> None:
    """Write what `predict` needs into the folder of a run."""
    with atomic_path(folder / FILE_NAME) as temporary:
        torch.save(dict(method.state_dict()), temporary)


def load(plan: RunPlan, folder: Path, device: str) -> RunnableMethod:
    """Build the method of a plan and give it the weights of its run.

    Raises:
        PetbenchError: the weights are gone or damaged, or the plugin's code has changed since.
    """
    spec, plugin = load_plugins().method(plan.method)
    if source_hash(plugin.module) != plan.source_hash:
        raise PetbenchError(
            f"the code of {plan.method} ({plugin.distribution} {plugin.version}) has changed since the run was made; "
            f"install {plan.distribution} {plan.version} as it was, or run the method again"
        )
    path = folder / FILE_NAME
    try:
        state: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
    except FileNotFoundError:
        raise PetbenchError(f"{path}: the model of this run is gone; run the method again with --force") from None
    except Exception as error:  # a damaged file raises whatever the unpickler met first
        raise PetbenchError(f"{path}: cannot be read ({type(error).__name__}); run again with --force") from error
    method = build_method(spec, dict(plan.parameters))
    method.load_state_dict(state)
    method.to(choose_device(device))
    return method
