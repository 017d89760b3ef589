"""Two versions side by side: the same work for both, each from its own checkout."""

import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "scripts" / "bench"))
import versions
from helpers import ROOT, make_run, pattern_pairs

from transformer_mt import Translator
from transformer_mt.config import TokenizerConfig
from transformer_mt.tokenizer import train_tokenizer


def test_a_round_gives_each_call_its_own_sentences(tmp_path):
    sentences = [str(i) for i in range(50)]
    one = versions.Case("one", tmp_path, 1, sentences)
    assert one.turns(0)[0] == [["0"], ["1"], ["2"], ["3"]]
    assert [len(turn) for turn in one.turns(0)] == [4] * 5
    assert one.turns(1)[0][0] == ["20"]

    many = versions.Case("many", tmp_path, 64, sentences)
    first, second = many.turns(0)
    assert [len(call) for call in first] == [64]
    assert first[0][50:] == second[0][36:50] == sentences[:14]  # the test set starts over


def answers(seconds: float, *texts: str) -> versions.Answer:
    return versions.Answer(seconds, 2 * seconds, list(texts))


def test_a_table_has_the_ratio_of_turns_and_counts_equal_translations(capsys, tmp_path):
    case = versions.Case("tiny, 64 sentences, greedy", tmp_path, 64, [])
    pairs = [
        (answers(1.0, "a", "b"), answers(1.5, "a", "b")),
        (answers(2.0, "a", "b"), answers(2.0, "a", "c")),
        (answers(0.5, "a", "b"), answers(1.0, "a", "b")),
    ]
    versions.show([case], [pairs])
    row = capsys.readouterr().out.splitlines()[-1]
    assert row == (
        "| tiny, 64 sentences, greedy | 1000.0 | 1500.0 | 1.50 (1.25 to 1.75)"
        " | 1.50 (1.25 to 1.75) | 5 of 6 |"
    )


def test_a_version_answers_with_the_translations_of_its_run(tmp_path):
    english, chinese = map(list, zip(*pattern_pairs(), strict=True))
    options = TokenizerConfig(vocab_size=340)
    src_tokenizer, _ = train_tokenizer(english, options, True)
    tgt_tokenizer, _ = train_tokenizer(chinese, options, False)
    run = make_run(tmp_path / "run", (src_tokenizer, tgt_tokenizer))
    greedy = versions.with_beam_size(run, 1, tmp_path)
    assert Translator(greedy, "cpu").config.decode.beam_size == 1

    texts = ["I like apples.", "We see a cat."]
    version = versions.Version(ROOT, 1, "fp32")
    with version.process:  # ends when its input does
        alone = version.translate(greedy, [[text] for text in texts])
        together = version.translate(greedy, [texts])
    expected = [each.text for each in Translator(run, "cpu").translate(texts, beam_size=1)]
    assert alone.texts == together.texts == expected
    assert alone.seconds > 0 and alone.cpu_seconds > 0
    assert version.process.returncode == 0


def test_a_version_never_imports_another(tmp_path, capfd):
    version = versions.Version(tmp_path, 1, "fp32")  # where there is no package
    with version.process:
        version.process.stdin.close()
    assert version.process.returncode == 1
    assert capfd.readouterr().err


def test_a_folder_that_is_no_checkout_is_named(tmp_path):
    done = subprocess.run(
        [sys.executable, versions.HERE, tmp_path], capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 2 and f"{tmp_path} is no checkout" in done.stderr
