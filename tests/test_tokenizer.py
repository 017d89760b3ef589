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


def make(kind, side):
    """A tokenizer of `kind`, trained on English (spaced), Chinese, or both (joint)."""
    lines = {"spaced": ENGLISH, "chinese": CHINESE, "joint": ENGLISH + CHINESE}[side]
    options = TokenizerConfig(type=kind, vocab_size=380)
    tokenizer, _ = train_tokenizer(lines, options, dummy_prefix=side == "spaced")
    return tokenizer


@pytest.fixture(scope="module", params=KINDS, ids=lambda param: f"{param[0].value}-{param[1]}")
def tokenizer(request):
    return make(*request.param)


@pytest.fixture(scope="module", params=["spaced", "chinese", "joint"])
def unigram(request):
    return make(TokenizerType.unigram, request.param)


def special_ids(tokenizer):
    return {tokenizer.pad_id, tokenizer.unk_id, tokenizer.bos_id, tokenizer.eos_id}


# --------------------------------------------------------------------------------------- round trip

ALPHABETS = [
    # Every character that UTF-8 has: control, unassigned and private use, too.
    st.characters(exclude_categories=["Cs"]),
    st.sampled_from(string.ascii_letters + string.digits + string.punctuation + "   "),
    st.sampled_from("的一是不了我你他猫狗坐知道，。！？；：“”‘’（）《》【】、…—～·　"),
    st.sampled_from("㐂𠮷龘齉𪚥，ＡＢｃ１２ﬁ①Ⅳ㈱"),
    st.sampled_from("😀👩‍👩‍👧🇨🇳👍🏽❤️e\u0301n\u0303\u200b\u200d\ufe0f"),
    st.sampled_from("\ufeff\u00a0\u3000\u2581\ufffd\u2585\u2047"),
    st.sampled_from("\x00\x01\x07\x08\x1b\x1f\x7f\x80\x9f\u200e\u202e\ufffe"),
]
WORDS = st.sampled_from([*SPECIAL, "   ", "the cat", "知道"])
TEXT = st.lists(st.text(st.one_of(ALPHABETS), max_size=8) | WORDS, max_size=8).map("".join)


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
    assert not special_ids(tokenizer) & set(ids[:-1])
    assert all(0 <= i < len(tokenizer) for i in ids)
    assert len(tokenizer.pieces(ids)) == len(ids)


@settings(max_examples=60, deadline=None)
@given(text=TEXT, seed=st.integers(0, 2**31))
def test_a_sampled_segmentation_is_of_the_same_text(unigram, text, seed):
    ids = unigram.sample([text], 0.3, seed)[0]
    assert unigram.decode([ids])[0] == text.replace("\u2581", " ")
    assert ids[-1] == unigram.eos_id
    assert not special_ids(unigram) & set(ids[:-1])


def test_several_texts_at_once_are_each_as_alone(tokenizer):
    texts = [ENGLISH[0], "", CHINESE[1], "😀"]
    assert tokenizer.encode(texts) == [tokenizer.encode([text])[0] for text in texts]
    assert tokenizer.decode(tokenizer.encode(texts)) == texts
    assert tokenizer.encode([]) == tokenizer.decode([]) == []


# -------------------------------------------------------------------------------------- special ids


def test_special_ids_are_distinct_and_give_no_text(tokenizer):
    assert len(special_ids(tokenizer)) == 4
    assert tokenizer.decode([[tokenizer.bos_id, tokenizer.pad_id, tokenizer.eos_id]]) == [""]
    ids = tokenizer.encode(["知道 the cat"])[0]
    wrapped = [tokenizer.bos_id, *ids, tokenizer.pad_id, tokenizer.pad_id]
    assert tokenizer.decode([wrapped])[0] == "知道 the cat"


@pytest.mark.parametrize("text", SPECIAL)
def test_text_cannot_inject_a_special_id(tokenizer, text):
    for line in (text, f"a {text} b", f"知道{text}", text * 3):
        ids = tokenizer.encode([line])[0]
        assert not special_ids(tokenizer) & set(ids[:-1])
        assert tokenizer.decode([ids])[0] == line.replace("▁", " ")


