"""A small installable package for a method of one's own, from the templates beside this file."""

from __future__ import annotations

from petbench.scaffold.generate import KINDS, Kind, create

__all__ = ["KINDS", "Kind", "create"]
