"""Invented runs and scores for the leaderboard's tests."""

from __future__ import annotations

import contextlib
import hashlib
import json
import shutil
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import sqlalchemy as sa
from tests.leaderboard.postgresql import server

from petbench_leaderboard.metric_facts import MetricFacts
from petbench_leaderboard.records import RunRecord
from petbench_leaderboard.report.images import ParticipantImages
from petbench_leaderboard.report.site.sources import RunFiles
from petbench_leaderboard.score_records import ScoreRecord
from petbench_leaderboard.store import Leaderboard

if TYPE_CHECKING:
    from pathlib import Path

    from selenium.webdriver.chrome.webdriver import WebDriver
    from tests.leaderboard.browsing import Visit
    from tests.leaderboard.timed_runs import TimedRuns

    from petbench_datasets.dataset.cohort import PartFacts
    from petbench_leaderboard.board import Board
    from petbench_leaderboard.records import RunRow

ROLES = {
    "identity": "reference",
    "scale": "reference",
    "organ-scale": "privileged",
    "predictable": "predictable",
    "repeat-scan": "repeat-scan",
}
"""Of the names that these tests use, those that do not compete."""

MakeRecord = Callable[..., RunRecord]
MakeScore = Callable[..., ScoreRecord]
AddRun = Callable[..., int]
MakeImages = Callable[..., ParticipantImages]


class ImagesAtHand:
    """Participants that the site draws, without a home or run folders."""

    def __init__(self, *images: ParticipantImages) -> None:
        self._images = images

    def run_files(self, run: RunRow) -> RunFiles:
        return RunFiles()

    def people(self, board: Board) -> Sequence[PartFacts]:
        return ()

    def participants(self, boards: Sequence[Board]) -> Iterable[ParticipantImages]:
        names = {board.dataset for board in boards}
        return [images for images in self._images if not images.dataset or images.dataset in names]


@pytest.fixture(scope="session")
def postgresql() -> Iterator[sa.URL]:
    """Give a server of PostgreSQL, in a database of which no test writes."""
    with server() as url:
        yield url


