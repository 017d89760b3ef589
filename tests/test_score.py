"""The command `score`, and the method of the API behind it: log-probabilities of given text."""

import io
import json
import math

import pytest
import sentencepiece as spm
import torch
from helpers import SENTENCES, lines, make_run, write

from transformer_mt import Translator
from transformer_mt.config import UserError
from transformer_mt.tokenizer import Tokenizer

TRANSLATIONS = ["我喜欢苹果。", "他们每天买鱼和猫！", "😀", "你看见书！"]
PAIRS = list(zip(SENTENCES, TRANSLATIONS, strict=True))


def slow_log_probs(translator: Translator, src: str, tgt: str) -> list[float]:
    """The log-probability of each token of one pair, alone and unpadded."""
    (src_ids,), (tgt_ids,) = (
        translator.src_tokenizer.encode([src]),
        translator.tgt_tokenizer.encode([tgt]),
    )
    source = torch.tensor([src_ids])
    tgt_in = torch.tensor([[translator.tgt_tokenizer.bos_id, *tgt_ids[:-1]]])
    with torch.inference_mode():
        memory = translator.model.encode(source)
        logits = translator.model.decode(tgt_in, memory, torch.zeros_like(source).bool())
    log_probs = logits[0].log_softmax(-1)
    return [float(log_probs[t, i]) for t, i in enumerate(tgt_ids)]


@pytest.mark.parametrize("n_workers", [1, 2])
@pytest.mark.parametrize("batch_tokens", [1, 30, 2048])
def test_scores_are_those_of_the_model(tokenizers, tmp_path, batch_tokens, n_workers):
    translator = Translator(make_run(tmp_path / "run", tokenizers), "cpu", workers=n_workers)
    translator.model.double()
    scores = translator.score(iter(PAIRS), batch_tokens)
    assert len(scores) == len(PAIRS)
    for (src, tgt), score in zip(PAIRS, scores, strict=True):
        expected = slow_log_probs(translator, src, tgt)
        assert score.log_probs == pytest.approx(expected, rel=1e-10)
        assert score.log_prob == pytest.approx(sum(expected), rel=1e-10)
        ids = translator.tgt_tokenizer.encode([tgt])[0]
        assert score.tokens == translator.tgt_tokenizer.pieces(ids) and score.tokens[-1] == "</s>"


def test_a_translation_of_the_search_scores_what_the_search_added_up(translator):
    alpha, n_same = 1.3, 0
    translations = translator.translate(SENTENCES, length_penalty=alpha)
    ids = translator.src_tokenizer.encode(SENTENCES)
    options = translator.decode_options(length_penalty=alpha)
    hypotheses = [row[0] for row in translator.search(ids, options)]
    scores = translator.score([(t.src, t.text) for t in translations])
    encoded = translator.tgt_tokenizer.encode([t.text for t in translations])
    for hypothesis, score, text_ids in zip(hypotheses, scores, encoded, strict=True):
        # A text may have another segmentation than the one that the search has found.
        if text_ids[:-1] == hypothesis.ids:
            n_same += 1
            penalty = ((5 + len(text_ids)) / 6) ** alpha
            assert score.log_prob / penalty == pytest.approx(hypothesis.score, abs=1e-5)
    assert n_same


def test_what_cannot_be_scored(translator, capsys):
    longest = 48
    pairs = [PAIRS[0], ("apples " * 60, "苹果"), ("", " \u200b"), ("apples", "苹果" * 60), PAIRS[1]]
    scores = translator.score(pairs)
    assert math.isnan(scores[1].log_prob) and math.isnan(scores[3].log_prob)
    assert scores[2].log_prob == 0 and scores[2].tokens == scores[3].tokens == []
    alone = translator.score([PAIRS[0], PAIRS[1]])
    assert [scores[0].log_prob, scores[4].log_prob] == pytest.approx([s.log_prob for s in alone])
    warnings = capsys.readouterr().err.splitlines()
    assert [w.partition(": the")[0] for w in warnings] == ["warning: pair 2", "warning: pair 4"]
    assert all(
        f"at most model.max_len={longest}" in w and w.endswith("No score.") for w in warnings
    )
    assert translator.score([]) == []
    with pytest.raises(UserError, match="pair 1: the translation has a lone surrogate"):
        translator.score([("apples", "\udcff")])


def test_an_empty_translation_is_a_translation_but_an_empty_source_has_no_other(translator, capsys):
    scores = translator.score([("I like apples.", ""), ("", "苹果"), ("I like apples.", "\u3000")])
    assert scores[0] == scores[2] and scores[0].tokens == ["</s>"]
    expected = slow_log_probs(translator, "I like apples.", "")
    assert scores[0].log_prob == pytest.approx(expected[0], abs=1e-5)
    assert math.isnan(scores[1].log_prob)
    assert capsys.readouterr().err == "warning: pair 2: the source is empty. No score.\n"


def test_characters_that_the_vocabulary_lacks_are_scored_as_unknown(tokenizers, tmp_path, capsys):
    models = [io.BytesIO(), io.BytesIO()]
    for model in models:
        spm.SentencePieceTrainer.train(
            sentence_iterator=iter(TRANSLATIONS + SENTENCES), model_writer=model, vocab_size=60,
            hard_vocab_limit=False, pad_id=0, unk_id=1, bos_id=2, eos_id=3, minloglevel=2,
        )  # fmt: skip
    lossy = tuple(Tokenizer(model.getvalue(), "lossy") for model in models)
    translator = Translator(make_run(tmp_path / "run", lossy), "cpu")
    translator.model.double()
    pairs = [(SENTENCES[0], "我喜欢苹果。"), (SENTENCES[0], "我龘苹果。"), ("龘", "我龘")]
    scores = translator.score(pairs)
    for (src, tgt), score in zip(pairs, scores, strict=True):
        assert score.log_probs == pytest.approx(slow_log_probs(translator, src, tgt), rel=1e-10)
    assert "<unk>" in scores[1].tokens and "<unk>" not in scores[0].tokens
    assert capsys.readouterr().err == (
        "warning: pair 2: the vocabulary lacks some characters of the translation, 2 such in all: "
        "scored as unknown.\n"
    )


