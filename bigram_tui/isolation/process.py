"""The process of a backend, as the program sees it: it is asked, and it answers or it ends."""

import os
import select
import signal
import subprocess
import sys
import threading
import weakref
from collections.abc import Sequence
from contextlib import suppress

from bigram_tui.cancellation import governor
from bigram_tui.errors import UserError
from bigram_tui.formatting.printable import printable
from bigram_tui.isolation.memory import Array, SharedMemory, machine_memory
from bigram_tui.isolation.wire import LONGEST, Json, Lines, UnreadableError

START = (
    "import sys; sys.path[:] = sys.argv[5:]; from bigram_tui.isolation import worker; worker.main()"
)
"""What the new process runs: it imports from where this one does."""

LOST = 74
"""The exit status of a process that can't answer, as its backend has closed descriptors."""

LOOK_MS = 100
"""How often to look whether a silent process is still there."""

LAST_SECONDS = 1.0
"""How long a process that was killed, or closed its connection, may take to end."""

KEPT_OUTPUT = 8192
"""The bytes of what a process has written last that are kept."""

MOST_PIECES = 32
"""How often to look for output of a process that has ended: of a full pipe, twice over."""

LONGEST_LINE = 200
"""The most characters of a line of output that an error quotes."""


class IsolationError(UserError):
    """One line that says what went wrong in a backend's own process."""


class ProcessError(IsolationError):
    """The process of a backend has ended, or is of no use any more."""


class BackendRaisedError(IsolationError):
    """What a backend has raised in its process, told as if it had been raised here."""


class BackendRuntimeError(BackendRaisedError, RuntimeError):
    """The same for a RuntimeError, as those of GPUs are."""


