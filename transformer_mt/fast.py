"""What is faster than torch's own, each beside the one line that it replaces. Needs torch alone."""

import ctypes
import math
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable
from torch.nn import functional as F

FEW_ROWS = 4
"""Up to this many rows, `Linear` computes (W x^T)^T with W in two halves."""
MANY_ROWS = 128
"""Up to this many rows, it computes a wide output in blocks."""
WIDE = 4096
"""Outputs of a vocabulary, as opposed to those of a layer."""
LARGE = 2**16
"""Elements of a matrix from which on parts pay."""


class Linear(nn.Linear):
    """x W^T + b, as `nn.Linear`; faster for the few rows of a decoding step on a CPU.

    Replaces `F.linear(x, self.weight, self.bias)`. For few rows the time is that of reading W from
    memory, and the kernels that torch calls then are slower than those for a batch of matrices. W
    in parts is such a batch: 4 rows take 0.4 to 0.6 of the time, and 64 rows by 8,000 pieces 0.7
    (two threads, AVX2).
    """

    def __init__(self, in_features: int, out_features: int, bias: bool = True) -> None:
        super().__init__(in_features, out_features, bias)
        # Parts of a smaller matrix cost more calls than they save time.
        self.is_large = in_features * out_features >= LARGE
        self.max_rows = MANY_ROWS if out_features >= WIDE else FEW_ROWS

    def forward(self, x: Tensor) -> Tensor:
        is_step = self.is_large and 0 < x.numel() <= self.max_rows * self.in_features
        # Autocast keeps its copy of a parameter, but would convert parts of it at every step.
        in_parts = is_step and x.is_cpu and not torch.is_autocast_enabled("cpu")
        if not in_parts or torch.is_grad_enabled():
            return F.linear(x, self.weight, self.bias)
        n_rows = x.numel() // self.in_features
        rows = x.reshape(n_rows, self.in_features)
        n_parts = math.gcd(self.out_features, 2 if n_rows <= FEW_ROWS else 16)
        parts = self.weight.view(n_parts, -1, self.in_features)
        if n_rows <= FEW_ROWS:
            y = torch.bmm(parts, rows.t().expand(n_parts, -1, -1))  # (parts, out / parts, n_rows)
            y = y.view(-1, n_rows).t()
        else:
            y = torch.bmm(rows.expand(n_parts, -1, -1), parts.transpose(1, 2))
            y = y.transpose(0, 1).reshape(n_rows, -1)  # from (parts, n_rows, out / parts)
        y = y.view(*x.shape[:-1], self.out_features)
        return y if self.bias is None else y + self.bias


_thread = threading.local()


@contextmanager
def random_numbers(seed: int) -> Iterator[None]:
    """Inside, `dropout` in this thread draws from a generator of its own."""
    _thread.generator = torch.Generator().manual_seed(seed)
    try:
        yield
    finally:
        _thread.generator = None


