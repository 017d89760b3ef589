"""The primer: its functions against NumPy written separately, and the page in a browser against the
model."""

import itertools
import math
import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import sentencepiece as spm
import torch
from helpers import make_run, pattern_pairs
from pages import Page
from selenium.webdriver import ActionChains, Chrome, Keys
from selenium.webdriver.common.actions.action_builder import ActionBuilder
from selenium.webdriver.common.actions.pointer_input import PointerInput
from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import Select, WebDriverWait

import transformer_mt as package
from transformer_mt import Translator
from transformer_mt.alignment import Rule
from transformer_mt.config import (
    CrossAttention,
    DecodeConfig,
    EncoderGate,
    Norm,
    TokenizerConfig,
    UserError,
)
from transformer_mt.decoding import Hypothesis
from transformer_mt.model import attention, causal_mask, hard_weights, positional_encoding
from transformer_mt.tokenizer import Tokenizer, train_tokenizer
from transformer_mt.view import equations, page, primer_data

EN, ZH = "I like apples and cats.", "我喜欢苹果和猫。"
D, H, K = 16, 4, 4
SMALL = {
    "model": {"n_decoder_layers": 2, "max_len": 60, "norm": Norm.post},
    "decode": DecodeConfig(beam_size=1),
}


# -------------------------------------------------------------------------------- models, made once


@pytest.fixture(scope="module")
def tokenizers() -> tuple:
    """Of English and Chinese; 早, 上, 好 have no piece of their own."""
    english, chinese = zip(*pattern_pairs(), strict=True)
    options = TokenizerConfig(vocab_size=340)
    return train_tokenizer(list(english), options, True)[0], train_tokenizer(
        list(chinese), options, False
    )[0]


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("runs")


@pytest.fixture(scope="module")
def en_zh(tokenizers, folder) -> Translator:
    """Into Chinese, post-norm: the primer studies the decoder."""
    return Translator(make_run(folder / "en-zh", tokenizers, **SMALL), "cpu", "fp32")


@pytest.fixture(scope="module")
def zh_en(tokenizers, folder) -> Translator:
    """Out of Chinese, pre-norm: the primer studies the encoder."""
    options = SMALL | {"model": SMALL["model"] | {"norm": Norm.pre}}
    return Translator(make_run(folder / "zh-en", tokenizers, "zh-en", **options), "cpu", "fp32")


@pytest.fixture
def no_switching(monkeypatch) -> None:
    """Leave out what takes longest: translating without each head."""
    nothing = {"whole": {"text": "", "log_prob": 0.0}, "rows": []}
    monkeypatch.setattr(primer_data, "without_heads", lambda *_: nothing)


@pytest.fixture(scope="module")
def forward(en_zh) -> dict:
    return primer_data.primer_data(en_zh, EN, ZH)


@pytest.fixture(scope="module")
def backward(zh_en) -> dict:
    return primer_data.primer_data(zh_en, ZH, EN)


@pytest.fixture(scope="module", params=["en-zh", "zh-en"])
def either(request, en_zh, zh_en, forward, backward) -> tuple[Translator, dict]:
    return (en_zh, forward) if request.param == "en-zh" else (zh_en, backward)


def sides(translator: Translator, src: str, tgt: str) -> tuple:
    inspector = translator.inspector
    return inspector.side(src, True, "words", "src"), inspector.side(tgt, False, "words", "tgt")


def close(actual, expected, atol: float) -> None:
    """Both may be lists, arrays or tensors."""
    actual, expected = (
        x.detach().numpy() if isinstance(x, torch.Tensor) else np.array(x)
        for x in (actual, expected)
    )
    np.testing.assert_allclose(actual.astype(float), expected.astype(float), rtol=0, atol=atol)


def np_softmax(scores: np.ndarray) -> np.ndarray:
    exps = np.exp(scores - scores.max(-1, keepdims=True))
    return exps / exps.sum(-1, keepdims=True)


