"""The decoder, one position at a time: the logits that `Transformer.decode` gives at its last position, without
computing the positions before it again. The equations are those of `model.py`, in as few operations as they take:
decoding one sentence with a small model costs as much in calls as in arithmetic.
"""

import math
from collections.abc import Callable
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from transformer_mt.config import CrossAttention, Norm
from transformer_mt.model import DecoderLayer, Transformer, attention, hard_attention, key_mask

FEW = 16
"""Up to so many rows x, a CPU computes x W^T as (W x^T)^T. With two threads and AVX2, 4 rows take 0.3 of the time, 16
rows 0.6; from 32 rows on the result, in memory by columns, costs what the product saves. One row takes 0.5 of the time
when each thread gets a block of W."""
MANY = 256
"""Up to so many rows, a CPU computes the output layer in blocks that fit its cache: 64 rows take 0.6 of the time, 256
rows 0.8."""
BLOCK = 512
"""Outputs in such a block at most."""


def few_rows(weight: Tensor) -> int:
    """`FEW` on a CPU but for bf16, for which nothing was measured."""
    return FEW if weight.is_cpu and weight.dtype is not torch.bfloat16 else 0


def in_blocks(rows: Tensor, largest: int | None = None) -> Tensor:
    """`rows` `(n, ...)` in equal blocks `(n_blocks, m, ...)`, one for each thread or more, filled up with zeros."""
    n_threads = max(1, min(torch.get_num_threads(), len(rows) // 32))  # for fewer rows it does not pay to wake one
    n_blocks = max(n_threads, math.ceil(len(rows) / (largest or len(rows))))
    if rest := -len(rows) % n_blocks:
        rows = torch.cat((rows, rows.new_zeros(rest, *rows.shape[1:])))
    return rows.view(n_blocks, -1, *rows.shape[1:])


class Product:
    """x W^T + b of linear layers side by side."""

    def __init__(self, dtype: torch.dtype, *layers: nn.Linear) -> None:
        weights = tuple(layer.weight for layer in layers)
        none = weights[0].new_zeros(layers[0].out_features)
        biases = tuple(none if layer.bias is None else layer.bias for layer in layers)  # all are equally wide
        weight = torch.cat(weights) if len(layers) > 1 else weights[0]
        self.weight, self.bias = weight.to(dtype), torch.cat(biases).to(dtype)
        self.column = self.bias[:, None]
        self.few = few_rows(self.weight)
        if self.few:
            self.blocks, self.block_biases = in_blocks(self.weight), in_blocks(self.column)

    def __call__(self, x: Tensor) -> Tensor:
        """`(R, in)` to `(R, out)`."""
        n_rows = x.size(0)
        if n_rows > self.few:
            return F.linear(x, self.weight, self.bias)
        if n_rows > 1:
            return torch.addmm(self.column, self.weight, x.t()).t()
        y = torch.baddbmm(self.block_biases, self.blocks, x.t().expand(self.blocks.size(0), -1, -1))
        return y.view(1, -1)[:, : self.bias.size(0)]


class OutputLayer:
    """Logits x W^T."""

    def __init__(self, dtype: torch.dtype, layer: nn.Linear) -> None:
        self.weight = layer.weight.to(dtype)
        self.few = few_rows(self.weight)
        if self.few:
            self.blocks = in_blocks(self.weight, BLOCK)

    def __call__(self, x: Tensor) -> Tensor:
        """`(R, D)` to `(R, V)`."""
        n_rows, n_vocab = x.size(0), self.weight.size(0)
        if not self.few or n_rows > MANY:
            return F.linear(x, self.weight)
        n_blocks = self.blocks.size(0)
        if n_rows <= self.few:
            return torch.bmm(self.blocks, x.t().expand(n_blocks, -1, -1)).view(-1, n_rows)[:n_vocab].t()
        y = torch.bmm(x.expand(n_blocks, -1, -1), self.blocks.transpose(1, 2))  # (n_blocks, R, m)
        return y.transpose(0, 1).reshape(n_rows, -1)[:, :n_vocab]


class StepLayer:
    """The weights of a `DecoderLayer`."""

    def __init__(self, layer: DecoderLayer, dtype: torch.dtype) -> None:
        own, cross, ff = layer.self_attention, layer.cross_attention, layer.feed_forward
        self.own_in, self.own_out = Product(dtype, own.w_q, own.w_k, own.w_v), Product(dtype, own.w_o)
        self.cross_in, self.cross_out = Product(dtype, cross.w_q), Product(dtype, cross.w_o)
        self.ff_in, self.ff_out = Product(dtype, ff.w_in), Product(dtype, ff.w_out)
        self.ff_gate = None if ff.w_gate is None else Product(dtype, ff.w_gate)
        self.activate = ff.activate
        norms = [part.norm for part in (layer.self_residual, layer.cross_residual, layer.feed_forward_residual)]
        self.norms = [(norm.normalized_shape, norm.weight, norm.bias, norm.eps) for norm in norms]

    def hidden(self, y: Tensor) -> Tensor:
        """The feed-forward network up to its hidden layer."""
        return self.activate(self.ff_in(y), None if self.ff_gate is None else self.ff_gate(y))


class Decoder:
    """The decoder of `model` with its weights, or copies of them, laid out for single positions; to be made anew when
    they change. Hooks on the model's modules are not called.

    Args:
        bf16: it will be used under autocast to bf16.
    """

    @torch.no_grad()
    def __init__(self, model: Transformer, bf16: bool = False) -> None:
        self.model = model
        dtype = torch.bfloat16 if bf16 else model.output.weight.dtype
        self.layers = [StepLayer(cast(DecoderLayer, layer), dtype) for layer in model.decoder_layers]
        self.output = OutputLayer(dtype, model.output)


class Steps:
    """Decoding from a batch of sources `(B, S)`, with N rows for each of them, R = B * N; every call is a step."""

    @torch.inference_mode()
    def __init__(self, decoder: Decoder, src: Tensor) -> None:
        self.decoder, model = decoder, decoder.model
        memory, padding = model.encode(src), src == model.pad_id
        self.cross = [layer.keys_values(memory) for layer in model.attention_layers()["cross"]]
        """Keys and values `(B, H, S, K)` of the source, for each layer."""
        self.cross_mask = key_mask(padding) if padding.any() else None
        self.own: Tensor | None = None
        """Keys and values of the rows' own positions, `(L, room, R, 2D)`, of which the first `length` are filled: with
        positions before rows a step is written in one piece, and the rows of all layers are reordered by one copy."""
        self.length = 0

    @torch.inference_mode()
    def __call__(self, ids: Tensor) -> Tensor:
        """Logits `(R, V)` after the newest ids `(R,)`.

        Raises:
            ValueError: the step exceeds `max_len`.
        """
        model, config, layers, t = self.decoder.model, self.decoder.model.config, self.decoder.layers, self.length
        if t == config.max_len:
            raise ValueError(f"{t + 1} tokens, but the model was built for at most model.max_len={config.max_len}.")
        x = torch.add(model.positions[t], model.tgt_embedding(ids), alpha=math.sqrt(config.d_model))
        if self.own is None:
            self.own = layers[0].own_in.weight.new_empty(len(layers), 16, len(ids), 2 * config.d_model)
        if t == self.own.size(1):
            self.own = torch.cat((self.own, torch.empty_like(self.own)), 1)
        new = self.own[:, t].unbind()  # (R, 2D) for each layer
        seen = self.own[:, : t + 1].view(len(layers), t + 1, len(ids), 2, config.n_heads, -1)
        seen = seen.permute(0, 3, 2, 4, 1, 5)  # (L, 2, R, H, t + 1, K)
        for layer, own, keys_values, cross in zip(layers, new, seen.unbind(), self.cross, strict=True):
            sub_layers: tuple[Callable[[Tensor], Tensor], ...] = (
                lambda y: layer.own_out(self.own_attention(layer.own_in(y), own, keys_values)),  # noqa: B023
                lambda y: layer.cross_out(self.cross_attention(layer.cross_in(y), *cross)),  # noqa: B023
                lambda y: layer.ff_out(layer.hidden(y)),  # noqa: B023
            )
            for norm, f in zip(layer.norms, sub_layers, strict=True):
                x = x + f(F.layer_norm(x, *norm)) if config.norm is Norm.pre else F.layer_norm(x + f(x), *norm)
        self.length += 1
        return self.decoder.output(model.decoder_norm(x))

    def own_attention(self, qkv: Tensor, own: Tensor, keys_values: Tensor) -> Tensor:
        """Self-attention to all positions until now, `(R, 3D)` to `(R, D)`; notes the new keys and values in `own`."""
        n_rows, d_model = own.size(0), own.size(1) // 2
        own.copy_(qkv[:, d_model:])
        k, v = keys_values.unbind()
        q = qkv[:, :d_model].contiguous().view(n_rows, k.size(1), 1, -1)
        z = attention(q, k, v)[0] if q.is_mps else F.scaled_dot_product_attention(q, k, v)
        return z.reshape(n_rows, d_model)

    def cross_attention(self, q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        """Attention to the source, `(R, D)` to `(R, D)`."""
        n_rows, d_model = q.shape
        n_sentences, n_heads, _, d_head = k.shape
        heads = q.contiguous().view(n_sentences, -1, n_heads, d_head).transpose(1, 2)  # (B, H, N, K)
        hard = self.decoder.model.config.cross_attention is CrossAttention.hard
        if hard or q.is_mps:  # see `MultiHeadAttention`
            z = (hard_attention if hard else attention)(heads, k, v, self.cross_mask)[0]
        elif q.is_cpu:
            # The kernel for single queries is fast: N queries seen as those of N heads take half as long.
            single = heads.reshape(n_sentences, -1, 1, d_head)
            z = F.scaled_dot_product_attention(single, k, v, self.cross_mask, enable_gqa=True).view(heads.shape)
        else:
            z = F.scaled_dot_product_attention(heads, k, v, self.cross_mask)
        return z.transpose(1, 2).reshape(n_rows, d_model)

    @torch.inference_mode()
    def select(self, rows: Tensor, sentences: Tensor | None) -> None:
        """Make row `rows[i]` row i, within its sentence; where `sentences` is given, only these stay."""
        assert self.own is not None
        n_layers, _, _, width = self.own.shape
        room = self.own.new_empty(n_layers, self.length + 1, len(rows), width)  # and for one step more
        torch.index_select(self.own[:, : self.length], 2, rows, out=room[:, : self.length])
        self.own = room
        if sentences is not None:
            self.cross = [(k[sentences], v[sentences]) for k, v in self.cross]
            if self.cross_mask is not None:
                self.cross_mask = self.cross_mask[sentences]
