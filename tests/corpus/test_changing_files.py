"""A file that changes while it is read is counted as it was, or the corpus tells of the change."""

import gzip
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bigram_tui.cli.main import run
from bigram_tui.corpus import reading
from bigram_tui.corpus.corpus import Corpus
from bigram_tui.corpus.errors import CorpusError
from bigram_tui.corpus.files import TextFile, probe
from bigram_tui.corpus.reading import read_corpus
from bigram_tui.tui.present import corpus_facts
from tests.corpus.test_corpus import pairs_of, reference_items, reference_pairs

LONG_AGO = (1_000_000_000, 1_000_000_000)

LINES = b"".join(b"line %d\n" % number for number in range(5000))
"""More than a few buffers hold."""

CHUNK_SIZE = 8192

SIZE = len(LINES)


def text(path: Path, content: bytes = LINES) -> Path:
    path.write_bytes(content)
    os.utime(path, LONG_AGO)
    return path


def read_while(
    path: Path | TextFile, change: Callable[[int], object], chunk_size: int = CHUNK_SIZE
) -> Corpus:
    """Read a file. change: called with the number of each chunk, from 1 on."""
    chunks = 0

    def note(*_: object) -> None:
        nonlocal chunks
        chunks += 1
        change(chunks)

    given_path = path if isinstance(path, TextFile) else str(path)
    return read_corpus(given_path, progress=note, chunk_size=chunk_size)


def is_of(corpus: Corpus, content: bytes) -> bool:
    items = reference_items(content.decode())
    return pairs_of(corpus.train) == reference_pairs(items) and corpus.lines == len(items)


def append(path: Path, content: bytes) -> None:
    with path.open("ab") as file:
        file.write(content)


def overwrite(path: Path, place: int, content: bytes) -> None:
    with path.open("r+b") as file:
        file.seek(place)
        file.write(content)


def replace_by_another(path: Path) -> None:
    text(path.with_name("another"), b"another\n").replace(path)


def test_a_log_is_counted_as_far_as_it_went_when_it_was_opened(tmp_path: Path) -> None:
    path = text(tmp_path / "log")
    corpus = read_while(path, lambda _: append(path, b"more\n" * 100))
    assert is_of(corpus, LINES)
    assert corpus.doubt == f"'{path}' grew while it was read: its first {SIZE:,} bytes are counted"


def test_a_file_that_grows_faster_than_it_is_read_has_an_end(tmp_path: Path) -> None:
    path = text(tmp_path / "log")
    corpus = read_while(path, lambda _: append(path, b"b\n" * CHUNK_SIZE))
    assert corpus.lines == 5000


@pytest.mark.parametrize(
    "change",
    [
        lambda path: os.truncate(path, SIZE - 500),
        lambda path: os.truncate(path, 0),
        lambda path: overwrite(path, SIZE - 500, b"x"),
        lambda path: overwrite(path, 0, b"x"),
        lambda path: os.utime(path, (2e9, 2e9)),
    ],
    ids=["shorter", "empty", "another byte ahead", "another byte behind", "another time"],
)
def test_a_file_that_changes_is_told(tmp_path: Path, change: Callable[[Path], object]) -> None:
    path = text(tmp_path / "text")
    corpus = read_while(path, lambda chunk: change(path) if chunk == 3 else None)
    assert corpus.doubt.startswith(f"'{path}' changed while it was read: old and new may be mixed")


@pytest.mark.parametrize(
    "change",
    [
        lambda path: None,
        lambda path: path.unlink(),
        replace_by_another,
        lambda path: path.rename(path.with_name("log.1")),
        lambda path: path.chmod(0o600),
    ],
    ids=["nothing", "removed", "replaced", "rotated", "permissions"],
)
def test_what_leaves_the_content_is_no_change(
    tmp_path: Path, change: Callable[[Path], object]
) -> None:
    path = text(tmp_path / "text")
    corpus = read_while(path, lambda chunk: change(path) if chunk == 3 else None)
    assert is_of(corpus, LINES)
    assert corpus.doubt == ""


