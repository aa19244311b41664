"""What plugins print: the last lines, safe to show, of the run whose thread printed them."""

import threading
from contextvars import copy_context

from bigram_tui.training.output import (
    MOST_CHARACTERS,
    MOST_LINES,
    OF_RUN,
    UNATTRIBUTED,
    Output,
    stream,
)
from tests.odd_plugins import OSC_52


def lines_of(*texts: str) -> list[str]:
    output = Output()
    for text in texts:
        output.write(text)
    return output.lines


def test_lines_are_put_together_from_what_is_written() -> None:
    assert lines_of("a", "b\nc", "\n", "\n", "d") == ["ab", "c", "", "d"]
    assert lines_of("") == []


def test_a_line_is_seen_as_on_a_terminal_and_is_safe() -> None:
    assert lines_of("10 %\r20 %\r", "30 %") == ["30 %"]
    assert lines_of("10 %\r\n20 %\r\n") == ["10 %", "20 %"]
    assert lines_of("\x1b[31mred\x1b[0m\tb\n") == ["red     b"]
    assert lines_of(OSC_52) == ["␛]52;c;ZXZpbA==␇�31m"]


def test_the_last_lines_are_kept_and_their_ends() -> None:
    assert lines_of("".join(f"{k}\n" for k in range(10**5)))[-1] == str(10**5 - 1)
    assert len(lines_of("x\n" * 10**6)) == MOST_LINES
    assert lines_of("x" * 10**6, "\r" * 10**6, "y" * 10**6) == ["y" * MOST_CHARACTERS]


def test_what_is_collected_in_the_middle_of_a_write_may_print_too() -> None:
    """The garbage collector runs `__del__` in any thread, between any two instructions."""
    output = Output()

    def write_within() -> None:
        with output._lock:
            output.write("within\n")

    writer = threading.Thread(target=write_within, daemon=True)
    writer.start()
    writer.join(10)
    assert not writer.is_alive()
    assert output.lines == ["within"]


def test_news_is_told_once_until_somebody_looks() -> None:
    output, told = Output(), list[str]()
    Output.on_news = lambda: told.append("news")
    try:
        output.write("a\n")
        output.write("b\n")
        assert told == ["news"]
        assert output.last == "b"
        assert output.look() == ["a", "b"]
        assert not output.is_news
        output.write("c\n\n")
        assert told == ["news", "news"]
        assert output.last == "c"
    finally:
        Output.on_news = lambda: None


def test_a_stream_writes_to_the_output_of_its_thread() -> None:
    own = Output()
    UNATTRIBUTED.clear()
    file = stream(2)

    def of_a_run() -> None:
        OF_RUN.set(own)
        print("mine", file=file)
        file.close()
        other = threading.Thread(target=lambda: print("nobody's", file=file))
        other.start()
        other.join()

    copy_context().run(of_a_run)
    assert own.lines == ["mine"]
    assert UNATTRIBUTED.lines == ["nobody's"]
    assert (file.fileno(), file.isatty()) == (2, False)