@settings(max_examples=60, deadline=None)
@given(text=TEXT)
def test_spans_are_the_characters_that_each_token_writes(tokenizer, text):
    ids = tokenizer.encode([text])[0]
    decoded, spans = tokenizer.spans(ids)
    assert decoded == tokenizer.decode([ids])[0]
    assert len(spans) == len(ids) and spans[-1] == (len(text), len(text))  # eos
    # Every character is covered once, by one token or by the bytes that share it.
    covered = [i for start, end in dict.fromkeys(spans) for i in range(start, end)]
    assert covered == list(range(len(text)))
    for i, (start, end) in zip(ids[:-1], spans, strict=False):
        if not tokenizer.processor.is_byte(i):
            piece = tokenizer.pieces([i])[0].replace("▁", " ")
            # A dummy prefix writes nothing.
            assert decoded[start:end] in (piece, piece[1:])


@settings(max_examples=60, deadline=None)
@given(text=TEXT)
def test_written_spans_are_those_of_decoding_where_nothing_is_changed(tokenizer, text):
    ids = tokenizer.encode([text])[0]
    assert tokenizer.written_spans(text) == tokenizer.spans(ids)[1]


NORMALIZED = [
    ("Wait… I know.", "…", "..."),
    ("㍿ know", "㍿", "株式会社"),
    ("the ﬁne cat", "ﬁ", "fi"),
    ("the ﬂ cat", "ﬂ", "fl"),
    ("cat ㎏ cat", "㎏", "kg"),
    ("the ＣＡＴ sat", "ＣＡＴ", "cat"),
    ("know ½ it", "½", "1⁄2"),
    ("the e\u0301 cat", "e\u0301", "é"),
    ("  the   cat ", "cat", "cat"),
    ("the\u3000cat", "cat", "cat"),
    ("a\u200bcat", "cat", "cat"),
    ("\ufeffthe cat", "cat", "cat"),
]


@pytest.mark.parametrize("with_bytes", [True, False], ids=["bytes", "unknown"])
@pytest.mark.parametrize("suffix", [True, False], ids=["suffix", "prefix"])
@pytest.mark.parametrize("text, written, becomes", NORMALIZED)
def test_spans_point_into_the_text_as_written(tmp_path, with_bytes, suffix, text, written, becomes):
    """All that a character becomes stands for it, and nothing else does."""
    options = {"byte_fallback": with_bytes, "vocab_size": 400 if with_bytes else 120}
    options |= {"normalization_rule_name": "nmt_nfkc_cf", "treat_whitespace_as_suffix": suffix}
    tokenizer = Tokenizer.load(sentencepiece_model(tmp_path / "a.model", **options))
    ids, spans = tokenizer.encode([text])[0], tokenizer.written_spans(text)
    assert len(spans) == len(ids) and spans[-1] == (len(text), len(text))
    start = text.index(written)
    end = start + len(written)
    pieces = tokenizer.pieces(ids)
    raw = b""
    for piece, (first, last) in zip(pieces, spans, strict=True):
        if max(first, start) < min(last, end):
            byte = re.fullmatch("<0x([0-9A-F]{2})>", piece)
            raw += bytes.fromhex(byte[1]) if byte else piece.encode()
    assert raw.decode().strip("▁") == becomes or "<unk>" in raw.decode()
    # A space before the first word, or after the last, stands for nothing that was written.
    assert spans[0] != (0, 1) or pieces[0] != "▁"


def test_the_bytes_of_a_character_share_its_span():
    tokenizer = make(TokenizerType.unigram, "chinese")
    ids = tokenizer.encode(["猫😀狗"])[0]
    assert tokenizer.spans(ids)[1] == [(0, 1), (1, 2), (1, 2), (1, 2), (1, 2), (2, 3), (3, 3)]


def test_bytes_that_make_no_text_do_not_fail(tokenizer):
    byte = next(i for i in range(len(tokenizer)) if tokenizer.pieces([i]) == ["<0xFF>"])
    assert tokenizer.decode([[byte, tokenizer.eos_id]]) == ["\ufffd"]


def test_the_first_word_is_like_the_others_only_where_words_are_spaced():
    spaced = make(TokenizerType.unigram, "spaced")
    twice, once = spaced.encode(["know know"])[0][:-1], spaced.encode(["know"])[0][:-1]
    assert twice == once * 2
    chinese = make(TokenizerType.unigram, "chinese")
    assert "▁" not in "".join(chinese.pieces(chinese.encode(["你知道"])[0]))


# ---------------------------------------------------------------------------------- vocabulary size


@pytest.mark.parametrize("kind", TokenizerType)
@pytest.mark.parametrize(
    "lines", [ENGLISH, CHINESE, ["a"], ["好"]], ids=["english", "chinese", "a", "好"]
)
def test_a_vocabulary_too_large_is_lowered_with_both_numbers(kind, lines):
    options = TokenizerConfig(type=kind, vocab_size=30_000)
    tokenizer, warning = train_tokenizer(lines, options, False)
    assert 256 < len(tokenizer) < 1000
    rule = f"is more than the corpus allows: {len(tokenizer)} used."
    assert warning == f"tokenizer.vocab_size=30000 {rule}"
    assert tokenizer.decode(tokenizer.encode(lines)) == lines


