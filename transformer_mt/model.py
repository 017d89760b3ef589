"""The Transformer of "Attention Is All You Need" (Vaswani et al. 2017), section by section. Needs torch alone.

Shape letters: B batch, S source length, T target length, H heads, D d_model, K d_head (the paper's d_k), V vocabulary,
L layers. In `steps.py`, which decodes one position at a time: N beam, R rows (B * N).
"""

import math
from dataclasses import dataclass, field
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from transformer_mt.config import Activation, CrossAttention, EncoderGate, ModelConfig, Norm
from transformer_mt.fast import Dropout


def attention(
    q: Tensor, k: Tensor, v: Tensor, attn_mask: Tensor | None = None
) -> tuple[Tensor, Tensor]:
    """Scaled dot-product attention, softmax(Q K^T / sqrt(d_k)) V (section 3.2.1, equation 1), written out.

    Args:
        q: queries `(..., T, K)`.
        k: keys `(..., S, K)`.
        v: values `(..., S, K)`.
        attn_mask: bool, broadcast to `(..., T, S)`, True = may attend; None = everything may.

    Returns:
        The weighted sums `(..., T, K)` and the weights `(..., T, S)`, float32 or wider. A row that may attend to
        nothing gets zeros, as in the fused kernel.
    """
    scores = q @ k.transpose(-2, -1) / math.sqrt(q.size(-1))
    scores = scores.float() if scores.dtype in (torch.float16, torch.bfloat16) else scores
    if attn_mask is not None:
        scores = torch.where(attn_mask, scores, -torch.inf)
    weights = scores.softmax(dim=-1)
    if attn_mask is not None:
        weights = torch.where(attn_mask, weights, 0.0)  # a row of -inf alone came out as NaN
    return weights.to(v.dtype) @ v, weights


def hard_weights(scores: Tensor) -> Tensor:
    """1 for the largest of each row `(..., S)`, 0 for the others; the first of equals. No gradient passes."""
    return scores.new_zeros(scores.shape).scatter(-1, scores.argmax(-1, keepdim=True), 1.0)


def straight_through(weights: Tensor) -> Tensor:
    """Hard forwards, soft backwards: the value of `hard_weights`, the gradient of `weights` (Bengio et al. 2013)."""
    return hard_weights(weights) + (weights - weights.detach())  # the bracket is 0


def hard_attention(
    q: Tensor, k: Tensor, v: Tensor, attn_mask: Tensor | None = None
) -> tuple[Tensor, Tensor]:
    """Hard attention: every query takes the value of its best key alone (as in Yang et al. 2020, section 3.1).

    Arguments and results as for `attention`; the weights are the soft ones, the largest of which was taken.
    """
    _, weights = attention(q, k, v, attn_mask)
    hard = straight_through(weights)
    if attn_mask is not None:
        hard = torch.where(attn_mask, hard, 0.0)  # only of a row that may attend to nothing
    return hard.to(v.dtype) @ v, weights


def key_mask(padding_mask: Tensor) -> Tensor:
    """The `attn_mask` `(B, 1, 1, S)`, True = may attend, of a `padding_mask` `(B, S)`, True = padding."""
    return ~padding_mask[:, None, None, :]


def causal_mask(n: int, device: torch.device | None = None) -> Tensor:
    """The `attn_mask` `(n, n)` by which no position sees a later one."""
    return torch.ones(n, n, dtype=torch.bool, device=device).tril()


def positional_encoding(max_len: int, d_model: int) -> Tensor:
    """Sinusoidal positions `(max_len, D)` (section 3.5): PE[pos, 2i] = sin(pos / 10000^(2i/D)), PE[pos, 2i+1] = cos."""
    position = torch.arange(max_len, dtype=torch.float64)[:, None]
    frequency = torch.exp(
        torch.arange(0, d_model, 2, dtype=torch.float64) * (-math.log(10000.0) / d_model)
    )
    table = torch.empty(max_len, d_model, dtype=torch.float64)
    table[:, 0::2] = torch.sin(position * frequency)
    table[:, 1::2] = torch.cos(position * frequency)
    return table.to(torch.get_default_dtype())


