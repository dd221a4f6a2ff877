"""Every failure leads to the line of the author's own code."""

from __future__ import annotations

import re
import sys
import textwrap
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch
from tests.benchmark.step_methods import CPU, SMALL, Linear, context

from petbench import Batch, MethodSpec, Scan, Scans, StepParameters
from petbench.authors_line import authors_line, with_authors_line
from petbench.contract import Budget
from petbench.errors import PluginError
from petbench.testing import checks
from petbench.testing.recording import RecordingContext
from petbench.training.optimizers import Optimizers
from petbench.training.prediction import translate_volume

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path
    from types import ModuleType

CODE = """
import torch
from torch import nn
from petbench import StepMethod

class Method(StepMethod):
    def __init__(self, parameters):
        super().__init__(parameters)
        self.network = nn.Conv2d(1, 1, 1)

    def training_step(self, batch):
        return {"l1": (self.translate(batch) - batch.delayed).abs().mean()}

    def translate(self, scans):
        return self.network(scans.early)

class Raises(Method):
    def translate(self, scans):
        return helper(scans.early)

class ReturnsNothing(Method):
    def training_step(self, batch):
        self.translate(batch)

class RaisesFromAnother(Method):
    def training_step(self, batch):
        try:
            helper(batch.early)
        except RuntimeError as error:
            raise ValueError("a loss that cannot be") from error

def helper(image):
    return image @ torch.zeros(3, 3)
"""
LINES = CODE.splitlines()


def line_of(text: str) -> str:
    return f"my_method/networks.py:{LINES.index(text) + 1}"


@pytest.fixture
def networks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ModuleType]:
    package = tmp_path / "my_method"
    package.mkdir()
    (package / "__init__.py").touch()
    (package / "networks.py").write_text(CODE, encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    import my_method.networks  # type: ignore[import-not-found]

    yield my_method.networks
    for name in ("my_method", "my_method.networks"):  # other tests have packages of this name, too
        del sys.modules[name]


def raised(make: type[Any]) -> BaseException:
    batch = Batch(torch.zeros(1, 1, 4, 4), torch.zeros(1, 1, 4, 4))
    with pytest.raises(Exception) as caught:
        Optimizers(make(SMALL), CPU).step(batch, 0.0)
    return caught.value


def test_the_deepest_line_of_the_author_is_named_not_the_library_that_raised(networks: ModuleType) -> None:
    error = raised(networks.Raises)
    assert authors_line(error, {"my_method"}) == line_of("    return image @ torch.zeros(3, 3)")
    assert authors_line(error, {"another"}) is None


def test_what_was_returned_leads_to_the_function_that_returned_it(networks: ModuleType) -> None:
    error = raised(networks.ReturnsNothing)
    assert isinstance(error, PluginError)
    place = LINES.index("class ReturnsNothing(Method):") + 2
    assert with_authors_line(str(error), error, {"my_method"}).endswith(f"(my_method/networks.py:{place})")


def test_the_line_is_that_of_the_first_cause(networks: ModuleType) -> None:
    error = raised(networks.RaisesFromAnother)
    assert authors_line(error, {"my_method"}) == line_of("    return image @ torch.zeros(3, 3)")


@pytest.mark.slow
def test_the_checks_name_the_line_and_say_that_the_method_raised(networks: ModuleType) -> None:
    spec = MethodSpec(
        name="raises", build=networks.Raises, parameters=StepParameters, supervision="paired",
        summary="a method that raises",  presets={"mini": {}},
    )  # fmt: skip
    results = {check.name: check.run() for check in checks(spec)}
    assert results["finite-losses"].raised
    assert line_of("    return image @ torch.zeros(3, 3)") in results["finite-losses"].detail
    assert not results["specification"].raised


class Translates(Linear):
    def __init__(self, output: Callable[[torch.Tensor], Any]) -> None:
        super().__init__(SMALL)
        self.output = output

    def translate(self, scans: Scans) -> Any:
        return self.output(scans.early)


@pytest.mark.parametrize(
    ("output", "message"),
    [
        (lambda image: None, "translate returned NoneType; it returns a tensor of 1x1x5x7"),
        (lambda image: image.numpy(), "translate returned ndarray"),
        (lambda image: image.mean(), "translate returned one number; it returns 1x1x5x7"),
        (lambda image: image[:, 0], "translate returned 1x5x7; it returns 1x1x5x7: (batch, delayed_slices, y, x)"),
        (lambda image: image[..., :4], "translate returned 1x1x5x4"),
        (lambda image: image > 0, "translate returned torch.bool; it returns floating-point numbers"),
        (lambda image: image.to(torch.complex64), "translate returned torch.complex64"),
    ],
)
def test_what_translate_may_not_return_is_said_in_one_sentence(output: Any, message: str) -> None:
    early = np.ones((3, 5, 7), dtype=np.float32)
    with pytest.raises(PluginError) as caught:
        translate_volume(Translates(output), Scan(early))
    assert message in str(caught.value)
    assert authors_line(caught.value, {"tests"}) is not None


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda run: run.advance(4, {"l1": 1.0}), "advance(images, losses) was given dict for losses"),
        (lambda run: run.advance(4, lambda: 1.0), "losses() returned float; it returns a dictionary"),
        (lambda run: run.advance(4, lambda: {"l1": "low"}), "the loss 'l1' is str; it is a number"),
        (lambda run: run.advance(4, lambda: {"l1": torch.zeros(3)}), "the loss 'l1' is Tensor; it is a number"),
        (lambda run: run.advance(2.5, dict), "2.5 is no number of images"),
        (lambda run: run.log("mine", [1]), "log('mine', ...) was given list; it takes a dictionary"),
        (lambda run: run.checkpoint({"a": 1}, force=True), "checkpoint() was given dict; give a function"),
        (
            lambda run: run.checkpoint(lambda: {"sums": [{np.int16(3): 1.0}]}, force=True),
            f"the key {np.int16(3)!r} of the state given to checkpoint['sums'][0] cannot be read back: it holds numpy",
        ),
        (
            lambda run: run.checkpoint(lambda: {"random": np.random.RandomState(0).get_state()}, force=True),
            "the state given to checkpoint['random'][1] cannot be read back: it holds numpy",
        ),
    ],
)
def test_what_a_run_may_not_be_given_is_said_in_one_sentence(
    call: Callable[[Any], object], message: str, tmp_path: Path
) -> None:
    with pytest.raises(PluginError) as caught:
        call(context(tmp_path, Budget(images=4)))
    assert message in str(caught.value)
    assert "\n" not in textwrap.dedent(str(caught.value))


@pytest.mark.parametrize(
    ("losses", "message"),
    [
        ({"l1": 1.0}, "advance(images, losses) was given dict for losses"),
        (lambda: 1.0, "losses() returned float; it returns a dictionary"),
        (lambda: {"l1": "low"}, "the loss 'l1' is str; it is a number"),
    ],
)
def test_the_checks_say_the_same_of_losses_as_a_run(losses: Any, message: str, tmp_path: Path) -> None:
    checked = RecordingContext(seed=0, budget=Budget(images=4), folder=tmp_path, precision="fp32", stop_after=None)
    with pytest.raises(PluginError, match=re.escape(message)):
        checked.advance(1, losses)