def test_weights_that_overflow_are_told(translator, monkeypatch):
    damaged = Translator(translator.run_dir, "cpu")
    with torch.no_grad():
        damaged.model.output.weight.mul_(1e38)
    with pytest.raises(UserError, match="numbers that are not finite"):
        damaged.score(PAIRS)


def test_files_standard_input_and_the_api_agree(call, trained_run, translator, tmp_path):
    src = write(tmp_path / "src", "\n".join(SENTENCES) + "\n")
    tgt = write(tmp_path / "tgt", "\r\n".join(TRANSLATIONS))
    expected = [score.log_prob for score in translator.score(PAIRS)]
    done = call("score", trained_run, "--src", src, "--tgt", tgt)
    assert done.status == 0 and done.err == ""
    assert [float(line) for line in lines(done.out)] == pytest.approx(expected, abs=1e-4)
    rows = "".join(f"{s}\t{t}\t0-0\n" for s, t in PAIRS).encode()
    assert call("score", trained_run, "--batch-tokens", 20, stdin=rows).out == done.out
    for flag, other, file, stdin in (("--src", "--tgt", tgt, src), ("--tgt", "--src", src, tgt)):
        piped = call("score", trained_run, flag, "-", other, file, stdin=stdin.read_bytes())
        assert piped.out == done.out


def test_json_has_the_part_of_each_token(call, trained_run, translator):
    rows = f"{SENTENCES[0]}\t我喜欢苹果。\n\n{'apples ' * 60}\t苹果\n".encode()
    done = call("score", trained_run, "--json", stdin=rows)
    first, empty, long = map(json.loads, lines(done.out))
    (score,) = translator.score([PAIRS[0]])
    assert first == {
        "line": 1, "src": SENTENCES[0], "tgt": "我喜欢苹果。", "log_prob": score.log_prob,
        "tokens": score.tokens, "log_probs": score.log_probs,
    }  # fmt: skip
    assert empty["log_prob"] == 0 and empty["tokens"] == empty["log_probs"] == []
    assert long["log_prob"] is None and long["line"] == 3
    assert done.err.startswith("warning: standard input: line 3: the source has")
    assert lines(call("score", trained_run, stdin=rows).out)[1:] == ["0.0000", "nan"]


def test_windows_keep_the_order_and_the_numbers_of_lines(call, trained_run, monkeypatch):
    rows = "".join(f"{s}\t{t}\n" for s, t in [*PAIRS, ("apples " * 60, "x"), *PAIRS]).encode()
    expected = call("score", trained_run, stdin=rows)
    monkeypatch.setattr("transformer_mt.score.WINDOW", 3)
    done = call("score", trained_run, stdin=rows)
    assert done.out == expected.out and lines(done.out)[:4] == lines(done.out)[5:]
    assert done.err == expected.err and "line 5: the source" in done.err


@pytest.mark.parametrize(
    "arguments, stdin, message",
    [
        (["nowhere"], b"", "nowhere: no run here"),
        (["RUN", "--src", "two"], b"", "give both --src FILE and --tgt FILE"),
        (["RUN", "--tgt", "two"], b"", "give both --src FILE and --tgt FILE"),
        (["RUN", "--src", "two", "--tgt", "three"], b"", "three: 3 lines, but two has 2"),
        (["RUN", "--src", "two", "--tgt", "missing"], b"", "missing: no such file"),
        (["RUN", "--src", "two", "--tgt", "bytes"], b"", "bytes: line 2 is not UTF-8 at byte"),
        (["RUN", "--src", "empty", "--tgt", "empty"], b"", "there is nothing to score"),
        (["RUN", "--src", "-", "--tgt", "-"], b"", "- is given twice"),
        (["RUN"], b"", "standard input: there is nothing to score"),
        (["RUN"], b"a\tb\na b\n", "standard input: line 2 has no second column"),
        (["RUN"], b"a\tb\n\xff\tb\n", "standard input: line 2 is not UTF-8 at byte offset 4"),
        (["RUN", "--batch-tokens", "0"], b"a\tb\n", "--batch-tokens 0 is out of range"),
        (["RUN", "--device", "cuda:31"], b"a\tb\n", "--device=cuda:31"),
        (["RUN", "--beam-size", "2"], b"a\tb\n", "unrecognized arguments: --beam-size 2"),
    ],
)
def test_a_bad_option_of_score_is_one_line(
    call, trained_run, tmp_path, monkeypatch, arguments, stdin, message
):
    monkeypatch.chdir(tmp_path)
    files = {"two": b"a\nb\n", "three": b"a\nb\nc\n", "bytes": b"a\nb\xff\n"}
    for name, content in (files | {"empty": b""}).items():
        write(tmp_path / name, content)
    arguments = [str(trained_run) if a == "RUN" else a for a in arguments]
    assert message in call("score", *arguments, stdin=stdin).error


def test_exchanged_files_are_warned_of(call, trained_run):
    rows = "".join(f"{t}\t{s}\n" for s, t in PAIRS).encode()
    done = call("score", trained_run, stdin=rows)
    assert done.status == 0 and len(lines(done.out)) == len(PAIRS)
    assert [line.split(" does not")[0] for line in done.err.splitlines()] == [
        "warning: standard input: the source", "warning: standard input: the translation",
    ]  # fmt: skip
