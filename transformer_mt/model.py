"""The Transformer of "Attention Is All You Need" (Vaswani et al. 2017), section by section.

Shape letters: B batch, S source length, T target length, H heads, D d_model, K d_head (the
paper's d_k), V vocabulary, L layers; in decoding N hypotheses for each sentence.
"""

import math
from dataclasses import dataclass, field
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from transformer_mt.config import Activation, CrossAttention, EncoderGate, ModelConfig, Norm
from transformer_mt.fast import Linear, dropout

# ------------------------------------------------------------------------ attention, section 3.2


def attention(
    q: Tensor, k: Tensor, v: Tensor, attn_mask: Tensor | None = None
) -> tuple[Tensor, Tensor]:
    """Scaled dot-product attention: softmax(Q K^T / sqrt(d_k)) V (section 3.2.1, equation 1).

    Args:
        q: queries `(..., T, K)`.
        k: keys `(..., S, K)`.
        v: values `(..., S, K)`.
        attn_mask: bool, broadcast to `(..., T, S)`, True = may attend; None = everything may.

    Returns:
        The weighted sums `(..., T, K)` and the weights `(..., T, S)`, float32 or wider. A row
        that may attend to nothing gets zeros, as in torch's fused kernel.
    """
    weights = attention_weights(q, k, attn_mask)
    return weights.to(v.dtype) @ v, weights


def attention_weights(q: Tensor, k: Tensor, attn_mask: Tensor | None = None) -> Tensor:
    """softmax(Q K^T / sqrt(d_k)) `(..., T, S)`; arguments as for `attention`."""
    scores = q @ k.transpose(-2, -1) / math.sqrt(q.size(-1))  # (..., T, S)
    # Sixteen bits are too coarse for a sum of many small numbers.
    if scores.dtype in (torch.float16, torch.bfloat16):
        scores = scores.float()
    if attn_mask is None:
        return scores.softmax(dim=-1)
    weights = torch.where(attn_mask, scores, -torch.inf).softmax(dim=-1)
    # Softmax of a row of only -inf is NaN; make it 0.
    return torch.where(attn_mask, weights, 0.0)


def hard_weights(scores: Tensor) -> Tensor:
    """Put 1 at the largest entry of each row `(..., S)`, the first of equals, and 0 elsewhere.

    No gradient passes through it.
    """
    return scores.new_zeros(scores.shape).scatter(-1, scores.argmax(-1, keepdim=True), 1.0)


def straight_through(weights: Tensor) -> Tensor:
    """Give the value of `hard_weights` and the gradient of `weights` (the straight-through
    estimator of Bengio et al. 2013).
    """
    # The bracket is 0, but its gradient is that of `weights`.
    return hard_weights(weights) + (weights - weights.detach())


def hard_attention(
    q: Tensor, k: Tensor, v: Tensor, attn_mask: Tensor | None = None
) -> tuple[Tensor, Tensor]:
    """Let every query take the value of its best key alone (as in Yang et al. 2020, section 3.1).

    Takes and returns what `attention` does; the weights are the soft ones, so that one can see
    how close the choice was.
    """
    weights = attention_weights(q, k, attn_mask)
    hard = straight_through(weights)
    if attn_mask is not None:
        # A row that may attend to nothing has no best key.
        hard = torch.where(attn_mask, hard, 0.0)
    return hard.to(v.dtype) @ v, weights


def key_mask(padding_mask: Tensor) -> Tensor:
    """Turn a `padding_mask` `(B, S)`, True = padding, into an `attn_mask` `(B, 1, 1, S)`."""
    return ~padding_mask[:, None, None, :]


def causal_mask(n: int, device: torch.device | None = None) -> Tensor:
    """The `attn_mask` `(n, n)` that lets no position see a later one (section 3.2.3)."""
    return torch.ones(n, n, dtype=torch.bool, device=device).tril()


def positional_encoding(max_len: int, d_model: int) -> Tensor:
    """Sinusoidal positions `(max_len, D)` (section 3.5).

    PE[pos, 2i] = sin(pos / 10000^(2i/D)) and PE[pos, 2i+1] = cos of the same.
    """
    position = torch.arange(max_len, dtype=torch.float64)[:, None]
    even = torch.arange(0, d_model, 2, dtype=torch.float64)  # 2i
    frequency = torch.exp(even * (-math.log(10000.0) / d_model))
    table = torch.empty(max_len, d_model, dtype=torch.float64)
    table[:, 0::2] = torch.sin(position * frequency)
    table[:, 1::2] = torch.cos(position * frequency)
    return table.to(torch.get_default_dtype())