@pytest.mark.parametrize("kind", TokenizerType)
def test_a_vocabulary_that_fits_is_taken_without_a_word(kind):
    tokenizer, warning = train_tokenizer(ENGLISH, TokenizerConfig(type=kind, vocab_size=300), True)
    assert (len(tokenizer), warning) == (300, "")


@pytest.mark.parametrize("kind", TokenizerType)
def test_a_vocabulary_too_small_is_refused_with_both_numbers(kind):
    lines = [chr(0x4E00 + i) * 3 for i in range(500)]

    def train(vocab_size):
        return train_tokenizer(lines, TokenizerConfig(type=kind, vocab_size=vocab_size), False)[0]

    # 500 characters, 256 bytes and the special ids do not fit.
    message = r"tokenizer\.vocab_size=300 is too small: .* (\d+); raise it"
    with pytest.raises(UserError, match=message) as error:
        train(300)
    needed = int(re.search(r"take (\d+)", str(error.value))[1])
    assert len(train(needed)) >= 500
    with pytest.raises(UserError, match=f"vocab_size={needed - 1} is too small"):
        train(needed - 1)


REFUSED = {"long": "long " * 14_000, "long_in_bytes": "长" * 22_000, "reserved": "a ▅ b"}


@pytest.mark.parametrize("line", REFUSED.values(), ids=REFUSED)
@pytest.mark.parametrize("joint", [False, True])
def test_lines_that_sentencepiece_does_not_take_are_told(line, joint):
    options = TokenizerConfig(vocab_size=300, joint=joint)
    with pytest.raises(UserError, match=r"2 of 2 lines .* over 65536 bytes or with U\+2585; split"):
        train_tokenizer([line, line + "."], options, True)
    tokenizer, warning = train_tokenizer([*ENGLISH, line], options, True)
    assert warning.startswith(f"1 of {len(ENGLISH) + 1} lines had no part in the vocabulary")
    plain, no_warning = train_tokenizer(ENGLISH, options, True)
    assert tokenizer.model == plain.model and "lines" not in no_warning
    assert tokenizer.decode(tokenizer.encode([line])) == [line]


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
    samples = [tokenizer.sample(texts, 0.2, seed) for seed in range(4)]
    assert tokenizer.sample(texts, 0.2, 2) == samples[2]
    assert make(kind, "joint").sample(texts, 0.2, 2) == samples[2]  # whatever was drawn before
    assert len({str(ids) for ids in samples}) == 4
    best = make(kind, "joint").encode(texts)
    for ids in samples:
        assert tokenizer.decode(ids) == texts
        assert ids != best
    assert tokenizer.encode(texts) == best  # as before any sample


def test_segmentations_are_drawn_in_proportion_to_their_smoothed_probability():
    tokenizer, alpha, n = make(TokenizerType.unigram, "joint"), 0.2, 4000
    text = ENGLISH[0][:12]
    counts = Counter(tuple(ids) for ids in tokenizer.sample([text] * n, alpha, seed=1))
    scores = {}
    for ids in tokenizer.processor.nbest_encode(text, nbest_size=32, add_eos=True):
        scores[tuple(ids)] = math.exp(alpha * sum(tokenizer.processor.get_score(i) for i in ids))
    total = sum(scores.values())
    assert len(scores) > 4
    for ids, score in scores.items():
        expected = n * score / total
        assert abs(counts[ids] - expected) < 5 * math.sqrt(expected) + 1


def test_sampling_from_bpe_is_refused():
    with pytest.raises(UserError, match="sampling_alpha > 0 needs unigram"):
        make(TokenizerType.bpe, "joint").sample(["text"], 0.2, 1)


# ---------------------------------------------------------------------------------- existing models


def sentencepiece_model(path, **options):
    """A model as a user may have trained it elsewhere."""
    model = io.BytesIO()
    defaults = {"vocab_size": 120, "hard_vocab_limit": False, "minloglevel": 2, "pad_id": 3}
    lines, options = iter(ENGLISH + CHINESE), defaults | options
    spm.SentencePieceTrainer.train(sentence_iterator=lines, model_writer=model, **options)
    path.write_bytes(model.getvalue())
    return path