@pytest.fixture(scope="session")
def empty_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a leaderboard without rows: to copy it takes a tenth of the time of making its tables."""
    path = tmp_path_factory.mktemp("empty") / "leaderboard.db"
    Leaderboard.open(str(path)).close()
    return path


@pytest.fixture(scope="session")
def empty_database(postgresql: sa.URL) -> str:
    """Return the name of a leaderboard without rows on the server of PostgreSQL."""
    name = f"petbench_test_{uuid.uuid4().hex}"
    with _administering(postgresql) as connection:
        connection.execute(sa.text(f"CREATE DATABASE {name}"))
    Leaderboard.open(postgresql.set(database=name).render_as_string(hide_password=False)).close()
    return name


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.slow)])
def location(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """Name a new database, a file and again in PostgreSQL: empty, or with its tables for a test of `leaderboard`."""
    with_tables = "leaderboard" in request.fixturenames
    if request.param == "sqlite":
        path = tmp_path / "new" / "leaderboard.db"
        if with_tables:
            path.parent.mkdir()
            shutil.copy(request.getfixturevalue("empty_file"), path)
        yield str(path)
        return
    url: sa.URL = request.getfixturevalue("postgresql")
    template = f" TEMPLATE {request.getfixturevalue('empty_database')}" if with_tables else ""
    name = f"petbench_test_{uuid.uuid4().hex}"
    with _administering(url) as connection:
        connection.execute(sa.text(f"CREATE DATABASE {name}{template}"))
    try:
        yield url.set(database=name).render_as_string(hide_password=False)
    finally:
        with _administering(url) as connection:
            connection.execute(sa.text(f"DROP DATABASE {name} WITH (FORCE)"))


@contextlib.contextmanager
def _administering(url: sa.URL) -> Iterator[sa.Connection]:
    engine = sa.create_engine(url.set(drivername="postgresql+psycopg"), isolation_level="AUTOCOMMIT")
    try:
        with engine.connect() as connection:
            yield connection
    finally:
        engine.dispose()


@pytest.fixture
def leaderboard(location: str) -> Iterator[Leaderboard]:
    with Leaderboard.open(location) as opened:
        yield opened


@pytest.fixture
def make_record() -> MakeRecord:
    def make(method: str = "pix2pix", **changes: Any) -> RunRecord:
        facts: dict[str, Any] = {
            "method": method,
            "plugin": "gan",
            "distribution": "petbench",
            "version": "0.1.0",
            "source_hash": "a" * 64,
            "supervision": "paired",
            "role": ROLES.get(method, "competitor"),
            "preset": "small",
            "parameters": {"width": 16, "learning_rate": 1e-3},
            "dataset": "fdg-phantom-mini",
            "fingerprint": "f" * 64,
            "split": "holdout",
            "split_digest": "5" * 64,
            "fold": 0,
            "seed": 0,
            "precision": "fp32",
            "budget": "images=1000",
            "protocol": 1,
            "device": "cpu",
        }
        facts |= changes
        facts.setdefault("identity", hashlib.sha256(repr(sorted(facts.items())).encode()).hexdigest())
        return RunRecord(**facts)

    return make


FACTS = {
    "psnr_body_suv20": MetricFacts(label="PSNR", detail="body", decimals=2, place=10),
    "mae_body_suv": MetricFacts(label="MAE", detail="body", place=30),
    "fid": MetricFacts(label="FID", detail="pool3", decimals=1, place=50),
}


@pytest.fixture
def make_score() -> MakeScore:
    def make(participant: str | None = "sub-01", value: float | None = 30.0, **changes: Any) -> ScoreRecord:
        facts: dict[str, Any] = {
            "participant": participant,
            "region": "body",
            "metric": "psnr_body_suv20",
            "convention_id": "psnr/body/suv20@1",
            "value": value,
            "unit": "dB",
            "higher_is_better": True,
        }
        facts |= changes
        facts.setdefault("facts", FACTS.get(facts["metric"]))
        return ScoreRecord(**facts)

    return make


@pytest.fixture
def add_run(leaderboard: Leaderboard, make_record: MakeRecord, make_score: MakeScore) -> AddRun:
    """Store a finished run with its PSNR of each participant; `planned` names more participants than have scores."""

    def add(
        method: str, values: Mapping[str, float], *, planned: tuple[str, ...] = (), status: str = "ok", **changes: Any
    ) -> int:
        who = tuple(values) + planned
        run_id = leaderboard.plan(make_record(method, **{"test_participants": who} | changes))
        leaderboard.update(run_id, status=status)  # type: ignore[arg-type]
        leaderboard.record_scores(run_id, [make_score(participant, value) for participant, value in values.items()])
        return run_id

    return add


@pytest.fixture
def add_timed(leaderboard: Leaderboard, make_record: MakeRecord, make_score: MakeScore) -> TimedRuns:
    from tests.leaderboard.timed_runs import TimedRuns

    return TimedRuns(leaderboard, make_record, make_score)


@pytest.fixture
def make_images() -> MakeImages:
    def make(participant: str = "sub-06", predictions: tuple[str, ...] = ("pix2pix",)) -> ParticipantImages:
        generator = np.random.default_rng(7)
        shape = (24, 12, 14)
        early = generator.gamma(1.0, 1.0, shape).astype(np.float32)
        return ParticipantImages(
            participant=participant,
            spacing_millimetres=(20.0, 10.7, 10.7),
            early=early,
            delayed=generator.gamma(1.0, 1.0, shape).astype(np.float32),
            predictions={name: early * np.float32(1.1) for name in predictions},
        )

    return make


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from tests.leaderboard.browsing import write_example

    return write_example(tmp_path_factory.mktemp("browser"))


@pytest.fixture(scope="session")
def browser() -> Iterator[WebDriver]:
    from tests.leaderboard.browsing import open_browser

    opened = open_browser()
    yield opened
    opened.quit()


@pytest.fixture
def visit(browser: WebDriver, site: Path) -> Iterator[Visit]:
    """Open a page and wait until its scripts are done; afterwards nothing may have gone wrong or left the site."""
    from tests.leaderboard.browsing import read_log, wait

    read_log(browser, "browser")
    read_log(browser, "performance")

    def go(page: str, *, width: int = 1280, ready: str = "") -> WebDriver:
        metrics = {"width": width, "height": 1000, "deviceScaleFactor": 1, "mobile": width < 600}
        browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
        browser.get("about:blank")
        browser.get(f"file://{site}/{page}")
        wait(browser, ready or "document.readyState === 'complete'")
        return browser

    yield go
    complaints = [entry for entry in read_log(browser, "browser") if entry["level"] in ("SEVERE", "WARNING")]
    assert complaints == []
    for entry in read_log(browser, "performance"):
        message = json.loads(entry["message"])["message"]
        if message["method"] == "Network.requestWillBeSent":
            url = message["params"]["request"]["url"]
            assert url.startswith((f"file://{site}/", "data:", "about:")), url
