"""Whatever a backend does in a process of its own ends its run with one line, and nothing else."""

import contextlib
import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
from pathlib import Path

import numpy as np
import pytest

from bigram_tui.cancellation import CancelToken
from bigram_tui.comparison.lineup import Lineup
from bigram_tui.comparison.lockstep import Lockstep
from bigram_tui.corpus.reading import read_corpus
from bigram_tui.isolation import process as process_module
from bigram_tui.isolation.memory import SharedMemory
from bigram_tui.isolation.proxy import IsolatedBackend
from bigram_tui.model.bigrams import Bigrams
from bigram_tui.training import runner as runner_module
from bigram_tui.training.registry import BackendError, choose
from bigram_tui.training.run import Run
from bigram_tui.training.runner import Runner
from bigram_tui.training.session import Session
from bigram_tui.training.snapshot import Status
from tests.conftest import slow
from tests.isolation.conftest import SourceOf
from tests.training.test_runner import wait_until

START = np.zeros((3, 3))

ODD = {
    "os._exit": ("os._exit(3)", "its process ended with exit code 3"),
    "os._exit after words": (
        "print('so long', flush=True); os._exit(0)",
        "its process ended with exit code 0; it wrote last: so long",
    ),
    "null pointer": (
        "ctypes.string_at(0)",
        "its process was ended by signal 11 (SIGSEGV)",
    ),
    "a signal": (
        "os.kill(os.getpid(), signal.SIGKILL)",
        "its process was ended by signal 9 (SIGKILL)",
    ),
    "abort with words": (
        r"os.write(2, b'\x1b]52;c;AAAA\x07bad \xff luck\n\n'); os.abort()",
        "its process was ended by signal 6 (SIGABRT); it wrote last: ␛]52;c;AAAA␇bad � luck",
    ),
    "closed descriptors": (
        "os.closerange(0, 256)",
        "its process closed its connection to the program",
    ),
    "closed descriptors, and goes on": (
        "os.closerange(0, 256); time.sleep(60)",
        "its process closed its connection to the program",
    ),
    "garbage in every descriptor": (
        """
        for descriptor in range(3, 40):
            try:
                os.write(descriptor, b"\\xffgarbage\\n")
            except OSError:
                pass
        """,
        "its process answered with garbage: no JSON",
    ),
    "a flood of garbage": (
        """
        for descriptor in range(3, 40):
            try:
                while True:
                    os.write(descriptor, b"\\0" * 10**6)
            except OSError:
                pass
        """,
        "its process answered with garbage: too long",
    ),
    "a deep nest": (
        """
        for descriptor in range(3, 40):
            try:
                os.write(descriptor, b"[" * 10**5 + b"\\n")
            except OSError:
                pass
        """,
        "its process answered with garbage: no JSON",
    ),
    "an odd state": (
        "yield Iteration(uniform(bigrams), weights, state={'mean': 1})",
        "TypeError: state is or holds a dict, which can't leave the backend's own process; "
        "arrays, numbers and tuples of them can",
    ),
    "objects in an array": (
        "yield Iteration(uniform(bigrams).astype(object), weights)",
        "TypeError: an array of object can't leave its process, only one of numbers",
    ),
    "lists": (
        "yield Iteration(uniform(bigrams).tolist(), weights)",
        "TypeError: probabilities is or holds a list, which can't leave the backend's own process; "
        "arrays, numbers and tuples of them can",
    ),
    "complex numbers": (
        "yield Iteration(uniform(bigrams) * 1j, weights)",
        "TypeError: probabilities must be real numbers, not complex128",
    ),
    "another shape": (
        "yield Iteration(uniform(bigrams)[1:], weights)",
        "ValueError: probabilities must be (3, 3), not shape (2, 3)",
    ),
    "no iteration": ("yield 3", "TypeError: train() yielded int, not an Iteration"),
    "a missing P": ("yield Iteration(None)", "ValueError: probabilities must be (3, 3)"),
    "raises": ("raise RuntimeError('out of luck')", "RuntimeError: out of luck (plugin.py:"),
    "exits": ("sys.exit(3)", "SystemExit: 3 (plugin.py:"),
    "interrupts": ("raise KeyboardInterrupt", "KeyboardInterrupt"),
    "an error without words": (
        """
        class Mute(Exception):
            def __str__(self):
                raise ValueError
        raise Mute
        """,
        "Mute",
    ),
    "an endless message": ("raise ValueError('x' * 10**7)", "ValueError: xxx"),
    "a GPU without memory": (
        "raise RuntimeError('CUDA out of memory. Tried to allocate 2 GiB')",
        "the GPU is out of memory",
    ),
}


