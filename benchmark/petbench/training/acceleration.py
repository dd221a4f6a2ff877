"""Precision, compilation and memory format of a method's networks, for as long as it trains."""

from __future__ import annotations

import contextlib
import logging
from contextlib import nullcontext
from typing import TYPE_CHECKING, Any

import torch
from torch import nn

from petbench.training.matmul_convolution import small_convolutions_as_products

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from petbench.engine_settings import EngineSettings

logger = logging.getLogger(__name__)


def networks_of(method: nn.Module) -> list[nn.Module]:
    """Return the networks a method calls: its children, those inside lists and dictionaries included."""
    found: list[nn.Module] = []
    for child in method.children():
        found += networks_of(child) if isinstance(child, nn.ModuleList | nn.ModuleDict) else [child]
    return found


@contextlib.contextmanager
def accelerated(method: nn.Module, engine: EngineSettings, device: torch.device, *, compiled: bool) -> Iterator[None]:
    """Within the block, run the networks of `method` as `engine` says.

    Autocast covers a network and nothing else, and what a network returns is float32: whatever a training step
    computes from it, losses above all, is float32 without the author doing anything.
    """
    networks = networks_of(method)
    if engine.channels_last:
        method.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    by_products = uses_products(engine, device, compiled=compiled)
    with _process_settings(engine, device), small_convolutions_as_products(method) if by_products else nullcontext():
        try:
            for network in networks:
                forward: Callable[..., Any] = network.forward
                if in_bfloat16(network, engine, device):
                    forward = _autocast(forward, device.type)
                if compiled:
                    forward = _compiled(forward, fall_back=engine.compile == "auto")
                if forward is not network.forward:
                    network.forward = forward
            yield
        finally:
            for network in networks:
                network.__dict__.pop("forward", None)


def in_bfloat16(network: nn.Module, engine: EngineSettings, device: torch.device) -> bool:
    """Return whether `network` computes in bfloat16.

    On a processor, networks with three-dimensional convolutions stay in float32: there oneDNN's gradient of the weights
    of an image of few planes (32 channels, 2 x 16 x 16, torch 2.13) holds memory that nobody wrote, and NaN at times.
    """
    unsafe = device.type == "cpu" and any(isinstance(module, nn.Conv3d) for module in network.modules())
    return engine.precision == "bf16" and not unsafe


def uses_products(engine: EngineSettings, device: torch.device, *, compiled: bool) -> bool:
    """Return whether convolutions of few positions are matrix products: `products.py`."""
    return engine.small_convolutions == "products" and device.type == "cpu" and not compiled


def _compiled(forward: Callable[..., Any], *, fall_back: bool) -> Callable[..., Any]:
    """Wrap `forward` so that it is compiled when first called; with `fall_back`, what cannot be compiled runs plain."""
    from torch._dynamo.exc import TorchDynamoException  # loads the compiler

    fast: Callable[..., Any] = torch.compile(forward, dynamic=False)
    if not fall_back:
        return fast
    running = fast

    def compiled_or_plain(*arguments: Any, **keywords: Any) -> Any:
        nonlocal running
        try:
            return running(*arguments, **keywords)
        except TorchDynamoException as error:
            logger.warning("not compiled, runs as it is written: %s", str(error).partition("\n")[0])
            running = forward
            return running(*arguments, **keywords)

    return compiled_or_plain


def _autocast(forward: Callable[..., Any], device_type: str) -> Callable[..., Any]:
    """Wrap `forward` so that it computes in bfloat16 and returns float32."""

    def autocast(*arguments: Any, **keywords: Any) -> Any:
        with torch.autocast(device_type, torch.bfloat16):
            result = forward(*arguments, **keywords)
        return _to_float32(result)

    return autocast


def _to_float32(value: Any) -> Any:
    if isinstance(value, torch.Tensor):
        return value.float() if value.is_floating_point() else value
    if isinstance(value, list | tuple):
        return type(value)(_to_float32(item) for item in value)
    return value


@contextlib.contextmanager
def _process_settings(engine: EngineSettings, device: torch.device) -> Iterator[None]:
    """Set what torch keeps for the whole process, and put it back afterwards."""
    threads = torch.get_num_threads()
    deterministic = torch.are_deterministic_algorithms_enabled()
    tuned, tf32 = torch.backends.cudnn.benchmark, torch.get_float32_matmul_precision()
    if engine.threads is not None:
        torch.set_num_threads(engine.threads)
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
