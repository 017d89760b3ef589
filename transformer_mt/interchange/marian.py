"""How does MarianMT lay out the model that we have, too? Its names, and the order of its channels.

| ours | theirs |
|---|---|
| `encoder_layers.N.`, `decoder_layers.N.` | `model.encoder.layers.N.`, `model.decoder.layers.N.` |
| `self_attention.`, `cross_attention.` | `self_attn.`, `encoder_attn.` |
| `w_q`, `w_k`, `w_v`, `w_o` | `q_proj`, `k_proj`, `v_proj`, `out_proj` |
| `feed_forward.w_in`, `feed_forward.w_out` | `fc1`, `fc2` |
| `self_residual.norm` | `self_attn_layer_norm` |
| `cross_residual.norm` | `encoder_attn_layer_norm` |
| `feed_forward_residual.norm` | `final_layer_norm` |
| `src_embedding.weight` | `model.encoder.embed_tokens.weight` |
| `tgt_embedding.weight` | `model.decoder.embed_tokens.weight` |
| both of these, where they are one | `model.shared.weight` |
| `output.weight`, where it is not tied | `lm_head.weight` |
| `output.bias` `(V,)` | `final_logits_bias` `(1, V)` |

Their layers have a key bias, which adds the same number to a whole row of scores, so that softmax
ignores it. Their positions have the sines in the first half of the channels and the cosines in the
second; ours have them in turn. No option is needed for that: the model is the same when the
channels of the residual stream change their places in every matrix.
"""

import torch
from torch import Tensor

SHARED = "model.shared.weight"
SRC_EMBEDDING = "model.encoder.embed_tokens.weight"
TGT_EMBEDDING = "model.decoder.embed_tokens.weight"
OUTPUT = "lm_head.weight"
OUTPUT_BIAS = "final_logits_bias"
POSITIONS = ("model.encoder.embed_positions.weight", "model.decoder.embed_positions.weight")

LAYER_NAMES = {
    "self_attention.": "self_attn.",
    "cross_attention.": "encoder_attn.",
    "w_q.": "q_proj.",
    "w_k.": "k_proj.",
    "w_v.": "v_proj.",
    "w_o.": "out_proj.",
    "self_residual.norm.": "self_attn_layer_norm.",
    "cross_residual.norm.": "encoder_attn_layer_norm.",
    "feed_forward.w_in.": "fc1.",
    "feed_forward.w_out.": "fc2.",
    "feed_forward_residual.norm.": "final_layer_norm.",
}
"""Parts of our parameters' names, and of theirs."""

USUAL_LENGTH = 20
"""Tokens of a sentence, where nothing is known of the text: for the length penalty."""


def layer_name(name: str) -> str:
    """`encoder_layers.0.self_attention.w_q.weight` as MarianMT calls it."""
    side, rest = name.split("_layers.")
    for ours, theirs in LAYER_NAMES.items():
        rest = rest.replace(ours, theirs)
    return f"model.{side}.layers.{rest}"


def key_biases(n_encoder_layers: int, n_decoder_layers: int) -> list[str]:
    """The names of their tensors that we have none for."""
    kinds = {"encoder": (n_encoder_layers, ["self_attn"])}
    kinds["decoder"] = (n_decoder_layers, ["self_attn", "encoder_attn"])
    return [
        f"model.{side}.layers.{i}.{attention}.k_proj.bias"
        for side, (n, attentions) in kinds.items()
        for i in range(n)
        for attention in attentions
    ]


def ours_from_theirs(d_model: int) -> Tensor:
    """The channel of theirs that each of our channels is: 0, D/2, 1, D/2 + 1, …"""
    return torch.arange(d_model).view(2, -1).t().reshape(-1)


def theirs_from_ours(d_model: int) -> Tensor:
    """The channel of ours that each of their channels is: 0, 2, …, 1, 3, …"""
    return torch.arange(d_model).view(-1, 2).t().reshape(-1)


def reordered(name: str, tensor: Tensor, order: Tensor) -> Tensor:
    """The tensor that we call `name` with the channels of the residual stream in another order."""
    part, kind = name.rsplit(".", 2)[-2:]
    if part in ("w_o", "w_out", "norm"):  # these write the residual stream
        return tensor[order]
    if kind == "weight":  # embeddings, and what reads the residual stream
        return tensor[:, order]
    return tensor  # biases of what lies between, such as queries and logits
