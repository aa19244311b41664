"""What the makemore lecture does, written from its description: its loops and its iteration."""

from itertools import pairwise
from pathlib import Path

import torch
from torch.nn import functional

SEED = 2147483647


def count_by_dict(path: Path) -> dict[tuple[str, str], int]:
    """Counting: one pair after the other, in a dict."""
    words = path.read_text("utf-8").splitlines()
    counts: dict[tuple[str, str], int] = {}
    for word in words:
        for bigram in pairwise(["<S>", *word, "<E>"]):
            counts[bigram] = counts.get(bigram, 0) + 1
    return counts


class OneHotTraining:
    """Full-batch training: one row per bigram of the text, float32, no counts."""

    def __init__(self, lines: list[str]) -> None:
        characters = sorted(set("".join(lines)))
        index = {".": 0} | {c: i for i, c in enumerate(characters, 1)}
        xs, ys = [], []
        for line in lines:
            word = [".", *line, "."]
            for first, second in pairwise(word):
                xs.append(index[first])
                ys.append(index[second])
        self.size = len(index)
        self.xs, self.ys = torch.tensor(xs), torch.tensor(ys)
        generator = torch.Generator().manual_seed(SEED)
        self.w = torch.randn((self.size, self.size), generator=generator, requires_grad=True)

    def step(self) -> float:
        """One gradient step, the one-hot encoding included; the total loss before it."""
        xenc = functional.one_hot(self.xs, num_classes=self.size).float()
        logits = xenc @ self.w
        counts = logits.exp()
        probs = counts / counts.sum(1, keepdim=True)
        loss = -probs[torch.arange(len(self.ys)), self.ys].log().mean()
        loss = loss + 0.01 * (self.w**2).mean()
        self.w.grad = None
        loss.backward()  # type: ignore[no-untyped-call]
        assert self.w.grad is not None
        self.w.data += -50 * self.w.grad
        return loss.item()


def sample_by_multinomial(table: torch.Tensor, labels: tuple[str, ...], count: int) -> list[str]:
    """Names: one call of torch.multinomial per character. table: [V, V], rows sum to 1."""
    generator = torch.Generator().manual_seed(SEED)
    names = []
    for _ in range(count):
        out: list[str] = []
        ix = 0
        while True:
            p = table[ix]
            drawn = torch.multinomial(p, num_samples=1, replacement=True, generator=generator)
            ix = int(drawn.item())
            out.append(labels[ix])
            if ix == 0:
                break
        names.append("".join(out))
    return names
