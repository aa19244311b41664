"""The torch backend on a GPU of NVIDIA: the same path as on the CPU, and nothing copied back."""

from typing import Any

import numpy as np
import pytest

from bigram_backends.devices import GPU_SIZE, choose_device
from bigram_backends.torch_autograd import TorchBackend
from bigram_tui.model.bigrams import Bigrams, Matrix, Vocabulary
from bigram_tui.model.torch_rng import start_weights
from bigram_tui.training.run import Run
from bigram_tui.training.snapshot import Status

torch = pytest.importorskip("torch")

NEEDS_GPU = pytest.mark.skipif(
    not torch.cuda.is_available(), reason="torch sees no CUDA device on this machine"
)


def bigrams_of(size: int) -> Bigrams:
    """Counts as of a text: few characters are frequent, and most bigrams never occur."""
    random = np.random.default_rng(size)
    shares = 1 / np.arange(1, size + 1)
    pairs = random.choice(size, (20 * size, 2), p=shares / shares.sum())
    counts = np.zeros((size, size), np.int64)
    np.add.at(counts, (pairs[:, 0], pairs[:, 1]), 1)
    characters = "".join(map(chr, range(0x4E00, 0x4E00 + size - 1)))
    return Bigrams(Vocabulary(characters), counts)


def run_on(device: str, dtype: str, bigrams: Bigrams, start: Matrix) -> Run:
    return Run(TorchBackend(device=device, dtype=dtype), bigrams, start, validation=bigrams)


@NEEDS_GPU
@pytest.mark.parametrize("size", [27, 512])
@pytest.mark.parametrize(("dtype", "tolerance"), [("float64", 1e-12), ("float32", 1e-5)])
def test_the_path_is_that_of_the_cpu(size: int, dtype: str, tolerance: float) -> None:
    bigrams, start = bigrams_of(size), start_weights(size)
    there, here = (run_on(device, dtype, bigrams, start) for device in ("cuda", "cpu"))
    for _ in range(201):
        one, other = there.snapshot(), here.snapshot()
        assert (one.status, one.device.startswith("cuda"), other.device) == (
            Status.READY,
            True,
            "cpu",
        )
        assert one.probabilities is not None
        assert other.probabilities is not None
        assert one.weights is not None
        assert other.weights is not None
        np.testing.assert_allclose(one.probabilities, other.probabilities, rtol=0, atol=tolerance)
        np.testing.assert_allclose(one.weights, other.weights, rtol=0, atol=10 * tolerance)
        there.advance()
        here.advance()
    losses = there.snapshot().losses[:, :3], here.snapshot().losses[:, :3]
    np.testing.assert_allclose(*losses, rtol=0, atol=tolerance)
    assert not there.snapshot().doubt


@NEEDS_GPU
def test_no_matrix_is_copied_from_the_gpu_unless_it_is_looked_at(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    copied: list[int] = []
    copy = torch.Tensor.cpu

    def noted(self: Any) -> Any:
        copied.append(self.numel())
        return copy(self)

    monkeypatch.setattr(torch.Tensor, "cpu", noted)
    run = run_on("cuda", "float64", bigrams_of(512), start_weights(512))
    copied.clear()
    with torch.profiler.profile(activities=list(torch.profiler.supported_activities())) as profile:
        run.advance(10)
    assert (run.iteration, copied) == (10, [])
    copies = [event for event in profile.events() if "Memcpy DtoH" in event.name]
    assert len(copies) <= 10 * 4  # a few single numbers of each iteration
    assert run.snapshot().probabilities is not None
    assert copied == [512 * 512]


@NEEDS_GPU
def test_more_memory_than_there_is_stops_the_run_with_advice() -> None:
    whole = torch.cuda.get_device_properties(0).total_memory
    torch.cuda.set_per_process_memory_fraction(8 * 512**2 * 4 / whole)
    try:
        torch.cuda.empty_cache()
        run = run_on("cuda", "float64", bigrams_of(2048), np.zeros((2048, 2048)))
        assert run.status is Status.FAILED
        assert run.message.endswith(
            "the GPU is out of memory; choose the device cpu or the dtype float32"
        )
    finally:
        torch.cuda.set_per_process_memory_fraction(1.0)
    run.set("device", "cpu")
    run.advance()
    assert run.iteration == 1


@pytest.mark.parametrize("there", [True, False])
def test_auto_takes_a_gpu_that_is_there_where_it_is_worth_it(
    there: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: there)
    assert choose_device("auto", GPU_SIZE - 1).type == "cpu"
    assert choose_device("auto", GPU_SIZE).type == ("cuda" if there else "cpu")
    assert choose_device("cpu", 10 * GPU_SIZE).type == "cpu"
    if there:
        assert choose_device("cuda:1", 2) == torch.device("cuda:1")
    else:
        with pytest.raises(RuntimeError, match="no CUDA device here; choose the device cpu"):
            choose_device("cuda", GPU_SIZE)
