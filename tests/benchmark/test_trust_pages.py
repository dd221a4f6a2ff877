"""SECURITY.md and docs/trust.md promise what a test holds, or say that it is not prevented."""

from __future__ import annotations

import ast
from functools import cache
from typing import TYPE_CHECKING

import pytest
from tests.benchmark.trust_promises import ADVICE, NOT_PREVENTED, PROMISES
from tests.benchmark.trust_sentences import PAGES, ROOT, sentences

if TYPE_CHECKING:
    from tests.benchmark.trust_sentences import Sentence

SENTENCES = sentences()


def _held_by(sentence: Sentence) -> list[str]:
    return [start for start in PROMISES[sentence.page] if sentence.text.startswith(start)]


@cache
def _tests_of(file: str) -> set[str]:
    tree = ast.parse((ROOT / "tests" / file).read_text(encoding="utf-8"))
    return {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}


def _says_so(sentence: Sentence) -> bool:
    return any(words in f"{sentence.heading} {sentence.text}".lower() for words in (NOT_PREVENTED, "does not prevent"))


@pytest.mark.parametrize("sentence", SENTENCES, ids=lambda each: each.text[:60])
def test_a_sentence_has_a_test_that_is_there_or_says_that_it_is_not_prevented(sentence: Sentence) -> None:
    found = _held_by(sentence)
    assert len(found) == 1, "a sentence that nobody has weighed: name its test, or say that it is not prevented"
    how = PROMISES[sentence.page][found[0]]
    if how == NOT_PREVENTED:
        assert _says_so(sentence)
    elif how != ADVICE:
        assert isinstance(how, tuple)
        for test in how:
            file, _, name = test.partition("::")
            assert name in _tests_of(file), test


@pytest.mark.parametrize("page", PAGES)
def test_nothing_is_held_that_the_page_no_longer_says(page: str) -> None:
    said = [sentence.text for sentence in SENTENCES if sentence.page == page]
    assert [start for start in PROMISES[page] if not any(text.startswith(start) for text in said)] == []


def test_every_line_of_the_pages_is_read_as_part_of_a_sentence() -> None:
    for page in PAGES:
        text = (ROOT / page).read_text(encoding="utf-8")
        said = " ".join(sentence.text for sentence in SENTENCES if sentence.page == page)
        words = [
            word.strip("*`|.,:;()[]")
            for line in text.splitlines()
            if not line.startswith(("#", "| ---"))
            for word in line.replace("](", "] (").split()
        ]
        missing = [word for word in words if word.isalpha() and word not in said]
        heads = {
            "trusted",
            "why",
            "not",
            "what",
            "is",
            "done",
            "process",
            "has",
            "fault",
            "status",
            "the",
            "same",
            "command",
        }
        assert set(missing) <= heads