USUAL = {
    *("os._exit after words", "null pointer", "abort with words", "closed descriptors"),
    *("garbage in every descriptor", "an odd state", "objects in an array", "another shape"),
    *("raises", "an error without words", "a GPU without memory"),
}
"""The cases that are tried between two edits."""


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        pytest.param(*case, id=name, marks=[] if name in USUAL else [pytest.mark.slow])
        for name, case in ODD.items()
    ],
)
@pytest.mark.parametrize("step", [2, *slow(0)])
def test_its_run_says_what_happened_and_can_try_again(
    source_of: SourceOf, tiny: Bigrams, body: str, reason: str, step: int
) -> None:
    sound = "yield Iteration(uniform(bigrams), weights)\n"
    text = f"{sound * step}{textwrap.dedent(body).strip()}\n{sound}"
    run = Run(source_of(text).load()(), tiny, START)
    run.advance(step)
    assert run.status is Status.FAILED
    assert run.message.startswith(f"failed at step {step}: {reason}")
    assert "\n" not in run.message
    assert len(run.message) < 11_000
    run.advance()  # from the last model on
    assert run.status is Status.FAILED or run.iteration > step - 1


def test_a_backend_that_dies_once_goes_on_from_where_it_was(
    source_of: SourceOf, tiny: Bigrams, tmp_path: Path
) -> None:
    source = source_of(
        f"""
        while True:
            yield Iteration(uniform(bigrams), weights)
            if weights[0, 0] == 2 and not os.path.exists({str(tmp_path / "died")!r}):
                open({str(tmp_path / "died")!r}, "w").close()
                os._exit(1)
            weights = weights + 1
        """
    )
    run = Run(source.load()(), tiny, START)
    run.advance(5)
    assert (run.status, run.iteration) == (Status.FAILED, 2)
    run.advance(5)
    assert (run.status, run.iteration) == (Status.READY, 7)
    assert run.snapshot().weights.tolist() == (START + 7).tolist()  # type: ignore[union-attr]


def test_what_it_prints_is_kept_and_never_stops_it(source_of: SourceOf, tiny: Bigrams) -> None:
    """Ten megabytes are more than a pipe holds."""
    source = source_of(
        """
        while True:
            print("x" * 10**7, end="")
            os.write(2, b"y" * 10**6)
            yield Iteration(uniform(bigrams), weights)
        """
    )
    run = Run(source.load()(), tiny, START)
    run.advance(2)
    assert (run.status, run.iteration) == (Status.READY, 2)


def test_what_it_prints_goes_where_prints_go_and_is_safe_to_show(
    source_of: SourceOf, tiny: Bigrams, capsys: pytest.CaptureFixture[str]
) -> None:
    source = source_of(
        """
        print("hello \\x1b[2J", flush=True)
        while True:
            yield Iteration(uniform(bigrams), weights)
            time.sleep(0.1)
        """
    )
    run = Run(source.load()(), tiny, START)
    run.advance(3)
    printed = capsys.readouterr().out
    assert "hello" in printed
    assert "\x1b" not in printed


