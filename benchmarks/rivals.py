"""What a user would do instead, written from the lecture's description."""

from itertools import pairwise
from pathlib import Path

import torch
from torch.nn import functional


class OneHotTraining:
    """The lecture's full-batch training: one row per bigram of the text, float32, no counts."""

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
        generator = torch.Generator().manual_seed(2147483647)
        self.w = torch.randn((self.size, self.size), generator=generator, requires_grad=True)

    def step(self) -> None:
        """One gradient step, the one-hot encoding included, as in the lecture's loop."""
        xenc = functional.one_hot(self.xs, num_classes=self.size).float()
        logits = xenc @ self.w
        counts = logits.exp()
        probs = counts / counts.sum(1, keepdim=True)
        loss = -probs[torch.arange(len(self.ys)), self.ys].log().mean()
        loss = loss + 0.01 * (self.w**2).mean()
        self.w.grad = None
        loss.backward()
        self.w.data += -50 * self.w.grad


def count_by_dict(path: Path) -> dict[tuple[str, str], int]:
    """The lecture's counting: one pair after the other, in a dict."""
    words = path.read_text("utf-8").splitlines()
    counts: dict[tuple[str, str], int] = {}
    for word in words:
        for bigram in pairwise(["<S>", *word, "<E>"]):
            counts[bigram] = counts.get(bigram, 0) + 1
    return counts
