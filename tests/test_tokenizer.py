"""Text to ids and back without loss."""

import io
import math
import re
import string
from collections import Counter

import pytest
import sentencepiece as spm
from hypothesis import example, given, settings
from hypothesis import strategies as st

from transformer_mt.config import Config, DataConfig, TokenizerConfig, TokenizerType, UserError
from transformer_mt.corpus import prepare
from transformer_mt.text import one_line
from transformer_mt.tokenizer import Tokenizer, train_tokenizer

ENGLISH = [
    "The cat sat on the mat, and the dog sat beside it.",
    'He said: "Wait a minute (or two)!" She didn\'t wait.',
    "Three <s> dogs </s> and  two spaces; <unk> <pad> <0x41> too.",
    "Do you know what time it is? It is 12:30.",
    "I know that you know what I know.",
] * 8
CHINESE = [
    "猫坐在垫子上，狗坐在它旁边。",
    "他说：“等一下（或者两下）！”她没有等。",
    "三只<s>狗</s>和两个空格；还有<unk><pad><0x41>。",
    "你知道现在几点吗？现在是十二点半。",
    "我知道你知道我知道什么。",
] * 8
SPECIAL = ["<s>", "</s>", "<pad>", "<unk>", "<0x41>", "<0xE4>", "▁<s>▁", "⁇", " ⁇ "]
KINDS = [(kind, side) for kind in TokenizerType for side in ("spaced", "chinese", "joint")]


def make(kind, side, vocab_size=380):
    lines = {"spaced": ENGLISH, "chinese": CHINESE, "joint": ENGLISH + CHINESE}[side]
    tokenizer, _ = train_tokenizer(
        lines, TokenizerConfig(type=kind, vocab_size=vocab_size), side == "spaced"
    )
    return tokenizer


@pytest.fixture(scope="module", params=KINDS, ids=lambda param: f"{param[0].value}-{param[1]}")
def tokenizer(request):
    return make(*request.param)


@pytest.fixture(scope="module", params=["spaced", "chinese", "joint"])
def unigram(request):
    return make(TokenizerType.unigram, request.param)


def specials(tokenizer):
    return {tokenizer.pad_id, tokenizer.unk_id, tokenizer.bos_id, tokenizer.eos_id}


# --------------------------------------------------------------------------------------- round trip

ALPHABETS = [
    st.characters(
        exclude_categories=["Cs"]
    ),  # every character that UTF-8 has: control, unassigned, private use
    st.sampled_from(string.ascii_letters + string.digits + string.punctuation + "   "),
    st.sampled_from("的一是不了我你他猫狗坐知道，。！？；：“”‘’（）《》【】、…—～·　"),
    st.sampled_from("㐂𠮷龘齉𪚥，ＡＢｃ１２ﬁ①Ⅳ㈱"),
    st.sampled_from(
        "😀👩‍👩‍👧🇨🇳👍🏽❤️e\u0301n\u0303\u200b\u200d\ufe0f\ufeff\u00a0\u3000\u2581\ufffd\u2585\u2047"
    ),
    st.sampled_from("\x00\x01\x07\x08\x1b\x1f\x7f\x80\x9f\u200e\u202e\ufffe"),
]
TEXT = st.lists(
    st.one_of(
        st.text(st.one_of(ALPHABETS), max_size=8),
        st.sampled_from([*SPECIAL, "   ", "the cat", "知道"]),
    ),
    max_size=8,
).map("".join)


@settings(max_examples=300, deadline=None)
@given(text=TEXT)
@example(text="")
@example(text="他说：“等一下（或者两下）！”《书》【注】、…——～·")
@example(text="  two  before,   three inside, one after ")
@example(text="   ")
@example(text="\u2581a \u2581")
@example(text="<s>Hello</s><pad><unk><0x41>")
@example(text="null\x00byte")
def test_encoding_and_decoding_give_back_every_line(tokenizer, text):
    ids = tokenizer.encode([text])[0]
    assert tokenizer.decode([ids])[0] == text.replace("\u2581", " ")
    assert ids[-1] == tokenizer.eos_id
    assert not specials(tokenizer) & set(ids[:-1])
    assert all(0 <= i < len(tokenizer) for i in ids)
    assert len(tokenizer.pieces(ids)) == len(ids)


