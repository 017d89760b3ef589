"""A run becomes a model of CTranslate2, which translates fast and needs no PyTorch.

| ours | theirs |
|---|---|
| `src_embedding`, `tgt_embedding` | `encoder.embeddings[0]`, `decoder.embeddings` |
| `output` | `decoder.projection` |
| the table of positions | `position_encodings.encodings` of both sides |
| `self_attention`: `w_q`, `w_k`, `w_v` as one matrix; `w_o` | `self_attention.linear[0]`; `[1]` |
| `cross_attention`: `w_q`; `w_k`, `w_v` as one; `w_o` | `attention.linear[0]`; `[1]`; `[2]` |
| `feed_forward.w_in`, `w_out` | `ffn.linear_0`, `ffn.linear_1` |
| with SwiGLU `w_gate`; `w_in`; `w_out` | `ffn.linear_0`; `ffn.linear_0_noact`; `ffn.linear_1` |
| a layer norm | the one of the sub-layer that it belongs to |
| `encoder_norm`, `decoder_norm` (pre-norm) | `layer_norm` of both sides |
"""

from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import torch
from torch import Tensor, nn

from transformer_mt.alignment import Rule, rule_from_json
from transformer_mt.config import Activation, CrossAttention, EncoderGate, Norm, UserError
from transformer_mt.interchange import card
from transformer_mt.model import DecoderLayer, EncoderLayer, MultiHeadAttention, Transformer
from transformer_mt.run_dir import LoadedRun

if TYPE_CHECKING:
    from ctranslate2.specs import TransformerSpec

LOWEST = -10_000.0
"""The lowest bias of a logit: its probability is 0, and the number fits into float16."""


def write(
    run: LoadedRun,
    folder: Path,
    name: str,
    quantization: str | None = None,
    license: str | None = None,
) -> None:
    """Fill `folder` with the run's model, its vocabularies and a card.

    Args:
        name: of the exported model.
        license: None = that of the model that was imported, if it was.
        quantization: the type of the matrices, such as int8; None = float32.
    Raises:
        UserError: CTranslate2 is not installed, or has no word for something in this run.
    """
    check(run)
    rule = alignment_rule(run)
    spec = spec_of(run.model, rule)
    src, tgt = run.src_tokenizer, run.tgt_tokenizer
    spec.register_source_vocabulary(src.pieces(list(range(len(src)))))
    spec.register_target_vocabulary(tgt.pieces(list(range(len(tgt)))))
    _, unk, bos, eos = tgt.pieces(list(tgt.special_ids))
    spec.config.unk_token, spec.config.bos_token, spec.config.eos_token = unk, bos, eos
    spec.config.decoder_start_token = bos
    spec.config.add_source_eos = True
    spec.config.layer_norm_epsilon = 1e-5
    spec.validate()
    spec.optimize(None if quantization == "float32" else quantization)
    spec.save(str(folder))
    for file, tokenizer in (("source.spm", src), ("target.spm", tgt)):
        (folder / file).write_bytes(tokenizer.model)
    text = card.ctranslate2(run, name, quantization or "float32", rule, license)
    (folder / "README.md").write_text(text, encoding="utf-8")


def check(run: LoadedRun) -> None:
    """Raise UserError for what CTranslate2 cannot say, or where it is not installed."""
    model = run.config.model
    wanted = {
        "cross_attention": model.cross_attention is CrossAttention.soft,
        "encoder_gate": model.encoder_gate is EncoderGate.none,
    }
    for key, holds in wanted.items():
        if not holds:
            raise UserError(
                f"{run.path}: model.{key}={getattr(model, key)} has no place in CTranslate2; "
                "train a run without it."
            )
    same_marks = [t.pieces([t.unk_id, t.eos_id]) for t in (run.src_tokenizer, run.tgt_tokenizer)]
    if same_marks[0] != same_marks[1]:
        raise UserError(
            f"{run.path}: CTranslate2 has one unknown and end mark for both sides, but here they "
            f"are {same_marks[0]} and {same_marks[1]}."
        )
    try:
        import ctranslate2  # noqa: F401
    except ImportError:
        raise UserError(
            'the export needs CTranslate2: pip install "transformer_mt[interchange]".'
        ) from None


def alignment_rule(run: LoadedRun) -> Rule:
    """The layer, and perhaps the head, whose attention CTranslate2 gives as alignment.

    It is that of the run's `alignment.json`, else the mean of the last layer but one. CTranslate2
    has no mean over several layers.
    """
    model, path = run.config.model, run.path / "alignment.json"
    usual = Rule(layer=max(0, model.n_decoder_layers - 2))
    if not path.is_file():
        return usual
    rule, _ = rule_from_json(path.read_bytes(), model.n_decoder_layers, model.n_heads, str(path))
    return usual if rule.layer is None else rule


