"""Ranges of files at an address, where the server sends parts of a file."""

import gzip
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from bigram_tui.cli.cluster import scheduler
from bigram_tui.corpus.counts_file import TextCounts
from bigram_tui.corpus.errors import CorpusError
from bigram_tui.corpus.files import find_files
from bigram_tui.corpus.ranges import cut
from bigram_tui.corpus.reading import read_counts
from bigram_tui.corpus.spread import Engine, spread_counts
from tests.corpus.executors import Here
from tests.corpus.s3 import s3_server
from tests.corpus.test_ranges import WORST, assert_equal
from tests.system.dask_cluster import Cluster

pytest.importorskip("fsspec")


@pytest.fixture
def memory() -> Iterator[Any]:
    """A file system in memory, which is empty afterwards."""
    from fsspec.implementations.memory import MemoryFileSystem

    yield MemoryFileSystem()
    MemoryFileSystem.store.clear()


def spread(address: str, size: int) -> TextCounts:
    return spread_counts(find_files([address]), Engine(Here()), range_size=size)


@pytest.mark.parametrize("size", [7, 50, 99, 1 << 20])
def test_ranges_at_an_address_have_the_counts_of_the_whole(size: int, memory: Any) -> None:
    memory.pipe("/texts/a.txt", WORST.encode())
    memory.pipe("/texts/b.txt.gz", gzip.compress(b"zoe\n" * 999))
    assert_equal(spread("memory://texts/*", size), read_counts("memory://texts/*"))
    numbers = [len(list(cut(file, size))) for file in find_files(["memory://texts/*"])]
    assert numbers == [-(-len(WORST.encode()) // size), 1]


def test_what_is_wrong_at_an_address_is_told(memory: Any) -> None:
    memory.pipe("/texts/a.txt", b"emma\n" * 99 + b"\xff\n")
    with pytest.raises(CorpusError, match=r"memory://texts/a.txt.*at offset 495"):
        spread("memory://texts/a.txt", 50)
    with pytest.raises(CorpusError, match=r"none.txt.*does not exist"):
        spread("memory://texts/none.txt", 50)


@pytest.mark.parametrize("ranges", [1, 5])
def test_a_file_at_an_address_that_changes_is_refused(ranges: int, memory: Any) -> None:
    memory.pipe("/texts/a.txt", b"emma\n" * 100)

    def change(number: int) -> None:
        if number == ranges - 1:
            memory.pipe("/texts/a.txt", b"ava\n" * 100)

    files = find_files(["memory://texts/a.txt"])
    with pytest.raises(CorpusError, match="has changed since"):
        spread_counts(files, Engine(Here(change)), range_size=50)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")  # those of the libraries
def test_a_cluster_counts_ranges_on_s3(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("distributed")
    with s3_server(monkeypatch) as client:
        client.create_bucket(Bucket="texts")
        client.put_object(Bucket="texts", Key="a.txt", Body=f"{WORST}\n".encode() * 1000)
        client.put_object(Bucket="texts", Key="b.txt.gz", Body=gzip.compress(b"zoe\n"))
        with ExitStack() as stack:
            cluster = Cluster(stack)
            cluster.start(2)
            with scheduler(cluster.address) as engine:
                files = find_files(["s3://texts/*"])
                ours = spread_counts(files, engine, range_size=50_000)
        assert_equal(ours, read_counts("s3://texts/*"))
        assert ours.sources[0].mark