@settings(max_examples=60, deadline=None)
@given(text=TEXT, seed=st.integers(0, 2**31))
def test_a_sampled_segmentation_is_of_the_same_text(unigram, text, seed):
    ids = unigram.sample([text], 0.3, seed)[0]
    assert unigram.decode([ids])[0] == text.replace("\u2581", " ")
    assert ids[-1] == unigram.eos_id
    assert not specials(unigram) & set(ids[:-1])


@settings(deadline=None)
@given(text=TEXT)
def test_one_line_is_one_line_and_a_fixed_point(text):
    line = one_line(text + "\n a\tb \u2028")
    assert len(line.splitlines()) == 1
    assert "\t" not in line
    assert line == line.strip() == one_line(line)
    assert line.replace(" ", "") == one_line(text + " a b").replace(" ", "")


def test_several_texts_at_once_are_each_as_alone(tokenizer):
    texts = [ENGLISH[0], "", CHINESE[1], "😀"]
    assert tokenizer.encode(texts) == [tokenizer.encode([text])[0] for text in texts]
    assert tokenizer.decode(tokenizer.encode(texts)) == texts
    assert tokenizer.encode([]) == tokenizer.decode([]) == []


# -------------------------------------------------------------------------------------- special ids


def test_special_ids_are_distinct_and_give_no_text(tokenizer):
    assert len(specials(tokenizer)) == 4
    assert tokenizer.decode([[tokenizer.bos_id, tokenizer.pad_id, tokenizer.eos_id]]) == [""]
    ids = tokenizer.encode(["知道 the cat"])[0]
    wrapped = [tokenizer.bos_id, *ids, tokenizer.pad_id, tokenizer.pad_id]
    assert tokenizer.decode([wrapped])[0] == "知道 the cat"


@pytest.mark.parametrize("text", SPECIAL)
def test_text_cannot_inject_a_special_id(tokenizer, text):
    for written in (text, f"a {text} b", f"知道{text}", text * 3):
        ids = tokenizer.encode([written])[0]
        assert not specials(tokenizer) & set(ids[:-1])
        assert tokenizer.decode([ids])[0] == written.replace("▁", " ")


@settings(max_examples=60, deadline=None)
@given(text=TEXT)
def test_spans_are_the_characters_that_each_token_writes(tokenizer, text):
    ids = tokenizer.encode([text])[0]
    written, spans = tokenizer.spans(ids)
    assert written == tokenizer.decode([ids])[0]
    assert len(spans) == len(ids) and spans[-1] == (len(text), len(text))  # eos
    covered = [i for start, end in dict.fromkeys(spans) for i in range(start, end)]
    assert covered == list(
        range(len(text))
    )  # every character once, by one token or by the bytes that share it
    for i, (start, end) in zip(ids[:-1], spans, strict=False):
        piece = tokenizer.pieces([i])[0].replace("▁", " ")
        assert tokenizer.processor.is_byte(i) or written[start:end] in (
            piece,
            piece[1:],
        )  # a dummy prefix writes none


def test_the_bytes_of_a_character_share_its_span():
    tokenizer = make(TokenizerType.unigram, "chinese")
    ids = tokenizer.encode(["猫😀狗"])[0]
    assert tokenizer.spans(ids)[1] == [(0, 1), (1, 2), (1, 2), (1, 2), (1, 2), (2, 3), (3, 3)]


def test_bytes_that_make_no_text_do_not_fail(tokenizer):
    byte = next(i for i in range(len(tokenizer)) if tokenizer.pieces([i]) == ["<0xFF>"])
    assert tokenizer.decode([[byte, tokenizer.eos_id]]) == ["\ufffd"]


