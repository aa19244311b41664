"""`python -m benchmarks.gpu`: the torch backend on a GPU against the CPU and the GPU's own limits.

Prints a table and writes GPU.md. With `--device cpu`, a dry run on any machine: everything is
measured as it would be on a GPU, but on the CPU, and nothing is written. Rows that only a GPU can
have are left out.
"""

import argparse
import platform
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import torch

from benchmarks.figures import Unit
from benchmarks.results import number, quantity
from bigram_backends.devices import GPU_SIZE
from bigram_backends.torch_autograd import TorchBackend
from bigram_tui.comparison.difference import distances
from bigram_tui.model.bigrams import Bigrams, Matrix, Vocabulary
from bigram_tui.model.torch_rng import start_weights
from bigram_tui.training.run import Run
from bigram_tui.training.snapshot import Status

RESULTS = Path(__file__).parent / "GPU.md"

PATH_ITERATIONS = 200
PATH_SIZES = 27, 512
TOLERANCES = {"float64": 1e-12, "float32": 1e-5}

SIZES = 27, 64, 128, 256, 512, 1024, 2048, 4096
"""The V at which GPU and CPU are measured, to find where the GPU becomes the faster one."""
BANDWIDTH_SIZES = 4096, 16_384
BANDWIDTH_SHARE = 0.6

PASSES = 5
"""The matrices that an iteration must at least move: it reads W and N, and writes P, the gradient
and the next W."""

LARGEST_ON_CPU = 4096
SECONDS = 1.0
"""How long one thing is measured, after a warm-up."""


@dataclass(frozen=True)
class Row:
    """One row of the table."""

    what: str
    ours: str
    rival: str
    theirs: str
    ratio: str = "–"
    reach: str = "–"
    is_met: bool | None = None

    def __str__(self) -> str:
        met = "–" if self.is_met is None else "yes" if self.is_met else "no"
        cells = self.what, self.rival, self.ours, self.theirs, self.ratio, self.reach, met
        return f"| {' | '.join(cells)} |"


HEADER = """\
| what | rival | ours | rival's | ratio or difference | reach for | met |
|---|---|---|---|---|---|---|"""


def bigrams_of(size: int) -> Bigrams:
    """Make counts as of a text: few characters are frequent, and most bigrams never occur."""
    random = np.random.default_rng(size)
    shares = 1 / np.arange(1, size + 1)
    pairs = random.choice(size, (20 * size, 2), p=shares / shares.sum())
    counts = np.zeros((size, size), np.int64)
    np.add.at(counts, (pairs[:, 0], pairs[:, 1]), 1)
    return Bigrams(Vocabulary("".join(map(chr, range(0x4E00, 0x4E00 + size - 1)))), counts)


def run_on(device: str, dtype: str, size: int) -> Run:
    """Start a run of the torch backend. Raises RuntimeError with its message if it fails."""
    weights: Matrix = start_weights(size)
    run = Run(TorchBackend(device=device, dtype=dtype), bigrams_of(size), weights)
    return _sound(run)


def _sound(run: Run) -> Run:
    if run.status is Status.FAILED:
        raise RuntimeError(run.message)
    return run


def synchronize(device: str) -> None:
    """Wait until the device has done all that it was given."""
    if device.startswith("cuda"):
        torch.cuda.synchronize(device)


def seconds_each(work: Callable[[], object], device: str, seconds: float = SECONDS) -> float:
    """Measure how long some work takes: the median of the times after a warm-up."""
    times: list[float] = []
    for _ in range(3):
        work()
    synchronize(device)
    end = time.perf_counter() + seconds
    while len(times) < 3 or (time.perf_counter() < end and len(times) < 2000):
        start = time.perf_counter()
        work()
        synchronize(device)
        times.append(time.perf_counter() - start)
    return median(times)


def iteration_seconds(device: str, dtype: str, size: int) -> float:
    """Measure one iteration of a run: the step, and its losses, which are copied as numbers."""
    run = run_on(device, dtype, size)
    seconds = seconds_each(run.advance, device)
    _sound(run)
    return seconds


