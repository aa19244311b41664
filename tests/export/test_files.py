"""A file is there whole or not at all, with the permissions that it should have."""

import csv
import os
import stat
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import TextIO

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from bigram_tui.errors import UserError
from bigram_tui.export.files import ExistsError, check_path, write_rows, write_whole

OLD, NEW = "what was there\n", "what is new\n"

POSIX = pytest.mark.skipif(os.name != "posix", reason="permissions and devices of POSIX")


def new(file: TextIO) -> None:
    file.write(NEW)


def contents(folder: Path) -> dict[str, bytes]:
    """All files of a folder, hidden ones too."""
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def permissions(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@pytest.fixture
def umask() -> Iterator[int]:
    """Neither the usual one nor that of a private file: a new file may have 0o640."""
    before = os.umask(0o027)
    yield 0o027
    os.umask(before)


# What is written


@pytest.mark.parametrize("overwrite", [False, True])
def test_a_new_file_holds_what_was_written_and_nothing_else_is_left(
    tmp_path: Path, overwrite: bool
) -> None:
    text = "a\nb\r\nc\rß\U0001f600\n"
    write_whole(tmp_path / "new.txt", lambda file: file.write(text), overwrite=overwrite)
    assert contents(tmp_path) == {"new.txt": text.encode()}


def test_until_the_end_the_old_file_is_what_others_see(tmp_path: Path) -> None:
    path = tmp_path / "file.txt"
    path.write_text(OLD)

    def write(file: TextIO) -> None:
        file.write(NEW)
        file.flush()
        assert path.read_text() == OLD

    write_whole(path, write, overwrite=True)
    assert contents(tmp_path) == {"file.txt": NEW.encode()}


def test_a_new_file_has_no_name_before_it_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "file.txt"
    write_whole(path, lambda file: file.write(str(path.exists())), overwrite=False)
    assert path.read_text() == "False"


@POSIX
def test_a_new_file_has_the_permissions_of_any_new_file(tmp_path: Path, umask: int) -> None:
    (tmp_path / "plain").touch()
    for name, overwrite in {"a": False, "b": True}.items():
        write_whole(tmp_path / name, new, overwrite=overwrite)
        assert permissions(tmp_path / name) == permissions(tmp_path / "plain") == 0o666 & ~umask


@POSIX
@pytest.mark.parametrize("mode", [0o600, 0o664, 0o755])
def test_a_replaced_file_keeps_its_permissions(tmp_path: Path, umask: int, mode: int) -> None:
    path = tmp_path / "file.txt"
    path.write_text(OLD)
    path.chmod(mode)

    def write(file: TextIO) -> None:
        assert {permissions(each) for each in tmp_path.iterdir()} == {mode}
        new(file)

    write_whole(path, write, overwrite=True)
    assert (path.read_text(), permissions(path)) == (NEW, mode)


@POSIX
@pytest.mark.parametrize("there", [True, False], ids=["a file", "nothing yet"])
def test_a_link_stays_and_what_it_leads_to_is_written(tmp_path: Path, there: bool) -> None:
    here, elsewhere = tmp_path / "here", tmp_path / "elsewhere"
    here.mkdir()
    elsewhere.mkdir()
    link, target = here / "link.txt", elsewhere / "file.txt"
    link.symlink_to("../elsewhere/file.txt")
    if there:
        target.write_text(OLD)

    def write(file: TextIO) -> None:  # beside the target: a rename does not cross file systems
        assert list(here.iterdir()) == [link]
        new(file)

    write_whole(link, write, overwrite=there)
    assert os.readlink(link) == "../elsewhere/file.txt"
    assert contents(elsewhere) == {"file.txt": NEW.encode()}


# What is not


def test_what_exists_is_replaced_only_when_that_is_wanted(tmp_path: Path) -> None:
    path = tmp_path / "file.txt"
    path.write_text(OLD)
    with pytest.raises(ExistsError, match=r"file\.txt' exists: give another name"):
        write_whole(path, new, overwrite=False)
    with pytest.raises(ExistsError):
        check_path(path, overwrite=False)
    assert contents(tmp_path) == {"file.txt": OLD.encode()}
    check_path(path, overwrite=True)
    write_whole(path, new, overwrite=True)
    assert contents(tmp_path) == {"file.txt": NEW.encode()}


def test_a_file_that_appears_meanwhile_is_not_replaced(tmp_path: Path) -> None:
    path = tmp_path / "file.txt"

    def write(file: TextIO) -> None:
        new(file)
        path.write_text(OLD)

    with pytest.raises(ExistsError):
        write_whole(path, write, overwrite=False)
    assert contents(tmp_path) == {"file.txt": OLD.encode()}


def test_of_many_writers_one_succeeds(tmp_path: Path) -> None:
    path = tmp_path / "file.txt"
    together = threading.Barrier(8)
    done: list[str] = []

    def write(text: str) -> None:
        def fill(file: TextIO) -> None:
            file.write(text * 10_000)
            together.wait(30)

        try:
            write_whole(path, fill, overwrite=False)
            done.append(text)
        except ExistsError:
            pass

    threads = [threading.Thread(target=write, args=(text,)) for text in "abcdefgh"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(done) == 1
    assert contents(tmp_path) == {"file.txt": done[0].encode() * 10_000}


@pytest.mark.parametrize("before", [{}, {"file.txt": OLD.encode()}], ids=["new", "replaced"])
@pytest.mark.parametrize(
    ("error", "raised", "message"),
    [
        (OSError(28, "No space left on device"), UserError, "can't write .*No space left"),
        (RuntimeError("a fault of ours"), RuntimeError, "a fault of ours"),
        (KeyboardInterrupt("stop"), KeyboardInterrupt, "stop"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_what_fails_in_the_middle_leaves_all_as_it_was(
    tmp_path: Path,
    before: dict[str, bytes],
    error: BaseException,
    raised: type[BaseException],
    message: str,
) -> None:
    for name, content in before.items():
        (tmp_path / name).write_bytes(content)

    def write(file: TextIO) -> None:
        file.write(NEW * 10_000)
        raise error

    with pytest.raises(raised, match=message):
        write_whole(tmp_path / "file.txt", write, overwrite=bool(before))
    assert contents(tmp_path) == before


@POSIX
@pytest.mark.parametrize("size", [100, 10_000_000], ids=["on closing", "in the middle"])
def test_a_disk_that_takes_no_more_leaves_all_as_it_was(tmp_path: Path, size: int) -> None:
    resource = pytest.importorskip("resource")
    path = tmp_path / "file.txt"
    path.write_text(OLD)
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (10, before[1]))
    try:
        with pytest.raises(UserError, match=r"can't write .*File too large"):
            write_whole(path, lambda file: file.write("x" * size), overwrite=True)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert contents(tmp_path) == {"file.txt": OLD.encode()}


@pytest.mark.parametrize("overwrite", [False, True])
def test_a_rename_that_is_refused_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, overwrite: bool
) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("os.link", refuse)
    monkeypatch.setattr("os.replace", refuse)
    with pytest.raises(UserError, match=r"can't write .*file\.txt': Permission denied"):
        write_whole(tmp_path / "file.txt", new, overwrite=overwrite)
    assert contents(tmp_path) == {}


def test_text_that_is_no_unicode_is_told(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"can't write .*surrogates not allowed"):
        write_whole(tmp_path / "file.txt", lambda file: file.write("\udcff"), overwrite=False)
    assert contents(tmp_path) == {}


@pytest.mark.parametrize("overwrite", [False, True])
@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("no/file.txt", "there is no folder '.*no': make it"),
        ("file.txt/file.txt", r"there is no folder '.*file\.txt': make it"),
        ("folder", "'.*folder' is a folder: give the name of a file"),
        ("folder/..", "is a folder"),
        pytest.param("device", "'.*device' is no ordinary file", marks=POSIX),
        pytest.param("pipe", "'.*pipe' is no ordinary file", marks=POSIX),
        ("x" * 1000, "can't write .*name too long"),
        ("a\0b", "can't write .*null"),
    ],
    ids=lambda text: text[:20].replace("\0", "NUL"),
)
def test_a_wrong_path_is_told(tmp_path: Path, name: str, message: str, overwrite: bool) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "file.txt").write_text(OLD)
    if os.name == "posix":
        (tmp_path / "device").symlink_to(os.devnull)
        os.mkfifo(tmp_path / "pipe")
    before = sorted(tmp_path.iterdir())
    for act in (check_path, lambda path, overwrite: write_whole(path, new, overwrite=overwrite)):
        with pytest.raises(UserError, match=message) as raised:
            act(tmp_path / name, overwrite=overwrite)
        assert not isinstance(raised.value, ExistsError)
        assert "\n" not in str(raised.value)
    assert sorted(tmp_path.iterdir()) == before