def test_the_first_word_is_like_the_others_only_where_words_are_spaced():
    spaced = make(TokenizerType.unigram, "spaced")
    first, again = spaced.encode(["know know"])[0][:-1], spaced.encode(["know"])[0][:-1]
    assert first == again * 2
    chinese = make(TokenizerType.unigram, "chinese")
    assert "▁" not in "".join(chinese.pieces(chinese.encode(["你知道"])[0]))


# ---------------------------------------------------------------------------------- vocabulary size


@pytest.mark.parametrize("kind", TokenizerType)
@pytest.mark.parametrize(
    "lines", [ENGLISH, CHINESE, ["a"], ["好"]], ids=["english", "chinese", "a", "好"]
)
def test_a_vocabulary_too_large_is_lowered_with_both_numbers(kind, lines):
    tokenizer, warning = train_tokenizer(
        lines, TokenizerConfig(type=kind, vocab_size=30_000), False
    )
    assert 256 < len(tokenizer) < 1000
    assert (
        warning
        == f"tokenizer.vocab_size=30000 is more than the corpus allows: {len(tokenizer)} used."
    )
    assert tokenizer.decode(tokenizer.encode(lines)) == lines


@pytest.mark.parametrize("kind", TokenizerType)
def test_a_vocabulary_that_fits_is_taken_without_a_word(kind):
    tokenizer, warning = train_tokenizer(ENGLISH, TokenizerConfig(type=kind, vocab_size=300), True)
    assert (len(tokenizer), warning) == (300, "")


@pytest.mark.parametrize("kind", TokenizerType)
def test_a_vocabulary_too_small_is_refused_with_both_numbers(kind):
    lines = [
        chr(0x4E00 + i) * 3 for i in range(500)
    ]  # 500 characters, 256 bytes and the special ids do not fit
    with pytest.raises(
        UserError, match=r"tokenizer\.vocab_size=300 is too small: .* (\d+); raise it"
    ) as caught:
        train_tokenizer(lines, TokenizerConfig(type=kind, vocab_size=300), False)
    needed = int(re.search(r"take (\d+)", str(caught.value))[1])
    tokenizer, _ = train_tokenizer(lines, TokenizerConfig(type=kind, vocab_size=needed), False)
    assert len(tokenizer) >= 500
    with pytest.raises(UserError, match=f"vocab_size={needed - 1} is too small"):
        train_tokenizer(lines, TokenizerConfig(type=kind, vocab_size=needed - 1), False)


@pytest.mark.parametrize("lines", [[], [""], ["", ""]])
def test_no_text_gives_no_vocabulary(lines):
    with pytest.raises(UserError, match=r"no vocabulary .* no text"):
        train_tokenizer(lines, TokenizerConfig(), True)


def test_training_takes_any_iterable_and_is_repeatable():
    first, _ = train_tokenizer((line for line in ENGLISH), TokenizerConfig(vocab_size=300), True)
    second, _ = train_tokenizer(ENGLISH, TokenizerConfig(vocab_size=300), True)
    other, _ = train_tokenizer(ENGLISH, TokenizerConfig(vocab_size=301), True)
    assert first.model == second.model
    assert first.fingerprint == second.fingerprint != other.fingerprint


def test_pieces_of_chinese_can_be_kept_short():
    options = TokenizerConfig(vocab_size=380, max_piece_length=2)
    chinese, _ = train_tokenizer(CHINESE, options, dummy_prefix=False)
    english, _ = train_tokenizer(ENGLISH, options, dummy_prefix=True)

    def longest(tokenizer):
        pieces = tokenizer.pieces(list(range(len(tokenizer))))
        return max(len(p) for p in pieces if not p.startswith("<"))

    assert longest(chinese) == 2 < longest(make(TokenizerType.unigram, "chinese"))
    assert longest(english) > 2


# ----------------------------------------------------------------------------------------- sampling


