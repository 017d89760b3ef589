"""Helpers of several test files: small corpora, models and runs, ways to call the commands, and
slow second implementations.
"""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from transformer_mt.alignment import Rule, Side
from transformer_mt.config import Activation, Config, CrossAttention, EncoderGate, ModelConfig, Norm
from transformer_mt.config_file import WEIGHTS, config_from_dict, save_config
from transformer_mt.model import Trace, Transformer
from transformer_mt.run_dir import save_tensors, save_tokenizers, weights_of
from transformer_mt.tokenizer import Tokenizer
from transformer_mt.units import units

ROOT = Path(__file__).parents[1]


PEOPLE = {
    "I": "我",
    "You": "你",
    "We": "我们",
    "They": "他们",
    "Students": "学生",
    "Teachers": "老师",
}


VERBS = {"like": "喜欢", "buy": "买", "see": "看见", "want": "想要", "draw": "画"}


THINGS = {
    "apples": "苹果",
    "books": "书",
    "cats": "猫",
    "dogs": "狗",
    "cars": "车",
    "flowers": "花",
    "fish": "鱼",
}


WHEN = {"": "", " today": "今天", " every day": "每天"}


ENDS = {".": "。", "!": "！"}


def pattern_pairs() -> list[tuple[str, str]]:
    """A few hundred short English-Chinese pairs of several lengths, no sentence twice."""
    pairs = []
    for person, 人 in PEOPLE.items():
        for verb, 动 in VERBS.items():
            for i, (thing, 物) in enumerate(THINGS.items()):
                for when, 时 in WHEN.items():
                    end = list(ENDS)[len(pairs) % 2]
                    others = [
                        list(THINGS.items())[(i + k) % len(THINGS)]
                        for k in range(1, len(pairs) % 4)
                    ]
                    english = " and ".join([thing, *(en for en, _ in others)])
                    chinese = "和".join([物, *(zh for _, zh in others)])
                    src = f"{person} {verb} {english}{when}{end}"
                    tgt = f"{人}{时}{动}{chinese}{ENDS[end]}"
                    pairs.append((src, tgt))
    return pairs


def linked_pairs() -> list[tuple[str, str, str]]:
    """`pattern_pairs` with their word links; those of `and` are possible, marks have none."""
    others = {"today": "今天", "every": "每", "day": "天", "and": "和"}
    chinese = PEOPLE | VERBS | THINGS | others
    rows = []
    for src, tgt in pattern_pairs():
        links, start = [], {}  # where to look for the next `and`
        for i, word in enumerate(src[:-1].split()):
            at = tgt.index(chinese[word], start.get(word, 0))
            start[word] = at + 1
            # Every Chinese character is a unit.
            places = range(at, at + len(chinese[word]))
            links += [f"{i}{'p' if word == 'and' else '-'}{j}" for j in places]
        rows.append((src, tgt, " ".join(links)))
    return rows


def tiny_config(**changes: object) -> ModelConfig:
    """A model for equivalence tests, without dropout unless asked for."""
    options: dict = {
        "d_model": 16, "n_heads": 4, "d_ff": 24, "n_encoder_layers": 2, "n_decoder_layers": 2,
        "dropout": 0.0, "max_len": 64,
    }  # fmt: skip
    return ModelConfig(**(options | changes))


def tiny_model(
    seed: int = 0, n_src: int = 13, n_tgt: int = 11, joint: bool = False, **changes: object
) -> Transformer:
    """A random model in evaluation mode; pad is 0.

    Its attention is far from uniform and its biases are not zero, so that errors show.
    """
    torch.manual_seed(seed)
    model = Transformer(tiny_config(**changes), n_src, n_tgt, pad_id=0, joint=joint)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(torch.randn_like(parameter) * 0.3)
    return model.eval()


def logits_of(model: Transformer, src: torch.Tensor, tgt_in: torch.Tensor) -> torch.Tensor:
    """Logits `(B, T, V)` of the whole model at once."""
    return model.output(model(src, tgt_in))


def random_ids(rows: int, length: int, n_vocab: int, seed: int = 0) -> torch.Tensor:
    """Ids `(rows, length)`, no padding (0) among them."""
    return torch.randint(1, n_vocab, (rows, length), generator=torch.Generator().manual_seed(seed))


SENTENCES = [
    "I like apples.",
    "They buy fish and cats every day!",
    "Teachers draw cars today.",
    "You see books!",
]
"""What the trained run translates."""