def random(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.from_numpy(np.random.default_rng(seed).normal(size=shape))


def np_floats(base64_text: str, *shape: int) -> np.ndarray:
    import base64

    return np.frombuffer(base64.b64decode(base64_text), "<f4").astype(float).reshape(shape)


# ---------------------------------------------------------------------------------- sections 1 to 4


def test_shares_products_softmax_and_the_weighted_sum():
    x = random(5, 7)
    a = x.numpy()
    products = np.array([[sum(p * q for p, q in zip(u, v, strict=True)) for v in a] for u in a])
    close(equations.inner_products(x), products, 1e-12)
    close(equations.equal_shares(x), np.full((5, 7), 1 / 7), 1e-15)
    weights = np_softmax(products)
    close(equations.softmax_rows(equations.inner_products(x)), weights, 1e-12)
    y, plain_weights = equations.self_attention_plain(x)
    close(plain_weights, weights, 1e-12)
    close(y, weights @ a, 1e-12)
    close(plain_weights.sum(1), np.ones(5), 1e-12)


def test_softmax_survives_large_scores():
    close(equations.softmax_rows(torch.tensor([[1e4, 1e4, -1e4]])), [[0.5, 0.5, 0]], 1e-12)


def test_projection_is_geometry():
    a, b = torch.tensor([3.0, 4.0]), torch.tensor([10.0, 0.0])
    geometry = equations.projection(a, b)
    assert geometry["projection"] == pytest.approx(3) and geometry["dot"] == pytest.approx(30)
    assert (geometry["a"], geometry["b"]) == (pytest.approx(5), pytest.approx(10))
    assert geometry["angle"] == pytest.approx(math.degrees(math.atan2(4, 3)))
    x, y = random(2, 9, seed=1)
    geometry = equations.projection(x, y)
    unit = y.numpy() / np.linalg.norm(y.numpy())
    rest = x.numpy() - geometry["projection"] * unit  # what is left stands upright on y
    assert abs(rest @ unit) < 1e-12
    assert equations.projection(x, 2 * x)["angle"] == pytest.approx(0, abs=1e-5)
    assert equations.projection(x, -x)["angle"] == pytest.approx(180, abs=1e-5)


def np_heads(layer, x: np.ndarray, head: int, other: np.ndarray | None = None) -> tuple:
    """The definition, with W `(D, D)` as in the paper, cut into columns."""
    columns = slice(head * K, (head + 1) * K)
    w_q, w_k, w_v = (
        w.weight.detach().double().numpy().T[:, columns] for w in (layer.w_q, layer.w_k, layer.w_v)
    )
    b_q, b_v = (w.bias.detach().double().numpy()[columns] for w in (layer.w_q, layer.w_v))
    source = x if other is None else other
    return x @ w_q + b_q, source @ w_k, source @ w_v + b_v


def test_a_head_computes_what_the_model_does(either):
    """q, k, v and z of every kind, layer and head: NumPy = our functions = what the sub-layer has
    before W_O."""
    translator, data = either
    src, tgt = sides(translator, data["src"]["text"], data["tgt"]["text"])
    with torch.inference_mode():
        forced = translator.inspector.forced_pass(src, tgt)
        for kind, layers in translator.model.attention_layers().items():
            mask = causal_mask(len(tgt.ids)) if kind == "decoder_self" else None
            other = forced.memory[0] if kind == "cross" else None
            for layer, record in zip(layers, getattr(forced.trace, kind), strict=True):
                x, z = record.x[0], record.z[0]
                for head in range(H):
                    q, k, v = equations.head_projections(layer, x, head, other)
                    np_other = None if other is None else other.double().numpy()
                    expected = np_heads(layer, x.double().numpy(), head, np_other)
                    for ours, theirs in zip((q, k, v), expected, strict=True):
                        close(ours, theirs, 1e-4)
                    ours, _ = attention(q, k, v, mask)
                    close(ours, z[:, head * K : (head + 1) * K], 1e-4)
                    scores = expected[0] @ expected[1].T / math.sqrt(K)
                    scores = scores if mask is None else np.where(mask, scores, -np.inf)
                    close(ours, np_softmax(scores) @ expected[2], 1e-4)


def test_what_is_studied(either):
    """Words are those of the Chinese side, wherever it is; attention is the encoder's, and its x
    the true input of the first attention sub-layer, after pre-norm's norm."""
    translator, data = either
    into_chinese = translator.config.direction == "en-zh"
    model = translator.model
    assert data["study"]["labels"] == list(ZH)
    tokenizer = translator.tgt_tokenizer if into_chinese else translator.src_tokenizer
    embedding = model.tgt_embedding if into_chinese else model.src_embedding
    table = embedding.weight.detach().numpy()
    pieces = [tokenizer.processor.piece_to_id(c) for c in ZH]
    assert tokenizer.unk_id not in pieces
    close(np_floats(data["study"]["x"], len(ZH), D), table[pieces], 0)

    assert data["self"]["labels"] == data["src"]["tokens"]
    ids = translator.src_tokenizer.encode([data["src"]["text"]])[0]
    source = model.src_embedding.weight.detach().numpy()
    x = source[ids].astype(float) * math.sqrt(D) + positional_encoding(len(ids), D).numpy()
    if not into_chinese:  # pre-norm
        norm = model.encoder_layers[0].self_residual.norm
        mean, variance = x.mean(1, keepdims=True), x.var(1, keepdims=True)
        x = (x - mean) / np.sqrt(
            variance + norm.eps
        ) * norm.weight.detach().numpy() + norm.bias.detach().numpy()
    close(np_floats(data["self"]["layers"][0]["x"], len(ids), D), x, 1e-4)


def test_other_characters_may_be_studied(en_zh, no_switching):
    data = primer_data.primer_data(en_zh, EN, ZH, "猫果")
    assert data["study"]["labels"] == ["猫", "果"] and data["tgt"]["text"] == ZH


def np_cosines(x: np.ndarray) -> np.ndarray:
    unit = x / np.sqrt((x**2).sum(1))[:, None]
    return unit @ unit.T


def test_neighbours_and_the_median_of_all_pairs():
    x = random(9, 5, seed=3)
    expected = np_cosines(x.numpy())
    close(equations.cosines(x), expected, 1e-12)
    pairs = [expected[i, j] for i, j in itertools.combinations(range(9), 2)]
    assert equations.median_cosine(x) == pytest.approx(np.median(pairs))
    numbers, similarities = equations.nearest(x, 3)
    for i in range(9):
        others = sorted((j for j in range(9) if j != i), key=lambda j: -expected[i, j])
        assert numbers[i].tolist() == others[:3]
        close(similarities[i], expected[i, others[:3]], 1e-12)
    assert equations.nearest(x, 20)[0].shape == (9, 8)


def test_words_are_those_of_the_sentence_and_the_commonest_of_the_validation_set(
    tokenizers, tmp_path
):
    run = make_run(tmp_path / "run", tokenizers, **SMALL)
    (run / "valid.tsv").write_text("I like cats.\t我喜欢猫。\nI see cats.\t猫和猫\n", "utf-8")
    translator = Translator(run, "cpu", "fp32")
    src, tgt = sides(translator, EN, "我喜欢苹果")
    words = primer_data.words_data(translator, tgt, True)
    assert all(word.isalpha() and not word.isascii() for word in words["labels"])
    own = [piece for piece in translator.tgt_tokenizer.pieces(tgt.ids) if piece in words["labels"]]
    assert own and words["labels"][: len(own)] == own and words["labels"][len(own)] == "猫"
    n = len(words["labels"])
    ids = [translator.tgt_tokenizer.id_of(word) for word in words["labels"]]
    table = translator.model.tgt_embedding.weight.detach().numpy()
    close(np_floats(words["x"], n, D), table[ids], 0)
    english = primer_data.words_data(translator, src, False)["labels"]
    assert english and all(word[0] == "\u2581" and word[1:].isalpha() for word in english)


def test_the_most_telling_head():
    """Mutual information by its definition; nothing where every row looks the same way."""
    weights = np_softmax(np.random.default_rng(0).normal(size=(2, 5, 7)) * 3)
    ours = equations.row_information(torch.from_numpy(weights))
    for head, rows in enumerate(weights):
        joint = rows / len(rows)  # rows are equally likely
        independent = joint.sum(1, keepdims=True) * joint.sum(0)
        assert ours[head] == pytest.approx((joint * np.log(joint / independent)).sum())
    to_first = torch.zeros(5, 7).index_fill(1, torch.tensor(0), 1)
    assert equations.row_information(to_first) == pytest.approx(0)
    assert equations.row_information(torch.full((5, 7), 1 / 7)) == pytest.approx(0, abs=1e-6)
    assert equations.row_information(torch.eye(6)) == pytest.approx(math.log(6))


def test_the_page_begins_with_the_most_telling_head(either):
    translator, data = either
    weights = translator.attention(data["src"]["text"], data["tgt"]["text"], rule=Rule())
    information = equations.row_information(torch.from_numpy(weights.encoder_self))
    close(data["self"]["information"], information, 1e-5)
    chosen = data["self"]["information"][data["self"]["layer"]][data["self"]["head"]]
    assert chosen == pytest.approx(float(information.max()))


def test_what_heads_leave_with_the_start_of_the_sentence(either):
    translator, data = either
    weights = translator.attention(data["src"]["text"], data["tgt"]["text"], rule=Rule())
    shares = weights.decoder_self[:, :, 1:, 0].mean(-1)
    close(data["sink"]["shares"], shares, 1e-6)
    layer, head = np.unravel_index(shares.argmax(), shares.shape)
    assert (data["sink"]["layer"], data["sink"]["head"]) == (layer, head)
    assert equations.sink_shares(torch.ones(1, 1)) == 1


def test_characters_without_a_piece_are_the_mean_of_their_bytes(en_zh):
    table, tokenizer = en_zh.model.tgt_embedding.weight.detach(), en_zh.tgt_tokenizer
    labels, spelt, x = primer_data.character_vectors(tokenizer, table, "我 早")
    assert labels == ["我", "早"] and spelt == [1]
    ids = [tokenizer.processor.piece_to_id(f"<0x{byte:02X}>") for byte in "早".encode()]
    assert tokenizer.unk_id not in ids and len(ids) == 3
    close(x[1], table.numpy()[ids].mean(0), 1e-6)
    close(x[0], table.numpy()[tokenizer.processor.piece_to_id("我")], 0)


def test_characters_are_those_that_the_vocabulary_makes_of_the_sentence(tokenizers, tmp_path):
    """A vocabulary that folds ， to , has no piece for ，."""
    spm.SentencePieceTrainer.train(
        sentence_iterator=(zh + "," for _, zh in pattern_pairs()),
        model_prefix=str(tmp_path / "folding"),
        vocab_size=60,
        hard_vocab_limit=False,
        pad_id=3,
        minloglevel=2,
    )
    folding = Tokenizer.load(tmp_path / "folding.model")
    run = make_run(tmp_path / "run", (tokenizers[0], folding), "zh-en", **SMALL)
    translator = Translator(run, "cpu")
    side = translator.inspector.side("我喜欢，猫！", True, "words", "x")
    assert primer_data.study_data(translator, side, is_tgt=False)["labels"] == list("我喜欢,猫!")


# ---------------------------------------------------------------------------------------- section 5


def test_the_variance_of_a_score_is_d_k():
    for row in equations.scaling_study(primer_data.D_KS, seed=5):
        d_k, by_divisor = row["d_k"], row["spread"]
        assert by_divisor["1"]["variance"] == pytest.approx(
            d_k, rel=0.04 + 0.2 / d_k
        )  # of 8,192 scores; 3 standard errors
        assert by_divisor["sqrt"]["variance"] == pytest.approx(by_divisor["1"]["variance"] / d_k)
        assert by_divisor["d_k"]["variance"] == pytest.approx(by_divisor["1"]["variance"] / d_k**2)


def test_the_study_shows_both_extremes():
    rows = {row["d_k"]: row["spread"] for row in equations.scaling_study([64, 1024], seed=0)}
    assert rows[1024]["1"]["entropy"] < 0.3 and rows[1024]["d_k"]["entropy"] > 0.99 * math.log(16)
    assert rows[1024]["sqrt"]["entropy"] == pytest.approx(rows[64]["sqrt"]["entropy"], rel=0.05)
    assert rows[1024]["1"]["softmax_gradient"] < 0.01 * rows[1024]["sqrt"]["softmax_gradient"]
    for extreme in ("1", "d_k"):
        assert rows[1024][extreme]["query_gradient"] < 0.1 * rows[1024]["sqrt"]["query_gradient"]
    assert rows == {
        row["d_k"]: row["spread"] for row in equations.scaling_study([64, 1024], seed=0)
    }


@pytest.mark.parametrize("masked", [False, True])
def test_spread_against_finite_differences(masked):
    q, k, scale, step = random(4, 3, seed=1), random(4, 3, seed=2), 1.7, 1e-6
    mask = causal_mask(4) if masked else None
    allowed = np.ones((4, 4), bool) if mask is None else mask.numpy()

    def weights(queries: np.ndarray) -> np.ndarray:
        return np_softmax(np.where(allowed, queries @ k.numpy().T / scale, -np.inf))

    scores, rows = q.numpy() @ k.numpy().T / scale, weights(q.numpy())
    through, reaching, entropy = [], [], []
    for i in range(4):
        visible = allowed[i]
        moved = [
            np_softmax(scores[i, visible] + step * np.eye(visible.sum())[j])
            for j in range(visible.sum())
        ]
        back = [
            np_softmax(scores[i, visible] - step * np.eye(visible.sum())[j])
            for j in range(visible.sum())
        ]
        through.append(np.linalg.norm((np.array(moved) - np.array(back)) / (2 * step)))
        change = np.zeros((3, 4, 3))
        for c in range(3):
            change[c, i, c] = step
        columns = [
            (weights(q.numpy() + d)[i] - weights(q.numpy() - d)[i]) / (2 * step) for d in change
        ]
        reaching.append(np.linalg.norm(columns))
        entropy.append(-sum(w * math.log(w) for w in rows[i] if w > 0))
    measures = equations.spread(q, k, scale, mask)
    assert measures["softmax_gradient"] == pytest.approx(np.median(through), rel=1e-6)
    assert measures["query_gradient"] == pytest.approx(np.median(reaching), rel=1e-6)
    assert measures["entropy"] == pytest.approx(np.mean(entropy))
    assert measures["variance"] == pytest.approx(np.var(scores[allowed]))
    gradient = equations.softmax_gradient(torch.from_numpy(rows))
    for i, j, c in itertools.product(range(4), range(4), range(4)):
        assert gradient[i, j, c] == pytest.approx(rows[i, j] * ((j == c) - rows[i, c]))


# ---------------------------------------------------------------------------------- sections 6 to 9


def test_retrieval_runs_from_equal_shares_to_the_exact_hit():
    query, keys, values = random(6, seed=1), random(5, 6, seed=2), random(5, 6, seed=3)
    scores = (keys @ query).numpy() / math.sqrt(6)
    for temperature in (0.3, 1.0, 4.0):
        z, weights = equations.retrieval(query, keys, values, temperature)
        close(weights, np_softmax(scores / temperature), 1e-12)
        close(z, np_softmax(scores / temperature) @ values.numpy(), 1e-12)
    z, weights = equations.retrieval(query, keys, values, math.inf)
    close(weights, np.full(5, 0.2), 1e-12)
    close(z, values.numpy().mean(0), 1e-12)
    for temperature in (0, 1e-4):
        z, weights = equations.retrieval(query, keys, values, temperature)
        close(z, values.numpy()[scores.argmax()], 1e-12)


def test_a_query_meets_keys_letter_by_letter():
    """5G is as like 5G as can be, and half as like 4G."""
    close(equations.letter_scores("5G", ["5G", "4G", "G5", "5", ""]), [2, 1, 0, 1, 0], 0)


def test_a_head_that_is_switched_off_adds_nothing(either):
    """In a whole pass and in a search, against a model whose concatenated heads are cut before
    W_O."""
    translator, data = either
    src, tgt = sides(translator, data["src"]["text"], data["tgt"]["text"])
    bos, eos = translator.tgt_tokenizer.bos_id, translator.tgt_tokenizer.eos_id
    forbidden = [translator.tgt_tokenizer.pad_id, translator.tgt_tokenizer.unk_id, bos]

    def outcome() -> tuple:
        ids = translator.search([src.ids], DecodeConfig(beam_size=1, length_penalty=0.0))[0][0].ids
        return ids, translator.inspector.attention(src, tgt, Rule()).log_probs

    def without(start: int, end: int):
        def cut(_: object, args: tuple) -> tuple:
            return (
                torch.cat(
                    (args[0][..., :start], 0 * args[0][..., start:end], args[0][..., end:]), -1
                ),
            )

        return cut

    def greedy() -> list[int]:
        src_ids, ids = torch.tensor([src.ids]), [bos]
        for _ in range(min(2 * len(src.ids) + 20, translator.config.model.max_len) - 1):
            states = translator.model(src_ids, torch.tensor([ids]))[0, -1]
            logits = translator.model.output(states)
            logits[forbidden] = -torch.inf
            if (best := int(logits.argmax())) == eos:
                break
            ids.append(best)
        return ids[1:]

    whole = outcome()
    for kind, layers in translator.model.attention_layers().items():
        for number, head in ((0, 1), (len(layers) - 1, H - 1)):
            layer = layers[number]
            with equations.switch_off_head(layer, head):
                off = outcome()
            handle = layer.w_o.register_forward_pre_hook(without(head * K, (head + 1) * K))
            with torch.inference_mode():
                log_probs = translator.inspector.attention(src, tgt, Rule()).log_probs
                expected = greedy(), log_probs
            handle.remove()
            assert off[0] == expected[0]
            close(off[1], expected[1], 1e-5)
            assert np.abs(off[1] - whole[1]).max() > 1e-4
            for row in data["off"]["rows"]:
                if (row["kind"], row["layer"], row["head"]) == (kind, number, head):
                    assert row["log_prob"] == pytest.approx(off[1].sum(), abs=1e-4)
    again = outcome()
    assert again[0] == whole[0] and np.array_equal(again[1], whole[1])  # nothing stays switched off
    assert data["off"]["whole"]["log_prob"] == pytest.approx(whole[1].sum(), abs=1e-4)
    assert data["off"]["whole"]["text"] == translator.translate([data["src"]["text"]])[0].text


def test_the_models_own_heads_stay_on(en_zh, monkeypatch):
    """Heads are switched off in a copy, so that others can use the model meanwhile."""
    own = {id(layer) for kind in en_zh.model.attention_layers().values() for layer in kind}
    before = {name: tensor.clone() for name, tensor in en_zh.model.state_dict().items()}
    switched = []
    real = equations.switch_off_head

    def switch_off_head(layer, head):
        switched.append(id(layer))
        return real(layer, head)

    monkeypatch.setattr(primer_data, "switch_off_head", switch_off_head)
    primer_data.primer_data(en_zh, EN, ZH)
    assert switched and not own & set(switched)
    assert all(torch.equal(t, before[name]) for name, t in en_zh.model.state_dict().items())


def test_contributions_add_up_to_the_output(either):
    translator, data = either
    src, tgt = sides(translator, data["src"]["text"], data["tgt"]["text"])
    with torch.inference_mode():
        trace = translator.inspector.forced_pass(src, tgt).trace
        layers = translator.model.attention_layers()[data["self"]["kind"]]
        for layer, record in zip(layers, getattr(trace, data["self"]["kind"]), strict=True):
            z, w_o = record.z[0], layer.w_o.weight.numpy().T
            slices = [slice(h * K, (h + 1) * K) for h in range(H)]
            parts = [z.numpy()[:, columns] @ w_o[columns] for columns in slices]
            close(sum(parts) + layer.w_o.bias.numpy(), record.output[0], 1e-4)
            lengths = equations.head_contributions(layer, z)
            close(lengths, np.array([np.linalg.norm(part, axis=1) for part in parts]).T, 1e-4)


def test_steps_in_time():
    """By counting: each cell of a grid waits for those that it depends on."""
    for length, layers in itertools.product((1, 2, 7), (1, 3)):
        ready = np.zeros((layers, length), int)
        for layer, i in itertools.product(range(layers), range(length)):
            before = [ready[layer, i - 1] if i else 0, ready[layer - 1, i] if layer else 0]
            ready[layer, i] = max(before) + 1
        steps = equations.sequential_steps(length, layers)
        assert steps["recurrent"] == ready.max()
        assert steps["attention"] == layers
        assert (steps["recurrent_path"], steps["attention_path"]) == (length - 1, int(length > 1))
        assert steps["decoding"] == length * layers


def test_the_path_has_the_shapes_of_the_model(en_zh, forward):
    shapes = {name: list(sizes) for name, sizes in forward["path"]}
    src, tgt = sides(en_zh, EN, ZH)
    model, attention_of = en_zh.model, en_zh.attention(EN, ZH, rule=Rule())
    model_shapes = {}
    encoder, decoder, last = (
        model.encoder_layers[0],
        model.decoder_layers[0],
        model.decoder_layers[-1],
    )
    modules = {
        "src_embedded": encoder.self_attention.w_v,
        "encoder_concat": encoder.self_attention.w_o,
        "encoder_hidden": encoder.feed_forward.w_in,
        "tgt_embedded": decoder.self_attention.w_v,
        "decoder_hidden": decoder.feed_forward.w_in,
        "decoder_states": last.feed_forward,
        "logits": model.output,
    }
    handles = [
        module.register_forward_hook(
            lambda _, __, out, name=name: model_shapes.update({name: list(out[0].shape)})
        )
        for name, module in modules.items()
    ]
    en_zh.inspector.forced_pass(src, tgt)
    for handle in handles:
        handle.remove()
    model_shapes |= {
        "src_ids": [len(src.ids)],
        "tgt_in": [len(tgt.ids)],
        "memory": [len(src.ids), D],
        "encoder_qkv": list(attention_of.queries["encoder_self"][0].shape),
        "cross_queries": list(attention_of.queries["cross"][0].shape),
        "cross_keys": list(attention_of.keys["cross"][0].shape),
        "encoder_weights": list(attention_of.encoder_self[0].shape),
        "decoder_weights": list(attention_of.decoder_self[0].shape),
        "cross_weights": list(attention_of.cross[0].shape),
    }
    assert shapes == model_shapes


# --------------------------------------------------------------------------------------- section 10


def sigmoid(x: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-x))


