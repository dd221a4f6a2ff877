"""How the engine runs, as plain data: part of a run's record, readable without torch."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any, Literal

Precision = Literal["fp32", "bf16"]
Compile = Literal["on", "off", "auto"]
CudaGraphs = Literal["on", "off", "auto"]
ChannelsLast = Literal["on", "off", "auto"]
SmallConvolutions = Literal["matmul", "library"]
Storage = Literal["device", "mapped", "auto"]

COMPILE_FROM_IMAGES = 200_000
"""`auto` compiles from this budget on: below it, compiling costs more seconds than it saves."""


@dataclass(frozen=True, slots=True)
class EngineSettings:
    """Everything that changes speed or the last bits of a result, but not what is computed.

    Attributes:
        precision: `bf16` runs the networks under autocast; losses, weights and optimizers stay in float32.
        compile: torch.compile each network; `auto` decides by device and budget, see `compiles`.
        cuda_graphs: replay training steps as one CUDA graph; `auto` on a CUDA device, for methods that declare
            `StepMethod.capturable`.
        deterministic: refuse every operation whose result may change from run to run.
        threads: threads of one operation on the CPU; None leaves torch's own choice. A CPU run repeats bit for bit
            only with the same number.
        channels_last: keep the channels of a voxel side by side, as tensor cores want them; `auto` on a CUDA device.
        small_convolutions: `matmul` computes convolutions of few positions and many weights as matrix products,
            on a CPU, where networks are not compiled; `library` leaves them to torch.
        storage: where the dataset's tensors live: on the device, in a memory-mapped file, or `auto` by size.
        processes: that share the training, each with its part of every batch and, on CUDA, a card of its own. Where
            they are several, networks are not compiled, and steps not replayed as a graph.
    """

    precision: Precision = "bf16"
    compile: Compile = "auto"
    cuda_graphs: CudaGraphs = "auto"
    deterministic: bool = False
    threads: int | None = None
    channels_last: ChannelsLast = "auto"
    small_convolutions: SmallConvolutions = "matmul"
    storage: Storage = "auto"
    processes: int = 1

    def compiles(self, device: str, images: int | None) -> bool:
        """Return whether networks are compiled on a `device` ("cpu", "cuda") for a budget of `images`."""
        if self.processes > 1:
            return False
        if self.compile != "auto":
            return self.compile == "on"
        return device == "cuda" and (images is None or images >= COMPILE_FROM_IMAGES)

    def puts_channels_last(self, device: str) -> bool:
        """Return whether weights and images on a `device` ("cpu", "cuda") keep the channels of a voxel side by side."""
        return self.channels_last == "on" or (self.channels_last == "auto" and device == "cuda")

    def captures(self, device: str, *, capturable: bool) -> bool:
        """Return whether steps of a method that is `capturable` or not are replayed as a graph on a `device`."""
        wanted = capturable if self.cuda_graphs == "auto" else self.cuda_graphs == "on"
        return wanted and device == "cuda" and self.processes == 1

    def to_json(self) -> dict[str, Any]:
        """Return the settings as a dictionary that JSON can hold."""
        return dataclasses.asdict(self)

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> EngineSettings:
        """Return the settings that `to_json` gave."""
        return cls(**values)


DEFAULTS = EngineSettings()
"""What `petbench run` and `petbench plan` take where nothing is asked for."""