class MultiHeadAttention(nn.Module):
    """Attention by H heads side by side, concatenated and projected (section 3.2.2). Used three times: encoder
    self-attention, causal decoder self-attention, and cross-attention from the decoder to the encoder's output.
    """

    def __init__(self, d_model: int, n_heads: int, hard: bool = False) -> None:
        super().__init__()
        self.n_heads = n_heads
        self.hard = hard
        self.w_q = nn.Linear(d_model, d_model)
        self.w_k = nn.Linear(
            d_model, d_model, bias=False
        )  # a key bias shifts a row of scores: softmax ignores it
        self.w_v = nn.Linear(d_model, d_model)
        self.w_o = nn.Linear(d_model, d_model)

    def keys_values(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Keys and values `(B, H, S, K)` of `x` `(B, S, D)`."""
        k = self.w_k(x).view(x.size(0), x.size(1), self.n_heads, -1).transpose(1, 2)
        v = self.w_v(x).view(x.size(0), x.size(1), self.n_heads, -1).transpose(1, 2)
        return k, v

    def forward(
        self,
        x: Tensor,
        keys: Tensor,
        values: Tensor,
        attn_mask: Tensor | None,
        weights: list[Tensor] | None = None,
    ) -> Tensor:
        """Every position of `x` looks at `keys` and takes a weighted sum of `values`.

        Args:
            x: where the queries come from, `(B, T, D)`.
            keys: `(B, H, S, K)`.
            values: `(B, H, S, K)`.
            attn_mask: bool, broadcast to `(B, H, T, S)`, True = may attend.
            weights: when a list, the weights `(B, H, T, S)` of the written-out path are appended to it; otherwise
                whichever is faster, that path or the fused kernel, computes the same output.

        Returns:
            `(B, T, D)`.
        """
        q = self.w_q(x).view(x.size(0), x.size(1), self.n_heads, -1).transpose(1, 2)  # (B, H, T, K)
        # On two CPU cores, forwards and backwards among 10 keys, the equation takes 0.7 times as long as the fused
        # kernel (1.0 among 40).
        short_training = torch.is_grad_enabled() and not x.is_cuda and keys.size(2) <= 32
        # On Apple's GPUs the fused kernel of some versions gives wrong values for transposed tensors (torch's issue
        # 181133).
        if weights is None and not self.hard and not short_training and not x.is_mps:
            z = F.scaled_dot_product_attention(q, keys, values, attn_mask)
        else:
            z, row = (hard_attention if self.hard else attention)(q, keys, values, attn_mask)
            if weights is not None:
                weights.append(row)
        return self.w_o(z.transpose(1, 2).reshape(x.shape))  # heads concatenated: (B, T, H * K = D)


class FeedForward(nn.Module):
    """Position-wise feed-forward network (section 3.3): W_out act(W_in x), or SwiGLU (Shazeer 2020, equation 6)."""

    def __init__(self, d_model: int, d_ff: int, activation: Activation) -> None:
        super().__init__()
        self.activation = activation
        self.w_in = nn.Linear(d_model, d_ff)
        self.w_gate = nn.Linear(d_model, d_ff) if activation is Activation.swiglu else None
        self.w_out = nn.Linear(d_ff, d_model)

    def activate(self, h: Tensor, gate: Tensor | None) -> Tensor:
        """The hidden layer of `h`, which W_in made, and of `gate`, which SwiGLU's second matrix made."""
        if gate is not None:
            return F.silu(gate) * h
        return F.relu(h) if self.activation is Activation.relu else F.gelu(h)

    def forward(self, x: Tensor) -> Tensor:
        gate = None if self.w_gate is None else self.w_gate(x)
        return self.w_out(self.activate(self.w_in(x), gate))


class Residual(nn.Module):
    """The connection around a sub-layer (section 5.4): norm(x + dropout(f(x))), or x + dropout(f(norm(x)))."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.pre = config.norm is Norm.pre
        self.norm = nn.LayerNorm(config.d_model)
        self.dropout = Dropout(config.dropout)

    def before(self, x: Tensor) -> Tensor:
        """What the sub-layer is given."""
        return self.norm(x) if self.pre else x

    def after(self, x: Tensor, output: Tensor) -> Tensor:
        """The sum of `x` and what the sub-layer made of it."""
        y = x + self.dropout(output)
        return y if self.pre else self.norm(y)


class EncoderLayer(nn.Module):
    """Self-attention, then the feed-forward network (section 3.1)."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.self_attention = MultiHeadAttention(config.d_model, config.n_heads)
        self.self_residual = Residual(config)
        self.feed_forward = FeedForward(config.d_model, config.d_ff, config.activation)
        self.feed_forward_residual = Residual(config)

    def forward(
        self, x: Tensor, attn_mask: Tensor | None, weights: list[Tensor] | None = None
    ) -> Tensor:
        y = self.self_residual.before(x)
        x = self.self_residual.after(
            x, self.self_attention(y, *self.self_attention.keys_values(y), attn_mask, weights)
        )
        y = self.feed_forward_residual.before(x)
        return self.feed_forward_residual.after(x, self.feed_forward(y))


@dataclass
class AttentionWeights:
    """Filled by a pass through the model: per layer, `(B, H, S, S)`, `(B, H, T, T)` and `(B, H, T, S)`."""

    encoder_self: list[Tensor] = field(default_factory=list)
    decoder_self: list[Tensor] = field(default_factory=list)
    cross: list[Tensor] = field(default_factory=list)
    gates: dict[str, Tensor] = field(default_factory=dict)
    """Of the encoder's output, where it has them: `channel` `(B, D)` and `spatial` `(B, S)`."""


class DecoderLayer(nn.Module):
    """Causal self-attention, cross-attention to the memory, then the feed-forward network (section 3.1)."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.self_attention = MultiHeadAttention(config.d_model, config.n_heads)
        self.self_residual = Residual(config)
        hard = config.cross_attention is CrossAttention.hard
        self.cross_attention = MultiHeadAttention(config.d_model, config.n_heads, hard)
        self.cross_residual = Residual(config)
        self.feed_forward = FeedForward(config.d_model, config.d_ff, config.activation)
        self.feed_forward_residual = Residual(config)

    def forward(
        self,
        x: Tensor,
        memory: Tensor,
        own_mask: Tensor,
        cross_mask: Tensor,
        weights: AttentionWeights | None,
    ) -> Tensor:
        """`x` `(B, T, D)` one layer up."""
        y = self.self_residual.before(x)
        keys, values = self.self_attention.keys_values(y)
        y = self.self_attention(
            y, keys, values, own_mask, weights.decoder_self if weights else None
        )
        x = self.self_residual.after(x, y)

        y = self.cross_residual.before(x)
        keys, values = self.cross_attention.keys_values(memory)
        y = self.cross_attention(y, keys, values, cross_mask, weights.cross if weights else None)
        x = self.cross_residual.after(x, y)

        y = self.feed_forward_residual.before(x)
        return self.feed_forward_residual.after(x, self.feed_forward(y))


# Gates on the encoder's output seen as a map of positions by channels: CBAM (Woo et al. 2018) for sentences. Where
# softmax attention shares out a whole, a gate scales each part on its own, by a number from 0 to 1.

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
        self.channel = (
            ChannelGate(d_model) if kind in (EncoderGate.channel, EncoderGate.both) else None
        )
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


class Transformer(nn.Module):
    """Encoder and decoder (figure 1). Source and target are ids, batch first, padded on the right; the target's padding
    is hidden by causality, the source's by a mask."""

    positions: Tensor

    def __init__(
        self, config: ModelConfig, n_src_vocab: int, n_tgt_vocab: int, pad_id: int, joint: bool
    ) -> None:
        """`pad_id` is the source's; `joint`: both sides share one vocabulary, hence one embedding where tied."""
        super().__init__()
        self.config = config
        self.pad_id = pad_id
        self.tgt_embedding = nn.Embedding(n_tgt_vocab, config.d_model)
        share = joint and config.tie_embeddings
        self.src_embedding = (
            self.tgt_embedding if share else nn.Embedding(n_src_vocab, config.d_model)
        )
        self.output = nn.Linear(config.d_model, n_tgt_vocab, bias=False)
        if config.tie_embeddings:
            self.output.weight = self.tgt_embedding.weight
        self.register_buffer(
            "positions", positional_encoding(config.max_len, config.d_model), persistent=False
        )
        self.dropout = Dropout(config.dropout)
        self.encoder_layers = nn.ModuleList(
            EncoderLayer(config) for _ in range(config.n_encoder_layers)
        )
        self.decoder_layers = nn.ModuleList(
            DecoderLayer(config) for _ in range(config.n_decoder_layers)
        )
        pre = config.norm is Norm.pre  # pre-norm leaves the last sum without a norm
        self.encoder_norm = nn.LayerNorm(config.d_model) if pre else nn.Identity()
        self.decoder_norm = nn.LayerNorm(config.d_model) if pre else nn.Identity()
        gated = config.encoder_gate is not EncoderGate.none
        self.gates = Gates(config.encoder_gate, config.d_model) if gated else None
        self.init_weights()

    @torch.no_grad()
    def init_weights(self) -> None:
        """Set every tensor.

        - embeddings, and the output layer where it is tied: normal, standard deviation 1 / sqrt(D); inputs are scaled
          by sqrt(D), so tokens and positions enter with about the same size, and logits start near 0;
        - the output layer where it is not tied: normal, standard deviation 1 / sqrt(D);
        - weights of the linear layers `(out, in)`: uniform within sqrt(6 / (in + out)) (Glorot and Bengio 2010); the
          spatial gate's convolution likewise, its width counted in;
        - biases: 0; layer norms: gain 1, bias 0.
        """
        for module in self.modules():
            if isinstance(module, nn.Linear | nn.Conv1d):
                nn.init.xavier_uniform_(module.weight)
                if module.bias is not None:
                    nn.init.zeros_(module.bias)
        for table in (self.src_embedding.weight, self.tgt_embedding.weight, self.output.weight):
            nn.init.normal_(table, std=self.config.d_model**-0.5)

    def attention_layers(self) -> dict[str, list[MultiHeadAttention]]:
        """The attention modules by kind, bottom layer first."""
        kinds = {
            "encoder_self": [layer.self_attention for layer in self.encoder_layers],
            "decoder_self": [layer.self_attention for layer in self.decoder_layers],
            "cross": [layer.cross_attention for layer in self.decoder_layers],
        }
        return cast(dict[str, list[MultiHeadAttention]], kinds)

    def embed(self, ids: Tensor, embedding: nn.Embedding) -> Tensor:
        """Scaled embeddings plus positions (sections 3.4, 3.5): ids `(B, T)` to `(B, T, D)`."""
        n = ids.size(1)
        if n > self.config.max_len:
            raise ValueError(
                f"{n} tokens, but the model was built for at most model.max_len={self.config.max_len}."
            )
        return self.dropout(embedding(ids) * math.sqrt(self.config.d_model) + self.positions[:n])

    def features(self, src: Tensor, weights: AttentionWeights | None = None) -> Tensor:
        """The encoder below its gates; arguments and result as for `encode`."""
        attn_mask = key_mask(src == self.pad_id)
        x = self.embed(src, self.src_embedding)
        for layer in self.encoder_layers:
            x = layer(x, attn_mask, weights.encoder_self if weights else None)
        return self.encoder_norm(x)

    def encode(self, src: Tensor, weights: AttentionWeights | None = None) -> Tensor:
        """Encoder output, the memory, of the source.

        Args:
            src: ids `(B, S)`; padding is masked.
            weights: when given, every layer's self-attention is written out and appended to it, and the gates.

        Returns:
            `(B, S, D)`.
        Raises:
            ValueError: S exceeds `max_len`.
        """
        memory = self.features(src, weights)
        if self.gates is not None:
            memory, gates = self.gates(memory, src == self.pad_id)
            if weights:
                weights.gates = gates
        return memory

    def decode_states(
        self,
        tgt_in: Tensor,
        memory: Tensor,
        src_padding_mask: Tensor,
        weights: AttentionWeights | None = None,
    ) -> Tensor:
        """The decoder below its output layer; arguments as for `decode`; `(B, T, D)`."""
        x = self.embed(tgt_in, self.tgt_embedding)
        own_mask, cross_mask = (
            causal_mask(tgt_in.size(1), tgt_in.device),
            key_mask(src_padding_mask),
        )
        for layer in self.decoder_layers:
            x = layer(x, memory, own_mask, cross_mask, weights)
        return self.decoder_norm(x)

    def decode(
        self,
        tgt_in: Tensor,
        memory: Tensor,
        src_padding_mask: Tensor,
        weights: AttentionWeights | None = None,
    ) -> Tensor:
        """Next-token logits for `tgt_in`, given the encoded source.

        Args:
            tgt_in: ids `(B, T)`.
            memory: encoder output `(B, S, D)`.
            src_padding_mask: bool `(B, S)`, True = padding.
            weights: when given, every layer's attention is written out and appended to it.

        Returns:
            Logits `(B, T, V)`, not normalised.
        Raises:
            ValueError: T exceeds `max_len`.
        """
        return self.output(self.decode_states(tgt_in, memory, src_padding_mask, weights))

    def forward(self, src: Tensor, tgt_in: Tensor, positions: Tensor | None = None) -> Tensor:
        """Next-token logits at every position of `tgt_in` at once, or the decoder's states below them.

        Args:
            src: ids `(B, S)`.
            tgt_in: ids `(B, T)`, bos first.
            positions: bool `(B, T)`; when given, only these n are wanted, and only as the output layer's input: the
                loss makes their logits, a chunk at a time, and padding costs nothing.

        Returns:
            Logits `(B, T, V)`, or with `positions` the decoder's states `(n, D)`.
        """
        states = self.decode_states(tgt_in, self.encode(src), src == self.pad_id)
        return self.output(states) if positions is None else states[positions]
