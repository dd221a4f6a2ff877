"""What the user has set: read once from the environment and the command line, then handed on."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Self

import platformdirs
from pydantic import Field, ValidationError, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from petbench.errors import UsageError


class Settings(BaseSettings):
    """Where petbench works and what it may do; nothing here changes a result.

    Each field is the environment variable of its name after `PETBENCH_`.

    Attributes:
        home: the folder of datasets, runs, cache and leaderboard.
        db: another leaderboard, a file or any SQLAlchemy URL; None for the file in the home.
        fid_weights: file of the canonical Inception weights.
        fd768_weights: file of the folded Inception weights.
        offline: never try to download weights, nor fetch a cohort.
        log_to: `PETBENCH_LOG_TO`: names of trackers that runs are logged to, with commas between them.
        observer_seconds: how long a run that has ended waits for what observes it.
        raise_errors: `PETBENCH_RAISE`: raise what goes wrong in a plugin where it happens, for the plugin's author.
    """

    model_config = SettingsConfigDict(
        env_prefix="PETBENCH_", env_ignore_empty=True, frozen=True, populate_by_name=True, extra="forbid"
    )

    home: Path = Field(default_factory=lambda: Path(platformdirs.user_data_dir("petbench", appauthor=False)))
    db: str | None = None
    fid_weights: Path | None = None
    fd768_weights: Path | None = None
    offline: bool = False
    log_to: Annotated[tuple[str, ...], NoDecode] = ()
    observer_seconds: float = Field(default=30.0, ge=0.0, le=3600.0)
    raise_errors: bool = Field(default=False, validation_alias="PETBENCH_RAISE")

    @field_validator("home")
    @classmethod
    def _absolute(cls, home: Path) -> Path:
        return home.expanduser().resolve()

    @field_validator("log_to", mode="before")
    @classmethod
    def _separate(cls, names: object) -> object:
        return tuple(part.strip() for part in names.split(",") if part.strip()) if isinstance(names, str) else names

    @classmethod
    def read(cls, **chosen: object) -> Self:
        """Return the settings of this process.

        Args:
            chosen: what the command line says, which goes before the environment; None where it says nothing.

        Raises:
            UsageError: a variable has a value that makes no sense.
        """
        given: dict[str, Any] = {name: value for name, value in chosen.items() if value is not None}
        try:
            return cls(**given)
        except ValidationError as error:
            first = error.errors()[0]
            name = str(first["loc"][0]).upper().removeprefix("PETBENCH_")
            raise UsageError(f"PETBENCH_{name}={first['input']!r} is not understood: {first['msg']}") from None

    @classmethod
    def variables(cls) -> frozenset[str]:
        """Return the names of all environment variables that are read here."""
        return frozenset(
            str(field.validation_alias or f"PETBENCH_{name.upper()}") for name, field in cls.model_fields.items()
        )

    @property
    def database(self) -> str:
        """The leaderboard, as a file or SQLAlchemy URL."""
        return self.db or str(self.home / "leaderboard.db")

    @property
    def weights(self) -> tuple[Path, ...]:
        """The files of Inception weights that were named."""
        return tuple(path for path in (self.fid_weights, self.fd768_weights) if path is not None)