def test_sampling_is_a_function_of_the_seed():
    kind = TokenizerType.unigram
    tokenizer = make(kind, "joint")
    texts = ENGLISH[:5] + CHINESE[:5]
    drawn = [tokenizer.sample(texts, 0.2, seed) for seed in range(4)]
    assert tokenizer.sample(texts, 0.2, 2) == drawn[2]
    assert make(kind, "joint").sample(texts, 0.2, 2) == drawn[2]  # whatever was drawn before
    assert len({str(ids) for ids in drawn}) == 4
    for ids in drawn:
        assert tokenizer.decode(ids) == texts
        assert ids != tokenizer.encode(texts)
    assert tokenizer.encode(texts) == make(kind, "joint").encode(
        texts
    )  # the best one stays as it was


def test_segmentations_are_drawn_in_proportion_to_their_smoothed_probability():
    tokenizer, alpha, n = make(TokenizerType.unigram, "joint"), 0.2, 4000
    text = ENGLISH[0][:12]
    drawn = Counter(tuple(ids) for ids in tokenizer.sample([text] * n, alpha, seed=1))
    scores = {}
    for ids in tokenizer.processor.nbest_encode(text, nbest_size=32, add_eos=True):
        scores[tuple(ids)] = math.exp(alpha * sum(tokenizer.processor.get_score(i) for i in ids))
    total = sum(scores.values())
    assert len(scores) > 4
    for ids, score in scores.items():
        expected = n * score / total
        assert abs(drawn[ids] - expected) < 5 * math.sqrt(expected) + 1


def test_sampling_from_bpe_is_refused():
    with pytest.raises(UserError, match="sampling_alpha > 0 needs unigram"):
        make(TokenizerType.bpe, "joint").sample(["text"], 0.2, 1)


# ---------------------------------------------------------------------------------- existing models


def sentencepiece_model(path, **options):
    """A model as a user may have trained it elsewhere."""
    model = io.BytesIO()
    defaults = {"vocab_size": 120, "hard_vocab_limit": False, "minloglevel": 2, "pad_id": 3}
    lines = iter(ENGLISH + CHINESE)
    spm.SentencePieceTrainer.train(
        sentence_iterator=lines, model_writer=model, **(defaults | options)
    )
    path.write_bytes(model.getvalue())
    return path


def test_an_existing_model_is_loaded(tmp_path):
    made = make(TokenizerType.bpe, "joint")
    (tmp_path / "词表.model").write_bytes(made.model)
    loaded = Tokenizer.load(tmp_path / "词表.model")
    assert loaded.fingerprint == made.fingerprint
    assert loaded.encode(CHINESE) == made.encode(CHINESE)
    assert loaded.lossless


def test_special_ids_are_read_from_the_model(tmp_path):
    path = sentencepiece_model(tmp_path / "a.model", pad_id=7, unk_id=5, bos_id=6, eos_id=4)
    loaded = Tokenizer.load(path)
    assert (loaded.pad_id, loaded.unk_id, loaded.bos_id, loaded.eos_id) == (7, 5, 6, 4)
    assert loaded.encode(["the cat"])[0][-1] == 4


def test_a_model_without_special_ids_is_refused(tmp_path):
    path = sentencepiece_model(tmp_path / "a.model", pad_id=-1)
    with pytest.raises(
        UserError, match=re.escape(f"{path}: the vocabulary has no pad; train it with --pad_id=0")
    ):
        Tokenizer.load(path)
    path = sentencepiece_model(tmp_path / "b.model", bos_id=-1, eos_id=-1)
    with pytest.raises(UserError, match=re.escape(f"{path}: the vocabulary has no bos, eos;")):
        Tokenizer.load(path)


@pytest.mark.parametrize("content", [b"", b"no model", b"\x00" * 200, b"\xff\xfe" * 40])
def test_what_is_no_model_is_refused(tmp_path, content):
    path = tmp_path / "a.model"
    path.write_bytes(content)
    with pytest.raises(UserError, match=re.escape(f"{path}: not a SentencePiece model")):
        Tokenizer.load(path)