def test_the_temporal_gate_against_its_formula():
    features = random(9, 8, seed=4)
    f = features.numpy()
    cosines = [f[i] @ f[2] / np.linalg.norm(f[i]) / np.linalg.norm(f[2]) for i in range(9)]
    close(equations.temporal_gate(features, 2), sigmoid(np.array(cosines)), 1e-12)


def test_gates_of_an_image_against_their_formula():
    image = random(3, 4, 4, seed=6)
    channel, spatial = equations.image_gates(image)
    a = image.numpy()
    for gate, pooled in (
        (channel, a.reshape(3, -1).mean(1) + a.reshape(3, -1).max(1)),
        (spatial, a.mean(0) + a.max(0)),
    ):
        close(gate, sigmoid((pooled - pooled.mean()) / pooled.std()), 1e-12)


def test_the_tiny_image():
    """Squares put together again make the image; each looks at the others alone."""
    image = primer_data.tiny_image(sun=1)
    assert image.shape == (3, 12, 12) and image.min() >= 0 and image.max() <= 1
    squares = primer_data.patches_of(image, 4).reshape(3, 3, 3, 4, 4)
    close(squares.permute(2, 0, 3, 1, 4).reshape(3, 12, 12), image, 0)
    weights = np.array(primer_data.image_data()["patches"])
    close(weights.sum(1), np.ones(9), 1e-6)
    close(np.diag(weights), np.zeros(9), 0)


