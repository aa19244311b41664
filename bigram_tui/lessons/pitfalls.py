"""The classic mistakes: wrong code, right code, and how a mistake shows."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from bigram_tui.model.bigrams import Bigrams
from bigram_tui.training.descent import critical_rate

L2 = 0.01
"""The λ of the losses in the pitfalls: the lecture's."""


@dataclass(frozen=True)
class Variant:
    """A run that makes the mistake: a backend and its hyperparameters."""

    backend: str
    beside: str
    """The backend without the mistake."""
    values: Mapping[str, object] = field(default_factory=dict)
    name: str | None = None
    """The name of the run, if that is not the name of the backend."""
    rate: float | None = None
    """Its learning rate, as a multiple of the critical one."""

    def settings(self, bigrams: Bigrams) -> dict[str, object]:
        """Return the hyperparameters that make the mistake on a text."""
        if self.rate is None:
            return dict(self.values)
        rate = self.rate * critical_rate(bigrams, L2)
        return {**self.values, "learning_rate": float(f"{rate:.3g}")}


@dataclass(frozen=True)
class Pitfall:
    """A mistake, and how to avoid it."""

    name: str
    title: str
    """The name at full length."""
    wrong: str
    right: str
    breaks: str
    holds: str
    """What still works, and so hides the mistake."""
    fix: str
    variant: Variant | None = None
    """A run that makes the mistake; None if it ends in an error."""
    needs_torch: bool = False


_TORCH_LOOP = """\
eta = steady_rate()
eta
W = torch.randn((V, V), generator=g, requires_grad=True)
losses = []
for k in range(51):
    loss = loss_of(W)
{}    loss.backward()
    W.data += -eta * W.grad
    losses.append(loss.item())
losses[::10]"""

_LOOP = """\
eta = {}
eta
losses = []
for k in range(51):
    losses.append(loss_of(W))
    W = W {} eta * gradient_of(W)
losses[::10]"""

_MEAN_LOOP = """\
row_sums = N.sum(axis=1, keepdims=True)
def slope(W):
    return (row_sums * softmax(W) - N){}
np.abs(slope(W)).max()
eta = steady_rate()
losses = []
for k in range(51):
    losses.append(nll(softmax(W)))
    W = W - eta * slope(W)
losses[::10]"""

