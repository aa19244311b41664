"""Errors of a GPU, as torch raises them."""

import pytest

from bigram_tui.training.gpu_errors import gpu_error

torch = pytest.importorskip("torch")

LOST = (
    "CUDA error: unspecified launch failure\n"
    "CUDA kernel errors might be asynchronously reported at some other API call."
)


@pytest.mark.parametrize(
    ("error", "settings", "expected"),
    [
        (
            torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 800.00 MiB. GPU 0 has …"),
            {"device": "auto", "dtype": "float64"},
            "the GPU is out of memory; choose the device cpu or the dtype float32",
        ),
        (
            RuntimeError("CUDA error: out of memory\nCompile with …"),
            {"device": "cuda", "dtype": "float32"},
            "the GPU is out of memory; choose the device cpu",
        ),
        (torch.OutOfMemoryError(""), {}, "the GPU is out of memory"),
        (
            RuntimeError(LOST),
            {"device": "cuda:1", "dtype": "float64"},
            "the GPU failed (CUDA error: unspecified launch failure); "
            "choose the device cpu and reset",
        ),
        (RuntimeError(LOST), {}, "the GPU failed (CUDA error: unspecified launch failure)"),
        (RuntimeError("expected a matrix"), {"device": "cuda"}, ""),
        (ValueError("out of memory"), {"device": "cuda"}, ""),
        (MemoryError("one-hot rows take 3 GiB"), {"device": "cuda"}, ""),
    ],
)
def test_an_error_of_a_gpu_is_one_line_that_says_what_to_do(
    error: BaseException, settings: dict[str, object], expected: str
) -> None:
    assert gpu_error(error, settings) == expected