def paths(device: str) -> Iterator[Row]:
    """Compare the paths of 200 iterations on the device and on the CPU."""
    for size in PATH_SIZES:
        for dtype, tolerance in TOLERANCES.items():
            there, here = run_on(device, dtype, size), run_on("cpu", dtype, size)
            farthest = 0.0
            for _ in range(PATH_ITERATIONS):
                there.advance()
                here.advance()
                assert there.model is not None
                assert here.model is not None
                farthest = max(farthest, distances(there.model, here.model)[0])
            losses = there.snapshot().losses, here.snapshot().losses
            nll = float(abs(losses[0][:, 0] - losses[1][:, 0]).max())
            yield Row(
                f"{PATH_ITERATIONS} iterations, V = {size}, {dtype}",
                f"max ΔP {farthest:.1e}",
                "the same on the CPU",
                f"max Δnll {nll:.1e}",
                reach=f"≤ {tolerance:g}",
                is_met=max(farthest, nll) <= tolerance,
            )


def against_cpu(device: str) -> Iterator[Row]:
    """Compare an iteration on the device with one on the CPU, and find where the device wins."""
    faster: list[int] = []
    for size in SIZES:
        ours = iteration_seconds(device, "float64", size)
        theirs = iteration_seconds("cpu", "float64", size)
        if ours < theirs:
            faster.append(size)
        yield Row(
            f"iteration, V = {size:,}, float64, loss recorded",
            quantity(ours, Unit.SECONDS),
            "torch on the CPU",
            quantity(theirs, Unit.SECONDS),
            f"{number(theirs / ours)}× as fast",
        )
    first = next((size for size in SIZES if all(s in faster for s in SIZES if s >= size)), None)
    yield Row(
        "the smallest V from which on the device is the faster one",
        "none" if first is None else f"{first:,}",
        "where `auto` takes a GPU",
        f"{GPU_SIZE:,}",
        reach="equal",
        is_met=first == GPU_SIZE,
    )


def against_bandwidth(device: str, dtype: str) -> Iterator[Row]:
    """Compare an iteration with moving as many bytes as it must move, by copying on the device."""
    width = torch.empty(0, dtype=getattr(torch, dtype)).itemsize
    sizes = [size for size in BANDWIDTH_SIZES if device != "cpu" or size <= LARGEST_ON_CPU]
    for size in sizes:
        ours = iteration_seconds(device, dtype, size)
        source, target = (torch.ones(size, size, device=device) for _ in range(2))
        copying = seconds_each(partial(target.copy_, source), device)
        bandwidth = 2 * source.nbytes / copying
        least = PASSES * size * size * width / bandwidth
        yield Row(
            f"iteration, V = {size:,}, {dtype}, loss recorded",
            quantity(ours, Unit.SECONDS),
            f"moving {PASSES} matrices at {bandwidth / 1e9:,.0f} GB/s",
            quantity(least, Unit.SECONDS),
            f"{number(least / ours)}× as fast",
            f"≥ {BANDWIDTH_SHARE}×",
            least / ours >= BANDWIDTH_SHARE,
        )


def graphed(device: str) -> Iterator[Row]:
    """Measure what a CUDA graph would gain at V = 27, where launching kernels is what takes long.

    The backend uses none yet: this tells whether it should. The loss of each iteration is copied.
    """
    if not device.startswith("cuda"):
        return
    size = 27
    eager = iteration_seconds(device, "float64", size)
    cpu = iteration_seconds("cpu", "float64", size)
    bigrams = bigrams_of(size)
    n = torch.tensor(bigrams.counts / bigrams.total, device=device)
    w = torch.tensor(start_weights(size), device=device)
    row_sums, total = n.sum(dim=1, keepdim=True), torch.zeros((), device=device, dtype=w.dtype)

    def step() -> None:
        logs = w.log_softmax(dim=1)
        total.copy_(-(n * logs).sum() + 0.01 * (w * w).mean())
        w.sub_(50.0 * (row_sums * logs.exp() - n + 2 * 0.01 / w.numel() * w))

    step()  # what is allocated on the way must not be part of the graph
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        step()

    def replay() -> float:
        graph.replay()
        return float(total)

    for what, seconds in (("as it is", eager), ("a CUDA graph", seconds_each(replay, device))):
        yield Row(
            f"iteration, V = {size}, {what}",
            quantity(seconds, Unit.SECONDS),
            "torch on the CPU",
            quantity(cpu, Unit.SECONDS),
            f"{number(seconds / cpu)}× as long",
            "≤ 2×",
            seconds <= 2 * cpu,
        )