def test_where_its_prints_can_not_be_written_it_goes_on(
    source_of: SourceOf, tiny: Bigrams, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = source_of(
        """
        while True:
            print("hello", flush=True)
            yield Iteration(uniform(bigrams), weights)
            time.sleep(0.1)
        """
    )
    run = Run(source.load()(), tiny, START)
    with open("/dev/full", "w", buffering=1) as full:
        monkeypatch.setattr(sys, "stdout", full)
        run.advance(3)
        monkeypatch.undo()
        with contextlib.suppress(OSError):
            full.close()
    assert (run.status, run.iteration) == (Status.READY, 3)


def test_it_has_no_terminal_and_no_input(source_of: SourceOf, tiny: Bigrams) -> None:
    source = source_of(
        """
        assert sys.stdin.read() == ""
        assert os.getsid(0) == os.getpid(), "a session of its own, so no controlling terminal"
        yield Iteration(uniform(bigrams), weights)
        """
    )
    run = Run(source.load()(), tiny, START)
    assert (run.status, run.message) == (Status.READY, "")


def test_a_fork_that_comes_back_does_not_answer(source_of: SourceOf, tiny: Bigrams) -> None:
    source = source_of(
        """
        while True:
            if os.fork() == 0:
                sys.exit("not I")
            os.wait()
            yield Iteration(uniform(bigrams), weights)
        """
    )
    run = Run(source.load()(), tiny, START)
    run.advance(3)
    assert (run.status, run.iteration) == (Status.READY, 3)


def test_a_fork_that_lives_on_does_not_hide_the_end(
    source_of: SourceOf, tiny: Bigrams, tmp_path: Path
) -> None:
    """It holds the same descriptors, and is killed with the rest."""
    source = source_of(
        f"""
        child = os.fork()
        if child == 0:
            while True:
                try:
                    os.write(2, b"still here\\n")
                except OSError:
                    time.sleep(1)
        open({str(tmp_path / "pid")!r}, "w").write(str(child))
        os._exit(5)
        yield
        """
    )
    run = Run(source.load()(), tiny, START)
    assert "its process ended with exit code 5" in run.message
    wait_until(lambda: not is_alive(int((tmp_path / "pid").read_text())))


def is_alive(process: int) -> bool:
    """Whether a process is there, and no zombie that nobody waits for."""
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


IMPORTS = {
    "raises": ("raise OSError('no such device')", "can't be imported: OSError: no such device"),
    "exits": ("sys.exit(2)", "can't be imported: SystemExit: 2"),
    "os._exit": ("os._exit(3)", "can't be imported: its process ended with exit code 3"),
    "null pointer": ("ctypes.string_at(0)", "can't be imported: its process was ended by signal"),
    "no backend": ("x = 1", "must define one subclass of Backend, not none"),
    "an odd default": (
        "@dataclass\nclass P(Backend):\n    x: object = hyperparameter((1, 2))\n"
        "    def train(self, bigrams, weights): yield",
        "TypeError: x: a default is a bool, an int, a float or a str, not of type tuple",
    ),
    "an odd help": (
        "@dataclass\nclass P(Backend):\n    x: float = hyperparameter(1.0, help={})\n"
        "    def train(self, bigrams, weights): yield",
        "TypeError: x: help is a text, not of type dict",
    ),
}


@pytest.mark.parametrize(("text", "reason"), IMPORTS.values(), ids=IMPORTS)
def test_an_import_that_fails_says_why(source_of: SourceOf, text: str, reason: str) -> None:
    with pytest.raises(BackendError) as raised:
        source_of(text, module=True).load()
    assert reason in str(raised.value)


def test_a_process_that_can_not_be_started_is_told(
    source_of: SourceOf, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "executable", "/no/such/python")
    with pytest.raises(BackendError, match="plugin can't be imported: its process can't be start"):
        source_of("yield").load()


def test_a_value_that_its_class_refuses_is_told(source_of: SourceOf, tiny: Bigrams) -> None:
    source = source_of(
        """
        @dataclass
        class Plugin(Backend):
            even: int = hyperparameter(2)

            def __post_init__(self):
                if self.even % 2:
                    raise ValueError(f"{self.even} is odd")

            def train(self, bigrams, weights):
                yield Iteration(uniform(bigrams))
        """,
        module=True,
    )
    run = Run(source.load()(even=3), tiny, START)  # type: ignore[call-arg]
    assert run.message.startswith("failed at step 0: ValueError: 3 is odd (plugin.py:")


def test_an_answer_that_nobody_waited_for_is_not_taken_for_another(
    source_of: SourceOf, tiny: Bigrams
) -> None:
    """Where ctrl+c, or a signal, has ended the waiting."""
    source = source_of("time.sleep(0.5)\nyield Iteration(uniform(bigrams), loss=1.0)")
    backend = source.load()()

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGALRM, interrupt)
    try:
        signal.setitimer(signal.ITIMER_REAL, 0.2)
        with pytest.raises(KeyboardInterrupt):
            list(backend.train(tiny, START))
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    assert [model.loss for model in backend.train(tiny, START)] == [1.0]


