"""The texts that come along are those that data/README.md describes."""

import hashlib
import re
from pathlib import Path

import pytest

from bigram_tui.corpus.reading import read_corpus

DATA = Path(__file__).parents[2] / "data"


@pytest.mark.parametrize("name", ["names", "places"])
def test_the_facts_of_a_text(name: str) -> None:
    _, told = (DATA / "README.md").read_text("utf-8").split(f"# {name.capitalize()}\n")
    facts = dict(re.findall(r"^\| (.+?) \| `?([\w,]+)", told.split("\n# ")[0], re.MULTILINE))
    path = DATA / f"{name}.txt"
    corpus = read_corpus(str(path), max_vocabulary=1 << 12)
    assert hashlib.sha256(path.read_bytes()).hexdigest() == facts["sha256"]
    assert f"{corpus.lines:,}" == facts["lines"]
    assert f"{corpus.bigrams:,}" == facts["B, the bigrams"]
    if "different characters" in facts:
        assert f"{len(corpus.train.vocabulary) - 1:,}" == facts["different characters"]


def test_there_are_more_characters_in_the_places_than_a_model_has_tokens() -> None:
    vocabulary = read_corpus(str(DATA / "places.txt")).train.vocabulary
    assert len(vocabulary) == 2048
    assert len(vocabulary.rare) == 996
