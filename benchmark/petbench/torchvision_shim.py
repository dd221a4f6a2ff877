"""Import torchvision beside a build of torch that its compiled operators were not made for.

The published wheel of torchvision needs the CUDA libraries of torch and cannot load its operators beside a CPU build.
torchvision tolerates that, except where it registers shape functions for `nms` and `qnms`, which then do not exist.
Declaring the two is enough; what pytorch-fid uses (the blocks of Inception) is plain Python. A healthy installation
loads its operators and nothing is declared. Call `import_torchvision` before anything that imports torchvision,
torchmetrics and pytorch_fid among them.
"""

from __future__ import annotations

import importlib
import importlib.util
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from types import ModuleType

# The declarations die with this object.
_declared: list[Any] = []


def import_torchvision() -> ModuleType:
    """Import and return torchvision, its two stray operators declared first where they cannot be loaded.

    Raises:
        ImportError: torchvision is not installed.
    """
    specification = importlib.util.find_spec("torchvision")
    if specification is None or specification.origin is None:
        raise ImportError("torchvision is not installed: pip install petbench again, with its constraints")
    if not operators_load(Path(specification.origin).parent) and not _declared:
        torch: Any = importlib.import_module("torch")  # typed in part, which strict checking cannot call
        library = torch.library.Library("torchvision", "FRAGMENT")
        for name in ("nms", "qnms"):
            library.define(f"{name}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
        _declared.append(library)
    return importlib.import_module("torchvision")


def operators_load(folder: Path) -> bool:
    """Return whether the compiled operators in torchvision's `folder` load beside this torch."""
    torch: Any = importlib.import_module("torch")
    libraries = sorted(folder.glob("_C*.so")) + sorted(folder.glob("_C*.pyd"))
    try:
        for library in libraries:
            torch.ops.load_library(str(library))
    except OSError:
        return False
    return bool(libraries)