# What holds the interpreter, or never ends

HELD = (
    "while True: pass",
    "ctypes.CDLL(None).sleep(1000)",
    "ctypes.PyDLL(None).sleep(1000)",  # and holds the interpreter
)
WORST = "signal.pthread_sigmask(signal.SIG_BLOCK, range(1, 65)); ctypes.PyDLL(None).pause()"


@pytest.mark.parametrize("body", [WORST, *slow(*HELD)])
def test_a_backend_that_hangs_ends_when_its_run_is_closed(
    source_of: SourceOf, tiny: Bigrams, body: str
) -> None:
    source = source_of(f"yield Iteration(uniform(bigrams), weights)\n{body}\nyield")
    runner = Runner("plugin", lambda: Run(source.load()(), tiny, START))
    runner.start()
    runner.step(1)
    wait_until(lambda: runner.snapshot.iteration == 0)
    assert not runner.join(0.1), "it hangs"
    began = time.monotonic()
    runner.close()
    assert runner.join(10)
    assert time.monotonic() - began < 5


@pytest.mark.parametrize("body", [WORST, *slow(*HELD)])
def test_an_import_that_hangs_ends_when_its_run_is_closed(
    source_of: SourceOf, tiny: Bigrams, body: str
) -> None:
    source = source_of(body, module=True)
    runner = Runner("plugin", lambda: Run(source.load()(), tiny, START))
    runner.start()
    assert not runner.join(0.5), "it hangs"
    runner.close()
    assert runner.join(10)


def hangs_once(folder: Path) -> str:
    """What a backend does that hangs at step 1 the first time that it gets there."""
    mark = str(folder / "mark")
    return f"""
        yield Iteration(uniform(bigrams), weights)
        if not os.path.exists({mark!r}):
            open({mark!r}, "w").close()
            ctypes.PyDLL(None).sleep(1000)
        while True:
            yield Iteration(uniform(bigrams), weights)
        """


