"""Whatever happens while a file is written, others find the old one, the new one, or none."""

import errno
import os
import random
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from bigram_tui import whole_files
from bigram_tui.whole_files import ABANDONED_SECONDS, open_whole

OLD, NEW = b"what was there\n", b"what is new\n" * 1000

LEFT_OVER = ".bigram-tui-0123456789abcdef"

fcntl = pytest.importorskip("fcntl", reason="locks and signals of POSIX")


def contents(folder: Path) -> dict[str, bytes]:
    """All files of a folder, hidden ones too."""
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def put(
    path: Path,
    content: bytes = NEW,
    *,
    overwrite: bool = False,
    durable: bool = True,
    mode: int | None = None,
    meanwhile: Callable[[], object] = lambda: None,
) -> None:
    with open_whole(path, overwrite=overwrite, durable=durable, mode=mode) as file:
        file.write(content)
        meanwhile()


# Faults of the system

CALLS = ("open", "chmod", "dup", "fsync", "link", "replace", "unlink", "close")


@contextmanager
def fault_at(number: int, error: int) -> Iterator[list[str]]:
    """Let one of the calls of the system fail; yield a list of all calls that were made."""
    made: list[str] = []

    def failing(name: str) -> Callable[..., Any]:
        call = getattr(os, name)

        def fail_or_call(*arguments: Any, **more: Any) -> Any:
            made.append(name)
            result = call(*arguments, **more) if name == "close" else None
            if len(made) == number:
                raise OSError(error, os.strerror(error))
            return result if name == "close" else call(*arguments, **more)

        return fail_or_call

    with pytest.MonkeyPatch.context() as patch:
        for name in CALLS:
            patch.setattr(os, name, failing(name))
        yield made


@pytest.mark.parametrize("error", [errno.ENOSPC, errno.EIO, errno.EROFS, errno.EPERM])
@pytest.mark.parametrize("overwrite", [False, True])
def test_whichever_call_fails_the_file_is_as_it_was_or_the_new_one(
    tmp_path: Path, overwrite: bool, error: int
) -> None:
    before = {"file": OLD} if overwrite else {}
    after = {"file": NEW}
    failures = number = 0
    while True:
        number += 1
        folder = tmp_path / str(number)
        folder.mkdir()
        for name, content in before.items():
            (folder / name).write_bytes(content)
        with fault_at(number, error) as calls:
            failed = None
            try:
                put(folder / "file", overwrite=overwrite, mode=0o640)
            except OSError as raised:
                failed = raised.errno
        assert failed in (None, error)
        failures += failed is not None
        if len(calls) < number:
            assert contents(folder) == after
            break
        # What could not be removed is removed next time.
        whole_files.remove_left_overs(folder)
        assert contents(folder) == before if failed else contents(folder) == after
    assert failures >= 3
    naming = "replace" if overwrite else "link"
    assert {"open", "chmod", "dup", "fsync", naming, "close"} <= set(calls)


def test_a_full_disk_is_told_by_whatever_writes_to_it(tmp_path: Path) -> None:
    """Both in the middle of a large file and when the rest of a small one goes to the disk."""
    resource = pytest.importorskip("resource")
    (tmp_path / "file").write_bytes(OLD)
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    for limit in (0, 1, 4095, 4096, 100_000):
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, before[1]))
        try:
            with pytest.raises(OSError, match="File too large"):
                put(tmp_path / "file", b"x" * 100_001, overwrite=True)
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, before)
        assert contents(tmp_path) == {"file": OLD}


@pytest.mark.parametrize("error", [errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS])
def test_without_links_a_name_is_taken_but_never_replaced(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: int
) -> None:
    def refuse(*_: object) -> None:
        raise OSError(error, os.strerror(error))

    monkeypatch.setattr(os, "link", refuse)
    put(tmp_path / "file")
    other = tmp_path / "other"
    with pytest.raises(FileExistsError):
        put(other, meanwhile=lambda: other.write_bytes(OLD))
    assert contents(tmp_path) == {"file": NEW, "other": OLD}
    monkeypatch.setattr(os, "replace", refuse)
    with pytest.raises(OSError, match=os.strerror(error)):
        put(tmp_path / "third")
    assert contents(tmp_path) == {"file": NEW, "other": OLD}


