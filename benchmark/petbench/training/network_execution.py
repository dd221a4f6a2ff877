"""How a method's networks run while it trains: compiled, in bfloat16, with matmul convolutions; and plain in between.

A network is run in another way by giving it a `forward` of its own. This file alone does so, and takes it back.
"""

from __future__ import annotations

import contextlib
import logging
from types import MethodType
from typing import TYPE_CHECKING, Any

import torch
from torch import nn

from petbench.training import matmul_convolution
from petbench.training.torch_settings import torch_settings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from petbench.engine_settings import EngineSettings

    Forward = Callable[..., Any]

logger = logging.getLogger(__name__)

_CHANNELS_LAST = {4: torch.channels_last, 5: torch.channels_last_3d}


class NetworkExecution:
    """Runs the networks of one method as an engine's settings say, within the block of `training`.

    Autocast covers a network and nothing else, and what a network returns is float32: whatever a training step
    computes from it, losses above all, is float32 without the author doing anything.

    Args:
        method: whose networks these are.
        engine: how they are to run.
        device: where they are.
        compiled: whether they are compiled.
    """

    def __init__(self, method: nn.Module, engine: EngineSettings, device: torch.device, *, compiled: bool) -> None:
        self._method = method
        self._engine = engine
        self._device = device
        self._compiled = compiled
        self._forwards: dict[nn.Module, Forward] = {}
        self._authored: dict[nn.Module, Forward | None] = {}

    @contextlib.contextmanager
    def training(self) -> Iterator[None]:
        """Within the block, networks run as the settings say."""
        if self._engine.puts_channels_last(self._device.type):
            _put_channels_last(self._method)
        with torch_settings(self._engine, self._device):
            self._forwards = self._make_forwards()
            self._authored = {module: module.__dict__.get("forward") for module in self._forwards}
            try:
                _set_forwards(self._forwards)
                yield
            finally:
                _set_forwards(self._authored)
                self._forwards, self._authored = {}, {}

    @contextlib.contextmanager
    def predicting(self) -> Iterator[None]:
        """Within the block, inside the one of `training`, networks run as their author wrote them, in float32."""
        _set_forwards(self._authored)
        try:
            yield
        finally:
            _set_forwards(self._forwards)

    @property
    def uses_matmul_convolutions(self) -> bool:
        """Whether convolutions of few positions are matrix products: on a CPU, where networks are not compiled."""
        wanted = self._engine.small_convolutions == "matmul"
        return wanted and self._device.type == "cpu" and not self._compiled

    @property
    def captured(self) -> bool:
        """Whether training steps are recorded once and replayed as a CUDA graph."""
        capturable = getattr(self._method, "capturable", False)
        return self._engine.captures(self._device.type, capturable=capturable)

    def in_bfloat16(self, network: nn.Module) -> bool:
        """Return whether `network` computes in bfloat16.

        On a CPU, networks with three-dimensional convolutions stay in float32: there oneDNN's gradient of the weights
        of an image of few planes (32 channels, 2 x 16 x 16, torch 2.13) holds memory that nobody wrote, and NaN at
        times.
        """
        unsafe = self._device.type == "cpu" and any(isinstance(module, nn.Conv3d) for module in network.modules())
        return self._engine.precision == "bf16" and not unsafe

    def describe(self) -> dict[str, object]:
        """Return how the networks run, for the log of a run."""
        in_float32 = [type(one).__name__ for one in _networks_of(self._method) if not self.in_bfloat16(one)]
        return {
            **self._engine.to_json(),
            "small_convolutions": "matmul" if self.uses_matmul_convolutions else "library",
            "compiled": self._compiled,
            "threads_used": torch.get_num_threads(),
            "networks_in_float32": in_float32,
        }

    def _make_forwards(self) -> dict[nn.Module, Forward]:
        """Return the `forward` of each module that is not to run as its author wrote it."""
        forwards: dict[nn.Module, Forward] = {}
        if self.uses_matmul_convolutions:
            # Bound methods: a copy of a network made while training computes with its own weights.
            changed = filter(matmul_convolution.can_replace, self._method.modules())
            forwards |= {module: MethodType(matmul_convolution.forward, module) for module in changed}
        for network in _networks_of(self._method):
            forward = plain = forwards.get(network, network.forward)
            if self.in_bfloat16(network):
                forward = _autocast(forward, self._device.type)
            if self._compiled:
                forward = _compiled(forward, fall_back=self._engine.compile == "auto")
            if forward is not plain:
                forwards[network] = forward
        return forwards


def _put_channels_last(method: nn.Module) -> None:
    """Lay out convolution weights so; what they compute then comes out so too. `Module.to` refuses 3-D weights."""
    for weight in method.parameters():
        if weight.dim() in _CHANNELS_LAST:
            weight.data = weight.data.contiguous(memory_format=_CHANNELS_LAST[weight.dim()])


def _set_forwards(forwards: Mapping[nn.Module, Forward | None]) -> None:
    """Give each module a `forward`; None is the one of its class."""
    for module, forward in forwards.items():
        if forward is None:
            module.__dict__.pop("forward", None)
        else:
            module.forward = forward


def _networks_of(method: nn.Module) -> list[nn.Module]:
    """Return the networks a method calls: its children, those inside lists and dictionaries included."""
    found: list[nn.Module] = []
    for child in method.children():
        found += _networks_of(child) if isinstance(child, nn.ModuleList | nn.ModuleDict) else [child]
    return found


def _compiled(forward: Forward, *, fall_back: bool) -> Forward:
    """Wrap `forward` so that it is compiled when first called; with `fall_back`, what cannot be compiled runs plain."""
    from torch._dynamo.exc import TorchDynamoException  # loads the compiler

    fast: Forward = torch.compile(forward, dynamic=False)
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


def _autocast(forward: Forward, device_type: str) -> Forward:
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
