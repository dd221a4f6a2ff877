"""Gzip files unpacked at one go: as Python's own module does, but never more than is wanted."""

from __future__ import annotations

import gzip
import tracemalloc
import zlib

import numpy as np
import pytest

from petbench_datasets.boundary import gunzip

CONTENT = np.random.default_rng(0).integers(0, 4, 100_000).astype(np.uint8).tobytes()


@pytest.mark.parametrize("level", [0, 1, 9])
@pytest.mark.parametrize("ending", [b"", b"\0" * 100])
def test_it_unpacks_what_pythons_own_module_packs(level: int, ending: bytes) -> None:
    packed = gzip.compress(CONTENT, level) + ending
    assert gunzip(packed, len(CONTENT)) == CONTENT == gzip.decompress(packed)


def test_members_one_after_another_are_one_file() -> None:
    packed = gzip.compress(CONTENT[:100]) + gzip.compress(b"") + gzip.compress(CONTENT[100:])
    assert gunzip(packed, 10**9) == CONTENT == gzip.decompress(packed)


@pytest.mark.parametrize("most", [0, 1, 999, len(CONTENT) - 1])
def test_of_more_than_is_wanted_one_byte_more_is_returned(most: int) -> None:
    assert gunzip(gzip.compress(CONTENT), most) == CONTENT[: most + 1]


def test_a_bomb_takes_no_memory() -> None:
    packed = gzip.compress(bytes(200_000_000), 9)
    tracemalloc.start()
    assert len(gunzip(packed, 1000)) == 1001
    assert tracemalloc.get_traced_memory()[1] < 2_000_000
    tracemalloc.stop()


@pytest.mark.parametrize("kept", [5, 12, 1000, -9, -1])
def test_a_file_that_is_cut_short_is_noticed_wherever_it_is_cut(kept: int) -> None:
    with pytest.raises(EOFError):
        gunzip(gzip.compress(CONTENT)[:kept], len(CONTENT))


@pytest.mark.parametrize("place", [0, 2, 5000, -6, -2])
def test_damage_is_noticed_wherever_it_is(place: int) -> None:
    packed = bytearray(gzip.compress(CONTENT))
    packed[place] ^= 255
    with pytest.raises((zlib.error, EOFError)):
        gunzip(bytes(packed), len(CONTENT))
    with pytest.raises(zlib.error):
        gunzip(gzip.compress(CONTENT) + b"more", len(CONTENT))