# ----------------------------------------------------------------------------------- weights


def spec_of(model: Transformer, rule: Rule) -> "TransformerSpec":
    """The model without its vocabularies, as CTranslate2 describes one."""
    from ctranslate2 import specs

    config = model.config
    activations = {
        Activation.relu: specs.Activation.RELU,
        Activation.gelu: specs.Activation.GELU,
        Activation.swish: specs.Activation.SWISH,
        Activation.swiglu: specs.Activation.SWISH,
    }
    spec = specs.TransformerSpec.from_config(
        (config.n_encoder_layers, config.n_decoder_layers),
        config.n_heads,
        pre_norm=config.norm is Norm.pre,
        activation=activations[config.activation],
        ffn_glu=config.activation is Activation.swiglu,
        alignment_layer=cast(int, rule.layer),
        # The mean of the first so many heads; 0 = of all.
        alignment_heads=0 if rule.head is None else 1,
    )
    spec.encoder.embeddings[0].weight = array(model.src_embedding.weight)
    spec.decoder.embeddings.weight = array(model.tgt_embedding.weight)
    put_linear(spec.decoder.projection, model.output)
    for side, layers, norm in (
        (spec.encoder, model.encoder_layers, model.encoder_norm),
        (spec.decoder, model.decoder_layers, model.decoder_norm),
    ):
        # Without a table CTranslate2 makes other positions, and says nothing.
        side.position_encodings.encodings = array(model.positions)
        side.scale_embeddings = True
        if config.norm is Norm.pre:
            put_norm(side.layer_norm, norm)
        for i, (target, layer) in enumerate(zip(side.layer, layers, strict=True)):
            is_aligning = isinstance(layer, DecoderLayer) and i == rule.layer
            put_layer(target, layer, rule.head if is_aligning else None)
    return spec


def array(tensor: Tensor) -> np.ndarray:
    return tensor.detach().float().cpu().numpy()


def put_norm(target: Any, norm: nn.Module) -> None:
    target.gamma, target.beta = array(cast(Tensor, norm.weight)), array(cast(Tensor, norm.bias))


def put_linear(target: Any, *layers: nn.Linear) -> None:
    """Copy linear layers of the same input, one below the other; keys get a bias of zeros."""
    target.weight = np.concatenate([array(layer.weight) for layer in layers])
    if any(layer.bias is not None for layer in layers):
        biases = [
            np.zeros(layer.out_features, np.float32) if layer.bias is None else array(layer.bias)
            for layer in layers
        ]
        target.bias = np.maximum(np.concatenate(biases), np.float32(LOWEST))


def put_layer(target: Any, layer: nn.Module, first_head: int | None) -> None:
    """Copy an encoder or decoder layer.

    Args:
        first_head: of cross-attention, the one that becomes the first; None = they stay.
    """
    assert isinstance(layer, EncoderLayer | DecoderLayer)
    own = layer.self_attention
    put_linear(target.self_attention.linear[0], own.w_q, own.w_k, own.w_v)
    put_linear(target.self_attention.linear[1], own.w_o)
    put_norm(target.self_attention.layer_norm, layer.self_residual.norm)
    if isinstance(layer, DecoderLayer):
        cross = layer.cross_attention
        if first_head is not None:
            cross = with_first_head(cross, first_head)
        put_linear(target.attention.linear[0], cross.w_q)
        put_linear(target.attention.linear[1], cross.w_k, cross.w_v)
        put_linear(target.attention.linear[2], cross.w_o)
        put_norm(target.attention.layer_norm, layer.cross_residual.norm)
    network = layer.feed_forward
    if network.w_gate is None:
        put_linear(target.ffn.linear_0, network.w_in)
    else:
        put_linear(target.ffn.linear_0, network.w_gate)
        put_linear(target.ffn.linear_0_noact, network.w_in)
    put_linear(target.ffn.linear_1, network.w_out)
    put_norm(target.ffn.layer_norm, layer.feed_forward_residual.norm)


@torch.no_grad()
def with_first_head(attention: MultiHeadAttention, head: int) -> MultiHeadAttention:
    """The same attention with heads 0 and `head` exchanged."""
    d_model = attention.w_q.in_features
    channels = torch.arange(d_model).view(attention.n_heads, -1)  # (H, K)
    channels[[0, head]] = channels[[head, 0]]
    order = channels.reshape(-1)
    exchanged = MultiHeadAttention(d_model, attention.n_heads)
    exchanged.load_state_dict(attention.state_dict())
    for layer in (exchanged.w_q, exchanged.w_k, exchanged.w_v):
        layer.weight.copy_(layer.weight[order])
        if layer.bias is not None:
            layer.bias.copy_(layer.bias[order])
    exchanged.w_o.weight.copy_(exchanged.w_o.weight[:, order])
    return exchanged
