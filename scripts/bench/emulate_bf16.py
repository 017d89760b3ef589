"""Train as `train.precision=bf16` does, on a machine without bf16 arithmetic.

    python scripts/bench/emulate_bf16.py experiment=tatoeba train.max_steps=2000 run_dir=runs/bf16

Takes what `python -m transformer_mt.train` takes. It answers whether bf16 costs quality; it is
slower than fp32. The operands, results and gradients of every matrix product of an update are
rounded to bf16 and the sums are float32. All else is as under torch's autocast.
"""

from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F
from torch.overrides import TorchFunctionMode

from transformer_mt import train
from transformer_mt.trainer import Trainer


class RoundedProduct(torch.autograd.Function):
    """a b + c in bf16, of matrices `(..., n, k)` and `(..., k, m)` with the same batch sizes."""

    @staticmethod
    def forward(ctx: Any, a: Tensor, b: Tensor, c: Tensor | None) -> Tensor:
        ctx.dtypes = a.dtype, b.dtype
        a, b = a.bfloat16(), b.bfloat16()
        ctx.save_for_backward(a, b)
        # A product of two bf16 numbers is exact in float32, so that only the sums are rounded.
        product = a.float() @ b.float()
        return (product if c is None else product + c.bfloat16().float()).bfloat16()

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        a, b = (t.float() for t in ctx.saved_tensors)
        gradient = gradient.bfloat16().float()
        to_a, to_b = gradient @ b.transpose(-2, -1), a.transpose(-2, -1) @ gradient
        to_c = gradient.sum(0).bfloat16().float() if ctx.needs_input_grad[2] else None
        return to_a.bfloat16().to(ctx.dtypes[0]), to_b.bfloat16().to(ctx.dtypes[1]), to_c


def rounded_linear(x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """x W^T + bias, as `F.linear`."""
    return RoundedProduct.apply(x.flatten(0, -2), weight.t(), bias).view(*x.shape[:-1], -1)


class RoundedProducts(TorchFunctionMode):
    """Inside, matrix products are rounded: those by which the model and its loss compute."""

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if func is F.linear:
            return rounded_linear(*args, **(kwargs or {}))
        if func in (torch.matmul, torch.Tensor.matmul, torch.Tensor.__matmul__):
            return RoundedProduct.apply(*args, None)
        return func(*args, **(kwargs or {}))


def main() -> None:
    exact_update = Trainer.update

    def rounded_update(self: Trainer, *args: Any) -> tuple[float, int, float]:
        with RoundedProducts():
            return exact_update(self, *args)

    Trainer.update = rounded_update  # type: ignore[method-assign]
    train.main()


if __name__ == "__main__":
    main()
