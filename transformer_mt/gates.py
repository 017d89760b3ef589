"""Gates on the encoder's output seen as a map of positions by channels: CBAM (Woo et al. 2018) for sentences.

Where softmax attention shares out a whole, a gate scales each part on its own, by a number from 0 to 1. Shape letters
as in `model.py`: B batch, S source length, D d_model.
"""

import torch
from torch import Tensor, nn

from transformer_mt.config import EncoderGate

REDUCTION = 16
"""Channels for each hidden unit of the channel gate, the r of Woo et al. 2018, section 4."""
KERNEL = 7
"""Positions that the spatial gate's convolution sees; the paper's 7 x 7, in one dimension."""


class ChannelGate(nn.Module):
    """Which channels matter: sigmoid(W_1 relu(W_0 avg) + W_1 relu(W_0 max)) (Woo et al. 2018, equation 2)."""

    def __init__(self, d_model: int) -> None:
        super().__init__()
        hidden = max(1, d_model // REDUCTION)
        self.w_0 = nn.Linear(d_model, hidden, bias=False)
        self.w_1 = nn.Linear(hidden, d_model, bias=False)

    def forward(self, x: Tensor, padding_mask: Tensor) -> Tensor:
        """Gates `(B, D)` of `x` `(B, S, D)`; average and maximum are taken over the positions that are not padding."""
        padding = padding_mask[..., None]
        mean = x.masked_fill(padding, 0).sum(1) / (~padding).sum(1)
        largest = x.masked_fill(padding, torch.finfo(x.dtype).min).amax(1)
        return (self.w_1(self.w_0(mean).relu()) + self.w_1(self.w_0(largest).relu())).sigmoid()


class SpatialGate(nn.Module):
    """Which positions matter: sigmoid(f([avg; max])), f a convolution (Woo et al. 2018, equation 3)."""

    def __init__(self) -> None:
        super().__init__()
        self.f = nn.Conv1d(2, 1, KERNEL, padding=KERNEL // 2, bias=False)

    def forward(self, x: Tensor, padding_mask: Tensor) -> Tensor:
        """Gates `(B, S)` of `x` `(B, S, D)`; average and maximum are taken over the channels, and padding is 0 like
        everything beyond the ends."""
        pooled = torch.stack((x.mean(-1), x.amax(-1)), dim=1).masked_fill(padding_mask[:, None], 0)
        return self.f(pooled)[:, 0].sigmoid()


class Gates(nn.Module):
    """The gates that `model.encoder_gate` names: of channels, of positions, or of both in this order, as in CBAM."""

    def __init__(self, kind: EncoderGate, d_model: int) -> None:
        super().__init__()
        self.channel = ChannelGate(d_model) if kind in (EncoderGate.channel, EncoderGate.both) else None
        self.spatial = SpatialGate() if kind in (EncoderGate.spatial, EncoderGate.both) else None

    def forward(self, x: Tensor, padding_mask: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
        """`x` `(B, S, D)`, gated; and the gates by name, `channel` `(B, D)` and `spatial` `(B, S)`, where there are."""
        gates = {}
        if self.channel is not None:
            gates["channel"] = self.channel(x, padding_mask)
            x = x * gates["channel"][:, None]
        if self.spatial is not None:
            gates["spatial"] = self.spatial(x, padding_mask)
            x = x * gates["spatial"][..., None]
        return x, gates