PITFALLS = (
    Pitfall(
        "no keepdim",
        "a sum without keepdim",
        "P = (N + 1) / (N + 1).sum(axis=1)\n"
        "sums = P.sum(axis=1)\nsums.min(), sums.max()\nnames(P)\nnll(P)",
        "P = (N + 1) / (N + 1).sum(axis=1, keepdims=True)\n"
        "sums = P.sum(axis=1)\nsums.min(), sums.max()\nnames(P)\nnll(P)",
        "NumPy reads sums of shape [V] as [1, V], so that column j is divided by the sum of row j. "
        "Rows no longer sum to 1, unless all tokens are equally frequent, and the samples show it. "
        "With counts the columns sum to 1: this is P(previous | next). With exp(W) not even the "
        "columns do.",
        "The loss, and so all of training: every token, the boundary too, is as often the second "
        "of a bigram as the first, so that the same sums divide.",
        "keepdim=True (keepdims in NumPy) keeps a column [V, 1]. And check that rows sum to 1.",
        Variant("no-keepdim", "numpy"),
    ),
    Pitfall(
        "a zero count",
        "a zero count, and its logarithm",
        "P = N / np.maximum(N.sum(axis=1, keepdims=True), 1)\n"
        "P[first, second]\n-np.log(P[first, second])",
        "P = (N + 1) / (N + 1).sum(axis=1, keepdims=True)\n"
        "P[first, second]\n-np.log(P[first, second])",
        "The text never has {unseen}, so its probability is 0. A word with it is infinitely "
        "surprising, and the loss of any text with such a word is ∞.",
        "The loss of the text that was counted: it has no such bigram.",
        "Add α to every count. Or train logits: while they are finite no P is 0, even without a "
        "penalty λ.",
        Variant("count", "count", {"smoothing": 0.0}, "count α=0"),
    ),
    Pitfall(
        "torch.Tensor",
        "torch.Tensor for indices",
        "torch.Tensor(5).shape\nX = torch.Tensor(xs)\nX.dtype\nF.one_hot(X, num_classes=V)",
        "torch.tensor(5).shape\nX = torch.tensor(xs)\nX.dtype\nF.one_hot(X, num_classes=V).shape",
        "With a capital T a list becomes float32, which can't be an index. And torch.Tensor(5) is "
        "not a 5 but five values, whatever was in that memory.",
        "Arithmetic with it: only functions that need indices complain.",
        "torch.tensor keeps the kind of its numbers: whole numbers become int64.",
        needs_torch=True,
    ),
    Pitfall(
        "integer one-hot",
        "a one-hot of integers times W",
        "W = torch.randn((V, V), generator=g)\n"
        "Xenc = F.one_hot(torch.tensor(xs), num_classes=V)\nXenc.dtype\nXenc @ W",
        "W = torch.randn((V, V), generator=g)\n"
        "Xenc = F.one_hot(torch.tensor(xs), num_classes=V).float()\nXenc.dtype\n(Xenc @ W).shape",
        "one_hot returns int64, W is float32, and a matrix product takes numbers of one kind.",
        "Nothing: it stops at once.",
        ".float() before the product.",
        needs_torch=True,
    ),
    Pitfall(
        "no num_classes",
        "one_hot without num_classes",
        "W = torch.randn((V, V), generator=g)\n"
        "Xenc = F.one_hot(torch.tensor(xs)).float()\nXenc.shape\nXenc @ W",
        "W = torch.randn((V, V), generator=g)\n"
        "Xenc = F.one_hot(torch.tensor(xs), num_classes=V).float()\nXenc.shape\n(Xenc @ W).shape",
        "one_hot makes a column for each token up to the largest that it sees: too few for W.",
        "Everything, as long as each batch happens to contain the last token.",
        "num_classes=V.",
        needs_torch=True,
    ),
    Pitfall(
        "no requires_grad",
        "W without requires_grad",
        "W = torch.randn((V, V), generator=g)\nloss = word_loss(W)\nloss\nloss.backward()",
        "W = torch.randn((V, V), generator=g, requires_grad=True)\nloss = word_loss(W)\nloss\n"
        "loss.backward()\nW.grad.shape",
        "The forward pass built no graph, so there is nothing to go back through.",
        "The forward pass and its loss.",
        "requires_grad=True when W is created.",
        needs_torch=True,
    ),
    Pitfall(
        "req_grad",
        "req_grad for requires_grad",
        "W = torch.randn((V, V), generator=g, req_grad=True)",
        "W = torch.randn((V, V), generator=g, requires_grad=True)\nW.is_leaf, W.requires_grad",
        "torch.randn has no such keyword.",
        "Nothing: it stops at once.",
        "The keyword is requires_grad.",
        needs_torch=True,
    ),
    Pitfall(
        "no reset",
        "gradients that are not reset",
        _TORCH_LOOP.format(""),
        _TORCH_LOOP.format("    W.grad = None\n"),
        "backward() adds to W.grad: each step follows the sum of all gradients so far, and swings "
        "past the minimum.",
        "The first step, and often the next few, still lower the loss.",
        "W.grad = None before each backward(), or zero_grad() of an optimizer.",
        Variant("no-reset", "numpy"),
        needs_torch=True,
    ),
    Pitfall(
        "a plus sign",
        "a plus in the update",
        _LOOP.format("steady_rate()", "+"),
        _LOOP.format("steady_rate()", "-"),
        "The gradient points uphill, and every step follows it.",
        "Everything else: there is no error, only a loss that rises.",
        "W ← W − η·gradient.",
        Variant("plus-sign", "numpy"),
    ),
    Pitfall(
        "update in the graph",
        "an update inside the graph",
        "W = torch.randn((V, V), generator=g, requires_grad=True)\n"
        "word_loss(W).backward()\nW += -0.1 * W.grad",
        "W = torch.randn((V, V), generator=g, requires_grad=True)\n"
        "word_loss(W).backward()\nW.data += -0.1 * W.grad\nW.is_leaf\nword_loss(W)",
        "Autograd would record the update as a part of the model, and it does not allow that in "
        "place on a leaf.",
        "Nothing: it stops at once.",
        "W.data += …, or the same inside torch.no_grad().",
        needs_torch=True,
    ),
    Pitfall(
        "W reassigned",
        "W reassigned by the update",
        "W = torch.randn((V, V), generator=g, requires_grad=True)\n"
        "word_loss(W).backward()\nW = W - 0.1 * W.grad\nW.is_leaf\n"
        "word_loss(W).backward()\nW = W - 0.1 * W.grad",
        "W = torch.randn((V, V), generator=g, requires_grad=True)\n"
        "word_loss(W).backward()\nW.data += -0.1 * W.grad\nW.is_leaf\n"
        "W.grad = None\nword_loss(W).backward()\nW.data += -0.1 * W.grad\nword_loss(W)",
        "W is now the result of an operation and no longer a leaf: backward() leaves its grad "
        "None.",
        "The first step.",
        "Change W where it is: W.data += ….",
        needs_torch=True,
    ),
    Pitfall(
        "η too large",
        "a learning rate that is too large",
        _LOOP.format("5 * critical_rate()", "-"),
        _LOOP.format("steady_rate()", "-"),
        "Steps land farther up the other side of the valley. Near the minimum that begins at "
        "η = 2/λmax, the critical rate; the meters (M) show it before the run bounces.",
        "There is no error, and the first steps may still lower the loss.",
        "A smaller η: in full-batch descent the loss has to fall at every step.",
        Variant("numpy", "numpy", name="numpy η too large", rate=5),
    ),
    Pitfall(
        "softmax, no max",
        "a softmax without the maximum subtracted",
        "W = W.astype(np.float32) + 100\nodds = np.exp(W)\n"
        "P = odds / odds.sum(axis=1, keepdims=True)\nnp.isnan(P).any()",
        "W = W.astype(np.float32) + 100\nodds = np.exp(W - W.max(axis=1, keepdims=True))\n"
        "P = odds / odds.sum(axis=1, keepdims=True)\nnp.isnan(P).any(), P.sum(axis=1).max()",
        "exp overflows above 88.72 in float32 and above 709.78 in float64, and ∞/∞ is NaN.",
        "Small weights. On paper large ones too: a constant added to a row of W leaves its P as it "
        "is.",
        "Subtract the maximum of the row first, as softmax and cross_entropy in libraries do.",
        Variant("no-max", "numpy"),
    ),
    Pitfall(
        "no 1/B",
        "a gradient without the 1/B",
        _MEAN_LOOP.format(""),
        _MEAN_LOOP.format(" / N.sum()"),
        "The loss is an average, so ∂nll/∂Z is (P − Y) / B. Without the 1/B every step is B times "
        "too long.",
        "The direction: with an η that is B times smaller the steps would be the same.",
        "Keep the 1/B, or use the sum as the loss and choose η for that.",
        Variant("no-mean", "numpy"),
    ),
)
