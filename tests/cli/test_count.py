"""`bigram-tui count` and `merge`: counts as files, which the program opens."""

import gzip
import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from bigram_tui.cli import exit_status
from bigram_tui.cli.main import run
from bigram_tui.corpus.counts_file import read_counts
from bigram_tui.corpus.reading import read_corpus

SUFFIX = ".counts.safetensors"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of three texts, in which the program is started."""
    monkeypatch.chdir(tmp_path)
    Path("a.txt").write_text("emma\nava\n\n", "utf-8")
    Path("b.txt").write_bytes("\ufeff中文😀\r\nemma\r".encode())
    Path("c.txt.gz").write_bytes(gzip.compress(b" olivia \nzoe"))
    return tmp_path


def count(*arguments: str) -> None:
    assert run(["count", *arguments]) == exit_status.DONE


def refused(capfd: pytest.CaptureFixture[str], *arguments: str) -> str:
    """Return the one line with which a command is refused."""
    before = sorted(os.listdir())
    capfd.readouterr()
    assert run(arguments) == exit_status.WRONG_USE
    out, err = capfd.readouterr()
    assert out == ""
    assert err.count("\n") == 1
    assert sorted(os.listdir()) == before
    return err


def document(capfd: pytest.CaptureFixture[str], *arguments: str) -> Any:
    capfd.readouterr()
    assert run([*arguments, "--json", "--steps", "2", "--backend", "numpy"]) == exit_status.DONE
    return json.loads(capfd.readouterr().out)


def test_a_model_of_counts_is_that_of_the_text(
    folder: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    count("*.txt", "c.txt.gz", "-o", f"all{SUFFIX}")
    assert capfd.readouterr().out == f"all{SUFFIX}: 6 lines, 29 bigrams, 11 characters\n"
    from_counts = document(capfd, f"all{SUFFIX}", "--max-vocab", "6")
    from_text = document(capfd, "a.txt", "b.txt", "c.txt.gz", "--max-vocab", "6")
    for part in ("lines", "bigrams", "vocabulary", "rare", "unseen"):
        assert from_counts["corpus"][part] == from_text["corpus"][part]
    (ours,), (theirs,) = from_counts["runs"], from_text["runs"]
    for part in ("train", "samples", "optimum"):
        assert ours[part] == theirs[part]


def test_merged_counts_are_those_of_all_texts(folder: Path) -> None:
    for text in ("a.txt", "b.txt", "c.txt.gz"):
        count(text, "-o", f"{text[0]}{SUFFIX}")
    count("*.txt", "c.txt.gz", "-o", f"all{SUFFIX}")
    parts = [f"{name}{SUFFIX}" for name in "cab"]
    assert run(["merge", *parts, "-o", f"merged{SUFFIX}"]) == exit_status.DONE
    merged, whole = (read_counts(folder / f"{name}{SUFFIX}") for name in ("merged", "all"))
    assert merged.counts.keys.tolist() == whole.counts.keys.tolist()
    assert merged.counts.times.tolist() == whole.counts.times.tolist()
    assert set(merged.sources) == set(whole.sources)
    assert {source.path for source in whole.sources} == {
        str(folder / name) for name in ("a.txt", "b.txt", "c.txt.gz")
    }
    together = read_corpus(*parts)  # several are opened as their sum
    assert together.train.total == whole.counts.total
    assert (together.items, together.holds_text, together.lines) == (None, False, 6)


def test_what_can_not_be_done_with_counts_is_told(
    folder: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    a = f"a{SUFFIX}"
    count("a.txt", "-o", a)
    assert "leave one of them out" in refused(capfd, "merge", a, a, "-o", f"b{SUFFIX}")
    assert "--overwrite replaces it" in refused(capfd, "count", "a.txt", "-o", a)
    assert f"ends in {SUFFIX}" in refused(capfd, "count", "a.txt", "-o", "a.csv")
    assert "there is no folder" in refused(capfd, "count", "a.txt", "-o", f"no/a{SUFFIX}")
    assert "-o" in refused(capfd, "count", "a.txt")
    assert "count that first" in refused(capfd, "merge", "a.txt", "-o", f"b{SUFFIX}")
    assert "leave out --split" in refused(capfd, a, "--split", "80/20", "--headless")
    assert "can't be read together with counts" in refused(capfd, a, "b.txt", "--headless")
    assert "does not exist" in refused(capfd, f"none{SUFFIX}", "--headless")
    Path(f"broken{SUFFIX}").write_bytes(Path(a).read_bytes()[:-1])
    assert "damaged" in refused(capfd, f"broken{SUFFIX}", "--headless")


def test_broken_and_empty_texts_are_not_counted(
    folder: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    Path("broken.txt").write_bytes(b"fine\n\xff\n")
    Path("empty.txt").write_bytes(b"")
    Path("blank.txt").write_bytes(b" \n\n")
    for text in ("broken", "empty", "blank", "none"):
        assert f"{text}.txt" in refused(capfd, "count", f"{text}.txt", "-o", f"x{SUFFIX}")


def test_a_file_of_counts_is_replaced_only_if_asked(folder: Path) -> None:
    a = folder / f"a{SUFFIX}"
    count("a.txt", "-o", a.name)
    count("b.txt", "-o", a.name, "--overwrite")
    assert read_counts(a).counts.lines == 2


def test_standard_input_is_counted(folder: Path) -> None:
    command = [sys.executable, "-m", "bigram_tui", "count", "-", "-o", f"x{SUFFIX}"]
    subprocess.run(command, input=b"emma\nava\n", check=True, timeout=60)
    text = read_counts(folder / f"x{SUFFIX}")
    assert (text.counts.lines, [source.path for source in text.sources]) == (2, ["-"])


@pytest.mark.slow
def test_ctrl_c_leaves_nothing(folder: Path) -> None:
    command = [sys.executable, "-m", "bigram_tui", "count", "-", "-o", f"x{SUFFIX}"]
    with subprocess.Popen(command, stdin=subprocess.PIPE) as process:
        assert process.stdin is not None
        process.stdin.write(b"emma\n")
        process.stdin.flush()
        time.sleep(2)
        process.send_signal(2)
        assert process.wait(20) == 130
    assert not list(folder.glob("*counts*"))
    assert not list(folder.glob(".bigram*"))


def test_lessons_that_need_the_lines_say_so(folder: Path) -> None:
    from bigram_tui.analysis.contexts import read_sample
    from bigram_tui.corpus.errors import CorpusError

    count("a.txt", "-o", f"a{SUFFIX}")
    corpus = read_corpus(f"a{SUFFIX}")
    with pytest.raises(CorpusError, match="holds counts, without the lines"):
        read_sample(corpus)
