"""The machine and the packages a run used: recorded with it, never part of its identity."""

from __future__ import annotations

import email
import importlib.metadata
import os
import platform
import re
from pathlib import Path
from typing import Any


def machine_facts() -> dict[str, Any]:
    """Return what is known of this machine without importing torch."""
    import psutil

    return {
        "system": f"{platform.system()} {platform.release()}",
        "architecture": platform.machine(),
        "processor": _processor(),
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "memory_bytes": psutil.virtual_memory().total,
        "python": platform.python_version(),
    }


def device_facts(device: str) -> dict[str, Any]:
    """Return what torch knows of the device, and the flags that change its arithmetic."""
    import torch

    facts: dict[str, Any] = {
        "device": device,
        "torch": torch.__version__,
        "threads": torch.get_num_threads(),
        "float32_matmul_precision": torch.get_float32_matmul_precision(),
        "deterministic_algorithms": torch.are_deterministic_algorithms_enabled(),
    }
    if device.startswith("cuda"):
        properties = torch.cuda.get_device_properties(device)
        facts |= {
            "name": properties.name,
            "device_memory_bytes": properties.total_memory,
            "compute_capability": f"{properties.major}.{properties.minor}",
            "cuda": torch.version.cuda,
            "cudnn": torch.backends.cudnn.version(),  # type: ignore[no-untyped-call]
        }
    return facts


def installed_packages() -> dict[str, str]:
    """Return the installed distributions and their versions, by name."""
    found = dict(map(_name_and_version, importlib.metadata.distributions()))
    return dict(sorted(found.items(), key=lambda item: item[0].lower()))


def _name_and_version(distribution: importlib.metadata.Distribution) -> tuple[str, str]:
    """Return what a distribution is called, from its headers alone: the description after them may be a whole book."""
    text = distribution.read_text("METADATA") or distribution.read_text("PKG-INFO") or ""
    headers = email.message_from_string(text.partition("\n\n")[0])
    return str(headers["Name"]), str(headers["Version"])


def _processor() -> str:
    try:
        text = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return platform.processor()
    match = re.search(r"^model name\s*:\s*(.+)$", text, flags=re.MULTILINE)
    return match.group(1) if match else platform.processor()
