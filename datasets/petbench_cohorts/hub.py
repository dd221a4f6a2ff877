"""A data set on the Hugging Face Hub: its files, and their bytes from any byte on.

`hf_hub_download` of huggingface_hub 2 begins anew whenever its process was ended, which a file of several gigabytes
seldom survives. The listing, the login and the place of a file are the client's; the bytes come by HTTP ranges.
"""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import huggingface_hub
from huggingface_hub import errors, get_hf_file_metadata, get_session, hf_hub_url
from huggingface_hub.utils import build_hf_headers, hf_raise_for_status  # type: ignore[attr-defined]

from petbench_datasets.boundary import first_line
from petbench_datasets.errors import DataError
from petbench_datasets.fetching.download import append
from petbench_datasets.sources import AccessError, HostError, RemoteFile

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

_TIMEOUT_SECONDS = 30.0


class HubDataset:
    """A data set at one revision.

    Attributes:
        name: `owner/name`.
        revision: the commit.
    """

    def __init__(self, name: str, revision: str) -> None:
        self.name = name
        self._api = huggingface_hub.HfApi(library_name="petbench")
        self._page = f"{self._api.endpoint}/datasets/{name}"
        with self._asking(f"{name} at revision {revision or 'main'}"):
            info = self._api.dataset_info(name, revision=revision or None, timeout=_TIMEOUT_SECONDS)
        self.revision = str(info.sha)

    def files(self, folder: str = "", *, recursive: bool = True) -> dict[str, RemoteFile]:
        """Return the files below a folder by path; none where there is no such folder."""
        with self._asking(folder or self.name):
            try:
                found = self._api.list_repo_tree(
                    self.name, folder or None, recursive=recursive, revision=self.revision, repo_type="dataset"
                )
                return {one.path: _remote(one) for one in found if hasattr(one, "blob_id")}
            except errors.EntryNotFoundError:
                return {}

    def require_access(self) -> None:
        """Raise an `AccessError` unless this user may download."""
        with self._asking(self.name):
            self._api.auth_check(self.name, repo_type="dataset")

    def download(self, file: RemoteFile, target: Path, progress: Callable[[int], None]) -> None:
        """Bring a file, going on with what is there of it."""
        headers = build_hf_headers(library_name="petbench")
        url = hf_hub_url(self.name, file.path, repo_type="dataset", revision=self.revision)
        with self._asking(file.path):
            place = get_hf_file_metadata(url, timeout=_TIMEOUT_SECONDS).location
        if urlsplit(place).netloc != urlsplit(url).netloc:
            headers.pop("authorization", None)  # the address is signed, and the host behind it is another

        @contextlib.contextmanager
        def read_from(start: int) -> Iterator[Iterator[bytes]]:
            wanted = {**headers, "Accept-Encoding": "identity", "Range": f"bytes={start}-"}
            with (
                self._asking(file.path),
                get_session().stream("GET", place, headers=wanted, timeout=_TIMEOUT_SECONDS) as answer,
            ):
                hf_raise_for_status(answer)
                pieces = answer.iter_bytes()  # as they arrive: what is gathered first is lost where it breaks off
                yield pieces if answer.status_code == 206 else _without_first(pieces, start)

        append(target, file.size_bytes, read_from, progress)

    @contextlib.contextmanager
    def _asking(self, what: str) -> Iterator[None]:
        """Turn whatever the client raises into one line that says what to do."""
        try:
            yield
        except (DataError, errors.EntryNotFoundError):
            raise
        except (errors.GatedRepoError, errors.RepositoryNotFoundError, errors.LocalTokenNotFoundError) as error:
            raise AccessError(self._how_to_enter()) from error
        except errors.RevisionNotFoundError as error:
            raise DataError(f"{what}: is no longer at the host; begin anew in another folder") from error
        except errors.HfHubHTTPError as error:
            status = getattr(error.response, "status_code", None)
            if status in (401, 403):
                raise AccessError(self._how_to_enter()) from error
            raise HostError(f"{what}: the host answers {first_line(error)}; repeat the command later") from error
        except OSError as error:
            if error.errno is not None:  # of the disk
                raise
            raise HostError(f"{what}: {first_line(error)}; repeat the command later: it goes on where it is") from error
        except Exception as error:  # httpx, of whichever version
            raise HostError(
                f"{what}: {urlsplit(self._page).netloc} cannot be reached or broke off ({first_line(error)}); repeat "
                "the command later: it goes on where it is"
            ) from error

    def _how_to_enter(self) -> str:
        known = huggingface_hub.get_token() is not None
        login = "" if known else "then log in (hf auth login, or HF_TOKEN=...), "
        return (
            f"{self.name} is only for those who accepted its terms: accept them at {self._page}, {login}"
            "and repeat the command"
        )


def _remote(entry: Any) -> RemoteFile:
    digest = f"sha256:{entry.lfs.sha256}" if entry.lfs is not None else f"git:{entry.blob_id}"
    return RemoteFile(entry.path, entry.path, int(entry.size), digest)


def _without_first(pieces: Iterator[bytes], count: int) -> Iterator[bytes]:
    """Pass over the bytes that are there already, where the host does not know ranges."""
    for piece in pieces:
        if count < len(piece):
            yield piece[count:]
        count = max(0, count - len(piece))
