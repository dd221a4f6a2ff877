"""Which of torch's operators run."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from torch.utils._python_dispatch import TorchDispatchMode

if TYPE_CHECKING:
    from collections.abc import Mapping


class OperatorNames(TorchDispatchMode):
    """Keeps the name of every operator that runs within the block, those of backward passes and optimizers included.

    Attributes:
        names: in the order in which they run, such as `add.Tensor`.
    """

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call] # torch does not type it
        self.names: list[str] = []

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        """Note an operator and run it."""
        self.names.append(str(func).removeprefix("aten."))
        return func(*args, **(kwargs or {}))
