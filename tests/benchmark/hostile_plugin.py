"""A plugin whose method does whatever a test has it do."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.benchmark.installed import install_module

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


SOURCE = """
    import atexit, gc, json, os, sys, threading, time
    print("imported: not json")
    from pathlib import Path
    import numpy as np
    from petbench import MethodSpec, hookimpl

    class Mute(Exception):
        def __str__(self):
            raise RuntimeError("nothing to say")

    class Hostile:
        def fit(self, data, run):
            self.context = run
            FIT
        def predict(self, scan):
            predicted = scan.early.copy()
            PREDICT
            return predicted
        def state_dict(self):
            STATE
            return {"factor": 1.0}
        def load_state_dict(self, state):
            LOAD

    @hookimpl
    def petbench_methods():
        return [MethodSpec(name="hostile", summary="does what no method should", build=lambda _: Hostile())]
"""


def variables(site: Path, code: Mapping[str, str]) -> dict[str, str]:
    """Install the hostile method with some lines of code in the places of that name; return what makes it visible."""
    source = SOURCE
    for place in ("FIT", "PREDICT", "STATE", "LOAD"):
        lines = code.get(place.lower(), "pass").splitlines()
        source = source.replace(f"            {place}\n", "".join(f"            {line}\n" for line in lines))
    return install_module(site, "hostile", source)
