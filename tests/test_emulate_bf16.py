"""Emulated bf16 against torch's own, which is slow but right on a CPU without bf16 arithmetic."""

import sys
from pathlib import Path

import pytest
import torch

sys.path.insert(0, str(Path(__file__).parents[1] / "scripts" / "bench"))
from emulate_bf16 import RoundedProducts
from helpers import tiny_model

from transformer_mt.fast import label_smoothed_loss


def gradients(mode) -> dict[str, torch.Tensor]:
    """The loss of one batch and its gradients, with dropout from the same seed."""
    model = tiny_model(3, d_model=64, n_src=50, n_tgt=60, dropout=0.2).train()
    generator = torch.Generator().manual_seed(1)
    src = torch.randint(1, 50, (8, 9), generator=generator)
    tgt = torch.randint(1, 60, (8, 7), generator=generator)
    torch.manual_seed(2)
    with mode:
        states = model(src, tgt[:, :-1]).flatten(0, 1)
        loss = label_smoothed_loss(states, model.output.weight, tgt[:, 1:].flatten(), 0.1, 0)
        (loss / 48).backward()
    return {"loss": loss.detach()} | {
        name: parameter.grad for name, parameter in model.named_parameters()
    }


def distance(ours: dict[str, torch.Tensor], theirs: dict[str, torch.Tensor]) -> float:
    """How far all gradients together are from theirs, relative to their length."""
    names = theirs.keys() - {"loss"}
    difference = sum(float((ours[name] - theirs[name]).square().sum()) for name in names)
    return (difference / sum(float(theirs[name].square().sum()) for name in names)) ** 0.5


def test_an_update_is_near_that_of_autocast_and_far_from_fp32():
    autocast = gradients(torch.autocast("cpu", dtype=torch.bfloat16))
    emulated = gradients(RoundedProducts())
    exact = gradients(torch.enable_grad())
    assert all(value.dtype is torch.float32 for value in emulated.values())
    assert distance(emulated, autocast) < 0.5 * distance(exact, autocast)
    assert emulated["loss"].item() == pytest.approx(autocast["loss"].item(), rel=1e-4)


def test_products_are_autocasts():
    torch.manual_seed(4)
    layer, x = torch.nn.Linear(40, 30), torch.randn(5, 6, 40)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        linear, product = layer(x), x @ x.transpose(1, 2)
    with RoundedProducts():
        ours, our_product = layer(x), x @ x.transpose(1, 2)
    assert ours.dtype is our_product.dtype is torch.bfloat16
    torch.testing.assert_close(ours, linear, rtol=2**-7, atol=1e-5)  # one unit in the last place
    torch.testing.assert_close(our_product, product, rtol=2**-7, atol=1e-5)
    assert (ours == linear).float().mean() > 0.9 and (our_product == product).float().mean() > 0.9