def test_untrained_gates_are_always_the_same_and_leave_the_random_state_alone():
    state = torch.get_rng_state()
    first = equations.untrained_gates(8).state_dict()
    assert torch.equal(torch.get_rng_state(), state)
    torch.manual_seed(5)
    for name, tensor in equations.untrained_gates(8).state_dict().items():
        assert torch.equal(tensor, first[name])


@pytest.mark.parametrize("kind", EncoderGate)
def test_section_10_takes_the_models_own_gates_where_it_has_them(tokenizers, tmp_path, kind):
    options = SMALL | {"model": SMALL["model"] | {"encoder_gate": kind}}
    translator = Translator(make_run(tmp_path / kind.value, tokenizers, **options), "cpu", "fp32")
    inside = translator.attention(EN, ZH, rule=Rule())
    with torch.inference_mode():
        trace = translator.inspector.forced_pass(inside.src, inside.tgt).trace
        kinds = primer_data.kinds_data(translator.model, trace.features[0])
    assert kinds["trained"] == {
        "channel": "channel" in inside.gates,
        "spatial": "spatial" in inside.gates,
    }
    for name, gate in inside.gates.items():
        close(kinds[name]["gate"], gate, 1e-6)


def test_section_10_of_a_model_with_hard_attention_and_both_gates_says_so(
    web, tokenizers, tmp_path, no_switching
):
    changes = {"encoder_gate": EncoderGate.both, "cross_attention": CrossAttention.hard}
    options = SMALL | {"model": SMALL["model"] | changes}
    translator = Translator(make_run(tmp_path / "run", tokenizers, **options), "cpu", "fp32")
    web.open(primer_data.primer_data(translator, EN, ZH))
    tags = web.each("#s10 .tag", "node.textContent")
    assert tags == ["this model's own, trained"] * 2 + ["no learned weights"]
    assert "passes on the hard value" in web.text("#s10")


# -------------------------------------------------------------------------------------- the command


def test_the_command_writes_one_page(call, en_zh, tmp_path):
    page = tmp_path / "测试" / "page.html"
    page.parent.mkdir()
    done = call("primer", en_zh.run_dir, "--output", page)
    assert done.status == 0, done
    assert done.out == "我喜欢红色的苹果。\n" and f"open {page}" in done.err
    assert [path.name for path in page.parent.iterdir()] == ["page.html"]
    text = page.read_text("utf-8")
    assert "I like red apples." in text
    assert '"labels": ["早", "上", "好"]' in text
    assert not re.search(r"https?:|//[a-z]+\.|@import|url\(|<link|<img", text)


def test_the_default_turns_with_the_direction(call, zh_en, tmp_path, no_switching):
    done = call("primer", zh_en.run_dir, "--output", tmp_path / "page.html")
    assert done.status == 0 and done.out == "I like red apples.\n"


def short_translation(translator: Translator, monkeypatch) -> str:
    """Let the search find a short translation: an untrained model rambles on."""
    text = {"en-zh": ZH, "zh-en": EN}[translator.config.direction]
    ids = translator.tgt_tokenizer.encode([text])[0][:-1]
    real = translator.search

    def search(sources, *arguments, **options):
        hypotheses = real(sources, *arguments, **options)
        hypotheses[0][0].ids[:] = ids
        return hypotheses

    monkeypatch.setattr(translator, "search", search)
    return text


def test_a_sentence_is_translated_by_the_model(en_zh, monkeypatch, no_switching):
    text = short_translation(en_zh, monkeypatch)
    data = primer_data.primer_data(en_zh, EN)
    assert data["tgt"]["text"] == text and data["tgt"]["forced"] is False


def edited(
    translator: Translator, tokenizers: tuple, folder: Path, direction: str, languages: list[str]
) -> Path:
    """The same run under other language codes."""
    run = make_run(folder, tokenizers, **SMALL)
    path = run / "config.yaml"
    text = path.read_text("utf-8")
    text = re.sub(r"direction: en-zh", f"direction: {direction}", text)
    path.write_text(
        re.sub(r"- en\n(\s*)- zh", f"- {languages[0]}\n\\1- {languages[1]}", text), encoding="utf-8"
    )
    return run


def test_other_languages(call, en_zh, tokenizers, tmp_path, no_switching):
    run = edited(en_zh, tokenizers, tmp_path / "run", "de-fr", ["de", "fr"])
    error = call("primer", run, "--output", tmp_path / "page.html").error
    assert "de-fr" in error and "SENTENCE" in error
    data = primer_data.primer_data(Translator(run, "cpu", "fp32"), EN, ZH)
    assert not data["study"]["by_character"]
    assert data["study"]["labels"] == data["src"]["tokens"][:-1]


@pytest.mark.parametrize(
    ("sentence", "says"),
    [
        ("", "the sentence is empty"),
        (" \u3000 ", "the sentence is empty"),
        ("I \udcff draw.", "the sentence has a lone surrogate at character 3"),
        ("I like apples and " * 12, r"the sentence has \d+ tokens.*at most 40; leave words out"),
        ("早上好，" * 5, r"the sentence has \d+ tokens.*at most 40; leave words out"),
    ],
)
def test_bad_sentences(call, en_zh, tmp_path, sentence, says):
    done = call("primer", en_zh.run_dir, sentence, "--output", tmp_path / "page.html")
    assert re.search(says, done.error), done.error
    assert not (tmp_path / "page.html").exists()


@pytest.mark.parametrize("sentence", ["I like cats.", "3.50!", "Berlin"])
def test_text_in_any_script_is_fine(call, en_zh, monkeypatch, tmp_path, no_switching, sentence):
    short_translation(en_zh, monkeypatch)
    monkeypatch.setattr(Translator, "from_pretrained", lambda *_: en_zh)
    done = call("primer", en_zh.run_dir, sentence, "--output", tmp_path / "page.html")
    assert done.status == 0 and "warning" not in done.err
    assert (tmp_path / "page.html").exists()


@pytest.mark.parametrize(
    ("direction", "sentence", "language"),
    [("en-zh", "我画猫", "English"), ("zh-en", "I draw.", "Chinese")],
)
def test_text_in_another_script_is_warned_of_and_drawn(
    call, en_zh, zh_en, monkeypatch, tmp_path, no_switching, direction, sentence, language
):
    """The vocabulary spells it in bytes."""
    translator = en_zh if direction == "en-zh" else zh_en
    short_translation(translator, monkeypatch)
    monkeypatch.setattr(Translator, "from_pretrained", lambda *_: translator)
    done = call("primer", translator.run_dir, sentence, "--output", tmp_path / "page.html")
    assert done.status == 0 and sentence in (tmp_path / "page.html").read_text("utf-8")
    warning = f"warning: the sentence does not look like {language}, which this run needs here; "
    assert warning + "are source and target exchanged?" in done.err.splitlines()


