"""The start weights and the uniforms of the lecture's generator, without torch.

The lecture draws with torch's generator on the CPU. The file names in the docstrings are those of
torch's C++ source, below `aten/src/ATen`; torch 2.13 was compared.
"""

import math
from typing import Any

import numpy as np
import numpy.typing as npt

from bigram_tui.defaults import LECTURE_SEED

_BLOCK = 16
"""From this many values on, torch draws normals in blocks of this many."""
_PIECE = 1 << 16
"""Whole blocks that stay in the cache while they are worked on."""


def _unseeded_twister() -> np.random.RandomState:
    """Return an MT19937 to be seeded: RandomState() would first gather entropy, which takes long.

    numpy.random is imported when it is first needed.
    """
    from numpy.random.bit_generator import ISeedSequence

    class NoEntropy(ISeedSequence):
        def generate_state(self, n_words: int, dtype: Any = np.uint32) -> npt.NDArray[Any]:
            return np.zeros(n_words, dtype)

    return np.random.RandomState(np.random.MT19937(NoEntropy()))  # type: ignore[arg-type]


class LectureGenerator:
    """`torch.Generator` on the CPU, as far as the lecture uses it.

    Consecutive draws of any kind continue one stream, as they do in torch.
    Source: `CPUGeneratorImpl.cpp`, `core/MT19937RNGEngine.h`.
    """

    def __init__(self, seed: int) -> None:
        """Start as `manual_seed(seed)` does. Raises ValueError unless 0 <= seed < 2**32."""
        if not 0 <= seed < 2**32:
            raise ValueError(f"a seed is a whole number from 0 to {2**32 - 1}, not {seed}")
        self._twister = _unseeded_twister()
        self._twister.seed(seed)
        self._spare: float | None = None  # the second normal of a pair that is half used

    def uniform(self, n: int) -> npt.NDArray[np.float64]:
        """Draw uniforms from [0, 1) as `torch.rand(n, dtype=torch.float64)` does. float64 [n].

        Each takes two words, the high one first, and keeps the low 53 bits, times 2**-53.
        Source: `random64` in `CPUGeneratorImpl.cpp`, `uniform_real` in
        `core/TransformationHelper.h`.
        """
        high, low = self._words(2 * n).astype(np.uint64).reshape(n, 2).T
        return (((high << 32) | low) & (2**53 - 1)).astype(np.float64) * 2.0**-53

    def uniform32(self, n: int) -> npt.NDArray[np.float32]:
        """Draw uniforms from [0, 1) as `torch.rand(n)` does. float32 [n].

        Each is the low 24 bits of one word, times 2**-24.
        Source: `uniform_real` in `core/TransformationHelper.h`.
        """
        # 24 bits fit float32 exactly; a product with uint32 would be float64.
        return (self._words(n) & (2**24 - 1)).astype(np.float32) * 2.0**-24

    def normal(self, *shape: int) -> npt.NDArray[np.float32]:
        """Draw standard normals as `torch.randn(shape)` does, to 1e-6. float32 [shape].

        Source: `normal_kernel` in `native/cpu/DistributionTemplates.h`.
        """
        values = np.empty(shape, dtype=np.float32)
        flat = values.reshape(-1)
        if flat.size >= _BLOCK:
            self._fill_with_normals(flat)
        else:
            flat[:] = [self._next_normal() for _ in range(flat.size)]
        return values

    def _words(self, n: int) -> npt.NDArray[np.uint32]:
        """The next n raw words of MT19937, which torch and RandomState seed alike. uint32 [n]."""
        # Over the full range randint hands words out as they are. bytes(0) would use one up.
        return self._twister.randint(0, 2**32, size=n, dtype=np.uint32)

    def _fill_with_normals(self, values: npt.NDArray[np.float32]) -> None:
        """Overwrite 16 values or more with normals, block by block.

        When the last block would be short, the last 16 values are drawn again as one block.
        Source: `normal_fill` in `native/cpu/DistributionTemplates.h`.
        """
        short = values.size % _BLOCK
        for piece in np.split(values, range(_PIECE, values.size - short, _PIECE)):
            piece[:] = self.uniform32(piece.size)
            _box_muller(piece[: piece.size - piece.size % _BLOCK])
        if short:
            values[-_BLOCK:] = self.uniform32(_BLOCK)
            _box_muller(values[-_BLOCK:])

    def _next_normal(self) -> float:
        """One normal of the pair (r cos θ, r sin θ): the spare one, or the first of a new pair.

        r = sqrt(-2 ln(1 - u2)) and θ = 2π u1, in float64. Block draws leave the spare alone.
        Source: `normal_distribution` in `core/DistributionsHelper.h`.
        """
        if self._spare is not None:
            spare, self._spare = self._spare, None
            return spare
        u1, u2 = self.uniform(2).tolist()
        radius = math.sqrt(-2 * math.log1p(-u2))
        angle = 2 * math.pi * u1
        self._spare = radius * math.sin(angle)
        return radius * math.cos(angle)


def _box_muller(uniforms: npt.NDArray[np.float32]) -> None:
    """Turn blocks of 16 uniforms into normals, in place.

    In each block the first 8 give r = sqrt(-2 ln(1 - v)), the last 8 θ = 2πv; the block becomes
    r cos θ, then r sin θ. Source: `NormalFill16` in `native/cpu/DistributionTemplates.h`.
    """
    halves = uniforms.reshape(-1, 2, _BLOCK // 2)
    # All in float32, as in torch: with angles in float64 the normals part by 2e-6.
    radius = np.sqrt(-2 * np.log(1 - halves[:, 0]))
    angle = 2 * math.pi * halves[:, 1]
    halves[:, 0] = radius * np.cos(angle)
    halves[:, 1] = radius * np.sin(angle)


def start_weights(vocabulary_size: int, seed: int = LECTURE_SEED) -> npt.NDArray[np.float64]:
    """The lecture's first W: `torch.randn((V, V), generator=g)`, widened to float64. [V, V]."""
    return LectureGenerator(seed).normal(vocabulary_size, vocabulary_size).astype(np.float64)