def test_an_existing_model_is_loaded(tmp_path):
    tokenizer = make(TokenizerType.bpe, "joint")
    (tmp_path / "词表.model").write_bytes(tokenizer.model)
    loaded = Tokenizer.load(tmp_path / "词表.model")
    assert loaded.fingerprint == tokenizer.fingerprint
    assert loaded.encode(CHINESE) == tokenizer.encode(CHINESE)
    assert loaded.lossless


def test_special_ids_are_read_from_the_model(tmp_path):
    path = sentencepiece_model(tmp_path / "a.model", pad_id=7, unk_id=5, bos_id=6, eos_id=4)
    loaded = Tokenizer.load(path)
    assert (loaded.pad_id, loaded.unk_id, loaded.bos_id, loaded.eos_id) == (7, 5, 6, 4)
    assert loaded.encode(["the cat"])[0][-1] == 4


def test_a_model_without_special_ids_is_refused(tmp_path):
    path = sentencepiece_model(tmp_path / "a.model", pad_id=-1)
    message = re.escape(f"{path}: the vocabulary has no pad; train it with --pad_id=0")
    with pytest.raises(UserError, match=message):
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
    def is_lossless(**options):
        return Tokenizer.load(sentencepiece_model(tmp_path / "a.model", **options)).lossless

    assert not is_lossless()  # ， becomes ,
    options = {"normalization_rule_name": "identity", "byte_fallback": True, "vocab_size": 400}
    assert not is_lossless(**options)  # runs of spaces are lost
    options["remove_extra_whitespaces"] = False
    assert is_lossless(**options)
    options |= {"byte_fallback": False, "vocab_size": 120}
    assert not is_lossless(**options)  # unknown characters are lost


@pytest.fixture
def prepared(tmp_path):
    """Prepare a corpus of a few rows, in a direction and with options of the tokenizer."""
    rows = [f"{en} {i}\t{zh}{i}\n" for i, (en, zh) in enumerate(zip(ENGLISH, CHINESE, strict=True))]
    (tmp_path / "c.tsv").write_text("".join(rows), encoding="utf-8")
    data = DataConfig(train=str(tmp_path / "c.tsv"), cache_dir=str(tmp_path / "cache"))

    def prepare_with(direction="en-zh", **options):
        tokenizer = TokenizerConfig(**options)
        return prepare(Config(direction=direction, data=data, tokenizer=tokenizer))

    return prepare_with


def test_a_corpus_is_prepared_with_existing_models(prepared, tmp_path, capsys):
    src, tgt = tmp_path / "src.model", tmp_path / "tgt.model"
    src.write_bytes(make(TokenizerType.bpe, "spaced").model)
    tgt.write_bytes(make(TokenizerType.bpe, "chinese").model)
    forward = prepared(src_model=str(src), tgt_model=str(tgt))
    assert forward.src_tokenizer.model == src.read_bytes()
    assert forward.tgt_tokenizer.model == tgt.read_bytes()
    assert forward.src_tokenizer.decode(forward.train["src_ids"])[0].startswith("The cat sat")
    backward = prepared("zh-en", src_model=str(tgt), tgt_model=str(src))
    assert backward.src_tokenizer.decode(backward.train["src_ids"])[0].startswith("猫坐在")
    joint = prepared(joint=True, src_model=str(src))
    assert joint.tgt_tokenizer.model == src.read_bytes()
    assert "warning" not in capsys.readouterr().err


def test_a_lossy_model_is_taken_with_a_warning(prepared, tmp_path, capsys):
    lossy = sentencepiece_model(tmp_path / "lossy.model")
    good = tmp_path / "good.model"
    good.write_bytes(make(TokenizerType.bpe, "chinese").model)
    prepared(src_model=str(lossy), tgt_model=str(good))
    warnings = [line for line in capsys.readouterr().err.splitlines() if "warning" in line]
    assert len(warnings) == 1
    assert warnings[0].startswith(f"warning: {lossy} changes text")
    with pytest.raises(UserError, match=re.escape(f"{tmp_path / 'no.model'}: no such")):
        prepared(src_model=str(tmp_path / "no.model"), tgt_model=str(good))


def test_a_lowered_vocabulary_is_warned_of_once_for_each_side(prepared, capsys):
    corpus = prepared(vocab_size=20_000)
    warnings = [line for line in capsys.readouterr().err.splitlines() if "warning" in line]
    sizes = [len(corpus.src_tokenizer), len(corpus.tgt_tokenizer)]
    assert re.findall(r"=20000 .*: (\d+) used", "\n".join(warnings)) == list(map(str, sizes))