@pytest.mark.parametrize("overwrite", [False, True])
def test_a_folder_that_goes_meanwhile_is_an_error(tmp_path: Path, overwrite: bool) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    with pytest.raises(FileNotFoundError):
        put(folder / "file", overwrite=overwrite, meanwhile=lambda: shutil.rmtree(folder))
    assert not folder.exists()


@pytest.mark.parametrize("durable", [False, True])
def test_what_is_durable_is_on_the_disk_before_it_has_its_name_and_then_the_name_is(
    tmp_path: Path, durable: bool
) -> None:
    for overwrite in (False, True):
        with fault_at(0, 0) as calls:
            put(tmp_path / "file", overwrite=overwrite, durable=durable)
        naming = "replace" if overwrite else "link"
        order = [call for call in calls if call in (naming, "fsync")]
        assert order == (["fsync", naming, "fsync"] if durable else [naming])


def test_where_nothing_can_be_synced_files_are_written_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_: int) -> None:
        raise OSError(errno.EINVAL, os.strerror(errno.EINVAL))

    monkeypatch.setattr(os, "fsync", refuse)
    put(tmp_path / "file")
    assert contents(tmp_path) == {"file": NEW}


def test_an_error_of_the_writer_is_not_hidden_by_that_of_the_disk(tmp_path: Path) -> None:
    resource = pytest.importorskip("resource")

    def interrupt() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (0, before[1]))
        raise KeyboardInterrupt

    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    try:
        with pytest.raises(KeyboardInterrupt):
            put(tmp_path / "file", b"small", meanwhile=interrupt)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert contents(tmp_path) == {}


# What killed processes leave


def test_what_a_killed_process_left_goes_with_the_next_file(tmp_path: Path) -> None:
    (tmp_path / LEFT_OVER).write_bytes(b"half of")
    (tmp_path / (LEFT_OVER[:-1] + "0")).touch(mode=0o400)
    others = {".bigram-tui": b"", LEFT_OVER + "0": b"", "x" + LEFT_OVER: b"", ".bigram-tui-x": b""}
    for name in others:
        (tmp_path / name).touch()
    put(tmp_path / "file")
    assert contents(tmp_path) == others | {"file": NEW}


def test_what_only_looks_like_it_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    names = [f".bigram-tui-{number:016x}" for number in range(4)]
    (tmp_path / names[0]).mkdir()
    (tmp_path / names[1]).symlink_to("elsewhere")
    os.mkfifo(tmp_path / names[2])
    (tmp_path / names[3]).touch()
    me = os.geteuid()
    with monkeypatch.context() as patch:
        patch.setattr(os, "geteuid", lambda: me + 1)  # the file is that of another user
        put(tmp_path / "file")
    assert sorted(os.listdir(tmp_path)) == [*names, "file"]


def test_what_another_process_is_writing_stays(tmp_path: Path) -> None:
    program = f"""if True:
        import sys
        from pathlib import Path
        from bigram_tui.whole_files import open_whole
        with open_whole(Path({str(tmp_path / "slow")!r}), overwrite=False, durable=True) as file:
            file.write(b"slow")
            print("ready", flush=True)
            sys.stdin.read()
    """
    pipe = subprocess.PIPE
    with subprocess.Popen([sys.executable, "-c", program], stdin=pipe, stdout=pipe) as other:
        assert other.stdin is not None
        assert other.stdout is not None
        other.stdout.readline()
        for overwrite in (False, True):
            put(tmp_path / "file", overwrite=overwrite)
        assert len(os.listdir(tmp_path)) == 2
        other.stdin.close()
        assert other.wait(30) == 0
    assert contents(tmp_path) == {"file": NEW, "slow": b"slow"}