class _Child:
    """The process as the system sees it; it holds nothing of what is shared with it."""

    def __init__(self, arguments: Sequence[str], inherited: tuple[int, ...]) -> None:
        """inherited: descriptors that it shall have too."""
        self.was_killed = False
        self._is_over = False
        self._process = subprocess.Popen(
            [sys.executable, "-u", "-c", START, *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            bufsize=0,
            pass_fds=inherited,
            start_new_session=True,
        )
        pipes = (self._process.stdin, self._process.stdout, self._process.stderr)
        self._pipes = [pipe for pipe in pipes if pipe is not None]
        self.questions, self.answers, self.output = (pipe.fileno() for pipe in self._pipes)

    def has_ended(self) -> bool:
        """Return whether there is no such process any more."""
        return self._process.poll() is not None

    def kill(self) -> None:
        """Kill it and those that it has started, unless they have left its group."""
        self.was_killed = True
        if not self._is_over:
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(self._process.pid, signal.SIGKILL)

    def wait(self) -> int | None:
        """Return its status once it has ended, as subprocess has it; None if it goes on."""
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(LAST_SECONDS)
        return self._process.returncode

    def end(self) -> None:
        """Kill it, and leave nothing of it. Called in the thread that asks, or once nobody does."""
        self.kill()
        self.wait()
        self._is_over = True  # from now on another process may have its number
        for pipe in self._pipes:
            pipe.close()


class BackendProcess:
    """A process in which a backend is at work, one question at a time.

    Nothing that it does reaches the program's terminal: it has another session, no standard input,
    and its output goes through a pipe. It ends with the program, whatever ends that.
    """

    def __init__(self) -> None:
        """Start it. Raises ProcessError."""
        self._lock = threading.Lock()
        try:
            self._outbound, self._inbound = SharedMemory(), SharedMemory()
            shared = (self._outbound.descriptor, self._inbound.descriptor)
            # Nobody can use more memory than there is: a leak ends in an error, not a standstill.
            arguments = [*map(str, (*shared, os.getpid(), machine_memory())), *sys.path]
            self._child = _Child(arguments, shared)
        except OSError as error:  # too many processes, or descriptors
            raise ProcessError(f"its process can't be started: {error.strerror}") from error
        self._poll = select.poll()
        for pipe in (self._child.answers, self._child.output):
            self._poll.register(pipe, select.POLLIN)
        self._lines = Lines()
        self._written = b""
        self._end_child = weakref.finalize(self, self._child.end)

    @property
    def is_alive(self) -> bool:
        """Whether it can be asked."""
        return not self._child.was_killed and not self._child.has_ended()

    @property
    def output(self) -> str:
        """What it has written last to standard output and error."""
        return self._written.decode(errors="replace")

    def kill(self) -> None:
        """End it at once, whatever it does; whoever waits for an answer gets an error.

        Can be called from any thread.
        """
        self._child.kill()

    def end(self) -> None:
        """End it, and leave nothing of it, nor of the memory. Called in the thread that asks."""
        self._end_child()
        self._outbound.close()
        self._inbound.close()

    def ask(
        self, question: dict[str, Json], arrays: Sequence[Array] = ()
    ) -> tuple[dict[str, Json], list[Array]]:
        """Ask for something and wait for the answer, and the arrays that come with it.

        If a token governs this thread, the process ends with the block that it governs.
        Raises BackendRaisedError for what the backend has raised; ProcessError if the process ends
        or answers with something unreadable, or that token is cancelled.
        """
        if (token := governor()) is not None:
            token.on_cancel(self._child.kill)
            token.on_end(self.end)
        with self._lock:
            try:
                answer, result = self._exchange(question, arrays)
            except BaseException:  # what it answers later would be taken for another answer
                self.end()
                raise
        fault = answer.get("fault")
        if isinstance(fault, str):
            kind = BackendRuntimeError if answer.get("runtime") is True else BackendRaisedError
            raise kind(fault)
        return answer, result

    def _exchange(
        self, question: dict[str, Json], arrays: Sequence[Array]
    ) -> tuple[dict[str, Json], list[Array]]:
        if self._child.was_killed:
            raise ProcessError("its process was ended")
        line = self._lines.write({**question, "arrays": self._outbound.write(arrays)})
        try:
            self._send(line)
            answer = self._lines.read(self._receive())
            return answer, self._inbound.read(answer.get("arrays"))
        except OSError:  # it has closed its end
            raise self._ended() from None
        except ValueError as error:  # unreadable
            raise ProcessError(f"its process answered with garbage: {error}") from error

    def _send(self, line: bytes) -> None:
        rest = memoryview(line)
        while rest:
            rest = rest[os.write(self._child.questions, rest) :]

    def _receive(self) -> bytes:
        """Wait for one line, and keep what is written to standard output and error meanwhile."""
        line = b""
        while not line.endswith(b"\n"):
            ready = [descriptor for descriptor, _ in self._poll.poll(LOOK_MS)]
            if self._child.output in ready:
                self._keep_output()
            if self._child.answers in ready:
                piece = os.read(self._child.answers, 1 << 16)
                if not piece:
                    raise self._ended()
                line += piece
            elif self._child.has_ended() and not self._is_ready(self._child.answers):
                raise self._ended()
            if len(line) > LONGEST:
                raise UnreadableError("too long")
        return line

    def _is_ready(self, pipe: int) -> bool:
        return any(descriptor == pipe for descriptor, _ in self._poll.poll(0))

    def _keep_output(self) -> None:
        piece = os.read(self._child.output, 1 << 16)
        if not piece:
            self._poll.unregister(self._child.output)
        self._written = (self._written + piece)[-KEPT_OUTPUT:]
        # To where what plugins print goes: on screen to the run's output, else to standard error.
        lines = piece.decode(errors="replace").split("\n")
        with suppress(OSError, ValueError):  # a full disk, or closed: no fault of the process
            sys.stdout.write("\n".join(map(printable, lines)))

    def _ended(self) -> ProcessError:
        """Say how it has ended; one that has only closed its connection is killed."""
        if self._child.was_killed:
            return ProcessError("its process was ended")
        status = self._child.wait()
        self._child.kill()  # and what it has started, which could go on writing
        with suppress(OSError):
            for _ in range(MOST_PIECES):
                if self._is_ready(self._child.output):
                    self._keep_output()
        if status is None or status == LOST:
            how = "closed its connection to the program"
        elif status < 0:
            how = f"was ended by signal {-status} ({_signal_name(-status)})"
        else:
            how = f"ended with exit code {status}"
        lines = self.output.split("\n")
        last = next((line.strip() for line in reversed(lines) if line.strip()), "")
        wrote = f"; it wrote last: {printable(last[:LONGEST_LINE])}" if last else ""
        return ProcessError(f"its process {how}{wrote}")


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:  # such as one of real time
        return "real time"