@given(
    changes=st.lists(
        st.tuples(
            st.sampled_from(["append", "overwrite", "truncate"]),
            st.integers(1, 6),
            st.integers(0, SIZE + 100),
            st.text("ab\n", min_size=1, max_size=30).map(str.encode),
        ),
        max_size=3,
    ),
    packed=st.booleans(),
    chunk_size=st.integers(5000, 20_000),
)
def test_counts_that_are_not_those_of_the_file_as_opened_are_never_without_a_word(
    tmp_path_factory: pytest.TempPathFactory,
    changes: list[tuple[str, int, int, bytes]],
    packed: bool,
    chunk_size: int,
) -> None:
    pack = gzip.compress if packed else bytes
    path = text(tmp_path_factory.mktemp("texts") / "text", pack(LINES))

    def change(chunk: int) -> None:
        for how, when, place, content in changes:
            if when != chunk:
                continue
            if how == "append":
                append(path, pack(content))
            elif how == "overwrite":
                overwrite(path, place % path.stat().st_size if path.stat().st_size else 0, content)
            else:
                os.truncate(path, min(place, path.stat().st_size))

    try:
        corpus = read_while(path, change, chunk_size=chunk_size)
    except CorpusError:
        return
    assert corpus.doubt or is_of(corpus, LINES)


def test_of_several_files_that_change_the_first_is_named(tmp_path: Path) -> None:
    paths = [text(tmp_path / f"log{number}") for number in range(4)]

    def write(done: int, _: int | None) -> None:
        for path in paths[1:]:
            append(path, b"more\n")

    corpus = read_corpus(*map(str, paths), progress=write, chunk_size=CHUNK_SIZE)
    assert corpus.doubt.startswith(f"'{paths[1]}' grew while it was read: its first ")
    assert corpus.doubt.endswith("; so did 2 more")


def test_the_part_before_an_error_has_its_doubt_too(tmp_path: Path) -> None:
    path = text(tmp_path / "text")
    with pytest.raises(CorpusError, match="is not UTF-8") as caught:
        read_while(path, lambda _: overwrite(path, SIZE - 500, b"\xff"))
    assert caught.value.part is not None
    assert "changed while it was read" in caught.value.part.doubt


def test_standard_input_may_be_a_file_that_grows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = text(tmp_path / "log", b"title\n" + LINES)
    with path.open(encoding="utf-8") as file:
        os.lseek(file.fileno(), 6, os.SEEK_SET)  # as the shell's `read` leaves it
        monkeypatch.setattr("sys.stdin", file)
        corpus = read_while(probe("-"), lambda _: append(path, b"more\n" * 100))
    assert is_of(corpus, LINES)
    assert corpus.doubt.startswith("'-' grew while it was read")


def test_a_file_whose_system_does_not_know_its_size_is_read_to_its_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = text(tmp_path / "text")
    fstat = os.fstat

    def too_small(descriptor: int) -> os.stat_result:
        status = list(fstat(descriptor))
        status[6] = min(status[6], 100)
        return os.stat_result(status)

    monkeypatch.setattr(os, "fstat", too_small)
    corpus = read_corpus(str(path), chunk_size=CHUNK_SIZE)
    assert is_of(corpus, LINES)


@pytest.mark.parametrize("output", ["--headless", "--json"])
def test_the_doubt_is_told_without_a_screen_and_on_it(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    output: str,
) -> None:
    path = text(tmp_path / "text")
    corpus = read_corpus(str(path))
    assert "changed while it was read" not in corpus_facts(corpus)
    assert "changed while it was read" in corpus_facts(replace(corpus, doubt="why"))
    monkeypatch.setattr(reading, "change_of", lambda _: "grew while it was read")
    assert run([str(path), output, "--backend", "count", "--steps", "1", "--samples", "1"]) == 0
    assert capsys.readouterr().err == f"bigram-tui: '{path}' grew while it was read\n"
