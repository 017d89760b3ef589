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

# What a CPU does by number of rows, measured with two threads and AVX2; `scripts/bench/bench.py steps` shows what each gains.
FEW = 64
"""Up to so many rows x, x W^T is computed as (W x^T)^T, and for one row in a block of W for each thread. With more, the
result, in memory by columns, costs what the product saves."""
FEW_LOGITS = 16
"""The same for the output layer, whose results are large."""
MANY = 256
"""Up to so many rows, the output layer is computed in blocks that fit the cache."""
BLOCK = 512
"""Outputs in such a block at most."""
FUSED = 32
"""Up to so many rows, attention is the fused kernel, with more the equation in three steps."""


def is_measured(tensor: Tensor) -> bool:
    """Whether the numbers above are for such a tensor."""
    return tensor.is_cpu and tensor.dtype is not torch.bfloat16


def in_blocks(rows: Tensor, largest: int | None = None) -> Tensor:
    """`rows` `(n, ...)` in equal blocks `(n_blocks, m, ...)`, one for each thread or more, filled up with zeros."""
    n_threads = max(
        1, min(torch.get_num_threads(), len(rows) // 32)
    )  # for fewer rows it does not pay to wake one
    n_blocks = max(n_threads, math.ceil(len(rows) / (largest or len(rows))))
    if largest is not None:  # a few more, if they leave no remainder
        n_blocks = next((n for n in range(n_blocks, 2 * n_blocks) if len(rows) % n == 0), n_blocks)
    if rest := -len(rows) % n_blocks:
        rows = torch.cat((rows, rows.new_zeros(rest, *rows.shape[1:])))
    return rows.view(n_blocks, -1, *rows.shape[1:])


class Product:
    """x W^T + b of linear layers side by side."""

    def __init__(self, dtype: torch.dtype, *layers: nn.Linear) -> None:
        weights = tuple(layer.weight for layer in layers)
        none = weights[0].new_zeros(layers[0].out_features)
        biases = tuple(
            none if layer.bias is None else layer.bias for layer in layers
        )  # all are equally wide
        weight = torch.cat(weights) if len(layers) > 1 else weights[0]
        self.weight, self.bias = weight.to(dtype), torch.cat(biases).to(dtype)
        self.column = self.bias[:, None]
        self.measured = is_measured(self.weight)
        if self.measured:
            self.blocks, self.block_biases = in_blocks(self.weight), in_blocks(self.column)
            n_blocks, _, n_in = self.blocks.shape
            self.repeated = (
                (n_blocks, n_in, 1),
                (0, 1, n_in),
            )  # shape and strides of x^T, once for each block

    def __call__(self, x: Tensor) -> Tensor:
        """`(R, in)`, contiguous, to `(R, out)`."""
        n_rows = x.size(0)
        if n_rows > FEW or not self.measured:
            return F.linear(x, self.weight, self.bias)
        if n_rows > 1:
            return torch.addmm(self.column, self.weight, x.t()).t()
        y = torch.baddbmm(self.block_biases, self.blocks, x.as_strided(*self.repeated)).view(1, -1)
        return y if y.size(1) == self.bias.size(0) else y[:, : self.bias.size(0)]


class OutputLayer:
    """Logits x W^T."""

    def __init__(self, dtype: torch.dtype, layer: nn.Linear) -> None:
        self.weight = layer.weight.to(dtype)
        self.measured = is_measured(self.weight)
        if self.measured:
            self.blocks = in_blocks(self.weight, BLOCK)

    def __call__(self, x: Tensor) -> Tensor:
        """`(R, D)` to `(R, V)`."""
        n_rows, n_vocab = x.size(0), self.weight.size(0)
        if n_rows > MANY or not self.measured:
            return F.linear(x, self.weight)
        n_blocks = self.blocks.size(0)
        if n_rows <= FEW_LOGITS:
            return (
                torch.bmm(self.blocks, x.t().expand(n_blocks, -1, -1))
                .view(-1, n_rows)[:n_vocab]
                .t()
            )
        y = torch.bmm(x.expand(n_blocks, -1, -1), self.blocks.transpose(1, 2))  # (n_blocks, R, m)
        return y.transpose(0, 1).reshape(n_rows, -1)[:, :n_vocab]


class StepLayer:
    """The weights of a `DecoderLayer`."""

    def __init__(self, layer: DecoderLayer, dtype: torch.dtype) -> None:
        own, cross, ff = layer.self_attention, layer.cross_attention, layer.feed_forward
        self.own_in, self.own_out = (
            Product(dtype, own.w_q, own.w_k, own.w_v),
            Product(dtype, own.w_o),
        )
        self.cross_in, self.cross_out = Product(dtype, cross.w_q), Product(dtype, cross.w_o)
        self.ff_in, self.ff_out = Product(dtype, ff.w_in), Product(dtype, ff.w_out)
        self.ff_gate = None if ff.w_gate is None else Product(dtype, ff.w_gate)
        self.activate = ff.activate
        norms = [
            part.norm
            for part in (layer.self_residual, layer.cross_residual, layer.feed_forward_residual)
        ]
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
        self.layers = [
            StepLayer(cast(DecoderLayer, layer), dtype) for layer in model.decoder_layers
        ]
        self.output = OutputLayer(dtype, model.output)


def added(mask: Tensor, like: Tensor) -> Tensor:
    """Of an `attn_mask`, True = may attend, what is added to the scores: 0, or -inf."""
    return torch.zeros_like(mask, dtype=like.dtype).masked_fill_(~mask, -math.inf)


class Steps:
    """Decoding from a batch of sources `(B, S)`, with N hypotheses for each, R = B * N rows; every call is a step. All
    of them may begin as one: N is then 1 at the first step.

    Keys and values stay where they were written, so that no reordering of hypotheses copies them: each hypothesis sees,
    by a mask, those of its sentence that it descends from.
    """

    @torch.inference_mode()
    def __init__(self, decoder: Decoder, src: Tensor) -> None:
        self.decoder, model = decoder, decoder.model
        memory, padding = model.encode(src), src == model.pad_id
        cross = [
            torch.stack(layer.keys_values(memory)) for layer in model.attention_layers()["cross"]
        ]
        self.cross = torch.stack(cross)
        """Keys and values of the source, `(L, 2, B, H, S, K)`."""
        self.cross_mask = added(key_mask(padding), self.cross) if padding.any() else None
        """`(B, 1, 1, S)`, see `added`; None where nothing is hidden."""
        n_layers, _, n_sentences, n_heads, _, d_head = self.cross.shape
        self.own = self.cross.new_empty(n_layers, 2, 0, n_sentences, n_heads, d_head)
        """Keys and values of the hypotheses' own positions, `(L, 2, room, B, H, K)`; the first `filled` are in use."""
        self.own_mask: Tensor | None = None
        """`(B, 1, N, filled)`, see `added`; None while there is one hypothesis for each sentence."""
        self.filled = self.length = 0

    @torch.inference_mode()
    def __call__(self, ids: Tensor) -> Tensor:
        """Logits `(R, V)` after the newest ids `(R,)`.

        Raises:
            ValueError: the step exceeds `max_len`.
        """
        model, config, layers, t = (
            self.decoder.model,
            self.decoder.model.config,
            self.decoder.layers,
            self.length,
        )
        if t == config.max_len:
            raise ValueError(
                f"{t + 1} tokens, but the model was built for at most model.max_len={config.max_len}."
            )
        x = torch.add(model.positions[t], model.tgt_embedding(ids), alpha=math.sqrt(config.d_model))
        n_sentences, pre = self.own.size(3), config.norm is Norm.pre
        n = len(ids) // n_sentences
        if self.filled + n > self.own.size(2):
            self.make_room(n)
        start, self.filled, self.length = self.filled, self.filled + n, t + 1
        if n > 1:
            if self.own_mask is None:
                self.own_mask = self.own.new_zeros(n_sentences, 1, n, start)
            itself = added(torch.eye(n, dtype=torch.bool, device=ids.device), self.own)
            self.own_mask = torch.cat((self.own_mask, itself.expand(n_sentences, 1, n, n)), -1)
        own = self.own.permute(0, 1, 3, 4, 2, 5)  # (L, 2, B, H, room, K)
        new, seen = own[..., start : self.filled, :].unbind(), own[..., : self.filled, :].unbind()
        for layer, own, keys_values, cross in zip(
            layers, new, seen, self.cross.unbind(), strict=True
        ):
            sub_layers: tuple[Callable[[Tensor], Tensor], ...] = (
                lambda y: layer.own_out(self.own_attention(layer.own_in(y), own, keys_values)),  # noqa: B023
                lambda y: layer.cross_out(self.cross_attention(layer.cross_in(y), cross)),  # noqa: B023
                lambda y: layer.ff_out(layer.hidden(y)),  # noqa: B023
            )
            for norm, f in zip(layer.norms, sub_layers, strict=True):
                x = x + f(torch.layer_norm(x, *norm)) if pre else torch.layer_norm(x + f(x), *norm)
        return self.decoder.output(model.decoder_norm(x))

    def own_attention(self, qkv: Tensor, own: Tensor, keys_values: Tensor) -> Tensor:
        """Self-attention to all positions until now, `(R, 3D)` to `(R, D)`; notes the new keys and values in `own`,
        `(2, B, H, N, K)`."""
        _, n_sentences, n_heads, n, d_head = own.shape
        parts = qkv.view(n_sentences, n, 3, n_heads, d_head).permute(
            2, 0, 3, 1, 4
        )  # (3, B, H, N, K)
        own.copy_(parts[1:])
        return self.attend(parts[0], keys_values, self.own_mask)

    def cross_attention(self, q: Tensor, keys_values: Tensor) -> Tensor:
        """Attention to the source, `(R, D)` to `(R, D)`."""
        _, n_sentences, n_heads, _, d_head = keys_values.shape
        q = q.view(n_sentences, -1, n_heads, d_head).transpose(1, 2)
        hard = self.decoder.model.config.cross_attention is CrossAttention.hard
        return self.attend(q, keys_values, self.cross_mask, hard)

    def attend(
        self, q: Tensor, keys_values: Tensor, mask: Tensor | None, hard: bool = False
    ) -> Tensor:
        """Queries `(B, H, N, K)`, keys and values `(2, B, H, S, K)` to `(R, D)`, by whichever way is fast."""
        k, v = keys_values.unbind()
        n_rows = q.size(0) * q.size(2)
        if hard or q.is_mps:  # see `MultiHeadAttention`
            z = (hard_attention if hard else attention)(
                q, k, v, None if mask is None else mask == 0
            )[0]
        elif n_rows <= FUSED or not is_measured(k):
            z = F.scaled_dot_product_attention(q.contiguous(), k, v, mask)
        else:
            scores, scale = q.contiguous() @ k.transpose(2, 3), 1 / math.sqrt(q.size(3))
            scores = scores.mul_(scale) if mask is None else torch.add(mask, scores, alpha=scale)
            z = scores.softmax(-1) @ v
        return z.transpose(1, 2).reshape(n_rows, -1)

    @torch.inference_mode()
    def select(self, parents: Tensor, sentences: Tensor | None) -> None:
        """Hypothesis n of sentence b goes on from `parents[b, n]`, `(B, N)`; where `sentences` `(B,)` is given, only
        these are left, in this order, and those that stay in their places are not copied."""
        if sentences is not None:
            moved = (sentences != torch.arange(len(sentences), device=sentences.device)).nonzero(
                as_tuple=True
            )[0]
            own, n_left = self.own[:, :, : self.filled], len(sentences)
            own[:, :, :, moved] = own[:, :, :, sentences[moved]]
            self.cross[:, :, moved] = self.cross[:, :, sentences[moved]]
            self.own, self.cross = self.own[:, :, :, :n_left], self.cross[:, :, :n_left]
            if self.cross_mask is not None:
                self.cross_mask = self.cross_mask[sentences]
            if self.own_mask is not None:
                self.own_mask = self.own_mask[sentences]
        if self.own_mask is not None:
            self.own_mask = self.own_mask.take_along_dim(parents[:, None, :, None], 2)

    def make_room(self, n: int) -> None:
        """For the positions of n more hypotheses of each sentence, in place of those that none descends from any more:
        soon all have their first tokens in common."""
        if self.own_mask is not None:
            used = (self.own_mask == 0).any(2)[:, 0]  # (B, filled)
            self.filled = int(used.sum(1).max())
            kept = used.int().argsort(dim=1, descending=True, stable=True)[:, : self.filled]
            b = torch.arange(len(kept), device=kept.device)[:, None]
            self.own[:, :, torch.arange(self.filled, device=kept.device), b] = self.own[
                :, :, kept, b
            ]
            self.own_mask = self.own_mask.take_along_dim(kept[:, None, None], 3)
        room = self.own.size(2)
        if 2 * self.filled > room or self.filled + n > room:
            more = self.own.new_empty(len(self.own), 2, max(16, room, n), *self.own.shape[3:])
            self.own = torch.cat((self.own, more), 2)