def lines(text: str) -> list[str]:
    """The lines of a command's output, each ended by a newline."""
    assert text == "" or text.endswith("\n")
    return text.split("\n")[:-1]


def lines_of(path: Path) -> list[str]:
    """The lines of a file, each ended by a newline."""
    return lines(path.read_text("utf-8"))


def write(path: Path, text: str | bytes) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


@dataclass
class Done:
    """The outcome of a command."""

    status: int
    out: str
    err: str

    @property
    def error(self) -> str:
        """The one line of a user's mistake."""
        assert self.status == 2, self
        assert self.out == "", self
        assert "Traceback" not in self.err, self
        lines = [line for line in self.err.splitlines() if "error: " in line]
        assert len(lines) == 1 and self.err.splitlines()[-1] == lines[0], self
        return lines[0]


ENVIRONMENT = os.environ | {
    "OMP_NUM_THREADS": "1",
    "PYTHONPATH": str(ROOT),
    "PYTHONIOENCODING": "",
    "LC_ALL": "C",
}
"""The environment of the commands: one thread, and a locale that is not UTF-8."""


@contextmanager
def running(*arguments: object, **options: object) -> Iterator[subprocess.Popen]:
    """`python -m transformer_mt.…` with pipes of bytes; it does not outlive the test."""
    verb, *rest = map(str, arguments)
    command_line = [sys.executable, "-m", f"transformer_mt.{verb}", *rest]
    pipes = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.PIPE)
    process = subprocess.Popen(command_line, **(pipes | {"env": ENVIRONMENT} | options))
    try:
        yield process
    finally:
        process.kill()
        process.wait()
        for pipe in (process.stdin, process.stdout, process.stderr):
            if pipe:
                with suppress(BrokenPipeError):
                    pipe.close()


def start(*arguments: object, stdin: bytes = b"", **options: object) -> Done:
    """Run `python -m transformer_mt.…` to its end."""
    with running(*arguments, **options) as process:
        out, err = process.communicate(stdin, timeout=300)
        return Done(process.returncode, (out or b"").decode(), (err or b"").decode())


TRAINING = {
    "model.name": "tiny", "model.d_model": 32, "model.n_heads": 2, "model.d_ff": 64,
    "model.n_encoder_layers": 1, "model.n_decoder_layers": 1, "model.max_len": 48,
    "tokenizer.vocab_size": 340, "train.device": "cpu", "train.max_steps": 4,
    "train.max_epochs": None, "train.token_budget": 400, "train.warmup_steps": 10,
    "train.log_every": 2, "train.lr": 0.01, "train.precision": "fp32", "train.workers": 1,
}  # fmt: skip
"""Options of a training run that takes seconds."""


def training_options(corpus: Path, cache: Path, run_dir: Path, **changes: object) -> list[str]:
    """`TRAINING` as overrides of the command."""
    places = {"data": "files", "data.train": corpus, "data.cache_dir": cache, "run_dir": run_dir}
    options = places | TRAINING | changes
    return [f"{key}={'null' if value is None else value}" for key, value in options.items()]


def training_config(corpus: Path, cache: Path, run_dir: Path, **changes: object) -> Config:
    """`TRAINING` as a `Config`."""
    places = {"data.train": str(corpus), "data.cache_dir": str(cache), "run_dir": str(run_dir)}
    nested: dict = {}
    for key, value in (places | TRAINING | changes).items():
        section, _, name = key.rpartition(".")
        (nested.setdefault(section, {}) if section else nested)[name] = value
    config: Config = config_from_dict(Config, nested, "test")
    return config


EXACT = {"rtol": 1e-10, "atol": 1e-12}
"""Tolerances of float64."""

VARIANTS = [
    {"norm": Norm.pre, "activation": Activation.relu, "cross_attention": CrossAttention.hard},
    {"norm": Norm.post, "encoder_gate": EncoderGate.both, "cross_attention": CrossAttention.hard},
    {"norm": Norm.pre, "encoder_gate": EncoderGate.channel},
    {"norm": Norm.pre, "encoder_gate": EncoderGate.spatial},
    {"norm": Norm.post, "activation": Activation.gelu},
    {"norm": Norm.pre, "activation": Activation.swiglu},
    {"norm": Norm.post, "activation": Activation.swish, "output_bias": True},
]