def test_a_model_cut_short_is_refused(tmp_path):
    whole = make(TokenizerType.unigram, "spaced").model
    path = tmp_path / "a.model"
    for length in (10, len(whole) // 2, len(whole) - 7):
        path.write_bytes(whole[:length])
        with pytest.raises(UserError, match=re.escape(str(path))):
            Tokenizer.load(path)


def test_a_missing_model_is_refused(tmp_path):
    with pytest.raises(UserError, match=re.escape(f"{tmp_path / 'no.model'}: no such")):
        Tokenizer.load(tmp_path / "no.model")
    with pytest.raises(UserError, match=re.escape(f"{tmp_path}: no such")):
        Tokenizer.load(tmp_path)


def test_lossy_models_are_known(tmp_path):
    assert not Tokenizer.load(sentencepiece_model(tmp_path / "a.model")).lossless  # ， becomes ,
    options = {"normalization_rule_name": "identity", "byte_fallback": True, "vocab_size": 400}
    assert not Tokenizer.load(
        sentencepiece_model(tmp_path / "b.model", **options)
    ).lossless  # runs of spaces
    options["remove_extra_whitespaces"] = False
    assert Tokenizer.load(sentencepiece_model(tmp_path / "c.model", **options)).lossless
    options |= {"byte_fallback": False, "vocab_size": 120}
    assert not Tokenizer.load(
        sentencepiece_model(tmp_path / "d.model", **options)
    ).lossless  # unknown characters


@pytest.fixture
def corpus(tmp_path):
    rows = [f"{en} {i}\t{zh}{i}\n" for i, (en, zh) in enumerate(zip(ENGLISH, CHINESE, strict=True))]
    (tmp_path / "c.tsv").write_text("".join(rows), encoding="utf-8")
    data = DataConfig(train=str(tmp_path / "c.tsv"), cache_dir=str(tmp_path / "cache"))
    return lambda direction="en-zh", **options: prepare(
        Config(direction=direction, data=data, tokenizer=TokenizerConfig(**options))
    )


def test_a_corpus_is_prepared_with_existing_models(corpus, tmp_path, capsys):
    src, tgt = tmp_path / "src.model", tmp_path / "tgt.model"
    src.write_bytes(make(TokenizerType.bpe, "spaced").model)
    tgt.write_bytes(make(TokenizerType.bpe, "chinese").model)
    made = corpus(src_model=str(src), tgt_model=str(tgt))
    assert (made.src_tokenizer.model, made.tgt_tokenizer.model) == (
        src.read_bytes(),
        tgt.read_bytes(),
    )
    assert made.src_tokenizer.decode(made.train["src_ids"])[0].startswith("The cat sat")
    back = corpus("zh-en", src_model=str(tgt), tgt_model=str(src))
    assert back.src_tokenizer.decode(back.train["src_ids"])[0].startswith("猫坐在")
    joint = corpus(joint=True, src_model=str(src))
    assert joint.tgt_tokenizer.model == src.read_bytes()
    assert "warning" not in capsys.readouterr().err


def test_a_lossy_model_is_taken_with_a_warning(corpus, tmp_path, capsys):
    lossy = sentencepiece_model(tmp_path / "lossy.model")
    good = tmp_path / "good.model"
    good.write_bytes(make(TokenizerType.bpe, "chinese").model)
    corpus(src_model=str(lossy), tgt_model=str(good))
    warnings = [line for line in capsys.readouterr().err.splitlines() if "warning" in line]
    assert len(warnings) == 1
    assert warnings[0].startswith(f"warning: {lossy} changes text")
    with pytest.raises(UserError, match=re.escape(f"{tmp_path / 'no.model'}: no such")):
        corpus(src_model=str(tmp_path / "no.model"), tgt_model=str(good))


def test_a_lowered_vocabulary_is_warned_of_once_for_each_side(corpus, capsys):
    made = corpus(vocab_size=20_000)
    warnings = [line for line in capsys.readouterr().err.splitlines() if "warning" in line]
    sizes = [len(made.src_tokenizer), len(made.tgt_tokenizer)]
    assert [
        int(n) for line in warnings for n in re.findall(r"=20000 .*: (\d+) used", line)
    ] == sizes