# Rows

TEXTS = st.text(st.characters(exclude_categories=["Cs"]))


@given(st.lists(st.lists(TEXTS, min_size=1), min_size=1))
@example([["a,b", 'c"d', " e ", "", "\r", "\n", "\r\n", "\0", "=1+1", "\ufeff", "\u2028", "\x1b"]])
@example([["\r"]])
@example([[""]])
@example([["=", "'", "''", "'=", "＝1", "\t=1", "-", "-a", "a-"]])
def test_any_text_reads_back(
    tmp_path_factory: pytest.TempPathFactory, rows: list[list[str]]
) -> None:
    path = tmp_path_factory.getbasetemp() / "texts.csv"
    write_whole(path, lambda file: write_rows(file, rows), overwrite=True)
    with path.open(encoding="utf-8", newline="") as file:
        cells = list(csv.reader(file))
    assert [[cell.removeprefix("'") for cell in row] for row in cells] == rows
    started = {cell[0] for row in cells for cell in row if cell}
    assert started.isdisjoint("=+-@＝＋－＠\t\r\n")


def test_rows_are_plain_lines(tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    rows = [("name", "n"), ("a", 1), (None, 0.1), ("b,c", float("-inf")), ("-", -0.5)]
    write_whole(path, lambda file: write_rows(file, rows), overwrite=False)
    assert path.read_bytes() == b'name,n\na,1\n,0.1\n"b,c",-inf\n\'-,-0.5\n'
