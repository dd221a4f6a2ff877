"""The state of a method is tensors and plain values: anything else is refused when it is saved."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch

from petbench.errors import PluginError
from petbench.methods import models
from petbench.training.kept_values import check_state

if TYPE_CHECKING:
    from pathlib import Path


class Stateful:
    def __init__(self, state: dict[str, Any]) -> None:
        self._state = state

    def state_dict(self) -> dict[str, Any]:
        return self._state


class Tree:
    """Stands for an object of some library."""


@pytest.mark.parametrize(
    ("state", "message"),
    [
        ({"forest": Tree()}, "it holds .*Tree; a state is tensors"),
        ({"curve": np.ones(3)}, r"state_dict\(\)\['curve'\] cannot be read back: it holds numpy"),
        (
            {"organs": {np.int16(7): 1.0}},
            r"the key .*7.* of .*\['organs'\] cannot be read back: it holds numpy",
        ),
        (
            {"organs": [1.0, {"line": np.float64(2)}]},
            r"\['organs'\]\[1\]\['line'\] cannot be read back: it holds",
        ),
        ({"trees": [{"nodes": b"\x80\x04."}]}, r"state_dict\(\)\['trees'\]\[0\]\['nodes'\] is bytes"),
        ({"raw": bytearray(3)}, "bytearray"),
        ({"f": lambda: 1}, "cannot be saved"),
    ],
    ids=lambda value: "" if isinstance(value, dict) else value[:20],
)
def test_a_state_that_cannot_be_read_back_is_refused_and_says_how_to_keep_it(
    tmp_path: Path, state: dict[str, Any], message: str
) -> None:
    with pytest.raises(PluginError, match=message) as refused:
        models.save(Stateful(state), tmp_path / "model.pt")  # type: ignore[arg-type]
    assert "skops" in str(refused.value)
    assert not (tmp_path / "model.pt").exists()


def test_a_state_of_tensors_and_plain_values_is_kept(tmp_path: Path) -> None:
    state = {"weights": torch.ones(3), "n": 3, "x": 0.5, "name": "a", "list": [1, (2, None)], "nested": {"b": True}}
    models.save(Stateful(state), tmp_path / "model.pt")  # type: ignore[arg-type]
    with (tmp_path / "model.pt").open("rb") as file:
        assert check_state(file)["list"] == [1, (2, None)]
