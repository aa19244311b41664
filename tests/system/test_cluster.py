"""Counting by a real Dask scheduler and its workers, each a process that can be killed."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from functools import partial
from pathlib import Path
from threading import Thread

import pytest

from bigram_tui.cli import cluster as cluster_of_program
from bigram_tui.cli import exit_status
from bigram_tui.cli.arguments import parse
from bigram_tui.cli.cluster import scheduler
from bigram_tui.cli.main import run
from bigram_tui.cli.plan import make_plan, session_or_reading
from bigram_tui.corpus import background, spread
from bigram_tui.corpus.background import BackgroundRead
from bigram_tui.corpus.counts_file import read_counts as open_counts
from bigram_tui.corpus.errors import CorpusError
from bigram_tui.corpus.files import TextFile, find_files
from bigram_tui.corpus.reading import read_corpus, read_counts
from bigram_tui.corpus.spread import Engine, spread_counts
from bigram_tui.errors import UserError
from tests.conftest import not_none
from tests.corpus.test_ranges import WORST, assert_equal
from tests.system.dask_cluster import WAIT_SECONDS, Cluster, free_port, wait_until

SUFFIX = ".counts.safetensors"


@pytest.fixture
def cluster() -> Iterator[Cluster]:
    pytest.importorskip("distributed")
    with ExitStack() as stack:
        yield Cluster(stack)


@pytest.fixture
def files(tmp_path: Path) -> tuple[TextFile, ...]:
    """Two texts, a large one and a nasty one."""
    (tmp_path / "a.txt").write_text("".join(f"{n} emma 中{n % 97}\r\n" for n in range(300_000)))
    (tmp_path / "b.txt").write_bytes(WORST.encode() * 10)
    return find_files([str(tmp_path / "*.txt")])


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")  # those of the library
class TestCluster:
    """What is counted on a cluster."""

    def test_any_number_of_workers_counts_what_one_process_counts(
        self, cluster: Cluster, files: tuple[TextFile, ...]
    ) -> None:
        expected = read_counts(*files)
        for workers in (1, 2, 3, 4):
            cluster.start(workers - len(cluster.threads()))
            for size in (100_000, 64 << 20):
                with scheduler(cluster.address) as engine:
                    assert_equal(spread_counts(files, engine, range_size=size), expected)
            small = files[1:]
            with scheduler(cluster.address) as engine:
                ours = spread_counts(small, engine, range_size=7 * workers)
            assert_equal(ours, read_counts(*small))
        wait_until(lambda: not cluster.tasks())

    @pytest.mark.parametrize("end", [signal.SIGKILL, signal.SIGTERM, signal.SIGSTOP])
    def test_a_worker_that_ends_or_is_slow_costs_no_count(
        self, end: signal.Signals, cluster: Cluster, files: tuple[TextFile, ...]
    ) -> None:
        first, _ = cluster.start(2)
        ranges = 0

        def disturb(done: int, size: int | None) -> None:
            nonlocal ranges
            ranges += 1
            if ranges == 5:
                first.send_signal(end)
            if ranges == 20 and end is signal.SIGSTOP:
                time.sleep(2)
                first.send_signal(signal.SIGCONT)

        with scheduler(cluster.address) as engine:
            ours = spread_counts(files, engine, disturb, range_size=50_000)
        assert ranges > 40
        assert_equal(ours, read_counts(*files))
        if end is not signal.SIGSTOP:
            assert len(cluster.threads()) == 1

    def test_a_worker_that_comes_later_counts_too(
        self, cluster: Cluster, files: tuple[TextFile, ...], capfd: pytest.CaptureFixture[str]
    ) -> None:
        told: list[str] = []
        started: list[subprocess.Popen[bytes]] = []
        with scheduler(cluster.address, told.append) as engine:

            def check() -> None:
                engine.check()
                if told and not started:
                    started.extend(cluster.start())

            late = Engine(engine.executor, engine.at_once, check)
            assert_equal(spread_counts(files, late), read_counts(*files))
        assert told == [
            f"{cluster.address} has no workers that stay (they need bigram-tui too); waiting"
        ]

    def test_a_scheduler_that_ends_is_told_soon(
        self, cluster: Cluster, files: tuple[TextFile, ...]
    ) -> None:
        cluster.start()
        start = time.monotonic()

        def end(done: int, size: int | None) -> None:
            cluster.scheduler.kill()

        with (
            pytest.raises(CorpusError, match="has their scheduler ended"),
            scheduler(cluster.address) as engine,
        ):
            spread_counts(files, engine, end, range_size=10_000)
        assert time.monotonic() - start < 20

    def test_errors_of_workers_are_told_in_one_line(self, cluster: Cluster, tmp_path: Path) -> None:
        cluster.start()
        path = tmp_path / "wrong.txt"
        path.write_bytes(b"emma\n" * 100_000 + b"a\xff\n" + b"ava\n" * 100_000)
        with scheduler(cluster.address) as engine:
            files = find_files([str(path)])
            with pytest.raises(CorpusError, match="byte 0xFF at offset 500,001"):
                spread_counts(files, engine, range_size=10_000)
            os.utime(path, ns=(0, 0))
            with pytest.raises(CorpusError, match="has changed since"):
                spread_counts(files, engine, range_size=10_000)
        wait_until(lambda: not cluster.tasks())

    def test_ctrl_c_leaves_nothing(
        self, cluster: Cluster, files: tuple[TextFile, ...], tmp_path: Path
    ) -> None:
        output = tmp_path / f"x{SUFFIX}"
        command = ["count", files[0].path, "-o", str(output), "--scheduler", cluster.address]
        (worker,) = cluster.start()
        worker.send_signal(signal.SIGSTOP)
        child = subprocess.Popen(
            [sys.executable, "-m", "bigram_tui", *command],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        wait_until(cluster.tasks)
        start = time.monotonic()
        child.send_signal(signal.SIGINT)
        out, err = child.communicate(timeout=WAIT_SECONDS)
        assert (child.returncode, out, err) == (exit_status.INTERRUPTED, b"", b"")
        assert time.monotonic() - start < 10
        worker.send_signal(signal.SIGCONT)
        wait_until(lambda: not cluster.tasks())
        assert {path.name for path in tmp_path.iterdir()} == {"a.txt", "b.txt"}

    def test_the_commands_count_on_it(
        self,
        cluster: Cluster,
        files: tuple[TextFile, ...],
        tmp_path: Path,
        capfd: pytest.CaptureFixture[str],
    ) -> None:
        cluster.start()
        paths, output = [file.path for file in files], tmp_path / f"x{SUFFIX}"
        on_cluster = ["--scheduler", cluster.address]
        assert run(["count", *paths, "-o", str(output), *on_cluster]) == exit_status.DONE
        assert_equal(open_counts(output), read_counts(*files))
        train = [*paths, "--json", "--steps", "2", "--backend", "numpy", "--no-cache"]
        documents = []
        for how in ([], on_cluster):
            capfd.readouterr()
            assert run([*train, *how]) == exit_status.DONE
            documents.append(capfd.readouterr().out.split('"corpus"')[1].split('"seed"')[0])
        assert documents[0] == documents[1]

    def test_the_map_fills_from_the_results_of_workers(
        self, cluster: Cluster, files: tuple[TextFile, ...], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        small = partial(spread.spread_corpus, range_size=1 << 18)
        monkeypatch.setattr(cluster_of_program, "spread_corpus", small)
        monkeypatch.setattr(background, "PARTIAL_SECONDS", 0.0)
        cluster.start()
        paths = [file.path for file in files]
        options = parse([*paths, "--no-cache", "--scheduler", cluster.address])
        reading = session_or_reading(make_plan(options))
        assert isinstance(reading, BackgroundRead)
        reading.start()
        lines = set()
        while not reading.has_ended:
            if reading.partial_counts is not None:
                lines.add(reading.partial_counts.lines)
            time.sleep(0.001)
        assert reading.error is None
        session = not_none(reading.result)
        expected = read_corpus(*files)
        assert session.corpus.train.counts.tolist() == expected.train.counts.tolist()
        assert len(lines) > 3
        assert reading.progress.done == reading.progress.size


@pytest.mark.filterwarnings("ignore")
def test_a_scheduler_that_is_not_there_is_told() -> None:
    pytest.importorskip("distributed")
    with (
        pytest.raises(UserError, match="no scheduler answers at"),
        scheduler(f"tcp://127.0.0.1:{free_port()}"),
    ):
        pass
    for address in ("", "host", "tcp://host:x", "abc://host:1"):
        with pytest.raises(UserError, match="takes an address"), scheduler(address):
            pass


@pytest.mark.slow
@pytest.mark.parametrize("answer", [b"", b"HTTP/1.1 400 Bad Request\r\n\r\n" * 99])
def test_another_server_in_the_place_of_a_scheduler_is_told(answer: bytes, tmp_path: Path) -> None:
    pytest.importorskip("distributed")
    text, output = tmp_path / "text.txt", tmp_path / f"x{SUFFIX}"
    text.write_text("emma\n")
    held = []

    def serve() -> None:
        with suppress(OSError):
            while True:
                held.append(server.accept()[0])
                held[-1].sendall(answer)

    with socket.create_server(("127.0.0.1", 0)) as server:
        Thread(target=serve, daemon=True).start()
        address = f"tcp://127.0.0.1:{server.getsockname()[1]}"
        command = ["count", str(text), "-o", str(output), "--scheduler", address]
        child = subprocess.run(
            [sys.executable, "-m", "bigram_tui", *command],
            check=False,
            capture_output=True,
            text=True,
            timeout=WAIT_SECONDS,
        )
    for connection in held:
        connection.close()
    assert child.returncode == exit_status.WRONG_USE
    assert "is no Dask scheduler" in child.stderr
    assert child.stderr.count("\n") == 1


def test_without_the_library_the_user_is_told_what_to_install(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "distributed", None)
    with (
        pytest.raises(UserError, match=r"pip install 'bigram-tui\[cluster\]'"),
        scheduler("tcp://127.0.0.1:8786"),
    ):
        pass


def test_lines_are_not_split_on_a_cluster(capfd: pytest.CaptureFixture[str]) -> None:
    arguments = ["--headless", "--split", "80/20", "--scheduler", "tcp://127.0.0.1:1"]
    assert run(arguments) == exit_status.WRONG_USE
    assert "leave out one of the two" in capfd.readouterr().err