@dataclass
class AttentionTrace:
    """Everything that one attention sub-layer computed, for those who want to look inside."""

    x: Tensor
    """Where the queries come from, `(B, T, D)`."""
    q: Tensor
    """Queries `(B, H, T, K)`, before scaling."""
    k: Tensor
    """Keys `(B, H, S, K)`."""
    v: Tensor
    """Values `(B, H, S, K)`."""
    weights: Tensor
    """`(B, H, T, S)`, soft ones also where attention is hard."""
    z: Tensor
    """The weighted sums of all heads, concatenated, `(B, T, D)`."""
    output: Tensor
    """`z` projected by W_O, `(B, T, D)`."""


class MultiHeadAttention(nn.Module):
    """Attention by H heads side by side, concatenated and projected (section 3.2.2).

    It is used three times: as self-attention in the encoder, as causal self-attention in the
    decoder, and as cross-attention from the decoder to the encoder's output.
    """

    def __init__(self, d_model: int, n_heads: int, hard: bool = False) -> None:
        super().__init__()
        self.n_heads = n_heads
        self.hard = hard
        self.w_q = Linear(d_model, d_model)
        # A key bias would add the same number to a whole row of scores, which softmax ignores.
        self.w_k = Linear(d_model, d_model, bias=False)
        self.w_v = Linear(d_model, d_model)
        self.w_o = Linear(d_model, d_model)

    def split_heads(self, x: Tensor) -> Tensor:
        """Cut the D columns of `x` `(B, T, D)` into heads: `(B, H, T, K)`."""
        return x.view(x.size(0), x.size(1), self.n_heads, -1).transpose(1, 2)

    def keys_values(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Keys and values, `(B, H, S, K)` each, of `x` `(B, S, D)`."""
        return self.split_heads(self.w_k(x)), self.split_heads(self.w_v(x))

    def forward(
        self,
        x: Tensor,
        keys: Tensor,
        values: Tensor,
        attn_mask: Tensor | None,
        trace: list[AttentionTrace] | None = None,
        guided: list[Tensor] | None = None,
    ) -> Tensor:
        """Let every position of `x` look at `keys` and take a weighted sum of `values`.

        Args:
            x: where the queries come from, `(B, T, D)`.
            keys: `(B, H, S, K)`.
            values: `(B, H, S, K)`.
            attn_mask: bool, broadcast to `(B, H, T, S)`, True = may attend; None = all may.
            trace: when a list, what was computed is appended to it.
            guided: when a list, the first head's weights `(B, T, S)` are appended to it.

        Returns:
            `(B, T, D)`.
        """
        q = self.split_heads(self.w_q(x))
        if trace is None and not self.hard and not x.is_mps:
            # One kernel, which never writes the weights to memory.
            z = F.scaled_dot_product_attention(q, keys, values, attn_mask)
        else:
            # Written out: to record the weights, to choose hard, and on Apple's GPUs, where some
            # versions of the kernel are wrong for transposed tensors (pytorch issue 181133).
            equation = hard_attention if self.hard else attention
            z, weights = equation(q, keys, values, attn_mask)
        if guided is not None:
            # Beside the kernel, which goes on serving all heads: one map more costs less than all
            # of them written out, and the sums stay what they are without a guide.
            guided.append(attention_weights(q[:, :1], keys[:, :1], attn_mask)[:, 0])
        z = z.transpose(1, 2).reshape(x.shape)  # heads concatenated: (B, T, H * K = D)
        output = self.w_o(z)
        if trace is not None:
            trace.append(AttentionTrace(x, q, keys, values, weights, z, output))
        return output


# ------------------------------------------------------------------ layers, sections 3.1, 3.3, 5.4


class FeedForward(nn.Module):
    """Position-wise feed-forward network (section 3.3): W_out act(W_in x).

    With SwiGLU it is W_out (silu(W_gate x) * W_in x) (Shazeer 2020, equation 6).
    """

    def __init__(self, d_model: int, d_ff: int, activation: Activation) -> None:
        super().__init__()
        self.activation = activation
        self.w_in = Linear(d_model, d_ff)
        self.w_gate = Linear(d_model, d_ff) if activation is Activation.swiglu else None
        self.w_out = Linear(d_ff, d_model)

    def forward(self, x: Tensor) -> Tensor:
        h = self.w_in(x)  # (B, T, d_ff)
        if self.w_gate is not None:
            h = F.silu(self.w_gate(x)) * h
        elif self.activation is Activation.relu:
            h = F.relu(h)
        elif self.activation is Activation.swish:
            h = F.silu(h)
        else:
            h = F.gelu(h)
        return self.w_out(h)


class Residual(nn.Module):
    """The connection around a sub-layer f (section 5.4).

    It is norm(x + dropout(f(x))) in the paper (post-norm), or x + dropout(f(norm(x))) (pre-norm).
    """

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.pre = config.norm is Norm.pre
        self.norm = nn.LayerNorm(config.d_model)
        self.dropout = config.dropout

    def before(self, x: Tensor) -> Tensor:
        """The input of the sub-layer."""
        return self.norm(x) if self.pre else x

    def after(self, x: Tensor, output: Tensor) -> Tensor:
        """Add the sub-layer's `output` to `x`."""
        y = x + dropout(output, self.dropout, self.training)
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
        self, x: Tensor, attn_mask: Tensor | None, trace: list[AttentionTrace] | None = None
    ) -> Tensor:
        """Take `x` `(B, S, D)` one layer up."""
        y = self.self_residual.before(x)
        keys, values = self.self_attention.keys_values(y)
        y = self.self_attention(y, keys, values, attn_mask, trace)
        x = self.self_residual.after(x, y)

        y = self.feed_forward_residual.before(x)
        return self.feed_forward_residual.after(x, self.feed_forward(y))


