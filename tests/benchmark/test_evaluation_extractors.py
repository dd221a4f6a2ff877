"""Feature extractors: the embedded one to its golden values, Inception against pytorch-fid, weights by their hash."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import warnings
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch

from petbench.evaluation.extractors import inception, resolve, weights_status
from petbench.evaluation.extractors import weights as weights_module
from petbench.evaluation.extractors.base import WeightsUnavailableError
from petbench.evaluation.extractors.random_convolution import (
    RandomConvolution,
    baked_constants,
    digest_of,
    generate_kernels,
)
from petbench.evaluation.extractors.weights import CANONICAL, FOLDED, WeightsFile
from petbench.evaluation.frechet import frechet_distance
from petbench.evaluation.slices import body_slices, write_png_folder
from petbench.torchvision_shim import import_torchvision
from petbench_datasets.errors import DataError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Slices = NDArray[np.uint8]

FOLDED_PLACES = [
    Path(os.environ.get("PETBENCH_FD768_WEIGHTS", "")),
    *(parent / "shared" / "data" / "weights" / FOLDED.name for parent in Path(__file__).parents),
]
FOLDED_PATH = next((path for path in FOLDED_PLACES if path.is_file()), None)
needs_folded = pytest.mark.skipif(FOLDED_PATH is None, reason=f"{FOLDED.name} is not here; $PETBENCH_FD768_WEIGHTS")


@pytest.fixture(autouse=True)
def nowhere_to_look(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let no weights of this machine into a test."""
    monkeypatch.delenv(CANONICAL.variable, raising=False)
    monkeypatch.delenv(FOLDED.variable, raising=False)
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))


def slices(seed: int, count: int = 6, shape: tuple[int, int] = (40, 36)) -> Slices:
    generator = np.random.default_rng(seed)
    return generator.integers(0, 256, (count, *shape), dtype=np.uint8)


