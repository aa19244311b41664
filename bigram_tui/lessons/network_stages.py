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
        "The first token of each bigram of the word. A tensor of whole numbers is int64; "
        "torch.Tensor, with a capital T, would make it float32.",
    ),
    Stage(
        "Y",
        "Y = torch.tensor(ys)",
        "Y = np.array(ys)",
        "The token that follows each of them: what the network should predict.",
    ),
    Stage(
        "onehot",
        "onehot = F.one_hot(X, num_classes=V)",
        "onehot = np.eye(V, dtype=np.int64)[X]",
        "Each token as a row with a single 1. Without the number of classes there would only be a "
        "column for each token up to the largest of the word. Still int64.",
    ),
    Stage(
        "Xenc",
        "Xenc = onehot.float()",
        "Xenc = onehot.astype(np.float32)",
        "The same as float32, since a product with W takes numbers of one kind.",
    ),
    Stage(
        "W",
        "W = torch.randn((V, V), generator=g, requires_grad=True)",
        "W = start_weights(V, seed).astype(np.float32)",
        "The parameters, random at the start: row k has the logits of what follows token k. A "
        "leaf: we made it, no operation did.",
    ),
    Stage(
        "Z",
        "Z = Xenc @ W; Z.retain_grad()",
        "Z = Xenc @ W",
        "The logits. A one-hot row selects one row of W: the product is a table lookup, W[X].",
    ),
    Stage("C", "C = Z.exp()", "C = np.exp(Z)", "exp makes them positive: odds, or “counts”."),
    Stage(
        "S",
        "S = C.sum(1, keepdim=True)",
        "S = C.sum(axis=1, keepdims=True)",
        "The sum of each row, kept as a column, so that the division broadcasts it.",
    ),
    Stage(
        "P",
        "P = C / S",
        "P = C / S",
        "Each row is a distribution over the next token. S, with one column, is broadcast across "
        "the V columns.",
    ),
    Stage(
        "picked",
        "picked = P[torch.arange(B), Y]",
        "picked = P[np.arange(B), Y]",
        "The probabilities of the tokens that really follow.",
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
        "∂loss/∂W = Xencᵀ @ ∂loss/∂Z. Only the rows of tokens in X get a gradient; each row sums "
        "to 0.",
    ),
    Stage(
        "W′",
        "W.data += -eta * W.grad",
        "W = W - eta * dW",
        "The step goes against the gradient, hence the minus, and stays outside of the graph.",
        made="W",
    ),
)

NAMES = tuple(stage.name for stage in STAGES)