class LayerCache:
    """Keys and values that a decoder layer looks at: those of the source, which stay, and those of
    the target, which grow.
    """

    def __init__(self, src_keys: Tensor, src_values: Tensor) -> None:
        self.src_keys = src_keys  # (B, H, S, K)
        self.src_values = src_values
        # (B, H, room, K), of which the first `n_positions` are filled.
        self.tgt_keys = src_keys[:, :, :0]
        self.tgt_values = src_values[:, :, :0]
        self.n_positions = 0

    def append(self, keys: Tensor, values: Tensor) -> tuple[Tensor, Tensor]:
        """Add the target's new positions `(B, H, T, K)`, and return all of them until now."""
        start, n_new = self.n_positions, keys.size(2)
        end = self.n_positions = start + n_new
        if start == 0:
            # Training decodes all positions at once: there is nothing to copy.
            self.tgt_keys, self.tgt_values = keys, values
            return keys, values
        if end > self.tgt_keys.size(2):
            # Double the room, so that old positions are copied now and then, not at every step.
            more = keys.new_empty(*keys.shape[:2], max(16, end), keys.size(3))
            self.tgt_keys = torch.cat((self.tgt_keys[:, :, :start], more), dim=2)
            self.tgt_values = torch.cat((self.tgt_values[:, :, :start], more), dim=2)
        # `narrow` is slicing with less to work out.
        self.tgt_keys.narrow(2, start, n_new).copy_(keys)
        self.tgt_values.narrow(2, start, n_new).copy_(values)
        return self.tgt_keys.narrow(2, 0, end), self.tgt_values.narrow(2, 0, end)

    def keep_positions(self, positions: Tensor) -> None:
        """Keep only these of the target's positions, `(B, n_left)`."""
        index = positions[:, None, :, None]
        self.tgt_keys = self.tgt_keys.take_along_dim(index, dim=2)
        self.tgt_values = self.tgt_values.take_along_dim(index, dim=2)
        self.n_positions = positions.size(1)

    def keep(self, sentences: Tensor) -> None:
        """Keep only these sentences, `(B_left,)`."""
        self.src_keys, self.src_values = self.src_keys[sentences], self.src_values[sentences]
        self.tgt_keys, self.tgt_values = self.tgt_keys[sentences], self.tgt_values[sentences]


