"""What does a reader of an exported model need to know? Its README.md."""

from typing import Any

import yaml

from transformer_mt import __version__
from transformer_mt.alignment import Rule
from transformer_mt.config import ChineseScript
from transformer_mt.run_dir import LoadedRun
from transformer_mt.text import is_chinese, language_name

MARIAN = """\
## Use

```python
from transformers import AutoModelForSeq2SeqLM, AutoTokenizer

tokenizer = AutoTokenizer.from_pretrained("{name}")
model = AutoModelForSeq2SeqLM.from_pretrained("{name}")
batch = tokenizer([{example}], return_tensors="pt", padding=True)
print(tokenizer.batch_decode(model.generate(**batch), skip_special_tokens=True))
```

Instead of the name, give the path of this folder or its name on the hub. The model needs
`transformers`, `sentencepiece` and PyTorch.

## Limits

- {limits}
- The scores of `generate` are divided by length^b, those of transformer_mt by
  ((5 + length) / 6)^{alpha:g}. `generation_config.json` has the b that comes nearest, so a few
  translations of beam search differ; greedy ones are the same.
- `ct2-transformers-converter` does not read this layout. For CTranslate2, export the run itself:
  `python -m transformer_mt.convert RUN TO --to ctranslate2`.
"""

CTRANSLATE2 = """\
## Use

```python
import ctranslate2
import sentencepiece

folder = "{name}"
source = sentencepiece.SentencePieceProcessor(f"{{folder}}/source.spm")
target = sentencepiece.SentencePieceProcessor(f"{{folder}}/target.spm")
translator = ctranslate2.Translator(folder)
results = translator.translate_batch(
    [{prefix}source.encode(text, out_type=str) for text in [{example}]],
    beam_size={beam_size},
    num_hypotheses={beam_size},
    length_penalty=0,
    return_scores=True,
    disable_unk=True,
    suppress_sequences={suppressed},
    max_input_length=0,
    max_decoding_length={max_len},
    min_decoding_length=0,
)
for result in results:
    # The length penalty of transformer_mt, which CTranslate2 does not have.
    tokens, _ = max(
        zip(result.hypotheses, result.scores),
        key=lambda c: c[1] / ((5 + len(c[0]) + 1) / 6) ** {alpha:g},
    )
    print(target.decode(tokens))
```

The end mark of the source is added by the model; do not append one.

With `return_attention=True` the weights are those of {rule}{shift}.

## Limits

- {limits}
- Weights are of type {quantization}. A processor that lacks it converts them when it reads them.
"""


def marian(run: LoadedRun, name: str, license: str | None) -> str:
    """The card of an export to MarianMT; `name` is the model's there."""
    prefix = run.config.tokenizer.src_prefix
    example = f'"{prefix} …"' if prefix else '"…"'
    text = MARIAN.format(
        name=name,
        example=example,
        limits=limits(run),
        alpha=run.config.decode.length_penalty,
    )
    return head(run, "transformers", license) + introduction(run, name) + text


def ctranslate2(
    run: LoadedRun, name: str, quantization: str, rule: Rule, license: str | None
) -> str:
    """The card of an export to CTranslate2; `rule` says which attention it gives."""
    config, tgt = run.config, run.tgt_tokenizer
    prefix = config.tokenizer.src_prefix
    never = {tgt.pad_id, tgt.bos_id} - {tgt.eos_id}
    text = CTRANSLATE2.format(
        name=name,
        prefix=f'["{prefix}"] + ' if prefix else "",
        example='"…"',
        beam_size=config.decode.beam_size,
        suppressed=[[text] for text in tgt.pieces(sorted(never))],
        max_len=config.model.max_len,
        alpha=config.decode.length_penalty,
        rule=str(Rule(rule.layer, rule.head)),
        shift="; read them one step later than the token they belong to" if rule.shift else "",
        limits=limits(run),
        quantization=quantization,
    )
    return head(run, "ctranslate2", license) + introduction(run, name) + text


def head(run: LoadedRun, library: str, license: str | None) -> str:
    """The part of a card that the hub reads."""
    source = run.metadata.get("source") or {}
    values: dict[str, Any] = {"language": [run.config.src_language, run.config.tgt_language]}
    if license or source.get("license"):
        values["license"] = license or source["license"]
    values["library_name"] = library
    values["pipeline_tag"] = "translation"
    values["tags"] = ["translation", *(["marian"] if library == "transformers" else [])]
    values["tags"].append("transformer_mt")
    if "/" in source.get("name", ""):
        values["base_model"] = source["name"]
    text: str = yaml.safe_dump(values, sort_keys=False, allow_unicode=True)
    return f"---\n{text}---\n\n"


def introduction(run: LoadedRun, name: str) -> str:
    """What the model is, and where it comes from."""
    config, model = run.config, run.config.model
    n_parameters = sum(parameter.numel() for parameter in run.model.parameters())
    source = run.metadata.get("source") or {}
    steps = ", ".join(f"{step:,}" for step in run.metadata["steps"])
    trained = "trained"
    if config.init_from is not None and source:
        trained = f"fine-tuned from {source.get('name')}"
    origin = f"It was {trained} on `{config.data.name}`; its weights are of step {steps}."
    if source and config.init_from is None:
        origin = f"It is {source.get('name')}."
    bleu = run.metadata.get("valid_bleu")
    if isinstance(bleu, float):
        origin += f" BLEU on its validation set: {bleu:.2f}."
    return (
        f"# {name}\n\n"
        f"Translates {language_name(config.src_language)} to "
        f"{language_name(config.tgt_language)} ({config.direction}). {origin}\n\n"
        f"A Transformer of {n_parameters / 1e6:.1f} million parameters: "
        f"{model.n_encoder_layers} + {model.n_decoder_layers} layers, width {model.d_model}, "
        f"{model.n_heads} heads, {len(run.src_tokenizer):,} + {len(run.tgt_tokenizer):,} pieces. "
        f"Exported by transformer_mt {__version__}.\n\n"
    )


def limits(run: LoadedRun) -> str:
    """How long a text may be, and what must be done to it first."""
    config = run.config
    texts = [
        f"A text of more than {config.model.max_len} tokens is an error: translate sentence by "
        "sentence."
    ]
    if config.tokenizer.src_prefix:
        texts.append(
            f"Every source begins with `{config.tokenizer.src_prefix}`, which says the language."
        )
    if config.data.chinese_script is ChineseScript.simplified and is_chinese(config.src_language):
        texts.append("The model knows simplified characters only: convert others (OpenCC, t2s).")
    return "\n- ".join(texts)