def test_the_page_may_go_to_standard_output(call, en_zh, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    done = call("primer", en_zh.run_dir, "--output", "-")
    assert done.status == 0 and done.out.startswith("<!") and done.out.rstrip().endswith("</html>")
    assert list(tmp_path.iterdir()) == []


def test_bad_output_and_run(call, en_zh, tmp_path):
    assert (
        f"{tmp_path} is a folder" in call("primer", en_zh.run_dir, EN, "--output", tmp_path).error
    )
    assert "no run here" in call("primer", tmp_path, EN).error


def test_tokens_unknown_to_the_vocabulary(en_zh, monkeypatch):
    real = en_zh.src_tokenizer.encode
    monkeypatch.setattr(
        en_zh.src_tokenizer,
        "encode",
        lambda texts: [[en_zh.src_tokenizer.unk_id, *ids[1:]] for ids in real(texts)],
    )
    with pytest.raises(UserError, match="vocabulary lacks"):
        primer_data.primer_data(en_zh, EN, ZH)


def test_a_translation_of_nothing(en_zh, monkeypatch):
    monkeypatch.setattr(en_zh, "search", lambda *_, **__: [[Hypothesis([], 0.0)]])
    with pytest.raises(UserError, match=f"the model translates {re.escape(EN)} to nothing"):
        primer_data.primer_data(en_zh, EN)


def test_a_translation_too_long_to_draw(en_zh):
    with pytest.raises(UserError, match=r"translation has \d+ tokens.*at most 40"):
        primer_data.primer_data(en_zh, EN, "早上好" * 5)


def test_large_models_show_some_of_their_layers():
    assert primer_data.some_layers(6, 9) == primer_data.some_layers(6, 6) == [0, 1, 2, 3, 4, 5]
    assert primer_data.some_layers(6, 3) == [0, 2, 5]
    assert primer_data.some_layers(6, 1) == primer_data.some_layers(1, 4) == [0]


# ----------------------------------------------------------------------------------------- the page


class Primer(Page):
    def open(self, data: dict) -> "Primer":
        path = self.folder / "测试 page.html"
        path.write_text(page.render(data, "primer.html"), encoding="utf-8")
        for log in ("browser", "performance"):
            self.browser.get_log(log)
        self.browser.get(path.as_uri())
        return self

    def values(self, selector: str) -> np.ndarray:
        return np.array([float(x) for x in self.each(selector, "node.dataset.value")])

    def heat(self, name: str) -> np.ndarray:
        rows = self.each(
            f"#{name} tbody tr", "[...node.querySelectorAll('td')].map(td => td.dataset.value)"
        )
        return np.array([[float(x) for x in row] for row in rows])

    def first(self, box: str, key: str) -> np.ndarray:
        """The first numbers of a vector."""
        return self.values(f'#{box} [data-vector="{key}"] [data-i]')

    def pick(self, chips: str, i: int) -> None:
        self.click(f'#{chips} button[data-i="{i}"]')

    def slide(self, name: str, to: int) -> None:
        script = (
            "(arguments[0].value = arguments[1], arguments[0].dispatchEvent(new Event('input')))"
        )
        self.js(script, self.find(f"#{name}"), to)


@pytest.fixture
def web(browser: Chrome, tmp_path: Path) -> Iterator[Primer]:
    still = {"features": [{"name": "prefers-reduced-motion", "value": "reduce"}]}
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", still)
    opened = Primer(browser, tmp_path)
    yield opened
    assert opened.problems() == []


def test_sections_1_to_3_show_the_models_numbers(web, en_zh, forward):
    web.open(forward)
    layer, head = forward["cross"]["layer"], forward["cross"]["head"]
    inside = en_zh.attention(EN, ZH, rule=Rule())
    n_src = len(inside.src.ids)
    for row in (0, 3):
        web.pick("s1-tokens", row)
        close(web.values("#s1-bars [data-bar]"), inside.cross[layer, head, row], 1e-5)
        close(web.values("#s1-bars [data-plain]"), np.full(n_src, 1 / n_src), 1e-6)
        assert float(web.js("document.querySelector('#s1-sum').dataset.value")) == pytest.approx(1)
    table, tokenizer = en_zh.model.tgt_embedding.weight.detach().double(), en_zh.tgt_tokenizer
    x = table[[tokenizer.processor.piece_to_id(c) for c in ZH]]
    close(web.heat("s2-heat"), (x @ x.T).numpy(), 1e-5)
    for a, b in ((0, 1), (4, 2), (3, 3)):
        web.click(f'#s2-heat td[data-row="{a}"][data-col="{b}"]')
        expected = equations.projection(x[a], x[b])
        for key in ("a", "b", "dot", "cosine", "projection"):
            close(web.values(f'#geometry [data-geometry="{key}"]'), [expected[key]], 1e-5)
        assert web.values('#geometry [data-geometry="angle"]')[0] == pytest.approx(
            expected["angle"], abs=0.02
        )
    y, weights = (part.numpy() for part in equations.self_attention_plain(x))
    close(web.heat("s3-heat"), weights, 1e-6)
    for row in (0, 5):
        web.pick("s3-tokens", row)
        close(web.values('#s3-softmax [data-softmax^="weight-"]'), weights[row], 1e-6)
        close(web.values('#s3-softmax [data-softmax^="score-"]'), (x @ x[row]).numpy(), 1e-5)
        close(web.first("s3-sum", "y"), y[row, :4], 1e-5)


def test_section_2_compares_words_of_the_run(web, en_zh, forward):
    web.open(forward)
    labels = forward["words"]["labels"]
    table = en_zh.model.tgt_embedding.weight.detach()
    x = table[[en_zh.tgt_tokenizer.id_of(word) for word in labels]].double()
    Select(web.find("#word-a")).select_by_value("3")
    cosines = torch.nn.functional.cosine_similarity(x[3:4], x)
    cosines[3] = -math.inf
    best = cosines.topk(5)
    shown = web.each("#nearest .name", "node.textContent")
    assert shown[:5] == [labels[i] for i in best.indices]
    above = np_cosines(x.numpy())[np.triu_indices(len(labels), 1)]
    expected = [*best.values.tolist(), float(np.median(above))]
    close(web.values("#nearest [data-bar]"), expected, 1e-5)
    # Whoever chooses a word sees it beside its nearest neighbour first.
    for b in (int(best.indices[0]), 5):
        Select(web.find("#word-b")).select_by_value(str(b))
        geometry = equations.projection(x[3], x[b])
        for key in ("a", "b", "dot", "cosine", "projection"):
            close(web.values(f'#words-geometry [data-geometry="{key}"]'), [geometry[key]], 1e-5)


def toy_weights(web: Primer) -> np.ndarray:
    """The page's weights, after it was seen that they follow from the vectors that it shows."""
    vectors = torch.tensor(web.js("state.toy"), dtype=torch.float64)
    _, weights = equations.self_attention_plain(vectors)
    close(web.values("[data-toyscore]"), equations.inner_products(vectors)[0], 1e-6)
    close(web.values("[data-toyweight]"), weights[0], 1e-6)
    return weights[0].numpy()


def test_section_2_lets_one_drag_three_vectors(web, forward):
    web.open(forward)
    start = toy_weights(web)
    web.focus('[data-toy="1"]')
    web.press(Keys.ARROW_RIGHT, Keys.ARROW_RIGHT, Keys.ARROW_UP)
    close(web.js("state.toy[1]"), [0.5, 1.35], 1e-9)
    assert web.js("document.activeElement.dataset.toy") == "1"
    assert toy_weights(web)[1] > start[1]

    for kind in ("mouse", "touch"):
        web.show("#toy")
        before = web.js("state.toy[2]")
        pointer = ActionBuilder(web.browser, mouse=PointerInput(kind, kind), duration=0)
        handle = web.find('[data-toy="2"]')
        pointer.pointer_action.move_to(handle).pointer_down()
        pointer.pointer_action.move_to(handle, 30, 20).pointer_up()
        pointer.perform()
        after = web.js("state.toy[2]")
        assert after[0] > before[0] + 0.2 and after[1] < before[1] - 0.1, kind
        toy_weights(web)
    web.click("#toy-solve")
    close(toy_weights(web), [0.4, 0.4, 0.2], 1e-6)
    assert web.find("#toy-read").get_attribute("class").endswith("there")
    web.click("#toy-reset")
    close(toy_weights(web), start, 1e-9)


def test_section_4_shows_every_step_of_a_head(web, either):
    translator, data = either
    web.open(data)
    layer, head = data["self"]["layer"], data["self"]["head"]
    chosen = '#s8-thumbs [aria-pressed="true"]'
    assert web.each(chosen, "[+node.dataset.layer, +node.dataset.head]") == [[layer, head]]
    src, tgt = sides(translator, data["src"]["text"], data["tgt"]["text"])
    with torch.inference_mode():
        trace = translator.inspector.forced_pass(src, tgt).trace.encoder_self
    layers = translator.model.attention_layers()["encoder_self"]
    for number, head, token in ((0, 2, 3), (len(layers) - 1, 0, 1)):
        Select(web.find("#layer")).select_by_visible_text(f"Layer {number}")
        Select(web.find("#head")).select_by_value(str(head))
        web.pick("s4-tokens", token)
        q, k, v = np_heads(layers[number], trace[number].x[0].double().numpy(), head)
        n = len(q)
        assert web.each("#s4-tokens button", "node.textContent") == data["src"]["tokens"]
        close(web.first("s4-x", f"x{token}"), trace[number].x[0, token, :4], 1e-5)
        shapes = "node.dataset.shape"
        assert web.each("#s4-x-shapes .shape", shapes) == [f"X {n} {D}"]
        close(web.values("#s4-q0 b"), [q[token, 0]], 1e-4)
        for name, matrix in (("q", q), ("k", k), ("v", v)):
            close(web.first("s4-qkv", name), matrix[token, :4], 1e-4)
        assert web.each("#s4-qkv-shapes .shape", shapes) == [
            text
            for name in "QKV"
            for text in (f"X {n} {D}", f"W_{name} {D} {K}", f"{name} {n} {K}")
        ]
        close(web.heat("s4-scores"), q @ k.T, 1e-3)
        scaled = q @ k.T / math.sqrt(K)
        weights = np_softmax(scaled)
        best = weights[token].argmax()
        close(web.values("#s4-score b"), [(q @ k.T)[token, best]], 1e-3)
        close(web.values("#s4-scaled-cell b"), [scaled[token, best]], 1e-3)
        close(web.heat("s4-scaled"), scaled, 1e-3)
        close(web.heat("s4-weights"), weights, 1e-4)
        z = trace[number].z[0, token, head * K : (head + 1) * K]
        close(web.first("s4-z", "z"), z[:4], 1e-4)
        close(web.values("#s4-z .name b"), weights[token], 1e-4)
    inside = translator.attention(data["src"]["text"], data["tgt"]["text"], rule=Rule())
    sink = data["sink"]
    close(web.heat("sink-heat"), inside.decoder_self[sink["layer"], sink["head"]], 1e-6)
    close(web.values("#sink-bars [data-bar]"), np.ravel(sink["shares"]), 1e-6)
    assert web.each("#sink-heat tbody th", "node.textContent") == data["tgt"]["tokens"]
    assert web.each("#sink-heat thead th", "node.textContent") == data["tgt"]["in_tokens"]


def test_section_5_shows_the_study_and_the_models_head(web, en_zh, forward):
    web.open(forward)
    for i in (0, 6, 10):
        web.slide("d-k", i)
        for key, name in itertools.product(
            ("1", "sqrt", "d_k"), ("variance", "entropy", "query_gradient")
        ):
            expected = forward["scaling"][i]["spread"][key][name]
            close(
                web.values(f'#s5-random [data-spread="{key}-{name}"]'),
                [expected],
                1e-6 * max(1, expected),
            )
    web.click('#s8-thumbs [data-layer="1"][data-head="3"]')
    src, tgt = sides(en_zh, EN, ZH)
    with torch.inference_mode():
        x = en_zh.inspector.forced_pass(src, tgt).trace.encoder_self[1].x[0]
        layer = en_zh.model.attention_layers()["encoder_self"][1]
        q, k, _ = equations.head_projections(layer, x, 3)
        scores = (q @ k.T).double().numpy() / 2
    weights = np_softmax(scores)
    entropy = np.mean([-sum(w * math.log(w) for w in row if w > 0) for row in weights])
    close(web.values('#s5-own [data-spread="sqrt-entropy"]'), [entropy], 1e-4)
    close(web.values('#s5-own [data-spread="sqrt-variance"]'), [scores.var()], 1e-3)


def test_section_6_looks_things_up(web, en_zh, forward):
    web.open(forward)
    src, tgt = sides(en_zh, EN, ZH)
    layer, head = forward["cross"]["layer"], forward["cross"]["head"]
    with torch.inference_mode():
        forced = en_zh.inspector.forced_pass(src, tgt)
        module = en_zh.model.attention_layers()["cross"][layer]
        x, memory = forced.trace.cross[layer].x[0], forced.memory[0]
        q, k, v = (m.double() for m in equations.head_projections(module, x, head, memory))
    for slid, temperature in ((-25, 0.0), (-8, 0.25), (0, 1.0), (6, 2**1.5), (25, math.inf)):
        web.pick("s6-tokens", 2)
        web.slide("tau", slid)
        z, weights = equations.retrieval(q[2], k, v, temperature)
        close(web.values("#s6-bars [data-bar]"), weights, 1e-5)
        close(web.first("s6-vectors", "z"), z[:4], 1e-5)
        close(web.values("#s6-table [data-score]"), k @ q[2] / math.sqrt(K), 1e-4)
        assert float(web.js("document.querySelector('#tau-text').dataset.value")) == pytest.approx(
            temperature
        )
    web.pick("s10-tokens", 4)
    row = equations.retrieval(q[4], k, v)[1]
    close(web.values("#s10-bars [data-plain]"), row, 1e-5)
    close(web.values("#s10-bars [data-bar]"), hard_weights(row), 0)
    assert float(web.js("document.querySelector('#s10-read').dataset.value")) == pytest.approx(
        float(row.max())
    )


def write(web: Primer, selector: str, text: str) -> None:
    web.js("document.querySelector(arguments[0]).select()", selector)
    web.find(selector).send_keys(text)


def test_section_6_has_a_table_to_fill(web, forward):
    web.open(forward)

    def check(query: str, keys: list[str]) -> None:
        scores = equations.letter_scores(query, keys)
        close(web.values('#kv [data-of="score"]'), scores, 0)
        close(web.values('#kv [data-of="relevance"]'), scores / len(query), 1e-9)
        close(web.values('#kv [data-of="weight"]'), equations.softmax_rows(scores), 1e-6)

    check("5G", ["5G", "4G"])
    assert web.each('#kv [data-of="relevance"]', "node.textContent") == ["100 %", "50 %"]
    assert web.each("#kv-mix span", "node.textContent") == ["Huawei", "Nokia"]
    write(web, "#kv-query", "4G+")
    check("4G+", ["5G", "4G"])
    web.click("#kv-add")
    for i, (key, number) in enumerate((("4G+", "10"), ("4G", "20"), ("6", "-5"))):
        write(web, f'[data-kv="{i}-key"]', key)
        write(web, f'[data-kv="{i}-value"]', number)
    check("4G+", ["4G+", "4G", "6"])
    weights = equations.softmax_rows(torch.tensor([3.0, 2.0, 0.0]).double())
    answer = float(weights @ torch.tensor([10.0, 20.0, -5.0]).double())
    assert web.text("#kv-read").endswith(f"= {answer:.3f}")
    web.click("#kv-remove")
    check("4G+", ["4G+", "4G"])


def test_sections_7_and_8_show_heads_and_what_they_do(web, en_zh, forward):
    web.open(forward)
    inside = en_zh.attention(EN, ZH, rule=Rule())
    for i, kind in enumerate(("encoder_self", "cross", "decoder_self")):
        web.pick("s7-kinds", i)
        Select(web.find("#head-7")).select_by_value("1")
        close(web.heat("s7-heat"), getattr(inside, kind)[forward["pair"]["layers"][kind], 1], 1e-6)
        rows = web.each("#s7-heat tbody th", "node.textContent")
        assert rows == forward["src" if kind == "encoder_self" else "tgt"]["tokens"]
    web.click('#s8-thumbs [data-layer="0"][data-head="2"]')
    close(web.heat("s8-heat"), inside.encoder_self[0, 2], 1e-5)
    web.pick("s8-tokens", 2)
    src, tgt = sides(en_zh, EN, ZH)
    with torch.inference_mode():
        record = en_zh.inspector.forced_pass(src, tgt).trace.encoder_self[0]
        layer = en_zh.model.attention_layers()["encoder_self"][0]
        lengths = equations.head_contributions(layer, record.z[0])
    close(web.first("s8-out", "out"), record.output[0, 2, :4], 1e-5)
    close(web.values("#s8-bars [data-bar]"), lengths[2], 1e-4)
    shown = web.each(
        "#off [data-off]",
        "[node.dataset.off, node.dataset.text, Number(node.lastChild.dataset.value)]",
    )
    assert [row[2] for row in shown] == sorted(row[2] for row in shown)
    assert {row[0] for row in shown} == {
        f"{r['kind']}-{r['layer']}-{r['head']}" for r in forward["off"]["rows"]
    }
    module = en_zh.model.attention_layers()["cross"][1]
    with equations.switch_off_head(module, 3):
        text = en_zh.translate([EN])[0].text
        after = en_zh.inspector.attention(src, tgt, Rule()).log_probs.sum()
    row = next(row for row in shown if row[0] == "cross-1-3")
    assert row[1] == text and row[2] == pytest.approx(after - inside.log_probs.sum(), abs=1e-3)
    Select(web.find("#off-kind")).select_by_value("cross")
    assert all(
        name.startswith("cross-") for name in web.each("#off [data-off]", "node.dataset.off")
    )


def test_sections_9_and_10_show_mask_positions_steps_and_gates(web, en_zh, forward):
    web.open(forward)
    inside = en_zh.attention(EN, ZH, rule=Rule())
    close(
        web.heat("s9-heat"),
        inside.decoder_self[forward["cross"]["layer"], forward["cross"]["head"]],
        1e-5,
    )
    web.click("#causal")
    assert "not what the model does" in web.text("#uncausal") and web.heat("s9-heat")[0, 1] > 0
    web.slide("position", 5)
    close(web.first("s9-vector", "pe"), positional_encoding(6, D)[5, :4], 1e-6)
    close(web.values("#s9-bars [data-bar]"), np.exp(inside.log_probs), 1e-6)
    assert web.each("#path li", "node.dataset.path") == [
        f"{name} {' '.join(map(str, sizes))}" for name, sizes in forward["path"]
    ]
    assert web.each("#s9-heat tbody th", "node.textContent") == forward["tgt"]["tokens"]
    for i in (1, 4):
        web.slide("path-step", i)
        _, sizes = forward["path"][i - 1]
        assert web.values("#path-read")[0] == math.prod(sizes)
        assert len(web.each("#path .done", "1")) == i
    web.slide("length", 20)
    for key, value in equations.sequential_steps(20, en_zh.config.model.n_encoder_layers).items():
        assert set(web.values(f'[data-steps="{key}"]')) == {value}
    assert web.each("#s9-dots .dots", "node.lastChild.textContent") == ["20", "1"]
    with torch.inference_mode():
        memory = en_zh.inspector.forced_pass(inside.src, inside.tgt).memory[0]
        no_padding = torch.zeros(1, len(memory), dtype=torch.bool)
        _, gates = equations.untrained_gates(D)(memory[None], no_padding)
        close(web.first("s10-channel", "channel-gate"), gates["channel"][0, :4], 1e-5)
        close(web.values("#s10-spatial [data-bar]"), gates["spatial"][0], 1e-5)
        image = forward["image"]
        close(web.values("#image-channel [data-channelgate]"), image["channel"], 1e-6)
        close(web.values("#image-temporal [data-framegate]"), image["temporal"][0], 1e-6)
        web.click('[data-key="frame-3"]')
        close(web.values("#image-temporal [data-framegate]"), image["temporal"][3], 1e-6)
        web.click('[data-key="patch-2"]')
        close(web.values("#image-soft [data-patch]"), image["patches"][2], 1e-6)
        web.pick("s10-reference", 2)
        close(web.values("#s10-temporal [data-bar]"), equations.temporal_gate(memory, 2), 1e-5)


def test_controls_by_keyboard_and_touch(web, forward):
    web.open(forward)
    web.focus('#s3-tokens button[data-i="0"]')
    web.press(Keys.ARROW_RIGHT, Keys.ARROW_RIGHT, Keys.ENTER)
    focused = "document.activeElement.dataset.key"
    pressed = '#s3-tokens [aria-pressed="true"]'
    assert web.js(focused) == "s3-tokens-2" and web.each(pressed, "node.dataset.i") == ["2"]
    web.press(Keys.HOME, Keys.SPACE)
    assert web.js(focused) == "s3-tokens-0" and web.each(pressed, "node.dataset.i") == ["0"]
    web.focus("#s2-heat td.chosen")
    web.press(Keys.ARROW_DOWN, Keys.ARROW_RIGHT, Keys.ENTER)
    assert web.js(focused) == "s2-heat-1-2"  # it began at 0, 1, and the focus stays
    assert web.each("#s2-heat td.chosen", "[+node.dataset.row, +node.dataset.col]") == [[1, 2]]
    web.focus("#tau")
    web.press(Keys.HOME)
    assert (
        sorted(web.values("#s6-bars [data-bar]"))[-1] == 1
        and web.values("#s6-bars [data-bar]").sum() == 1
    )
    web.press(Keys.END)
    assert len(set(web.values("#s6-bars [data-bar]"))) == 1
    web.focus("#d-k")
    web.press(Keys.END)
    assert web.text("#d-k-text") == "1024"
    web.tap('#s1-tokens button[data-i="1"]')
    assert web.each('#s1-tokens [aria-pressed="true"]', "node.dataset.i") == ["1"]
    stops = web.js(
        "[...document.querySelectorAll('.chips')]"
        ".map(node => node.querySelectorAll('[tabindex=\"0\"]').length)"
    )
    assert set(stops) == {1}  # each group of buttons is one stop of the Tab key
    nameless = [
        n
        for n in web.browser.find_elements(By.CSS_SELECTOR, "button, select, input")
        if not n.accessible_name
    ]
    assert nameless == []


def test_languages_and_themes(web, forward):
    web.open(forward)
    assert web.text("h1") == "Attention, step by step"
    text = web.js("document.body.innerText")
    assert not re.search(r"undefined|NaN|\[object", text)
    web.click("#language")
    assert web.text("h1") == "一步一步看懂注意力"
    text = web.js("document.body.innerText")
    assert not re.search(r"undefined|NaN|\[object", text)
    assert [f"{i}. " in text for i in range(1, 11)] == [True] * 10
    headings = web.each("h2, h3, nav a", "node.textContent")
    assert all(re.search(r"[\u4e00-\u9fff]", text) for text in headings if not text.startswith("x"))
    background = "getComputedStyle(document.body).backgroundColor"
    before = web.js(background)
    web.click("#theme")
    assert web.js(background) != before
    dark = {"features": [{"name": "prefers-color-scheme", "value": "dark"}]}
    web.browser.execute_cdp_cmd("Emulation.setEmulatedMedia", dark)
    assert web.open(forward).js(background) != before


def test_a_narrow_screen_and_a_reader_of_chinese(web, en_zh, zh_en, forward, backward):
    metrics = {"width": 360, "height": 800, "deviceScaleFactor": 1, "mobile": True}
    agent = {"userAgent": web.js("navigator.userAgent")}
    web.browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
    web.browser.execute_cdp_cmd("Network.setUserAgentOverride", agent | {"acceptLanguage": "zh-CN"})
    for data in (forward, backward):
        web.open(data)
        assert web.text("h1") == "一步一步看懂注意力"
        assert web.js("document.documentElement.scrollWidth") <= 360
        web.click("#language")
        assert web.js("document.documentElement.scrollWidth") <= 360
    web.browser.execute_cdp_cmd("Network.setUserAgentOverride", agent | {"acceptLanguage": "en-US"})
    web.browser.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})