def test_a_reset_ends_a_backend_that_is_stuck_and_begins_again(
    source_of: SourceOf, tiny: Bigrams, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = source_of(hangs_once(tmp_path))
    runner = Runner("plugin", lambda: Run(source.load()(), tiny, START))
    runner.step(1)
    wait_until((tmp_path / "mark").exists)
    runner.unstick()
    assert not runner.join(0.1)
    assert runner.snapshot.status is Status.READY, "it may be only slow"
    monkeypatch.setattr(runner_module, "STUCK_SECONDS", 0.0)
    runner.reset()
    runner.step(2)
    wait_until(lambda: runner.is_idle and runner.snapshot.iteration == 2)
    runner.close()
    assert runner.join(10)


def test_a_reset_of_all_runs_does_so_too(
    source_of: SourceOf, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "good.txt").write_text("emma\nava\n")
    sources = (*choose(["numpy"]), source_of(hangs_once(tmp_path)))
    lineup = Lineup(Session(read_corpus(str(tmp_path / "good.txt")), sources), lambda: None)
    lockstep = Lockstep(lineup)
    for runner in lineup.runners:
        runner.start()
    wait_until(lambda: all(runner.snapshot.iteration == 0 for runner in lineup.runners))
    lockstep.step(1)
    wait_until((tmp_path / "mark").exists)
    monkeypatch.setattr(runner_module, "STUCK_SECONDS", 0.0)
    lockstep.reset()
    lockstep.step(2)
    wait_until(lambda: lockstep.is_idle and lockstep.frame.position == 2)
    assert [run.iteration for run in lockstep.frame.snapshots.values()] == [2, 2]
    lockstep.close()
    for runner in lineup.runners:
        runner.close()
        assert runner.join(10)


def test_a_run_that_is_at_rest_ends_its_process_when_it_is_closed(
    source_of: SourceOf, tiny: Bigrams, tmp_path: Path
) -> None:
    pid = tmp_path / "pid"
    source = source_of(
        f"open({str(pid)!r}, 'w').write(str(os.getpid()))\nyield Iteration(uniform(bigrams))"
    )
    runner = Runner("plugin", lambda: Run(source.load()(), tiny, START))
    runner.start()
    wait_until(lambda: runner.is_idle and runner.snapshot.iteration == 0)
    assert is_alive(int(pid.read_text()))
    descriptors = len(os.listdir("/proc/self/fd"))
    runner.close()
    assert runner.join(10)
    assert not Path("/proc", pid.read_text()).exists(), "nor is it a zombie"
    assert len(os.listdir("/proc/self/fd")) <= descriptors - 5, "three pipes, two memories"


def test_a_token_ends_what_hangs_and_all_that_comes_after(
    source_of: SourceOf, tiny: Bigrams
) -> None:
    """As a time limit would."""
    source = source_of("while True: pass\nyield")
    backend, token = source.load()(), CancelToken()
    with token.governing():
        timer = threading.Timer(0.3, token.cancel)
        timer.start()
        run = Run(backend, tiny, START)
        assert run.message == "failed at step 0: its process was ended"
        began = time.monotonic()
        run.advance()
        assert run.message == "failed at step 0: its process was ended"
        assert time.monotonic() - began < 5, "it does not begin again"
        timer.join()


def test_a_leak_ends_in_an_error(
    source_of: SourceOf, tiny: Bigrams, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(process_module, "machine_memory", lambda: 512 * 2**20)
    source = source_of(
        """
        leak = []
        while True:
            yield Iteration(uniform(bigrams), weights)
            leak.append(np.ones(2**22))
        """
    )
    run = Run(source.load()(), tiny, START)
    run.advance(50)
    assert run.status is Status.FAILED
    assert "MemoryError" in run.message
    assert 1 < run.iteration < 20


# What is left

PROGRAM = """
import signal, sys
from pathlib import Path
import numpy as np
from bigram_tui.model.bigrams import Bigrams, Vocabulary
from bigram_tui.training.registry import BackendSource
from bigram_tui.training.run import Run

signal.signal(signal.SIGINT, signal.default_int_handler)
source = BackendSource("plugin", "", file=Path(sys.argv[1]), isolated=True)
bigrams = Bigrams(Vocabulary("ab"), np.ones((3, 3), dtype=np.int64))
run = Run(source.load()(), bigrams, np.zeros((3, 3)))
print("ready", flush=True)
run.advance()
"""


@pytest.mark.parametrize("body", [WORST, *slow(*HELD)])
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT])
def test_the_process_ends_with_the_program(
    source_of: SourceOf, tmp_path: Path, body: str, number: signal.Signals
) -> None:
    """Even with one that was killed, and could do nothing for it."""
    pid = tmp_path / "pid"
    source = source_of(
        f"""
        open({str(pid)!r}, "w").write(str(os.getpid()))
        yield Iteration(uniform(bigrams), weights)
        {body}
        """
    )
    began = names_of_shared_memory()
    program = subprocess.Popen(
        [sys.executable, "-c", PROGRAM, str(source.file)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    assert program.stdout is not None
    assert program.stderr is not None
    try:
        assert program.stdout.readline() == b"ready\n"
        time.sleep(0.1)
        assert is_alive(int(pid.read_text()))
        program.send_signal(number)
        program.wait(10)
        if sys.platform == "linux":
            wait_until(lambda: not is_alive(int(pid.read_text())))
        assert names_of_shared_memory() <= began
    finally:
        program.kill()
        program.wait()
        program.stdout.close()
        program.stderr.close()
        with contextlib.suppress(OSError, ValueError):
            os.kill(int(pid.read_text()), signal.SIGKILL)


def names_of_shared_memory() -> set[str]:
    folder = Path("/dev/shm")
    return {path.name for path in folder.iterdir()} if folder.is_dir() else set()


def test_nothing_is_left_open(source_of: SourceOf, tiny: Bigrams) -> None:
    source = source_of("yield Iteration(uniform(bigrams))\nos._exit(1)")
    run = Run(source.load()(), tiny, START)
    run.advance()
    descriptors = len(os.listdir("/proc/self/fd"))
    for _ in range(5):
        run.advance(2)  # in a new process each time
        assert run.status is Status.FAILED
    assert len(os.listdir("/proc/self/fd")) <= descriptors


def test_one_that_dies_while_nobody_asks_leaves_nothing_open(
    source_of: SourceOf, tiny: Bigrams
) -> None:
    source = source_of(
        """
        yield Iteration(uniform(bigrams))
        threading.Timer(0.05, os._exit, (0,)).start()
        yield Iteration(uniform(bigrams))
        """
    )
    run = Run(source.load()(), tiny, START)
    counts = []
    for _ in range(4):
        run.reset()
        run.advance()
        time.sleep(0.5)  # it ends meanwhile
        counts.append(len(os.listdir("/proc/self/fd")))
    assert counts == counts[:1] * 4


def test_memory_is_shared_without_linux_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "darwin")
    writer = SharedMemory()
    reader = SharedMemory(os.dup(writer.descriptor))
    for size in (3, 100_000):  # more than a page
        array = np.arange(float(size))
        layouts = [[code, list(shape), order] for code, shape, order in writer.write([array])]
        assert reader.read(layouts)[0].tolist() == array.tolist()


def test_memory_is_as_large_as_it_was_and_not_smaller() -> None:
    """Who reads beyond the end of a file that has shrunk is killed."""
    writer = SharedMemory()
    reader = SharedMemory(os.dup(writer.descriptor))
    array = np.arange(10_000.0)
    layouts = [[code, list(shape), order] for code, shape, order in writer.write([array])]
    assert reader.read(layouts)[0].tolist() == array.tolist()
    if sys.platform == "linux":
        with pytest.raises(PermissionError):
            os.ftruncate(writer.descriptor, 0)


WRONG: list[object] = [
    None,
    {},
    [3],
    [["<f8", [2]]],
    [["<f8", [2, 2], "C", 1]],
    [["<f8", 4, "C"]],
    [["<f8", [-1], "C"]],
    [["<f8", [True], "C"]],
    [["<f8", [1.0], "C"]],
    [["<f8", [10**6], "C"]],
    [["<f8", [10**30], "C"]],
    [["O", [1], "C"]],
    [["f8,f8", [1], "C"]],
    [["V8", [1], "C"]],
    [["M8[s]", [1], "C"]],
    [["no", [1], "C"]],
    [[None, [1], "C"]],
    [[["a", "f8"], [1], "C"]],
]


@pytest.mark.parametrize("layouts", WRONG, ids=str)
def test_arrays_that_can_not_lie_there_are_refused(layouts: object) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        SharedMemory().read(layouts)


def test_a_lesson_does_not_wait_for_it(source_of: SourceOf, tiny: Bigrams) -> None:
    from bigram_tui.lessons.derivation import descends, successor

    source = source_of("yield Iteration(uniform(bigrams), weights)\nwhile True: pass")
    run = Run(source.load()(), tiny, START)
    assert isinstance(run.backend, IsolatedBackend)
    assert successor(run.snapshot(), tiny) is None
    assert not descends(run.snapshot(), tiny)
