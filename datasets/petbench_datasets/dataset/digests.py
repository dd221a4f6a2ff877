"""The hashes of a dataset's pairs: from the cache where nothing has changed, else from every voxel that is used."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from petbench_datasets.bids.names import pair_folder
from petbench_datasets.dataset.fingerprint import DigestCache, PairDigest, digest_pair, digest_window
from petbench_datasets.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from petbench_datasets.dataset.pair_frames import PairFrames
    from petbench_datasets.progress import Progress


def digests_of(
    root: Path, plans: Mapping[str, PairFrames], withheld: Mapping[str, PairDigest], progress: Progress
) -> dict[str, PairDigest]:
    """Return the hashes of each pair, reading what is not in the cache.

    Args:
        root: the dataset.
        plans: which frames make each pair.
        withheld: what the organizer says of pairs whose delayed image is not here.
        progress: called after each pair that is read.

    Raises:
        DataError: an image that cannot be used, or an early one that is not the organizer's.
    """
    cache = DigestCache(root)

    def digest(plan: PairFrames) -> tuple[str, str, PairDigest, bool]:
        key = cache.key((plan.early, plan.delayed))
        kept = cache.get(plan.participant, key)
        if plan.participant in withheld:
            kept = kept if kept == withheld[plan.participant] else None
            made = kept or checked_early(plan, withheld[plan.participant], root)
        else:
            made = kept or digest_pair(plan.participant, plan.early, plan.delayed)
        return plan.participant, key, made, kept is None

    found: dict[str, PairDigest] = {}
    # Decompression and hashing release the interpreter's lock; few threads, for each holds whole volumes.
    with ThreadPoolExecutor(max_workers=min(4, os.cpu_count() or 1)) as pool:
        try:
            for name, key, made, new in pool.map(digest, plans.values()):
                found[name] = made
                if new:
                    cache.put(name, key, made)
                    progress("reading the dataset", len(found), len(plans))
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise
        finally:
            cache.save()
    return found


def checked_early(plan: PairFrames, digest: PairDigest, root: Path) -> PairDigest:
    """Return the digest of a withheld pair, once its early image is the one that was exported.

    Raises:
        DataError: it is another one.
    """
    if digest_window(plan.early) != digest.pixels[0]:
        raise DataError(
            f"{pair_folder(root, plan.participant)}: its early image is not the one that was exported; export it again"
        )
    return digest
