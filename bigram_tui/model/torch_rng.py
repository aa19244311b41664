"""The start weights and the uniforms of the lecture's generator, without torch.

The lecture draws with torch's generator on the CPU. The file names in the docstrings are those of
torch's C++ source, below `aten/src/ATen`; torch 2.13 was compared.
"""

import math
from functools import lru_cache
from random import Random

import numpy as np
import numpy.typing as npt

from bigram_tui.defaults import LECTURE_SEED

_BLOCK = 16
"""From this many values on, torch draws normals in blocks of this many."""
_MANY = 1 << 15
"""From this many words on, NumPy draws them."""
_PIECE = 1 << 16
"""Whole blocks that stay in the cache while they are worked on."""


class LectureGenerator:
    """`torch.Generator` on the CPU, as far as the lecture uses it.

    Consecutive draws of any kind continue one stream, as they do in torch.
    Source: `CPUGeneratorImpl.cpp`, `core/MT19937RNGEngine.h`.
    """

    def __init__(self, seed: int) -> None:
        """Start as `manual_seed(seed)` does. Raises ValueError unless 0 <= seed < 2**32."""
        if not 0 <= seed < 2**32:
            raise ValueError(f"a seed is a whole number from 0 to {2**32 - 1}, not {seed}")
        self._twister: Random | np.random.RandomState = Random()
        self._twister.setstate((3, _first_state(seed), None))
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
        """The next n raw words of MT19937. uint32 [n].

        Python has that too. NumPy draws many words faster, but takes longer to import than few.
        """
        if isinstance(self._twister, Random):
            if n < _MANY:
                # Of many bits, the first word that is drawn has the lowest.
                words = self._twister.getrandbits(32 * n).to_bytes(4 * n, "little")
                return np.frombuffer(words, "<u4").astype(np.uint32, copy=False)
            self._twister = _by_numpy(self._twister)
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


def _by_numpy(twister: Random) -> "np.random.RandomState":
    """Return NumPy's generator in the state of Python's."""
    *key, position = twister.getstate()[1]
    numpys = np.random.RandomState(0)
    numpys.set_state(("MT19937", np.array(key, dtype=np.uint32), position, 0, 0.0))
    return numpys


@lru_cache(16)
def _first_state(seed: int) -> tuple[int, ...]:
    """Return the state of MT19937 after `init_genrand(seed)`, as `Random.setstate` takes it.

    Python's own seeding is another one, `init_by_array`.
    Source: `MT19937RNGEngine.h`, Matsumoto and Nishimura's mt19937ar.c.
    """
    words = [seed]
    for place in range(1, 624):
        words.append((1812433253 * (words[-1] ^ (words[-1] >> 30)) + place) & 0xFFFFFFFF)
    return (*words, 624)


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