def test_odd_text_does_no_harm(web, en_zh, no_switching):
    odd = "I </script><script>alert(1)</script> <b>&"
    translator = en_zh
    assert (
        len(translator.src_tokenizer.encode([odd])[0]) > 30
    )  # spelt in bytes: too long to draw by itself
    data = primer_data.primer_data(translator, "I <b>&", "我<i>&")
    data["off"]["rows"] = [
        {"kind": "cross", "layer": 0, "head": 0, "text": odd + odd, "log_prob": -1.0}
    ]
    data["run"]["name"] = data["src"]["text"] = data["off"]["whole"]["text"] = odd
    web.open(data)
    assert web.text("#src-text") == odd
    assert web.js("document.querySelectorAll('script').length") == 2
    assert web.js("document.querySelectorAll('#off b, #off script, #s1-bars b').length") == 0
    assert odd in web.text("#off")


def test_size(forward):
    """Of the page itself, and of what the largest models add to it."""
    template = len(page.render({}, "primer.html").encode())
    assert template < 200_000
    assert len(page.render(forward, "primer.html").encode()) < template + 200_000


def test_the_formula_and_the_contents_follow_the_reader(web, forward):
    """What is read lights up, in the formula, in the picture, in the contents."""
    web.open(forward)

    def lit() -> tuple[set[str], set[str]]:
        frame = "new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))"
        web.js(frame)
        parts = [
            set(web.each(f"#strip {where} [data-part].lit", "node.dataset.part"))
            for where in (".formulas", "#svg")
        ]
        return parts[0], parts[1]

    for place, formula, picture in (
        ("#s2", {"scores"}, {"X", "scores"}),
        ("#step-qkv", {"Q", "K", "V"}, {"W", "Q", "K", "V"}),
        ("#step-scaled", {"scale"}, {"scale"}),
        ("#step-z", {"V"}, {"V", "Z"}),
    ):
        web.js(f"document.querySelector('{place}').scrollIntoView()")
        assert lit() == (formula, picture), place
        top = web.js("document.querySelector('#strip').getBoundingClientRect().top")
        assert top == 0  # always in sight
        current = web.each("nav [aria-current]", "node.hash")
        assert current == ["#s2" if place == "#s2" else "#s4"]
    assert web.each("#strip.reduced", "1") == []
    # To scale: in the picture X is as many times wider than Q as D is larger than K.
    width = "Number(node.querySelector('rect').getAttribute('width'))"
    (x,), (q,) = (web.each(f'#svg [data-part="{part}"]', width) for part in "XQ")
    assert x / q == pytest.approx(D / K)


