"""The command `convert`: what it refuses, what it says, and what an imported run is good for."""

import json
import os
import pickle
import shutil
from pathlib import Path

import pytest
import torch
from helpers import Done, make_run, write
from safetensors.torch import load_file, save_file

from transformer_mt import Translator
from transformer_mt.alignment import Reason, Rule, reading
from transformer_mt.config import Norm
from transformer_mt.config_file import load_config
from transformer_mt.run_dir import load_run, load_tensors, save_tensors
from transformer_mt.view.primer_data import character_vectors

pytest.importorskip("transformers", reason="makes its models with transformers")
from marian_models import LINES, make_directory


@pytest.fixture(scope="module")
def originals(tmp_path_factory):
    folder = tmp_path_factory.mktemp("originals")
    for name in ("opus", "tc-big", "separate"):
        make_directory(folder / name, name)
    return folder


@pytest.fixture
def copy(originals, tmp_path):
    """A copy of a MarianMT directory that a test may damage."""

    def make(name="tc-big") -> Path:
        return Path(shutil.copytree(originals / name, tmp_path / name))

    return make


@pytest.fixture
def refused(call, tmp_path):
    """The one line with which a conversion fails; nothing may be left behind."""

    def run(*arguments) -> str:
        before = sorted(os.listdir(tmp_path))
        done: Done = call("convert", arguments[0], tmp_path / "to", *arguments[1:])
        assert sorted(os.listdir(tmp_path)) == before
        return done.error

    return run


def change(path, **values):
    """Change values of a JSON file; None takes one out."""
    old = json.loads(path.read_text(encoding="utf-8")) | values
    new = {key: value for key, value in old.items() if value is not None}
    path.write_text(json.dumps(new), encoding="utf-8")


# ----------------------------------------------------------------------------- what is refused


@pytest.mark.parametrize("file", ["config.json", "vocab.json", "source.spm", "target.spm"])
def test_a_missing_file_is_named(copy, refused, file):
    folder = copy()
    (folder / file).unlink()
    assert f"no {file} here" in refused(folder)


def test_missing_weights_are_named(copy, refused):
    folder = copy()
    (folder / "model.safetensors").unlink()
    assert "no model.safetensors and no pytorch_model.bin" in refused(folder)


@pytest.mark.parametrize(
    "file",
    ["config.json", "vocab.json", "source.spm", "target.spm", "model.safetensors",
     "tokenizer_config.json", "generation_config.json"],
)  # fmt: skip
@pytest.mark.parametrize("part", [0.0, 0.1, 0.5, 0.99])
def test_a_truncated_download_is_told(copy, refused, file, part):
    folder = copy()
    content = (folder / file).read_bytes()
    (folder / file).write_bytes(content[: int(len(content) * part)])
    assert file in refused(folder)


@pytest.mark.parametrize("part", [0.0, 0.1, 0.5, 0.99])
def test_a_truncated_pickle_is_told(copy, refused, part):
    folder = copy("opus")
    path = folder / "pytorch_model.bin"
    path.write_bytes(path.read_bytes()[: int(path.stat().st_size * part)])
    assert "pytorch_model.bin" in refused(folder, "--target-language", "yue")


class Poison:
    """Runs a command when it is unpickled."""

    def __init__(self, marker):
        self.marker = marker

    def __reduce__(self):
        return os.system, (f"touch {self.marker}",)


@pytest.mark.parametrize("kind", ["zip", "legacy", "plain"])
def test_a_poisoned_pickle_is_refused_and_runs_nothing(copy, refused, tmp_path, kind):
    folder = copy("opus")
    path, marker = folder / "pytorch_model.bin", tmp_path / "poisoned"
    state = torch.load(path, weights_only=True) | {"final_logits_bias": Poison(marker)}
    if kind == "plain":
        path.write_bytes(pickle.dumps(Poison(marker)))
    else:
        torch.save(state, path, _use_new_zipfile_serialization=kind == "zip")
    error = refused(folder, "--target-language", "yue")
    assert "pytorch_model.bin" in error and "could run any program" in error
    assert not marker.exists()