def test_the_embedded_extractor_gives_its_golden_features() -> None:
    y, x = np.indices((64, 64))
    image = ((y * 3 + x * x // 7) % 256).astype(np.uint8)
    features = RandomConvolution()(image[None])[0]
    assert features.shape == (960,)
    golden = [33.604667, -78.198025, 5.5972762, 19.131661, 40.042205, 27.141983, 8.1733259]
    np.testing.assert_allclose(features[[0, 31, 32, 100, 300, 700, 959]], golden, rtol=1e-4)


def test_the_embedded_weights_are_those_of_the_protocol_and_another_bit_is_noticed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from petbench.evaluation.extractors import random_convolution

    kernels = generate_kernels()
    assert digest_of(kernels) == random_convolution.WEIGHTS_SHA256
    assert [kernel.shape for kernel in kernels] == [(32, 1, 3, 3), (64, 32, 3, 3), (128, 64, 3, 3), (256, 128, 3, 3)]
    np.testing.assert_allclose(kernels[2][::2].sum(axis=(2, 3)), 0.0, atol=1e-6)
    kernels[3][0, 0, 0, 0] = np.nextafter(kernels[3][0, 0, 0, 0], np.float32(1.0))
    monkeypatch.setattr(random_convolution, "generate_kernels", lambda: kernels)
    with pytest.raises(RuntimeError, match="not those of the protocol"):
        RandomConvolution()


@pytest.mark.slow
def test_the_baked_constants_come_from_their_recipe() -> None:
    from petbench.evaluation.extractors.randconv_constants import compute_constants

    again, (centres, scales) = compute_constants(), baked_constants()
    np.testing.assert_allclose(again["scale"], scales, rtol=2e-3)
    np.testing.assert_allclose((again["centre"] - centres) / scales, 0.0, atol=2e-3)


def test_features_do_not_depend_on_the_batch_they_are_in() -> None:
    extractor = RandomConvolution()
    images = slices(1, 70)
    np.testing.assert_allclose(extractor(images)[65:], extractor(images[65:]), rtol=1e-5)


def test_the_embedded_extractor_sees_a_wrong_suv_scale() -> None:
    from petbench.evaluation.extractors.randconv_constants import synthetic_slices

    images = synthetic_slices()[:96, ::2, ::2]
    extractor = RandomConvolution()
    first, second = extractor(images[:48]), extractor(images[48:])
    floor = frechet_distance(first, second)
    dimmer = np.rint(images[48:] * 0.7).astype(np.uint8)
    assert frechet_distance(first, extractor(dimmer)) > 3.0 * floor


def random_state(seed: int) -> dict[str, torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    state = {}
    for name, tensor in inception._template().items():
        noise = torch.randn(tensor.shape, generator=generator) if tensor.is_floating_point() else tensor
        if tensor.ndim == 4:
            noise = noise * (2.0 / tensor[0].numel()) ** 0.5
        state[name] = noise.abs() + 0.5 if name.endswith("running_var") else noise
    return state


@pytest.mark.slow
@pytest.mark.parametrize("dimension", [768, 2048])
def test_inception_equals_pytorch_fid_on_the_same_png_files(tmp_path: Path, dimension: int) -> None:
    import_torchvision()
    from pytorch_fid import fid_score
    from pytorch_fid.inception import InceptionV3

    state = random_state(3)
    images = slices(2, 3)
    write_png_folder(tmp_path / "png", {"sub-01": images})
    with inception.given_to_pytorch_fid(state):
        network = InceptionV3([InceptionV3.BLOCK_INDEX_BY_DIM[dimension]])
    files = sorted((tmp_path / "png").glob("*.png"))
    theirs = fid_score.get_activations(files, network, batch_size=3, dims=dimension, device="cpu", num_workers=0)
    extractor = inception.InceptionExtractor(id="test", dimension=dimension, digest="", state=state, device="cpu")
    np.testing.assert_allclose(extractor(images), theirs, rtol=1e-5, atol=5e-6)


def test_building_the_network_neither_draws_random_numbers_nor_keeps_pytorch_fid_changed() -> None:
    import_torchvision()
    from pytorch_fid import inception as theirs

    before = torch.random.get_rng_state(), theirs.load_state_dict_from_url
    inception.InceptionExtractor(id="test", dimension=768, digest="", state=random_state(3), device="cpu")
    assert torch.equal(before[0], torch.random.get_rng_state())
    assert theirs.load_state_dict_from_url is before[1]


@needs_folded
@pytest.mark.slow
def test_fd_768_equals_pytorch_fid_with_dims_768_on_the_same_png_files(tmp_path: Path) -> None:
    assert FOLDED_PATH is not None
    from petbench.evaluation.extractors.randconv_constants import synthetic_slices

    import_torchvision()
    from pytorch_fid import fid_score

    images = synthetic_slices()[:24]
    folders = {"real": images[:12], "predicted": images[12:]}
    for name, part in folders.items():
        write_png_folder(tmp_path / name, {"sub-01": part})
    with warnings.catch_warnings(), inception.given_to_pytorch_fid(inception.folded_state(FOLDED_PATH)):
        warnings.simplefilter("ignore")  # SciPy's sqrtm is deprecated as called, and right to find its matrix singular
        theirs = fid_score.calculate_fid_given_paths(
            [str(tmp_path / name) for name in folders], batch_size=12, device="cpu", dims=768, num_workers=0
        )
    extractor = resolve("fd_768", cache=tmp_path, given=[FOLDED_PATH], offline=True)
    ours = frechet_distance(*(extractor(part) for part in folders.values()))
    assert ours == pytest.approx(float(theirs), abs=1e-5)
    assert extractor.id == "inception-2015-12-05-folded/mixed6e-768@1"


def known(content: bytes, url: str | None = None) -> WeightsFile:
    return WeightsFile("w.pth", hashlib.sha256(content).hexdigest(), "PETBENCH_TEST_WEIGHTS", "--fid-weights", url)


def test_weights_are_looked_for_in_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    weights, cache = known(b"good"), tmp_path / "cache"
    assert weights.find(cache=cache) is None
    places = [cache / "weights" / "w.pth", tmp_path / "torch" / "hub" / "checkpoints" / "w.pth"]
    for place in [*places, tmp_path / "given.pth"]:
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(b"good")
        assert weights.find(cache=cache, given=place if place.name == "given.pth" else None) == place


def test_a_named_file_with_another_hash_is_an_error_and_never_passed_over(tmp_path: Path) -> None:
    bad = tmp_path / "bad.pth"
    bad.write_bytes(b"goo")
    with pytest.raises(DataError, match=r"bad\.pth: SHA-256 .* is not that of w\.pth"):
        known(b"good").find(cache=tmp_path, given=bad)
    with pytest.raises(DataError, match="no such file of weights"):
        known(b"good").find(cache=tmp_path, given=tmp_path / "gone.pth")


def test_a_truncated_file_in_the_usual_place_leaves_the_weights_unavailable(tmp_path: Path) -> None:
    (tmp_path / "weights").mkdir()
    (tmp_path / "weights" / "w.pth").write_bytes(b"goo")
    with pytest.raises(WeightsUnavailableError, match=r"weights unavailable: .*w\.pth: SHA-256"):
        known(b"good").require(cache=tmp_path, offline=True)


def test_a_download_is_checked_before_it_is_kept(tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.write_bytes(b"good")
    cache = tmp_path / "cache"
    path = known(b"good", source.as_uri()).require(cache=cache, offline=False)
    assert path.read_bytes() == b"good"
    other = tmp_path / "other"
    with pytest.raises(WeightsUnavailableError, match="its hash is another"):
        known(b"else", source.as_uri()).require(cache=other, offline=False)
    assert not list((other / "weights").iterdir())


def test_offline_or_unreachable_weights_are_unavailable_with_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(WeightsUnavailableError, match=r"offline; get .* and name it with --fid-weights or \$PETBENCH_"):
        resolve("fid", cache=tmp_path, offline=True)
    with pytest.raises(WeightsUnavailableError, match="no public address"):
        resolve("fd_768", cache=tmp_path, offline=True)
    gone = known(b"good", (tmp_path / "gone").as_uri())
    with pytest.raises(WeightsUnavailableError, match="could not be downloaded"):
        gone.require(cache=tmp_path, offline=False)


@pytest.mark.slow
def test_the_canonical_file_fills_fid_and_fd_768_and_is_loaded_as_weights_only(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from petbench.evaluation.extractors import columns

    path = tmp_path / "canonical.pth"
    torch.save(random_state(5), path)
    standing_in = replace(CANONICAL, sha256=weights_module.sha256_of(path))
    monkeypatch.setattr(columns, "CANONICAL", standing_in)
    fid, smaller = (resolve(column, cache=tmp_path, given=[path], offline=True) for column in ("fid", "fd_768"))
    assert (fid.id, fid.dimension) == ("inception-2015-12-05/pool3-2048@1", 2048)
    assert (smaller.id, smaller.dimension) == ("inception-2015-12-05/mixed6e-768@1", 768)
    torch.save({"a": os.system}, path)
    monkeypatch.setattr(columns, "CANONICAL", replace(standing_in, sha256=weights_module.sha256_of(path)))
    with pytest.raises(Exception, match="Weights only load failed"):
        resolve("fid", cache=tmp_path, given=[path], offline=True)


def test_the_status_says_what_is_missing_and_what_to_do(tmp_path: Path) -> None:
    fid, smaller, embedded = weights_status(cache=tmp_path)
    assert not fid.ready
    assert "pytorch-fid/releases" in fid.fix
    assert not smaller.ready
    assert "PETBENCH_FD768_WEIGHTS" in smaller.fix
    assert embedded.ready
    if FOLDED_PATH is not None:
        assert weights_status(cache=tmp_path, given=[FOLDED_PATH])[1].ready


@pytest.mark.slow
def test_the_status_imports_no_torch() -> None:
    code = (
        "import sys\nfrom pathlib import Path\nfrom petbench.evaluation.extractors import weights_status\n"
        "weights_status(cache=Path())\nprint('torch' in sys.modules)"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "False"


def test_a_healthy_torchvision_is_left_untouched(monkeypatch: pytest.MonkeyPatch) -> None:
    from petbench import torchvision_shim

    declared: list[Any] = []
    monkeypatch.setattr(torchvision_shim, "_declared", declared)
    monkeypatch.setattr(torchvision_shim, "operators_load", lambda _folder: True)
    import_torchvision()
    assert declared == []


@pytest.mark.slow
def test_torchvision_imports_in_a_fresh_process_and_its_missing_operators_still_say_so() -> None:
    code = (
        "from petbench.torchvision_shim import import_torchvision as f\n"
        "tv = f(); assert f() is tv; import pytorch_fid.inception; print(tv.__version__)"
    )
    result = subprocess.run([sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.startswith("0.")


def test_slices_are_cut_at_the_fixed_window_and_kept_by_the_body_alone() -> None:
    volume = np.zeros((4, 2, 2), dtype=np.float32)
    volume[1] = [[0.0, 5.0], [10.0, 44.0]]
    volume[3] = 7.0
    body = np.zeros(volume.shape, dtype=bool)
    body[1, 0, 0] = body[2, 1, 1] = True
    images = body_slices(volume, body)
    assert images.tolist() == [[[0, 128], [255, 255]], [[0, 0], [0, 0]]]


def test_exported_png_files_are_eight_bit_grey_and_hold_the_very_slices(tmp_path: Path) -> None:
    from PIL import Image

    images = slices(4, 3)
    assert write_png_folder(tmp_path / "out", {"sub-01": images, "sub-02": images[:1]}) == 4
    paths = sorted((tmp_path / "out").iterdir())
    assert [path.name for path in paths][-2:] == ["sub-01_slice-002.png", "sub-02_slice-000.png"]
    with Image.open(paths[2]) as picture:
        assert picture.mode == "L"
        np.testing.assert_array_equal(np.asarray(picture), images[2])