def test_numbers_show_under_the_mouse_the_finger_and_the_focus(web, en_zh, forward):
    web.open(forward)
    x = np_floats(forward["study"]["x"], len(ZH), D)
    strip = web.find("#s2-x canvas")
    web.show("#s2-x canvas")
    ActionChains(web.browser, duration=0).move_to_element(strip).perform()
    column, number = re.fullmatch(r"\[(\d+)\]: (.*)", web.text("#tip")).groups()
    assert float(number.replace("−", "-")) == pytest.approx(x[0, int(column)], abs=1e-4)
    assert int(column) in (D // 2 - 1, D // 2)
    web.tap('#s4-weights td[data-row="1"][data-col="0"]')
    weight = web.heat("s4-weights")[1, 0]
    assert float(web.text("#tip").split(": ")[-1]) == pytest.approx(weight, abs=1e-4)
    web.focus("#s2-heat td.chosen")
    assert web.text("#tip").startswith(f"{ZH[0]} → {ZH[1]}: ")


def test_charts_images_and_trained_matrices_tell_the_mouse(web, forward):
    web.open(forward)

    def at(selector):
        web.show(selector)
        node = web.find(selector)
        ActionChains(web.browser, duration=0).move_to_element(node).perform()
        return web.text("#tip")

    row = forward["scaling"][3]  # 2³
    gradients = [row["spread"][key]["query_gradient"] for key in ("1", "sqrt", "d_k")]
    tip = at("#chart .area:nth-of-type(4)")
    assert tip.startswith("8: ÷ 1 ")
    said = [float(part.split()[-1]) for part in tip.removeprefix("8: ").split(", ")]
    assert said == pytest.approx(gradients, rel=0.01)

    positions = np_floats(forward["positions"], primer_data.LONGEST, D)
    tip = at("#s9-chart .area:nth-of-type(3)")
    assert float(tip.split(": ")[1]) == pytest.approx(positions[2] @ positions[1], abs=0.01)

    pixels = np_floats(forward["image"]["pixels"], 3, 12, 12)
    place, numbers = at("#image-channel canvas").split(": ")
    r, c = map(int, place.strip("[]").split(", "))
    assert [float(x) for x in numbers.split()] == pytest.approx(pixels[:, r, c], abs=1e-4)

    spatial = np_floats(forward["image"]["spatial"], 12, 12)
    place, number = at("#image-spatial figure:nth-of-type(2) canvas").split(": ")
    r, c = map(int, place.strip("[]").split(", "))
    assert float(number) == pytest.approx(spatial[r, c], abs=1e-4)  # one number, not a colour

    d_k = D // forward["run"]["n_heads"]
    assert at("#s4-qkv-shapes .solid").startswith(f"{D} × {d_k} trained numbers")
    assert web.each("#s7-shapes .solid", "node.dataset.tip ?? null") == [None] * 4  # not trained


def test_arrow_keys_read_strips_and_tables(web, forward):
    web.open(forward)
    x = np_floats(forward["study"]["x"], len(ZH), D)
    web.focus("#s2-x canvas")
    for keys, row, column in [
        ([], 0, 0),
        ([Keys.ARROW_RIGHT] * 2, 0, 2),
        ([Keys.ARROW_DOWN], 1, 2),
        ([Keys.END], 1, D - 1),
        ([Keys.ARROW_DOWN] * len(ZH), len(ZH) - 1, D - 1),
    ]:
        web.press(*keys)
        where, number = re.fullmatch(r"\[(\d+)\]: (.*)", web.text("#tip")).groups()
        assert int(where) == column
        assert float(number.replace("−", "-")) == pytest.approx(x[row, column], abs=1e-4)
    web.focus("#s4-x-shapes canvas")  # a matrix: rows first, and the next canvas beyond them
    web.press(Keys.ARROW_DOWN, Keys.ARROW_RIGHT)
    assert web.text("#tip").startswith("[1, 1]: ")
    web.focus("#s4-qkv-shapes canvas")
    n_rows, focused = web.js("document.activeElement.numbers.length"), "document.activeElement"
    web.press(*[Keys.ARROW_DOWN] * n_rows)  # to Q, past W_Q, whose numbers the page does not have
    assert web.js(f"{focused}.classList.contains('q')") and web.text("#tip").startswith("[0, 0]: ")
    web.press(Keys.ARROW_DOWN, Keys.ARROW_UP, Keys.ARROW_UP)  # and back to the last row of X
    assert web.text("#tip").startswith(f"[{n_rows - 1}, 0]: ")
    web.focus('#s4-weights td[tabindex="0"]')
    web.press(Keys.ARROW_DOWN, Keys.ARROW_RIGHT)
    assert float(web.text("#tip").split(": ")[-1]) == pytest.approx(
        web.heat("s4-weights")[1, 1], abs=1e-4
    )
    web.js("scrollTo(0, 0)")
    WebDriverWait(web.browser, 10).until(lambda _: web.js("$('tip').hidden"))
    for box in ["#s2-x", "#s4-qkv", "#s4-qkv-shapes", "#s8-concat", "#s4-scores", "#s7-heat"]:
        assert len(web.each(f'{box} [tabindex="0"]', "true")) == 1, box  # one stop of the Tab key


def test_the_numbers_of_the_chart_stand_below_it(web, forward):
    web.open(forward)
    row = next(row for row in forward["scaling"] if row["d_k"] == 256)
    for measure in ["variance", "query_gradient"]:
        figures = [
            f"{row['spread'][key][measure]:#.3g}".rstrip(".") for key in ["1", "sqrt", "d_k"]
        ]
        assert ", ".join(figures) in web.text("#s5-read")


def test_each_section_folds_out_the_code_behind_it(web, forward):
    """The text of a function as its file has it, at the line that is named."""
    web.open(forward)
    root = Path(package.__file__).parents[1]
    for section in range(1, 11):
        folds = web.each(
            f"#code-{section} details",
            "[...node.querySelectorAll('code, small, pre')].map(each => each.textContent)",
        )
        assert folds, section
        for name, place, source in folds:
            path, _, line = place.partition(":")
            below = "".join((root / path).read_text("utf-8").splitlines(True)[int(line) - 1 :])
            assert below.startswith(source)
            assert re.search(rf"^(def|class) {name}\b", source, re.MULTILINE)
    web.browser.find_element("css selector", "#code-3 summary").click()
    assert web.js("document.querySelector('#code-3 pre').offsetHeight") > 0
    web.browser.find_element("id", "language").click()
    assert web.js("document.querySelector('#code-3 details').open")


def test_five_sizes_of_type(web, forward):
    web.open(forward)
    web.js("document.querySelectorAll('details').forEach(node => node.open = true)")
    own = "[...node.childNodes].some(each => each.nodeType === 3 && each.textContent.trim())"
    sizes = web.each("body *", f"{own} ? getComputedStyle(node).fontSize : null")
    assert len({size for size in sizes if size}) <= 5


def test_the_table_of_heads_keeps_its_result_in_sight(web, forward):
    metrics = {"width": 360, "height": 800, "deviceScaleFactor": 1, "mobile": True}
    web.browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
    try:
        web.open(forward)
        box = "document.querySelector('#off').getBoundingClientRect().right"
        cell = (
            "document.querySelector('#off [data-off] td:last-child').getBoundingClientRect().right"
        )
        assert web.js(cell) <= web.js(box) + 1
    finally:
        web.browser.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})


