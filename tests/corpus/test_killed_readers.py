"""A program that is killed while it reads, counts or keeps a text leaves nothing in the way."""

import os
import random
import subprocess
import sys
import time
from pathlib import Path

import pytest

from bigram_tui.corpus import cache, request
from bigram_tui.corpus.request import CorpusRequest
from tests.corpus.test_corpus import pairs_of, reference_items, reference_pairs

LONG_AGO = (1_000_000_000, 1_000_000_000)

TEXT = "".join(f"name{number * number % 9973}\n" for number in range(20_000))

READER = """if True:
    import sys
    from itertools import count
    from bigram_tui.corpus import cache, request
    from bigram_tui.corpus.request import CorpusRequest

    request.KEPT_SIZE, cache.UNSETTLED_NS = 10, -(10**12)
    print("ready", flush=True)
    for number in count():
        CorpusRequest((sys.argv[1],), max_vocabulary=100 + number % 5).read()
"""


@pytest.mark.slow
@pytest.mark.skipif(os.name != "posix", reason="signals of POSIX")
def test_after_a_kill_at_any_moment_the_next_start_counts_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(request, "KEPT_SIZE", 10)
    monkeypatch.setattr(cache, "UNSETTLED_NS", -(10**12))
    path = tmp_path / "text"
    path.write_text(TEXT, "utf-8")
    os.utime(path, LONG_AGO)
    expected = reference_pairs(reference_items(TEXT))
    folder = tmp_path / "cache" / "bigram-tui"
    moments = random.Random(16)
    kept = 0
    for _ in range(int(os.environ.get("KILLS", "20"))):
        command = [sys.executable, "-c", READER, str(path)]
        with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
            assert process.stdout is not None
            assert process.stdout.readline() == b"ready\n"
            time.sleep(moments.uniform(0, 0.1))
            process.kill()
        for number in range(5):
            found = CorpusRequest((str(path),), max_vocabulary=100 + number).kept()
            assert found is None or pairs_of(found.train) == expected
            kept += found is not None
        corpus = CorpusRequest((str(path),)).read()
        assert pairs_of(corpus.train) == expected
        assert not [name for name in os.listdir(folder) if name.startswith(".")]
        for entry in folder.iterdir():
            entry.unlink()
    assert kept, "no process came so far"
