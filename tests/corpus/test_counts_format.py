"""The program that docs/counts_format.md gives writes a file that ours opens."""

import re
from pathlib import Path

import pytest

from bigram_tui.corpus.reading import read_corpus

DOCUMENT = Path(__file__).parents[2] / "docs" / "counts_format.md"


def test_the_documented_program_writes_counts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (program,) = re.findall(r"```python\n(.*?)```", DOCUMENT.read_text("utf-8"), re.DOTALL)
    exec(program, {})
    corpus = read_corpus("two.counts.safetensors")
    assert (corpus.lines, corpus.train.vocabulary.characters) == (2, "aeilmov")
    index = corpus.train.vocabulary.index
    assert corpus.train.counts[index["m"], index["m"]] == 1
    assert corpus.train.counts[index["i"], index["a"]] == 1