class DecoderLayer(nn.Module):
    """Causal self-attention, cross-attention to the source, then the feed-forward network
    (section 3.1).
    """

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
        cache: LayerCache,
        self_mask: Tensor | None,
        cross_mask: Tensor | None,
        trace: "Trace | None" = None,
        guided: list[Tensor] | None = None,
    ) -> Tensor:
        """Take `x` `(B, T, D)` one layer up; its keys and values are added to `cache`."""
        y = self.self_residual.before(x)
        keys, values = cache.append(*self.self_attention.keys_values(y))
        y = self.self_attention(
            y, keys, values, self_mask, None if trace is None else trace.decoder_self
        )
        x = self.self_residual.after(x, y)

        y = self.cross_residual.before(x)
        keys, values = cache.src_keys, cache.src_values
        y = self.cross_attention(
            y, keys, values, cross_mask, None if trace is None else trace.cross, guided
        )
        x = self.cross_residual.after(x, y)

        y = self.feed_forward_residual.before(x)
        return self.feed_forward_residual.after(x, self.feed_forward(y))


# --------------------------------------------------------- gates, an option beyond the paper

CHANNEL_REDUCTION = 16
"""Channels for each hidden unit of the channel gate, the r of Woo et al. 2018, section 4."""
SPATIAL_KERNEL = 7
"""Positions that the spatial gate's convolution sees; the paper's 7 x 7, in one dimension."""