LINKED = {
    "train.guide_weight": 0.0,
    "data.links_column": "2",
    "model.n_decoder_layers": 2,
    "train.max_steps": 60,
    "train.validate_every": 60,
    "train.average": 1,
}
"""Options of `linked_run`."""

BACKWARD_RULE = Rule(1, 1, shift=True)
"""How `backward_run` reads its links."""


ZH = PEOPLE | VERBS | THINGS | {"and": "和", "today": "今天", ".": "。", "!": "！"}


def gold_links(english: str, chinese: str) -> str:
    """The links of a pattern pair: each word to its characters; `every` and `day` to 每天, which is
    only possible.
    """
    links, at = [], 0
    for i, word in enumerate(units(english)):
        if word in ("every", "day"):
            start = chinese.index("每天")
            links += [f"{i}p{start}", f"{i}p{start + 1}"]
            continue
        places = [k for k in range(len(chinese)) if chinese.startswith(ZH[word], k)]
        start = (
            next((k for k in places if k >= at), places[0])
            if word in ("and", *THINGS)
            else places[0]
        )
        at = start + 1 if word in ("and", *THINGS) else at
        links += [f"{i}-{k}" for k in range(start, start + len(ZH[word]))]
    return " ".join(links)


def written(side: Side, token: int) -> list[int]:
    """The units that `token` writes a part of."""
    return [u for u in range(len(side.units)) if side.overlap[token][u]]


def is_mark(side: Side, token: int) -> bool:
    """Whether `token` writes punctuation and nothing else."""
    texts = [side.unit_texts[u] for u in written(side, token)]
    return bool(texts) and not any(c.isalnum() for text in texts for c in text)


def slow_soft(cross, layer: int | None, head: int | None) -> list[list[float]]:
    """The mean of the maps that `layer` and `head` choose; None = all."""
    n_layers, n_heads, n_rows, n_columns = cross.shape
    maps = [
        cross[i][h]
        for i in (range(n_layers) if layer is None else [layer])
        for h in (range(n_heads) if layer is None or head is None else [head])
    ]
    return [
        [sum(float(m[t][s]) for m in maps) / len(maps) for s in range(n_columns)]
        for t in range(n_rows)
    ]


def slow_hard(rows: list[list[float]], src: Side, tgt: Side, rule: Rule) -> set[tuple[int, int]]:
    """Pairs of target token and source token, found by rows."""
    eos, links = len(src.ids) - 1, set()

    def is_allowed(t: int, s: int) -> bool:
        return not (rule.mask_punctuation and is_mark(src, s) and not is_mark(tgt, t))

    all_words = [slow_words(row, src) for row in rows]
    for t, row in enumerate(rows):
        allowed = [s for s in range(eos) if is_allowed(t, s)]
        words = all_words[t]
        if rule.threshold is not None:
            links |= {(t, s) for s in allowed if words[s] > rule.threshold}
            continue
        share = {}
        for s in allowed:
            column = [all_words[u][s] for u in range(len(rows)) if is_allowed(u, s)]
            share[s] = words[s] / max(0.5, sum(column))
        winner = max(allowed, key=lambda s: (share[s], -s), default=None)
        if winner is None or (not rule.mask_eos and row[eos] > words[winner]):
            continue
        subwords = [s for s in allowed if s in companions(src, winner)]
        links.add((t, max(subwords, key=lambda s: (row[s], -s))))
    return links


def companions(side: Side, token: int) -> set[int]:
    """The tokens that write a unit that `token` writes, too; it is one of them."""
    own = written(side, token)
    return {token} | {i for i in range(len(side.ids)) if set(written(side, i)) & set(own)}


def slow_words(row: list[float], side: Side) -> list[float]:
    """Of each token the weight of all that write its words."""
    return [sum(row[i] for i in sorted(companions(side, s))) for s in range(len(row))]


def slow_columns(rows: list[list[float]], src: Side, tgt: Side, rule: Rule) -> set[tuple[int, int]]:
    """Pairs of target token and source token, found by columns."""
    links = set()
    rows = [slow_words(row, src) for row in rows]
    for s in range(len(src.ids) - 1):
        needs_mark = rule.mask_punctuation and is_mark(src, s)
        column = [(-row[s], t) for t, row in enumerate(rows) if not needs_mark or is_mark(tgt, t)]
        if column and -min(column)[0] > rule.column_threshold:
            links.add((min(column)[1], s))
    return links