@contextmanager
def copied(device: str) -> Iterator[list[int]]:
    """Record the size in bytes of everything that is copied from the device in this block."""
    sizes: list[int] = []
    activities = [torch.profiler.ProfilerActivity.CPU, torch.profiler.ProfilerActivity.CUDA]
    with torch.profiler.profile(activities=activities) as profile:
        yield sizes
        synchronize(device)
    events = profile.profiler.kineto_results.events()
    sizes += [event.nbytes() for event in events if "Memcpy DtoH" in event.name()]


def copies(device: str) -> Iterator[Row]:
    """Count what is copied from the device by ten iterations, alone and beside another run."""
    if not device.startswith("cuda"):
        return
    size, iterations = 512, 10
    one, other = (run_on(device, "float64", size) for _ in range(2))

    def together() -> None:
        one.advance()
        other.advance()
        assert one.model is not None
        assert other.model is not None
        distances(one.model, other.model)

    for what, work, runs in (("", one.advance, 1), (", beside another, compared", together, 2)):
        with copied(device) as sizes:
            for _ in range(iterations):
                work()
        largest = max(sizes, default=0)
        yield Row(
            f"copied from the device by an iteration, V = {size}{what}",
            f"{len(sizes) / iterations / runs:.1f} copies",
            "one matrix",
            quantity(8 * size**2, Unit.BYTES),
            f"at most {largest:,} bytes each",
            "no matrix",
            largest < 8 * size,
        )


def out_of_memory(device: str) -> Iterator[Row]:
    """See what a run says for which the device has too little memory."""
    if not device.startswith("cuda"):
        return
    whole = torch.cuda.get_device_properties(device).total_memory
    torch.cuda.empty_cache()
    torch.cuda.set_per_process_memory_fraction(64 * 2**20 / whole)
    try:
        size = 2048
        weights = np.zeros((size, size))
        run = Run(TorchBackend(device=device), bigrams_of(size), weights)
    finally:
        torch.cuda.set_per_process_memory_fraction(1.0)
    told = "choose the device cpu" in run.message and "\n" not in run.message
    yield Row("too little memory", run.message, "one line of advice", "–", is_met=told)


def machine(device: str) -> str:
    """Say what is measured on, and when."""
    name = platform.processor() or platform.machine()
    if device.startswith("cuda"):
        properties: Any = torch.cuda.get_device_properties(device)
        memory = f"{properties.total_memory / 1e9:.0f} GB of memory"
        name = f"{properties.name}, {memory}, CUDA {torch.version.cuda}"
    return (
        f"- {name}\n- Python {platform.python_version()}, torch {torch.__version__}\n"
        f"- {time.strftime('%Y-%m-%d')}\n"
    )


def main() -> int:
    """Measure, print the table, and write it unless this is a dry run."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.gpu")
    parser.add_argument("--device", default="cuda", help="cuda, cuda:N, or cpu for a dry run")
    device = parser.parse_args().device
    if device.startswith("cuda") and not torch.cuda.is_available():
        print("torch sees no CUDA device here: --device cpu is a dry run", file=sys.stderr)
        return 1
    parts = (
        paths,
        copies,
        out_of_memory,
        graphed,
        lambda device: against_bandwidth(device, "float64"),
        lambda device: against_bandwidth(device, "float32"),
        against_cpu,
    )
    lines = [HEADER]
    print(HEADER)
    for part in parts:
        try:
            for row in part(device):
                print(row, flush=True)
                lines.append(str(row))
        except RuntimeError as error:  # the other rows are worth having
            lines.append(f"| {error} | | | | | | no |".replace("\n", " "))
            print(lines[-1], flush=True)
        if device.startswith("cuda"):
            torch.cuda.empty_cache()
    if device == "cpu":
        print("\nA dry run on the CPU: nothing was written.")
        return 0
    table = "\n".join(lines)
    text = f"# On a GPU\n\nWritten by `make bench-gpu`.\n\n{machine(device)}\n{table}\n"
    RESULTS.write_text(text, "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