@pytest.mark.parametrize("content", [[torch.zeros(2)], {"a": 1}, {1: torch.zeros(2)}])
def test_a_pickle_of_something_else_is_refused(copy, refused, content):
    folder = copy("opus")
    torch.save(content, folder / "pytorch_model.bin")
    assert "not a mapping of names to tensors" in refused(folder, "--target-language", "yue")


FFN = "model.encoder.layers.1.fc1.weight"
STATES = {
    "shape": (lambda s: s | {FFN: s[FFN][:-1]}, f"tensor {FFN} is of (95, 64) instead of (96, 64)"),
    "missing": (lambda s: {k: v for k, v in s.items() if k != FFN}, f"tensor {FFN} is missing"),
    "unknown": (lambda s: s | {"model.new": torch.ones(3)}, "tensor model.new is none of MarianMT"),
    "NaN": (lambda s: s | {FFN: s[FFN] * torch.nan}, f"tensor {FFN} holds numbers that are not"),
    "integers": (lambda s: s | {FFN: s[FFN].to(torch.int8)}, f"tensor {FFN} is of type torch.int8"),
    "bias": (
        lambda s: {k: v for k, v in s.items() if k != "final_logits_bias"},
        "tensor final_logits_bias is missing",
    ),
    "learned positions": (
        lambda s: s | {"model.encoder.embed_positions.weight": torch.zeros(128, 64)},
        "holds learned positions",
    ),
    "layers": (
        lambda s: {k: v for k, v in s.items() if "layers" not in k}, "too few tensors",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", STATES)
def test_tensors_that_do_not_fit_are_named(copy, refused, name):
    folder = copy()
    new, message = STATES[name]
    state = new(load_file(folder / "model.safetensors"))
    save_file({key: tensor.contiguous() for key, tensor in state.items()},
              folder / "model.safetensors")  # fmt: skip
    assert message in refused(folder)


VALUES = {
    "model_type=m2m_100 is not marian": {"model_type": "m2m_100"},
    "model_type=none is not marian": {"model_type": None},
    "normalize_before=true": {"normalize_before": True},
    "normalize_embedding=true": {"normalize_embedding": True},
    "add_final_layer_norm=true": {"add_final_layer_norm": True},
    "encoder_attention_heads=8 and decoder_attention_heads=4": {"encoder_attention_heads": 8},
    "encoder_ffn_dim=8 and decoder_ffn_dim=96": {"encoder_ffn_dim": 8},
    "activation_function=gelu_new": {"activation_function": "gelu_new"},
    "d_model='64' has the wrong type": {"d_model": "64"},
    "encoder_layers=True has the wrong type": {"encoder_layers": True},
    "d_model=66 is not divisible by": {"d_model": 66},
    "too few tensors for the 1000000002 layers": {"encoder_layers": 10**9},
    "larger than memory": {"encoder_ffn_dim": 10**15, "decoder_ffn_dim": 10**15},
    "eos_token_id=5 is not </s>": {"eos_token_id": 5},
    "pad_token_id=5 is not <pad>": {"pad_token_id": 5},
    "decoder_start_token_id=5 is no mark": {"decoder_start_token_id": 5},
    "decoder_start_token_id=-1 is no mark": {"decoder_start_token_id": -1},
    "instead of": {"d_model": 32, "scale_embedding": False},
}


@pytest.mark.parametrize("message", VALUES)
def test_settings_that_our_model_cannot_have_are_named(copy, refused, message):
    folder = copy()
    change(folder / "config.json", **VALUES[message])
    assert message in refused(folder)


def test_a_vocabulary_must_fit(copy, refused):
    folder = copy()
    change(folder / "vocab.json", extra=1000)
    assert "ids are not 0 to" in refused(folder)
    change(folder / "vocab.json", extra="x")
    assert "gives each piece a number" in refused(folder)
    ids = json.loads((folder / "vocab.json").read_text(encoding="utf-8"))
    change(folder / "vocab.json", extra=len(ids) - 1)
    assert f"{len(ids) - 1} rows for a vocabulary of {len(ids)} ids" in refused(folder)
    change(folder / "vocab.json", extra=None)
    ids = json.loads((folder / "vocab.json").read_text(encoding="utf-8"))
    last = max(ids, key=lambda text: ids[text])
    assert last == "<pad>"
    moved = ids | {"<pad>": ids["▁neither"]}
    del moved["▁neither"]
    (folder / "vocab.json").write_text(json.dumps(moved), encoding="utf-8")
    change(folder / "config.json", pad_token_id=moved["<pad>"],
           decoder_start_token_id=moved["<pad>"])  # fmt: skip
    assert f"{len(ids)} rows, but the vocabulary has only {len(moved)} ids" in refused(folder)
    folder = copy("separate")
    (folder / "target_vocab.json").unlink()
    assert "no target_vocab.json here" in refused(folder)


def test_a_sentencepiece_model_that_is_none_is_told(copy, refused):
    folder = copy()
    for content in (
        b"version https://git-lfs.github.com/spec/v1\n",
        b"",
        b"\x0a\xff",
        b"\xff" * 99,
    ):
        (folder / "source.spm").write_bytes(content)
        assert "source.spm" in refused(folder)


def test_languages_are_listed_where_one_is_needed(copy, refused):
    folder = copy("opus")
    assert "give --target-language, one of cmn_Hans, yue" in refused(folder)
    assert "the model has cmn_Hans, yue" in refused(folder, "--target-language", "fr")
    assert "the model has none" in refused(copy("tc-big"), "--target-language", "fr")


def test_a_direction_is_demanded_where_none_is_known(copy, refused, call, tmp_path):
    folder = copy()
    change(folder / "tokenizer_config.json", source_lang=None)
    assert "give --direction" in refused(folder)
    for direction in ("en", "en-en", "en-zh-de", "-", "e n-zh"):
        assert "--direction" in refused(folder, "--direction", direction)
    assert call("convert", folder, tmp_path / "run", "--direction", "zh_TW-en").status == 0
    assert load_config(tmp_path / "run").data.languages == ["zh_TW", "en"]


def test_a_folder_is_never_written_over(copy, call, tmp_path):
    folder = copy()
    for kind in ("full", "empty"):
        (tmp_path / kind).mkdir()
        write(tmp_path / "full" / "mine.txt", "mine")
        assert "exists already" in call("convert", folder, tmp_path / kind).error
    assert (tmp_path / "full" / "mine.txt").read_text(encoding="utf-8") == "mine"


def test_options_of_the_other_direction_are_refused(copy, refused, tmp_path, tokenizers):
    folder = copy()
    run = make_run(tmp_path / "run", tokenizers)
    assert "say --to marian or --to ctranslate2" in refused(run)
    assert "--to" in refused(folder, "--to", "marian")
    assert "--direction" in refused(run, "--to", "marian", "--direction", "en-zh")
    assert "--quantization needs" in refused(run, "--to", "marian", "--quantization", "int8")
    assert "invalid choice" in refused(run, "--to", "onnx")


def test_a_name_that_is_nothing_is_told(refused, tmp_path, monkeypatch):
    assert "no such folder, and no name on the hub" in refused("nothing")
    (tmp_path / "empty").mkdir()
    assert "no config.json here" in refused(tmp_path / "empty")


@pytest.mark.parametrize(
    "model, option",
    [
        ({"norm": "pre"}, "model.norm=pre"),
        ({"norm": "post", "activation": "swiglu"}, "model.activation=swiglu"),
        ({"norm": "post", "cross_attention": "hard"}, "model.cross_attention=hard"),
        ({"norm": "post", "encoder_gate": "channel"}, "model.encoder_gate=channel"),
    ],
)
def test_what_marianmt_cannot_say_is_refused(refused, tmp_path, tokenizers, model, option):
    from transformer_mt.config import ModelConfig
    from transformer_mt.config_file import config_from_dict

    kinds = vars(config_from_dict(ModelConfig, model, "test"))
    run = make_run(tmp_path / "run", tokenizers, model={key: kinds[key] for key in model})
    error = refused(run, "--to", "marian")
    assert option in error
    assert ("use --to ctranslate2" in error) == (option[6:10] in ("norm", "acti"))


# ----------------------------------------------------------------------------- what an import is


def test_pickles_of_both_formats_and_names_that_are_missing_or_doubled_are_read(
    copy, call, tmp_path
):
    folder = copy("opus")
    path = folder / "pytorch_model.bin"
    state = torch.load(path, weights_only=True)
    shared = state["model.shared.weight"]
    embeddings = [name for name in state if "embed_tokens" in name or name == "lm_head.weight"]
    assert len(embeddings) == 3
    plain = {key: value for key, value in state.items() if key not in embeddings}
    alone = {key: value for key, value in plain.items() if key != "model.shared.weight"}
    variants = {
        "zip": (state, True),
        "legacy": (state, False),
        "one name": (plain, True),
        "only the output's": (alone | {"lm_head.weight": shared}, True),
    }
    runs = []
    for name, (tensors, is_zip) in variants.items():
        torch.save(tensors, path, _use_new_zipfile_serialization=is_zip)
        done = call("convert", folder, tmp_path / name, "--target-language", "yue")
        assert done.status == 0, done.err
        runs.append(load_run(tmp_path / name))
    for run in runs[1:]:
        for name, tensor in run.model.state_dict().items():
            assert torch.equal(tensor, runs[0].model.state_dict()[name])


def test_safetensors_are_preferred_to_a_pickle(copy, call, tmp_path):
    folder = copy()
    (folder / "pytorch_model.bin").write_bytes(b"nonsense")
    assert call("convert", folder, tmp_path / "run").status == 0


def test_an_output_layer_that_was_never_trained_is_not_used(copy, call, tmp_path):
    done = call("convert", copy(), tmp_path / "run")
    assert "lm_head.weight differs from model.shared.weight and is not used" in done.err
    model = load_run(tmp_path / "run").model
    assert model.output.weight is model.tgt_embedding.weight is model.src_embedding.weight


def test_a_run_remembers_name_and_licence_and_its_export_tells_them(copy, call, tmp_path):
    folder = copy()
    write(folder / "README.md", "---\nlanguage: [en, zh]\nlicense: cc-by-4.0\n---\n# A card\n")
    assert call("convert", folder, tmp_path / "run").status == 0
    source = load_run(tmp_path / "run").metadata["source"]
    assert source == {"name": "tc-big", "license": "cc-by-4.0"}
    call("convert", tmp_path / "run", tmp_path / "out", "--to", "marian")
    card = (tmp_path / "out" / "README.md").read_text(encoding="utf-8")
    assert "license: cc-by-4.0" in card and "tc-big" in card


def test_a_licence_is_written_only_when_told(call, tmp_path, tokenizers):
    run = make_run(tmp_path / "run", tokenizers, model={"norm": Norm.post})
    call("convert", run, tmp_path / "without", "--to", "marian")
    call("convert", run, tmp_path / "with", "--to", "marian", "--license", "mit")
    cards = [
        (tmp_path / name / "README.md").read_text(encoding="utf-8") for name in ("without", "with")
    ]
    assert "license" not in cards[0] and "license: mit" in cards[1]
    assert cards[0].startswith("---\nlanguage:\n- en\n- zh\nlibrary_name: transformers\n")


def test_search_settings_come_along(copy, call, tmp_path):
    folder = copy()
    change(folder / "generation_config.json", num_beams=6, length_penalty=0.8)
    call("convert", folder, tmp_path / "run")
    decode = load_config(tmp_path / "run").decode
    assert decode.beam_size == 6
    assert decode.length_penalty == 1.0  # 0.8 * 25 / 20


# ----------------------------------------------------------------------------- word links


OLD_CARD = "---\nlicense: apache-2.0\n---\n* dataset: opus\n* model: transformer-align\n"
BIG_CARD = "**Model Description:**\n- **Model Type:** Translation (transformer-big)\n"
SILENT_CARD = "- **Model Type:** Translation\nFor use with transformers: a transformer.\n"


@pytest.mark.parametrize(
    "card, key",
    [
        (OLD_CARD, "as_trained"),
        (BIG_CARD.replace("-big", "-big-align"), "as_trained"),
        (BIG_CARD, None),
        (SILENT_CARD, "as_opus_mt"),
        (None, "as_opus_mt"),
    ],
)
def test_links_are_read_where_marian_guides_unless_the_card_says_otherwise(
    copy, call, tmp_path, card, key
):
    folder = copy("opus")
    if card is not None:
        write(folder / "README.md", card)
    done = call("convert", folder, tmp_path / "run", "--target-language", "yue")
    assert done.status == 0, done.err
    inspector = Translator(tmp_path / "run", "cpu").inspector
    if key is None:
        assert not (tmp_path / "run" / "alignment.json").exists() and "links: " not in done.err
        assert not inspector.is_guided
        return
    rule, reason = inspector.default_rule()
    last = inspector.run.config.model.n_decoder_layers - 1
    assert rule == Rule(last, 0)  # at the step that emits the token, eos masked
    assert reason == Reason(key, taught=key == "as_trained")
    assert f"{reading(rule, reason)}; align --gold --save measures them" in done.err
    done = call("translate", tmp_path / "run", "I like apples", "--align")
    assert reading(rule, reason) in done.err.splitlines()


def test_measuring_replaces_what_training_says(copy, call, tmp_path):
    run = tmp_path / "run"
    assert call("convert", copy(), run).status == 0
    src = write(tmp_path / "src", "I like apples .\nStudents see cats .\n")
    tgt = write(tmp_path / "tgt", "我 喜欢 苹果\n学生 看见 猫\n")
    links = write(tmp_path / "links", "0-0 1-1 2-2\n0-0 1-1 2-2\n")
    done = call("align", run, "--src", src, "--tgt", tgt, "--gold", links, "--save")
    assert "the run's choice" in done.out and "layer 1, head 0, assumed, because" in done.out
    _, reason = Translator(run, "cpu").inspector.default_rule()
    assert reason == Reason("chosen_on", f"{links}, 2 pairs")


def test_an_export_remembers_what_a_head_was_taught(call, tmp_path, tokenizers):
    """And an import of it takes no assumption for what it was."""
    run = make_run(tmp_path / "run", tokenizers, model={"norm": Norm.post, "guide_layer": 0})
    tensors, metadata = load_tensors(run / "model.safetensors")
    for guided in (True, False):
        metadata["guided"] = guided
        save_tensors(run / "model.safetensors", tensors, metadata)
        out, again = tmp_path / f"out{guided}", tmp_path / f"again{guided}"
        assert call("convert", run, out, "--to", "marian").status == 0
        assert call("convert", out, again).status == 0
        inspector = Translator(again, "cpu").inspector
        assert inspector.is_guided is guided and not (again / "alignment.json").exists()
        assert inspector.is_taught(Rule(0, 0, shift=True)) is guided


# ----------------------------------------------------------------------------- every command


@pytest.fixture(scope="module")
def imported(originals, tmp_path_factory):
    """An imported run with translations that are short, because it reads and writes no more."""
    from transformer_mt import convert

    folder = tmp_path_factory.mktemp("imported")
    source = Path(shutil.copytree(originals / "opus", folder / "opus"))
    change(source / "config.json", max_position_embeddings=16)
    convert.main([str(source), str(folder / "run"), "--target-language", "cmn_Hans"])
    return folder / "run"


def test_an_imported_run_translates(imported, call):
    translator = Translator(imported)
    texts = [text for text in LINES["source"] if translator.unknown_share([text]) == 0][:9]
    assert len(texts) == 9
    done = call("translate", imported, *texts)
    assert done.status == 0 and "unknown" not in done.err
    assert done.out.splitlines() == [t.text for t in translator.translate(texts)]


def test_many_unknown_tokens_are_told_once(imported, call, tmp_path):
    lines = "ščř žý\n" * 1500
    done = call("translate", imported, stdin=lines.encode())
    assert done.err.count("of the tokens are unknown") == 1
    one_in_a_hundred = "I like apples and cats. " * 20 + "š"
    assert "unknown" not in call("translate", imported, one_in_a_hundred).err
    write(tmp_path / "src", "ščř žý\n")
    write(tmp_path / "ref", "苹果\n")
    done = call("evaluate", imported, "--src", tmp_path / "src", "--ref", tmp_path / "ref")
    assert done.status == 0 and "of the tokens are unknown" in done.err


def test_an_imported_run_is_evaluated(imported, call, tmp_path):
    src = write(tmp_path / "src", "I like apples .\nStudents see cats .\n")
    ref = write(tmp_path / "ref", "我 喜欢 苹果\n学生 看见 猫\n")
    links = write(tmp_path / "links", "0-0 1-1 2-2\n0-0 1-1 2-2\n")
    done = call("evaluate", imported, "--src", src, "--ref", ref)
    assert done.status == 0 and "BLEU" in done.out
    done = call("align", imported, "--src", src, "--tgt", ref, "--gold", links, "--save")
    assert done.status == 0 and "2 pairs with gold links" in done.out
    assert (imported / "alignment.json").is_file()
    (imported / "alignment.json").unlink()


def test_given_tokens_are_those_of_the_text_as_written(imported, call, tmp_path):
    """The vocabulary makes three dots of one mark, and a comma of a full-width one."""
    options = ("--target", "我喜欢，苹果", "--units", "given", "--output-dir", tmp_path)
    done = call("visualize", imported, "I like… ＡＢ apples", *options)
    assert done.status == 0, done.err
    dump = json.loads((tmp_path / "attention.json").read_text(encoding="utf-8"))
    assert dump["src_units"] == ["I", "like…", "ＡＢ", "apples"]
    assert dump["tgt_units"] == ["我喜欢，苹果"]


@pytest.mark.parametrize("units", ["words", "subwords", "given"])
def test_the_language_mark_is_no_unit_and_wins_no_link(imported, call, tmp_path, units):
    options = ("--target", "我喜欢苹果", "--units", units, "--output-dir", tmp_path)
    done = call("visualize", imported, "I like apples .", *options)
    assert done.status == 0, done.err
    dump = json.loads((tmp_path / "attention.json").read_text(encoding="utf-8"))
    assert dump["src_tokens"][0] == ">>cmn_Hans<<"
    expected = {"subwords": dump["src_tokens"][1:-1]}.get(units, ["I", "like", "apples", "."])
    if units != "subwords":
        assert dump["src_units"] == expected
    assert len(dump["src_units"]) == len(expected)
    # Every target token is linked, because the mark is left out before the largest is sought.
    linked = {int(link.split("-")[1]) for link in dump["alignment"].split()}
    assert linked == set(range(len(dump["tgt_units"])))


def test_the_primer_walks_through_an_imported_run(imported, call, tmp_path, monkeypatch):
    monkeypatch.setattr("transformer_mt.view.primer_data.LONGEST_CHARACTERS", 80)
    done = call("primer", imported, "I like apples.", "--output", tmp_path / "p.html")
    assert done.status == 0, done.err
    assert "cmn_Hans" in (tmp_path / "p.html").read_text(encoding="utf-8")


def test_a_character_in_another_form_has_the_vector_of_the_form_that_is_known(imported):
    run = load_run(imported)
    table = run.model.tgt_embedding.weight
    _, spelt, vectors = character_vectors(run.tgt_tokenizer, table, "，我")
    comma = run.tgt_tokenizer.id_of(",")
    assert comma != run.tgt_tokenizer.unk_id == run.tgt_tokenizer.id_of("，")
    assert torch.equal(vectors[0], table[comma]) and not spelt