def slow_agree(
    forward: set[tuple[int, int]], backward: set[tuple[int, int]]
) -> set[tuple[int, int]]:
    """Grow-diag-final-and on a table: 2 where both have a link, 1 where one has it.

    Points are visited in the order in which they came to be links, the first ones from the top
    left.
    """
    union = forward | backward
    size = 1 + max((n for link in union for n in link), default=0)
    table = [[((i, j) in forward) + ((i, j) in backward) for j in range(size)] for i in range(size)]
    points = [(i, j) for i in range(size) for j in range(size) if table[i][j] == 2]

    def row_is_free(i: int) -> bool:
        return not any(i == a for a, _ in points)

    def column_is_free(j: int) -> bool:
        return not any(j == b for _, b in points)

    done = 0
    while done < len(points):
        i, j = points[done]
        for a in range(max(0, i - 1), min(size, i + 2)):
            for b in range(max(0, j - 1), min(size, j + 2)):
                if table[a][b] and (a, b) not in points and (row_is_free(a) or column_is_free(b)):
                    points.append((a, b))
        done += 1
    for direction in (forward, backward):
        for i in range(size):
            for j in range(size):
                if (i, j) in direction and row_is_free(i) and column_is_free(j):
                    points.append((i, j))
    return set(points)


def slow_ways(
    cross, src: Side, tgt: Side, rule: Rule
) -> tuple[set[tuple[int, int]], set[tuple[int, int]]]:
    """Pairs of source unit and target unit that rows find, and those that columns find."""
    rows = slow_soft(cross, rule.layer, rule.head)
    n = len(tgt.ids) - 1
    rows = [rows[t + 1 if rule.shift else t] for t in range(n)]
    by_rows, by_columns = (
        {(i, j) for t, s in tokens for i in written(src, s) for j in written(tgt, t)}
        for tokens in (slow_hard(rows, src, tgt, rule), slow_columns(rows, src, tgt, rule))
    )
    return by_rows, by_columns if rule.both else set()


def slow_links(cross, src: Side, tgt: Side, rule: Rule) -> set[tuple[int, int]]:
    """Pairs of source unit and target unit."""
    by_rows, by_columns = slow_ways(cross, src, tgt, rule)
    return slow_agree(by_rows, by_columns) if rule.both else by_rows


def slow_aer(rows: list[tuple[set, set, set]]) -> tuple[float, float, float]:
    """AER, precision and recall over all sentences (Och and Ney 2003).

    Args:
        rows: for each sentence the links, the sure gold links and the possible ones.
    """
    a = {(k, *link) for k, (links, _, _) in enumerate(rows) for link in links}
    s = {(k, *link) for k, (_, sure, _) in enumerate(rows) for link in sure}
    p = {(k, *link) for k, (_, _, possible) in enumerate(rows) for link in possible} | s
    aer = 1 - (len(a & s) + len(a & p)) / (len(a) + len(s)) if a or s else 1.0
    return aer, len(a & p) / len(a) if a else 0.0, len(a & s) / len(s) if s else 0.0


def slow_cross(model: Transformer, src: list[int], tgt: list[int]) -> np.ndarray:
    """Cross-attention `(L, H, T, S)` of one pair alone, without any batching or cutting."""
    ids, tgt_in = torch.tensor([src]), torch.tensor([[2, *tgt[:-1]]])
    trace = Trace()
    with torch.inference_mode():
        model.decode(tgt_in, model.encode(ids), ids == 0, trace)
    return torch.stack([layer.weights[0] for layer in trace.cross]).numpy()


def make_run(
    folder: Path, tokenizers: tuple[Tokenizer, Tokenizer], direction: str = "en-zh", **options
) -> Path:
    """A run directory with a random model, as training would leave it, without the training."""
    src, tgt = tokenizers if direction == "en-zh" else tokenizers[::-1]
    sizes = {"n_encoder_layers": 2, "n_decoder_layers": 3, "max_len": 40} | options.pop("model", {})
    model = tiny_model(3, len(src), len(tgt), **sizes)
    folder.mkdir(parents=True)
    config = Config(run_dir=str(folder), direction=direction, model=model.config, **options)
    save_config(folder, config)
    save_tokenizers(folder, src, tgt)
    metadata = {"steps": [7], "valid_bleu": 1.0}
    save_tensors(folder / WEIGHTS, weights_of(model), metadata)
    return folder