def test_where_files_cannot_be_locked_age_decides(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    monkeypatch.setattr(fcntl, "flock", refuse)
    (tmp_path / LEFT_OVER).touch()
    put(tmp_path / "file")
    assert (tmp_path / LEFT_OVER).exists()
    long_ago = time.time() - ABANDONED_SECONDS - 1
    os.utime(tmp_path / LEFT_OVER, (long_ago, long_ago))
    put(tmp_path / "file", overwrite=True)
    assert contents(tmp_path) == {"file": NEW}


def test_a_writer_whose_new_file_is_taken_for_a_left_over_begins_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lock = fcntl.flock
    swept: list[Path] = []

    def sweep_first(descriptor: int, operation: int) -> None:
        if not swept:
            (path,) = tmp_path.iterdir()
            swept.append(path)
            path.unlink()
        lock(descriptor, operation)

    monkeypatch.setattr(fcntl, "flock", sweep_first)
    put(tmp_path / "file")
    assert swept
    assert contents(tmp_path) == {"file": NEW}


# Processes that are killed, and two at once

LINES = 3000

WRITER = f"""if True:
    import os, sys
    from itertools import count
    from pathlib import Path
    from bigram_tui.export.files import ExistsError, write_whole

    folder, mine, overwrite = Path(sys.argv[1]), sys.argv[2], sys.argv[3] == "replace"

    def write(file):
        for _ in range({LINES}):
            file.write(mine + "\\n")

    print("ready", flush=True)
    for number in count() if sys.argv[4] == "forever" else range(int(sys.argv[4])):
        if overwrite:
            write_whole(folder / "file", write, overwrite=True)
        else:
            try:
                write_whole(folder / f"new-{{number % 500}}", write, overwrite=False)
            except ExistsError:
                pass
            else:
                print(number, flush=True)
"""


def writer(folder: Path, mine: str, how: str, times: str) -> "subprocess.Popen[str]":
    arguments = [sys.executable, "-c", WRITER, str(folder), mine, how, times]
    process = subprocess.Popen(arguments, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    return process


def is_whole(content: bytes) -> bool:
    return content in [letter * LINES for letter in (b"a\n", b"b\n")]


@pytest.mark.slow
@pytest.mark.parametrize("how", ["replace", "new"])
def test_a_process_that_is_killed_leaves_whole_files(tmp_path: Path, how: str) -> None:
    moments = random.Random(16)
    left = 0
    for trial in range(int(os.environ.get("KILLS", "20"))):
        with writer(tmp_path, "ab"[trial % 2], how, "forever") as process:
            time.sleep(moments.uniform(0, 0.05))
            process.kill()
        found = contents(tmp_path)
        temporary = {name for name in found if name.startswith(".")}
        left += len(temporary)
        assert all(is_whole(found[name]) for name in found.keys() - temporary)
        put(tmp_path / f"next-{trial}")
        assert not [name for name in os.listdir(tmp_path) if name.startswith(".")]
        (tmp_path / f"next-{trial}").unlink()
    assert left, "no process was killed while it wrote"


@pytest.mark.slow
def test_of_two_programs_that_replace_a_file_others_see_one_or_the_other(tmp_path: Path) -> None:
    seen: set[bytes] = set()
    with writer(tmp_path, "a", "replace", "forever") as one:
        with writer(tmp_path, "b", "replace", "forever") as other:
            end = time.monotonic() + 3
            while time.monotonic() < end:
                try:
                    seen.add((tmp_path / "file").read_bytes())
                except FileNotFoundError:
                    assert not seen
            other.kill()
        one.kill()
    assert len(seen) == 2
    assert all(map(is_whole, seen))
    put(tmp_path / "file", overwrite=True)
    assert contents(tmp_path) == {"file": NEW}


@pytest.mark.slow
def test_of_two_programs_one_makes_each_new_file(tmp_path: Path) -> None:
    looks = 0
    with writer(tmp_path, "a", "new", "200") as one, writer(tmp_path, "b", "new", "200") as other:
        number = 0
        while number < 200:
            try:
                assert is_whole((tmp_path / f"new-{number}").read_bytes())
            except FileNotFoundError:
                assert one.poll() is None or other.poll() is None
                looks += 1
            else:
                number += 1
        won = [int(line) for process in (one, other) for line in process.communicate()[0].split()]
    assert sorted(won) == list(range(200))
    assert sorted(os.listdir(tmp_path)) == sorted(f"new-{number}" for number in range(200))
    assert looks
