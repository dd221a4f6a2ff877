"""Projections and reconstruction on a CUDA device: the same bits as on the CPU, sooner.

Everything the projector adds up lies on a lattice on which sums are exact in double precision (`projector.py`), and
every other step of a reconstruction is one addition, multiplication, division or rounding that IEEE 754 fixes. So a
device may take its sums in any order and still give the CPU's bits. Whether it does is not taken on trust: a
device reconstructs a small scan first, and is left out where a single bit differs.
"""

from __future__ import annotations

import contextlib
import warnings
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import torch

from petbench_phantom.acquisition import IMAGE_BITS, IMAGE_MAXIMUM, Coincidences, slice_times
from petbench_phantom.fields import generator, on_lattice
from petbench_phantom.projector import Projector
from petbench_phantom.reconstruction import osem, sensitivities

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray
    from scipy import sparse

    from petbench_phantom.projector import Array
    from petbench_phantom.spec import PhantomSpec

_GIGABYTES_A_PARTICIPANT = 2.0  # of the device: matrices, the sensitivities of all subsets, and the CUDA context
_SLICES_TRIED = 12


class DeviceProjector(Projector):
    """A projector whose matrices lie on a device of torch's, and whose images and rays are torch's there."""

    def __init__(self, spec: PhantomSpec, device: str) -> None:
        self._device = torch.device(device)
        super().__init__(spec)

    def keep(self, matrix: sparse.csr_array) -> Array:
        """Return a sparse matrix on the device."""
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message="Sparse", category=UserWarning)  # "in beta state"
            return torch.sparse_csr_tensor(
                torch.from_numpy(matrix.indptr),
                torch.from_numpy(matrix.indices),
                torch.from_numpy(matrix.data),
                size=matrix.shape,
                device=self._device,
            )

    def place(self, array: NDArray[np.floating]) -> Array:
        """Return an array on the device."""
        return torch.from_numpy(array).to(self._device)

    def fetch(self, array: Array) -> NDArray[np.float64]:
        """Return what was computed on the device as numpy's."""
        found: NDArray[np.float64] = array.cpu().numpy()
        return found

    def zeros(self, shape: tuple[int, ...]) -> Array:
        """Return zeros in double precision on the device."""
        return torch.zeros(shape, dtype=torch.float64, device=self._device)


def find_device(spec: PhantomSpec) -> tuple[str, int] | None:
    """Return the CUDA device that simulates `spec` to the bit, and how many participants it holds at a time; or None.

    `CUDA_VISIBLE_DEVICES=` keeps every device out.
    """
    if not torch.cuda.is_available():
        return None
    need = _GIGABYTES_A_PARTICIPANT * 2**30 * (3 if spec.reconstruction == "3d" else 1)
    try:
        places = int(torch.cuda.mem_get_info()[0] // need)
        return ("cuda", places) if places > 0 and gives_the_same_bits(spec, "cuda") else None
    except (RuntimeError, torch.cuda.DeferredCudaCallError):  # too old for this torch, or taken by somebody else
        return None
    finally:
        with contextlib.suppress(RuntimeError, torch.cuda.DeferredCudaCallError):
            torch.cuda.empty_cache()


def gives_the_same_bits(spec: PhantomSpec, device: str) -> bool:
    """Return whether `device` reconstructs a small scan, step by step, to the last bit as the CPU does."""
    small = replace(spec, shape=(_SLICES_TRIED, *spec.shape[1:]), iterations=1)
    here = Projector(small)
    random = generator(spec.seed, 99)
    shape = (here.segments, small.angles // small.subsets * here.bins, _SLICES_TRIED)
    efficiency = [on_lattice(random.random(shape), 24, 1.0).astype(np.float32) for _ in range(small.subsets)]
    background = [random.random(shape, dtype=np.float32) for _ in range(small.subsets)]
    times = slice_times(small, small.asks.delayed_seconds)
    scan = Coincidences(efficiency, background, [300 * part for part in background], 1 / times.sensitivity().max(), 1.0)
    counts = scan.counts(random)
    image = on_lattice(random.random((len(here.pixels), _SLICES_TRIED)), IMAGE_BITS, IMAGE_MAXIMUM)

    def results(projector: Projector) -> Iterator[NDArray[np.float64]]:
        inverse = sensitivities(projector, scan)
        yield from map(projector.fetch, inverse)
        yield projector.fetch(projector.forward(0, projector.place(image)))
        yield osem(small, projector, scan, times, counts, inverse)

    return all(map(np.array_equal, results(here), results(DeviceProjector(small, device))))