def dropout(x: Tensor, p: float, training: bool) -> Tensor:
    """Zero elements with probability `p` and scale the others by 1 / (1 - p), in training only.

    Replaces `F.dropout(x, p, training)`. On a CPU `p` is rounded to a multiple of 1/256 and eight
    elements share one 64-bit random number: 2 ns per element instead of 8. Drawing random numbers
    was the largest single cost of a training step.
    """
    if not training or p == 0:
        return x
    if not x.is_cpu:
        return F.dropout(x, p)
    threshold = min(max(1, round(p * 256)), 255)
    generator = getattr(_thread, "generator", None)  # None: torch's own
    random = torch.empty((x.numel() + 7) // 8, dtype=torch.int64)
    random.random_(-(2**63), None, generator=generator)
    keep = random.view(torch.uint8)[: x.numel()].view(x.shape)
    # 1 for bytes of at least `threshold`, else 0; a comparison takes 5 times as long.
    keep.clamp_(threshold - 1, threshold).sub_(threshold - 1)
    return x * keep.to(x.dtype).mul_(256 / (256 - threshold))


CHUNK = 512
"""Tokens whose logits exist at once. A CUDA GPU, which wants larger pieces of work, takes 16 times
as many."""


NEVER = -1e9
"""The bias of an id that stands for nothing: its probability is 0."""


def label_smoothed_loss(
    states: Tensor,
    weight: Tensor,
    targets: Tensor,
    smoothing: float,
    pad_id: int,
    bias: Tensor | None = None,
) -> Tensor:
    """Summed cross-entropy with smoothed labels (section 5.4; Szegedy et al. 2016), in nats.

    The label has the probability 1 - smoothing; the rest is spread evenly over the whole
    vocabulary but padding and ids with a bias of `NEVER`. It replaces (but for those ids, which the
    line below does not leave out)

        F.cross_entropy(states @ weight.t(), targets, reduction="sum", label_smoothing=smoothing)

    because the logits of all tokens together, by far the largest tensor of an update, never exist
    here: with 8,000 pieces an update took 0.94 of the time. Under autocast matrix products use its
    type, and everything else that of `weight`; leave autocast before `backward`.

    Args:
        states: the decoder's, below its output layer: `(n, D)`.
        weight: the output layer's, `(V, D)`.
        targets: ids `(n,)`, no padding among them.
        bias: the output layer's, `(V,)`; None = it has none.
    """
    apply = cast(Callable[..., Tensor], _SmoothedLoss.apply)
    return apply(states, weight, targets, smoothing, pad_id, bias, torch.is_grad_enabled())


class _SmoothedLoss(torch.autograd.Function):
    """The loss and its gradient in one pass over chunks of tokens.

    With logits z = W x + b, their softmax p and the smoothed labels q, the loss is
    log(sum(exp z)) - sum(q z), and its gradient by z is p - q. Every id but those left out has the
    same share in q whatever the token, so that part is taken off once for all tokens, by the sum of
    those rows of W. The chunks are left with -log p + smoothing z of the label.
    """

    @staticmethod
    def forward(
        ctx: Any,
        states: Tensor,
        weight: Tensor,
        targets: Tensor,
        smoothing: float,
        pad_id: int,
        bias: Tensor | None,
        with_gradient: bool,
    ) -> Tensor:
        # Inside forward autograd is off, so the caller says whether it was on (`with_gradient`).
        # First the part that is the same for all tokens.
        left_out = torch.full((1,), pad_id, device=weight.device)
        if bias is not None:
            never = bias < NEVER / 2  # with room for rounding
            never[pad_id] = True
            left_out = never.nonzero()[:, 0]
        share = smoothing / (len(weight) - len(left_out))
        spread = share * (weight.sum(0) - weight[left_out].sum(0))  # (D,)
        total = states.sum(0)  # (D,)
        loss = -(total * spread).sum()
        states_gradient = (-spread).repeat(len(states), 1)  # (n, D)
        weight_gradient = (-share * total).repeat(len(weight), 1)  # (V, D)
        weight_gradient[left_out] = 0
        bias_gradient = None
        if bias is not None:
            loss -= len(states) * share * bias.index_fill(0, left_out, 0.0).sum()
            bias_gradient = torch.full_like(bias, -share * len(states))
            bias_gradient[left_out] = 0

        n = CHUNK * 16 if states.is_cuda else CHUNK
        for start in range(0, len(states), n):
            x, labels = states[start : start + n], targets[start : start + n, None]
            z = F.linear(x, weight, bias)  # (chunk, V)
            p = z.softmax(-1, dtype=weight.dtype)
            z_label = z.gather(1, labels)[:, 0].to(weight.dtype)
            # -log p of the label, by way of the largest logit: p may be too small for a logarithm.
            nll = z.amax(-1).to(weight.dtype) - z_label - p.amax(-1).log()
            loss += (nll + smoothing * z_label).sum()
            if with_gradient:
                gradient = p.scatter_add_(1, labels, p.new_full(labels.shape, smoothing - 1))
                if bias_gradient is not None:
                    bias_gradient += gradient.sum(0)
                gradient = gradient.to(z.dtype)
                states_gradient[start : start + n] += gradient @ weight
                weight_gradient += gradient.t() @ x
        ctx.save_for_backward(states_gradient, weight_gradient, bias_gradient)
        return loss

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, scale: Tensor) -> tuple[Tensor | None, ...]:
        gradients = (None if x is None else x * scale for x in ctx.saved_tensors)
        states_gradient, weight_gradient, bias_gradient = gradients
        return states_gradient, weight_gradient, None, None, None, bias_gradient, None


def keep_freed_memory() -> None:
    """Let glibc give freed memory to the next tensor instead of returning it to the system.

    Replaces nothing but the default: the system clears every page that it hands out again. It gives
    9 % more training tokens/s on two cores, and 5 % in beam search. Without glibc nothing changes.
    """
    if sys.platform == "linux" and hasattr(libc := ctypes.CDLL(None), "mallopt"):
        libc.mallopt(-3, 1 << 30)  # M_MMAP_THRESHOLD, bytes
        libc.mallopt(-1, (1 << 31) - 1)  # M_TRIM_THRESHOLD, bytes
