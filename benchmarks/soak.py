"""`python -m benchmarks.soak`: trains at full speed for long, and sees that nothing grows.

The installed program runs on a terminal of its own, on one run and on eight runs side by side, both
at once. Every CYCLE_SECONDS it begins again and a user looks around. Memory, threads and open files
are read from /proc. Writes SOAK.md; the exit status is 1 if anything has grown.
"""

import argparse
import os
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from benchmarks.terminal import Terminal

HERE = Path(__file__).parent
NAMES = HERE.parent / "data" / "names.txt"

CYCLE_SECONDS = 20.0
FASTEST = "." * 6
LOOK_AROUND = ("v", "V", "o", "g", "\t", "?", "\x1b", "\x1b[B", "\x1b[C", "l", "l", "z", "x")
"""Keys of a user: views, order, samples, help, the cursor, axes, a step back and a hundred on."""

GROWTH = 0.10
"""The share by which the medians of the first and the last third may differ."""


@dataclass(frozen=True)
class Sample:
    """What the program holds at one moment."""

    minutes: float
    memory: int
    """Bytes that are resident."""
    threads: int
    files: int

    @classmethod
    def of(cls, process: int, minutes: float) -> "Sample":
        """Look at a process."""
        status = Path(f"/proc/{process}/status").read_text("utf-8")
        lines = dict(line.split(":", 1) for line in status.splitlines())
        memory = 1024 * int(lines["VmRSS"].split()[0])
        files = len(os.listdir(f"/proc/{process}/fd"))
        return cls(minutes, memory, int(lines["Threads"]), files)


class Soak:
    """One program that trains, and what it held so far."""

    def __init__(self, title: str, arguments: list[str], keys: str) -> None:
        """keys: what is pressed once, at the start."""
        self.title = title
        self.samples: list[Sample] = []
        program = str(Path(sys.executable).parent / "bigram-tui")
        self._terminal = Terminal([program, str(NAMES), "--no-tour", *arguments])
        self._terminal.wait_for("samples")
        self._terminal.look(3)
        self._terminal.press(keys + FASTEST)
        self._terminal.look(1)

    def cycle(self, minutes: float) -> None:
        """Train, look around, begin again; then note what the program holds."""
        self._terminal.press(" ")
        for key in LOOK_AROUND:
            self._terminal.press(key)
            self._terminal.look(CYCLE_SECONDS / 2 / len(LOOK_AROUND) / 2)
        self._terminal.press(" ")  # the step back has ended the training
        self._terminal.look(CYCLE_SECONDS / 4)
        self._terminal.press("r")
        self._terminal.look(0.5)
        self.samples.append(Sample.of(self._terminal.process, minutes))

    def leave(self) -> None:
        """End the program."""
        self._terminal.close()

    def growth(self) -> dict[str, float]:
        """Return by which share each figure has grown, of its thirds' medians."""
        third = max(1, len(self.samples) // 3)
        grown = {}
        for name in ("memory", "threads", "files"):
            figures = [getattr(sample, name) for sample in self.samples]
            grown[name] = median(figures[-third:]) / median(figures[:third]) - 1
        return grown

    def report(self) -> str:
        """Return a table of ten moments, and by how much each figure has grown."""
        shown = self.samples[:: max(1, len(self.samples) // 10)]
        rows = [
            f"| {s.minutes:.0f} | {s.memory / 1e6:.0f} MB | {s.threads} | {s.files} |"
            for s in shown
        ]
        grown = ", ".join(f"{name} {100 * share:+.1f} %" for name, share in self.growth().items())
        head = "| minutes | memory | threads | open files |\n|---|---|---|---|"
        body = "\n".join(rows)
        return f"## {self.title}\n\n{head}\n{body}\n\nFirst to last third: {grown}.\n"


def main() -> int:
    """Soak, write SOAK.md, and return whether anything has grown."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.soak")
    parser.add_argument("--minutes", type=float, default=30.0)
    minutes = parser.parse_args().minutes
    eight = [f"numpy:lr={rate}" for rate in (1, 2, 5, 10, 20, 40)]
    eight += ["numpy:l2=0.1", "count"]
    soaks = [
        Soak("Explore: one run at full speed", ["--backend", "numpy"], ""),
        Soak(
            "Compare: eight runs at full speed",
            [argument for run in eight for argument in ("--run", run)],
            "c",
        ),
    ]
    begin = time.monotonic()
    try:
        while (passed := time.monotonic() - begin) < 60 * minutes:
            for soak in soaks:
                soak.cycle(passed / 60)
    finally:
        for soak in soaks:
            soak.leave()
    text = "\n".join(soak.report() for soak in soaks)
    title = f"# Soak\n\nWritten by `make soak`: {minutes:.0f} minutes, both at once.\n"
    (HERE / "SOAK.md").write_text(f"{title}\n{text}", "utf-8")
    print(text)
    return int(any(share > GROWTH for soak in soaks for share in soak.growth().values()))


if __name__ == "__main__":
    sys.exit(main())
