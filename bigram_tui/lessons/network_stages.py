"""The stages of the network: for each tensor its code in PyTorch and NumPy, and what it means."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Stage:
    """One tensor: the code that computes it, and what it means."""

    name: str
    torch: str
    numpy: str
    meaning: str
    made: str = ""
    """Its name in the code, if that is not the name of the stage."""

    @property
    def variable(self) -> str:
        """Its name in the code."""
        return self.made or self.name


STAGES = (
    Stage(
        "X",
        "X = torch.tensor(xs)",
        "X = np.array(xs)",
        "The tokens that stand first in the word's bigrams. Of whole numbers a tensor is int64; "
        "torch.Tensor, with a capital T, would make them float32.",
    ),
    Stage(
        "Y",
        "Y = torch.tensor(ys)",
        "Y = np.array(ys)",
        "The tokens that follow: what the network is to predict.",
    ),
    Stage(
        "onehot",
        "onehot = F.one_hot(X, num_classes=V)",
        "onehot = np.eye(V, dtype=np.int64)[X]",
        "Each token as a row with a single 1. Without the number of classes it would be as wide "
        "as the word's largest token asks for. Still int64.",
    ),
    Stage(
        "Xenc",
        "Xenc = onehot.float()",
        "Xenc = onehot.astype(np.float32)",
        "The same as float32, since a product with W wants numbers of one kind.",
    ),
    Stage(
        "W",
        "W = torch.randn((V, V), generator=g, requires_grad=True)",
        "W = start_weights(V, seed).astype(np.float32)",
        "The parameters, random at the start: row k is for what follows token k. A leaf: made by "
        "us, not by an operation.",
    ),
    Stage(
        "Z",
        "Z = Xenc @ W; Z.retain_grad()",
        "Z = Xenc @ W",
        "The logits. A one-hot row plucks out one row of W: the product is a table lookup, W[X].",
    ),
    Stage("C", "C = Z.exp()", "C = np.exp(Z)", "exp makes them positive: odds, or “counts”."),
    Stage(
        "S",
        "S = C.sum(1, keepdim=True)",
        "S = C.sum(axis=1, keepdims=True)",
        "The sum of each row. Kept as a column, so that dividing broadcasts it across the columns.",
    ),
    Stage(
        "P",
        "P = C / S",
        "P = C / S",
        "Row by row a distribution over what comes next. S, with one column, is broadcast across "
        "the V columns.",
    ),
    Stage(
        "picked",
        "picked = P[torch.arange(B), Y]",
        "picked = P[np.arange(B), Y]",
        "What the network gave to the characters that really follow.",
    ),
    Stage(
        "loss",
        "loss = -picked.log().mean()",
        "loss = -np.log(picked).mean()",
        "The average negative log-likelihood: one number, without any dimension.",
    ),
    Stage(
        "dZ",
        "W.grad = None; loss.backward(); dZ = Z.grad",
        "dZ = (P - np.eye(V, dtype=np.float32)[Y]) / B",
        "∂loss/∂Z = (P − one-hot Y) / B. The 1/B is that of the average; without it the gradient "
        "would be B times too long.",
    ),
    Stage(
        "dW",
        "dW = W.grad",
        "dW = Xenc.T @ dZ",
        "∂loss/∂W = Xencᵀ @ ∂loss/∂Z. Only rows whose token stands in X get a gradient; each row "
        "sums to 0.",
    ),
    Stage(
        "W′",
        "W.data += -eta * W.grad",
        "W = W - eta * dW",
        "The step: against the gradient, hence the minus, and outside of the graph.",
        made="W",
    ),
)

NAMES = tuple(stage.name for stage in STAGES)
