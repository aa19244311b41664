"""Equal lines go to one part, whatever comes between them; the shares are those asked for."""

import io
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bigram_tui.corpus import splitter
from bigram_tui.corpus.splitter import LineHash, Splitter, line_hashes
from tests.corpus.building import count_stream
from tests.corpus.test_corpus import chunk_sizes, parts_of, reference_pairs

K = 0x9E3779B97F4A7C15

lines_of_text = st.lists(st.text(st.characters(exclude_categories=["Cs"]), min_size=1), min_size=1)


def reference_hash(line: str) -> int:
    """The polynomial, term by term, in whole numbers of any size."""
    return sum((ord(c) + 1) * K**i for i, c in enumerate(line)) % 2**64


def codes_of(text: str) -> "np.ndarray[tuple[int], np.dtype[np.int64]]":
    return np.array(list(map(ord, text)), np.int64)


@given(lines=lines_of_text)
def test_the_hash_of_a_line_is_the_polynomial_of_its_characters(lines: list[str]) -> None:
    lengths = list(map(len, lines))
    starts = np.cumsum([0, *lengths[:-1]])
    found = line_hashes(codes_of("".join(lines)), starts)
    assert found.tolist() == list(map(reference_hash, lines))


@given(pieces=st.lists(st.text(st.characters(exclude_categories=["Cs"]))))
def test_a_line_that_comes_in_pieces_has_the_hash_of_the_whole(pieces: list[str]) -> None:
    beginning = LineHash()
    for piece in pieces:
        beginning = beginning.extended(codes_of(piece))
    assert beginning.sum == reference_hash("".join(pieces))


@given(
    lines=st.lists(st.text("ab", min_size=1, max_size=4), max_size=60),
    cuts=st.lists(st.integers(0, 60), max_size=5),
    remembered=st.sampled_from([0, 1, 5, 1000]),
    seed=st.integers(0, 2**64),
)
def test_equal_lines_stay_together_however_they_are_handed_in(
    lines: list[str], cuts: list[int], remembered: int, seed: int
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(splitter, "REMEMBERED", remembered)
        whole = Splitter((8, 1, 1), seed).deal_lines(lines).tolist()
        one = Splitter((8, 1, 1), seed)
        bounds = [0, *sorted(cuts), len(lines)]
        pieces = [lines[a:b] for a, b in pairwise(bounds)]
        assert [p for piece in pieces for p in one.deal_lines(piece).tolist()] == whole
    assert len(set(zip(lines, whole, strict=True))) == len(set(lines))


@pytest.mark.parametrize("split", [(80, 10, 10), (90, 10), (1, 0, 1), (999_999, 1, 500_000)])
def test_what_is_not_remembered_is_shared_out_by_chance(
    monkeypatch: pytest.MonkeyPatch, split: tuple[int, ...]
) -> None:
    """Within five standard deviations; a part without a share gets nothing."""
    monkeypatch.setattr(splitter, "REMEMBERED", 0)
    lines = [f"{k:x}" for k in range(40_000)]
    found = np.bincount(Splitter(split, 3).deal_lines(lines), minlength=len(split))
    for count, share in zip(found.tolist(), np.array(split) / sum(split), strict=True):
        assert abs(count - 40_000 * share) <= 5 * np.sqrt(40_000 * share * (1 - share))
    other = Splitter(split, 4).deal_lines(lines)
    assert (other != Splitter(split, 3).deal_lines(lines)).mean() > 0.1


def test_the_parts_are_the_same_everywhere() -> None:
    """Numbers that were written down: of lines dealt in a block, and of lines dealt by hash."""
    lines = ["emma", "olivia", "ava", "emma", "漢字", "a b", "é", "zoe", "mia", "ava"]
    assert Splitter((2, 1, 1), 7).deal_lines(lines).tolist() == [0, 1, 0, 0, 2, 2, 0, 1, 0, 0]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(splitter, "REMEMBERED", 0)
        assert Splitter((2, 1, 1), 7).deal_lines(lines).tolist() == [0, 0, 2, 0, 0, 2, 1, 0, 2, 2]


@given(
    lines=st.lists(st.text("ab \t", max_size=6), max_size=30),
    chunk_size=chunk_sizes,
    remembered=st.sampled_from([0, 2, 1000]),
)
def test_the_bigrams_of_each_part_are_those_of_its_lines(
    lines: list[str], chunk_size: int, remembered: int
) -> None:
    """Also where a line, or the blanks in it, come in several pieces."""
    lines = [*lines, *(chr(0x4E00 + k) for k in range(3)), "long " * 50 + "line"]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(splitter, "REMEMBERED", remembered)
        items = [line.strip() for line in lines if line.strip()]
        dealt = Splitter((1, 1), 5).deal_lines(items).tolist()
        parts = [[i for i, p in zip(items, dealt, strict=True) if p == k] for k in (0, 1)]
        if not parts[0]:
            return
        text = io.BytesIO("\n".join(lines).encode())
        found = count_stream(text, "text", split=(1, 1), seed=5, chunk_size=chunk_size)
    assert parts_of(found)[:2] == [reference_pairs(part) for part in parts]