def test_indices_are_type_set(web, forward):
    """Nowhere does the page show d_k or W_Q with an underscore, but in names of the code."""
    web.open(forward)
    web.js("document.querySelectorAll('details').forEach(node => node.open = true)")
    raw = r"/(^|[^\p{L}\d_])\p{L}_\p{L}/u"
    own = f"[...node.childNodes].filter(each => each.nodeType === 3 && {raw}.test(each.data))"
    for _ in range(2):
        found = web.each("body :not(code, pre, script)", f"{own}.map(each => each.data).join()")
        assert [text for text in found if text] == []
        assert "dk" in web.each("#s5 h2", "node.querySelector('sub').parentNode.textContent")[0]
        web.click("#language")


def test_charts_name_their_axes_and_a_logarithmic_scale(web, forward):
    web.open(forward)
    assert web.text("#chart figcaption") == "gradient that reaches q, logarithmic scale"
    texts = web.each("#chart text", "node.textContent")
    assert "dk, twice as long at each step" in texts
    assert {"1", "0.1", "0.01", "0.001"} <= set(texts)
    # Each power of ten is as high as the next.
    heights = web.js(
        "[...document.querySelectorAll('#chart text')].filter(node => /^0?[.]?0*1$/.test("
        "node.textContent) && node.getAttribute('text-anchor') === 'end')"
        ".map(node => Number(node.getAttribute('y')))"
    )
    assert len(heights) >= 4 and np.ptp(np.diff(sorted(heights))) < 0.1
    # The charts that are folded away say which of them are logarithmic.
    assert [text.endswith("logarithmic scale") for text in web.each(
        "#charts figcaption", "node.textContent"
    )] == [True, False, False]  # fmt: skip
    assert web.text("#off-count").startswith(f"{len(forward['off']['rows'])} heads")
    assert web.js("$('off').scrollHeight <= $('off').clientHeight + 1")  # all of them are in sight


@pytest.mark.parametrize("width", [390, 1120])
def test_tables_of_short_sentences_and_formulas_are_not_cut(web, forward, width):
    metrics = {"width": width, "height": 800, "deviceScaleFactor": 1, "mobile": width < 600}
    web.browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
    try:
        web.open(forward)
        cut = "node.scrollWidth > node.clientWidth + 1 ? node.id || node.textContent : null"
        web.pick("s7-kinds", 2)
        assert not any(web.each(".formula", cut))
        assert web.each("#s7-heat", cut) == [None]
    finally:
        web.browser.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})


def test_forty_tokens_fit_the_page(web, en_zh, no_switching):
    """The longest sentence that the page draws does not widen it."""
    text = "I like apples and " * 20
    ids = en_zh.src_tokenizer.encode([text])[0][: primer_data.LONGEST - 1]
    long_text = en_zh.src_tokenizer.decode([ids])[0]
    assert len(en_zh.src_tokenizer.encode([long_text])[0]) == primer_data.LONGEST
    data = primer_data.primer_data(en_zh, long_text, ZH * 3)
    web.open(data)
    assert web.heat("s4-weights").shape == (primer_data.LONGEST,) * 2
    assert web.js("document.documentElement.scrollWidth <= innerWidth")