class ChannelGate(nn.Module):
    """Which channels matter? sigmoid(W_1 relu(W_0 avg) + W_1 relu(W_0 max)) (Woo et al. 2018,
    equation 2).
    """

    def __init__(self, d_model: int) -> None:
        super().__init__()
        hidden = max(1, d_model // CHANNEL_REDUCTION)
        self.w_0 = nn.Linear(d_model, hidden, bias=False)
        self.w_1 = nn.Linear(hidden, d_model, bias=False)

    def forward(self, x: Tensor, padding_mask: Tensor) -> Tensor:
        """Gates `(B, D)` of `x` `(B, S, D)`; padding is left out of average and maximum."""
        padding = padding_mask[..., None]
        mean = x.masked_fill(padding, 0).sum(1) / (~padding).sum(1)
        largest = x.masked_fill(padding, torch.finfo(x.dtype).min).amax(1)
        return (self.perceptron(mean) + self.perceptron(largest)).sigmoid()

    def perceptron(self, pooled: Tensor) -> Tensor:
        """W_1 relu(W_0 `pooled`), `(B, D)`."""
        return self.w_1(self.w_0(pooled).relu())


class SpatialGate(nn.Module):
    """Which positions matter? sigmoid(f([avg; max])), f a convolution (Woo et al. 2018,
    equation 3).
    """

    def __init__(self) -> None:
        super().__init__()
        self.f = nn.Conv1d(2, 1, SPATIAL_KERNEL, padding=SPATIAL_KERNEL // 2, bias=False)

    def forward(self, x: Tensor, padding_mask: Tensor) -> Tensor:
        """Gates `(B, S)` of `x` `(B, S, D)`: average and maximum run over the channels, and
        padding counts as 0, like everything beyond the ends.
        """
        pooled = torch.stack((x.mean(-1), x.amax(-1)), dim=1)  # (B, 2, S)
        pooled = pooled.masked_fill(padding_mask[:, None], 0)
        return self.f(pooled)[:, 0].sigmoid()


class Gates(nn.Module):
    """Gates on the encoder's output, a map of positions by channels (CBAM, Woo et al. 2018).

    Softmax attention divides a whole among the positions; a gate scales each part on its own, by a
    number from 0 to 1. `model.encoder_gate` chooses channels, positions, or both in this order, as
    in CBAM.
    """

    def __init__(self, kind: EncoderGate, d_model: int) -> None:
        super().__init__()
        has_channel = kind in (EncoderGate.channel, EncoderGate.both)
        has_spatial = kind in (EncoderGate.spatial, EncoderGate.both)
        self.channel = ChannelGate(d_model) if has_channel else None
        self.spatial = SpatialGate() if has_spatial else None

    def forward(self, x: Tensor, padding_mask: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
        """Return `x` `(B, S, D)` gated, and the gates by name, `channel` `(B, D)` and `spatial`
        `(B, S)`, where there are any.
        """
        gates = {}
        if self.channel is not None:
            gates["channel"] = self.channel(x, padding_mask)
            x = x * gates["channel"][:, None]
        if self.spatial is not None:
            gates["spatial"] = self.spatial(x, padding_mask)
            x = x * gates["spatial"][..., None]
        return x, gates


# ------------------------------------------------------------------------- the model, figure 1


@dataclass
class Trace:
    """Everything that attention computed in one pass through the model, bottom layer first."""

    encoder_self: list[AttentionTrace] = field(default_factory=list)
    decoder_self: list[AttentionTrace] = field(default_factory=list)
    cross: list[AttentionTrace] = field(default_factory=list)
    features: Tensor | None = None
    """The encoder's output before its gates, `(B, S, D)`."""
    gates: dict[str, Tensor] = field(default_factory=dict)
    """The gates by name, where the model has them: `channel` `(B, D)`, `spatial` `(B, S)`."""


class DecoderCache:
    """The keys and values of all earlier steps, so that nothing is computed twice.

    A sentence has N hypotheses. At each step they are N queries side by side, and their keys and
    values are N more positions of the sentence's cache. `ancestors` says which positions each
    hypothesis descends from, and serves as its mask, so that reordering hypotheses moves a few
    booleans and no keys. Positions that none descends from any more are dropped now and then.
    """

    def __init__(self, layers: list[LayerCache], cross_mask: Tensor | None) -> None:
        self.layers = layers
        self.cross_mask = cross_mask
        self.n_steps = 0
        # (B, N, n_positions); None while all sentences have a single hypothesis.
        self.ancestors: Tensor | None = None
        # Positions from which on it pays to look for those that can be dropped.
        self.many = 64

    def advance(self, n_hypotheses: int) -> Tensor | None:
        """Begin a step: return its self-attention's `attn_mask` `(B, 1, N, n_positions)`."""
        self.n_steps += 1
        if n_hypotheses == 1 and self.ancestors is None:
            return None  # it descends from all positions there are
        keys = self.layers[0].tgt_keys
        if self.ancestors is not None and self.ancestors.size(2) > self.many:
            self.drop_dead_positions()
        if self.ancestors is None:
            # All hypotheses descend from the one that each sentence had until now.
            self.ancestors = keys.new_ones(len(keys), 1, self.n_steps - 1, dtype=torch.bool)
            self.ancestors = self.ancestors.expand(-1, n_hypotheses, -1)
        itself = torch.eye(n_hypotheses, dtype=torch.bool, device=keys.device)
        itself = itself.expand(len(keys), -1, -1)
        self.ancestors = torch.cat((self.ancestors, itself), dim=2)
        return self.ancestors[:, None]

    def drop_dead_positions(self) -> None:
        """Forget what no hypothesis descends from: soon all have their first tokens in common."""
        assert self.ancestors is not None
        is_alive = self.ancestors.any(1)  # (B, n_positions)
        n_left = int(is_alive.sum(1).max())
        # The positions that are alive come first, in their order.
        order = is_alive.int().argsort(dim=1, descending=True, stable=True)[:, :n_left]
        self.ancestors = self.ancestors.take_along_dim(order[:, None], dim=2)
        for layer in self.layers:
            layer.keep_positions(order)
        self.many = 2 * n_left + 64

    def reorder(self, parents: Tensor) -> None:
        """Let hypothesis n of sentence b go on from hypothesis `parents[b, n]`, `(B, N)`."""
        if self.ancestors is not None:
            self.ancestors = self.ancestors.take_along_dim(parents[:, :, None], dim=1)

    def keep(self, sentences: Tensor) -> None:
        """Keep only these sentences, `(B_left,)`."""
        if self.ancestors is not None:
            self.ancestors = self.ancestors[sentences]
        if self.cross_mask is not None:
            self.cross_mask = self.cross_mask[sentences]
        for layer in self.layers:
            layer.keep(sentences)


class Transformer(nn.Module):
    """Encoder and decoder (figure 1).

    Source and target are ids, batch first and padded on the right. A mask hides the source's
    padding; causality hides the target's.
    """

    positions: Tensor

    def __init__(
        self, config: ModelConfig, n_src_vocab: int, n_tgt_vocab: int, pad_id: int, joint: bool
    ) -> None:
        """Build the model with random weights.

        Args:
            pad_id: the source's.
            joint: both sides share one vocabulary, hence one embedding where they are tied.
        """
        super().__init__()
        self.config = config
        self.pad_id = pad_id
        self.tgt_embedding = nn.Embedding(n_tgt_vocab, config.d_model)
        share = joint and config.tie_embeddings
        self.src_embedding = (
            self.tgt_embedding if share else nn.Embedding(n_src_vocab, config.d_model)
        )
        self.output = Linear(config.d_model, n_tgt_vocab, bias=config.output_bias)
        if config.tie_embeddings:
            self.output.weight = self.tgt_embedding.weight
        positions = positional_encoding(config.max_len, config.d_model)
        self.register_buffer("positions", positions, persistent=False)
        self.encoder_layers = nn.ModuleList(
            EncoderLayer(config) for _ in range(config.n_encoder_layers)
        )
        self.decoder_layers = nn.ModuleList(
            DecoderLayer(config) for _ in range(config.n_decoder_layers)
        )
        # Pre-norm leaves the last sum of either side without a norm.
        pre = config.norm is Norm.pre
        self.encoder_norm = nn.LayerNorm(config.d_model) if pre else nn.Identity()
        self.decoder_norm = nn.LayerNorm(config.d_model) if pre else nn.Identity()
        gated = config.encoder_gate is not EncoderGate.none
        self.gates = Gates(config.encoder_gate, config.d_model) if gated else None
        self.init_weights()

    @torch.no_grad()
    def init_weights(self) -> None:
        """Set every tensor.

        - embeddings, and the output layer where it is tied: normal, standard deviation
          1 / sqrt(D); inputs are scaled by sqrt(D), so tokens and positions enter with about the
          same size, and logits start near 0;
        - the output layer where it is not tied: normal, standard deviation 1 / sqrt(D);
        - weights of the linear layers `(out, in)`: uniform within sqrt(6 / (in + out)) (Glorot and
          Bengio 2010); the spatial gate's convolution likewise, its width counted in;
        - biases: 0; layer norms: gain 1, bias 0.
        """
        for module in self.modules():
            if isinstance(module, nn.Linear | nn.Conv1d):
                nn.init.xavier_uniform_(module.weight)
                if module.bias is not None:
                    nn.init.zeros_(module.bias)
            elif isinstance(module, nn.LayerNorm):
                module.reset_parameters()
        for table in (self.src_embedding.weight, self.tgt_embedding.weight, self.output.weight):
            nn.init.normal_(table, std=self.config.d_model**-0.5)

    @property
    def device(self) -> torch.device:
        return self.tgt_embedding.weight.device

    def attention_layers(self) -> dict[str, list[MultiHeadAttention]]:
        """The attention modules by kind, named as in `Trace`, bottom layer first."""
        kinds = {
            "encoder_self": [layer.self_attention for layer in self.encoder_layers],
            "decoder_self": [layer.self_attention for layer in self.decoder_layers],
            "cross": [layer.cross_attention for layer in self.decoder_layers],
        }
        return cast(dict[str, list[MultiHeadAttention]], kinds)

    def embed(self, ids: Tensor, embedding: nn.Embedding, start: int, end: int) -> Tensor:
        """Scaled embeddings plus positions (sections 3.4, 3.5): ids `(B, T)` to `(B, T, D)`.

        The ids stand at positions `start` to `end`. With `end = start + 1` all of them stand at one
        position, as the N hypotheses of a step do.

        Raises:
            ValueError: `end` exceeds `max_len`.
        """
        if end > self.config.max_len:
            raise ValueError(
                f"{end} tokens, but the model was built for at most "
                f"model.max_len={self.config.max_len}."
            )
        scaled = embedding(ids) * math.sqrt(self.config.d_model)
        return dropout(scaled + self.positions[start:end], self.config.dropout, self.training)

    def encode(self, src: Tensor, trace: Trace | None = None) -> Tensor:
        """Encoder output, the memory, of the source.

        Args:
            src: ids `(B, S)`; padding is masked.
            trace: filled when given.

        Returns:
            `(B, S, D)`.
        Raises:
            ValueError: S exceeds `max_len`.
        """
        padding_mask = src == self.pad_id
        attn_mask = key_mask(padding_mask)
        x = self.embed(src, self.src_embedding, 0, src.size(1))
        for layer in self.encoder_layers:
            x = layer(x, attn_mask, None if trace is None else trace.encoder_self)
        x = self.encoder_norm(x)
        if trace is not None:
            trace.features = x
        if self.gates is not None:
            x, gates = self.gates(x, padding_mask)
            if trace is not None:
                trace.gates = gates
        return x

    def start(self, memory: Tensor, src_padding_mask: Tensor | None) -> DecoderCache:
        """Get ready to decode: project `memory` to every layer's keys and values, once.

        Args:
            memory: encoder output `(B, S, D)`.
            src_padding_mask: bool `(B, S)`, True = padding; None where nothing is padded.
        """
        cross = self.attention_layers()["cross"]
        layers = [LayerCache(*layer.keys_values(memory)) for layer in cross]
        return DecoderCache(
            layers, None if src_padding_mask is None else key_mask(src_padding_mask)
        )

    def run_decoder(
        self,
        x: Tensor,
        cache: DecoderCache,
        self_mask: Tensor | None,
        trace: Trace | None = None,
        guided: list[Tensor] | None = None,
    ) -> Tensor:
        """Take embedded targets `(B, T, D)` through all layers."""
        layers = zip(self.decoder_layers, cache.layers, strict=True)
        for i, (layer, layer_cache) in enumerate(layers):
            of_layer = guided if i == self.config.guided_layer else None
            x = layer(x, layer_cache, self_mask, cache.cross_mask, trace, of_layer)
        return self.decoder_norm(x)

    def step(self, ids: Tensor, cache: DecoderCache) -> Tensor:
        """Next-token logits after the newest token of each hypothesis.

        Args:
            ids: `(B, N)`; N may be 1 at the first step, before the hypotheses part.
            cache: extended in place, which needs gradients to be off.

        Returns:
            Logits `(B, N, V)`, not normalised: what `decode` gives at the last position.
        Raises:
            ValueError: the step exceeds `max_len`.
        """
        x = self.embed(ids, self.tgt_embedding, cache.n_steps, cache.n_steps + 1)
        states = self.run_decoder(x, cache, cache.advance(ids.size(1)))
        return self.output(states)

    def decode_states(
        self,
        tgt_in: Tensor,
        memory: Tensor,
        src_padding_mask: Tensor,
        trace: Trace | None = None,
        guided: list[Tensor] | None = None,
    ) -> Tensor:
        """The decoder below its output layer: `(B, T, D)`; arguments as for `decode` and `forward`.

        All positions pass at once, because the causal mask hides the later ones from the earlier.
        The layers are those of `step`, with a cache that starts empty.
        """
        n = tgt_in.size(1)
        x = self.embed(tgt_in, self.tgt_embedding, 0, n)
        cache = self.start(memory, src_padding_mask)
        return self.run_decoder(x, cache, causal_mask(n, tgt_in.device), trace, guided)

    def decode(
        self, tgt_in: Tensor, memory: Tensor, src_padding_mask: Tensor, trace: Trace | None = None
    ) -> Tensor:
        """Next-token logits at every position of `tgt_in`, given the encoded source.

        Args:
            tgt_in: ids `(B, T)`, bos first.
            memory: encoder output `(B, S, D)`.
            src_padding_mask: bool `(B, S)`, True = padding.
            trace: filled when given.

        Returns:
            Logits `(B, T, V)`, not normalised.
        Raises:
            ValueError: T exceeds `max_len`.
        """
        return self.output(self.decode_states(tgt_in, memory, src_padding_mask, trace))

    def forward(self, src: Tensor, tgt_in: Tensor, guided: list[Tensor] | None = None) -> Tensor:
        """The decoder's states `(B, T, D)` at every position of `tgt_in` `(B, T)`, given `src`
        ids `(B, S)`.

        When `guided` is a list, the cross-attention of the head that `model.guide_layer` names is
        appended to it: `(B, T, S)`, float32 or wider.

        The output layer is left to the loss, which needs the logits of a few tokens at a time:
        those of a whole batch are by far the largest tensor of an update.
        """
        return self.decode_states(tgt_in, self.encode(src), src == self.pad_id, guided=guided)
