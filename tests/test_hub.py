"""The public corpora, in the layouts that the Hugging Face hub has them, from a stand-in for it on
the loopback."""

import hashlib
import io
import json
import os
import re
import socket
import subprocess
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import unquote, urlsplit

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

COMMIT = "0123456789abcdef0123456789abcdef01234567"

# name in conf/data → repository, configuration, columns as nested names, split → (number of files,
# rows)
LAYOUTS = {
    "tatoeba": (
        "sentence-transformers/parallel-sentences-tatoeba",
        "en-zh",
        "flat",
        {"train": 40, "dev": 4},
    ),
    "news_commentary": ("Helsinki-NLP/news_commentary", "en-zh", "nested", {"train": 60}),
    "opus100": (
        "Helsinki-NLP/opus-100",
        "en-zh",
        "nested",
        {"test": 4, "train": 40, "validation": 5},
    ),
    "wmt19": ("wmt/wmt19", "zh-en", "nested", {"train": 40, "validation": 3}),
}


def pairs(corpus, split, n):
    """Sentences that name their corpus, split and row, so that nothing can be mistaken for anything
    else."""
    return [
        (f"Sentence {i} of {corpus}, {split}.", f"这是{corpus}的{split}部分第{i}句。")
        for i in range(n)
    ]


def parquet(rows, layout, config):
    if layout == "flat":
        table = pa.table({"english": [en for en, _ in rows], "non_english": [zh for _, zh in rows]})
    else:
        languages = config.split("-")
        kind = pa.struct([(language, pa.string()) for language in languages])
        sides = [{"en": en, "zh": zh} for en, zh in rows]
        table = pa.table(
            {"translation": pa.array([{k: side[k] for k in languages} for side in sides], kind)}
        )
        if config == "en-zh" and "news" in rows[0][0]:
            table = table.add_column(0, "id", pa.array([str(i) for i in range(len(rows))]))
    out = io.BytesIO()
    pq.write_table(table, out)
    return out.getvalue()


def card(layout, config, splits, files):
    """README.md with the YAML head that says which files belong to which split, and how many rows
    that makes."""
    if layout == "flat":
        features = "".join(
            f"  - name: {name}\n    dtype: string\n" for name in ("english", "non_english")
        )
    else:
        listed = ", ".join(f"'{language}'" for language in config.split("-"))
        features = "  - name: translation\n    dtype:\n      translation:\n"
        features += f"        languages: [{listed}]\n"
        if "id" in pq.read_schema(io.BytesIO(next(iter(files.values())))).names:
            features = "  - name: id\n    dtype: string\n" + features
    counts = "".join(f"  - name: {split}\n    num_examples: {n}\n" for split, n in splits.items())
    paths = "".join(f"  - split: {split}\n    path: {config}/{split}-*\n" for split in splits)
    return (
        f"---\ndataset_info:\n- config_name: {config}\n  features:\n{features}  splits:\n{counts}"
        f"configs:\n- config_name: {config}\n  data_files:\n{paths}---\n# A card\n"
    ).encode()


def repositories():
    """Path → content of every file of every repository."""
    contents = {}
    for name, (repository, config, layout, splits) in LAYOUTS.items():
        files = {
            f"{config}/{split}-00000-of-00001.parquet": parquet(
                pairs(name, split, n), layout, config
            )
            for split, n in splits.items()
        }
        other = parquet(
            [("wrong", "错")] * 9, layout, config
        )  # a second language pair lies beside it
        files |= {f"de-fr/{split}-00000-of-00001.parquet": other for split in splits}
        contents[repository] = {"README.md": card(layout, config, splits, files), **files}
    return contents


class Hub(ThreadingHTTPServer):
    """The few endpoints of the hub that `datasets` asks; it is its own proxy, so no other host is
    ever looked up."""

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.repositories = repositories()
        self.asked = []

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server_port}"


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def answer(self, status, content=b"", **headers):
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)

    def json(self, value):
        self.answer(200, json.dumps(value).encode(), Content_Type="application/json")

    def missing(self, code="EntryNotFound"):
        self.answer(
            404,
            b'{"error": "not found"}',
            X_Error_Code=code,
            X_Error_Message=code,
            X_Repo_Commit=COMMIT,
        )

    def entry(self, path, content):
        return {
            "type": "file",
            "path": path,
            "size": len(content),
            "oid": hashlib.sha1(content).hexdigest(),
        }

    def respond(self):
        url = urlsplit(self.path)
        path = unquote(url.path)
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.server.asked.append(f"{self.command} {url.netloc}{path}")
        api = re.fullmatch(
            r"/api/(?:datasets|models)/([^/]+/[^/]+)(?:/(revision|tree|paths-info)/([^/]+)/?(.*))?",
            path,
        )
        file = re.fullmatch(r"(?:/datasets)?/([^/]+/[^/]+)/resolve/([^/]+)/(.+)", path)
        match = api or file
        if match is None or url.netloc.startswith("datasets-server."):
            return self.missing()
        files = self.server.repositories.get(match[1])
        if files is None:
            return self.missing("RepoNotFound")
        if file:
            if file[3] not in files:
                return self.missing()
            content = files[file[3]]
            etag = f'"{hashlib.sha1(content).hexdigest()}"'
            return self.answer(200, content, ETag=etag, X_Repo_Commit=COMMIT, Accept_Ranges="bytes")
        if api[2] in (None, "revision"):
            siblings = [{"rfilename": name} for name in files]
            return self.json(
                {"id": api[1], "sha": COMMIT, "private": False, "tags": [], "siblings": siblings}
            )
        if api[2] == "tree":
            under = api[4] + "/" if api[4] else ""
            inside = {name: content for name, content in files.items() if name.startswith(under)}
            folders = sorted({name.rpartition("/")[0] for name in inside} - {"", api[4]})
            listed = [
                {"type": "directory", "path": name, "size": 0, "oid": "0" * 40} for name in folders
            ]
            return self.json(listed + [self.entry(*item) for item in inside.items()])
        names = (
            json.loads(body)["paths"]
            if body.startswith(b"{")
            else re.findall(r"paths=([^&]+)", unquote(body.decode()))
        )
        return self.json([self.entry(name, files[name]) for name in names if name in files])

    do_GET = do_HEAD = do_POST = respond

    def log_message(self, *args):
        pass


@pytest.fixture(scope="module")
def hub():
    server = Hub()
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()


def environment(home, endpoint):
    variables = {
        k: v
        for k, v in os.environ.items()
        if not k.upper().startswith("HF_") and not k.lower().endswith("_proxy")
    }
    return variables | {
        "HF_HOME": str(home),
        "HF_ENDPOINT": endpoint,
        "http_proxy": endpoint,
        "HF_UPDATE_DOWNLOAD_COUNTS": "0",  # else a counter elsewhere would be asked
        "OMP_NUM_THREADS": "1",
    }


PREPARE = """
import dataclasses, json, sys, time
from hydra import compose, initialize_config_dir
from hydra.core.config_store import ConfigStore
from omegaconf import OmegaConf
from transformer_mt.config import CONF_DIR, Config
from transformer_mt.corpus import prepare

ConfigStore.instance().store(name="schema", node=Config)
cache, *names = sys.argv[1:]
report = {}
with initialize_config_dir(str(CONF_DIR), version_base="1.3"):
    for name in names:
        data, direction = name.split(":")
        options = [f"data={data}", f"direction={direction}", f"data.cache_dir={cache}"]
        options.append("tokenizer.vocab_size=400")
        start = time.monotonic()
        corpus = prepare(OmegaConf.to_object(compose("config", options)))
        src = corpus.src_tokenizer.decode(corpus.train["src_ids"])
        report[name] = {
            "train": list(zip(src, corpus.tgt_tokenizer.decode(corpus.train["tgt_ids"]))),
            "valid": [(pair.src, pair.tgt) for pair in corpus.valid],
            "test": [(pair.src, pair.tgt) for pair in corpus.test],
            "removed": corpus.removed,
            "fingerprint": corpus.fingerprint,
            "seconds": time.monotonic() - start,
        }
print(json.dumps(report))
"""
RUNS = [f"{corpus}:{direction}" for corpus in LAYOUTS for direction in ("en-zh", "zh-en")]


def run(*arguments, env):
    return subprocess.run(
        [sys.executable, *map(str, arguments)],
        env=env,
        capture_output=True,
        encoding="utf-8",
        timeout=300,
    )


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    return tmp_path_factory.mktemp("hub")


@pytest.fixture(scope="module")
def prepared(hub, home):
    """Every layout in both directions, in one process."""
    done = run("-c", PREPARE, home / "cache", *RUNS, env=environment(home / "hf", hub.url))
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def expected(corpus, split, direction="en-zh"):
    rows = pairs(corpus, split, LAYOUTS[corpus][3][split])
    return [list(row[:: 1 if direction == "en-zh" else -1]) for row in rows]


@pytest.mark.parametrize("direction", ["en-zh", "zh-en"])
@pytest.mark.parametrize("corpus", LAYOUTS)
def test_each_public_layout_is_read_as_it_is(prepared, corpus, direction):
    report = prepared[f"{corpus}:{direction}"]
    splits = LAYOUTS[corpus][3]
    valid = next((name for name in ("dev", "validation") if name in splits), None)
    held_out = []
    for key, split in (("valid", valid), ("test", "test" if "test" in splits else None)):
        if split:
            assert report[key] == expected(corpus, split, direction)
        else:  # cut off the training split
            held_out += report[key]
            assert len(report[key]) == splits["train"] // 20
    train = expected(corpus, "train", direction)
    assert sorted(report["train"] + held_out) == sorted(train)
    assert report["train"] == [row for row in train if row not in held_out]
    assert sum(report["removed"].values()) == 0


def test_only_the_stand_in_was_asked_and_for_this_language_pair(prepared, hub):
    assert all(f":{hub.server_port}" in request for request in hub.asked)
    assert any("resolve" in request and "en-zh/train" in request for request in hub.asked)
    assert not any(
        "de-fr/" in request and "resolve" in request and request.startswith("GET")
        for request in hub.asked
    )


def test_nothing_of_ours_stays_in_the_hub_cache(prepared, home):
    assert list((home / "hf").rglob("parallel*train.arrow"))
    assert not [
        path for path in (home / "hf").rglob("*") if path.name.startswith(("cache-", "clean"))
    ]


def test_a_second_start_reads_the_caches(prepared, hub, home):
    hub.asked.clear()
    done = run(
        "-c",
        PREPARE,
        home / "cache",
        "opus100:en-zh",
        "tatoeba:zh-en",
        env=environment(home / "hf", hub.url),
    )
    assert done.returncode == 0, done.stderr
    assert "vocabulary" not in done.stderr  # it is not trained again
    again = json.loads(done.stdout)
    for name in again:
        assert again[name].pop("seconds") < 60
        assert again[name] == {
            key: value for key, value in prepared[name].items() if key != "seconds"
        }
    assert not any(
        request.startswith("GET") and request.endswith(".parquet") for request in hub.asked
    )


@pytest.fixture
def closed():
    """A port where nobody listens."""
    with socket.socket() as port:
        port.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{port.getsockname()[1]}"


def test_a_second_start_needs_no_network(prepared, home, closed):
    done = run("-c", PREPARE, home / "cache", "opus100:en-zh", env=environment(home / "hf", closed))
    assert done.returncode == 0, done.stderr
    again = json.loads(done.stdout)["opus100:en-zh"]
    for key in ("train", "valid", "test", "fingerprint"):
        assert again[key] == prepared["opus100:en-zh"][key]


def test_without_network_one_line_names_the_corpora_that_need_none(tmp_path, closed):
    options = [
        "data=tatoeba",
        "model=tiny",
        f"run_dir={tmp_path / 'run'}",
        f"data.cache_dir={tmp_path / 'cache'}",
    ]
    start = time.monotonic()
    run(
        "-m",
        "transformer_mt.train",
        "data=files",
        "data.train=nothing.tsv",
        env=environment(tmp_path / "hf", closed),
    )
    seconds = time.monotonic() - start  # to import everything and end with another error
    start = time.monotonic()
    done = run("-m", "transformer_mt.train", *options, env=environment(tmp_path / "hf", closed))
    assert time.monotonic() - start < 20 + 3 * seconds  # the library alone would retry for longer
    assert done.returncode == 2
    assert done.stdout == ""
    assert re.fullmatch(
        r"error: sentence-transformers/parallel-sentences-tatoeba: .*refused.* "
        r"data=starter .* data=files\.\n",
        done.stderr,
    )
    assert not (tmp_path / "run").exists()


def test_a_dataset_that_the_hub_does_not_have_is_named(hub, tmp_path):
    options = [
        "data=tatoeba",
        "data.hub=nobody/nothing",
        f"data.cache_dir={tmp_path / 'cache'}",
        "model=tiny",
    ]
    options += [f"run_dir={tmp_path / 'run'}"]
    done = run("-m", "transformer_mt.train", *options, env=environment(tmp_path / "hf", hub.url))
    assert done.returncode == 2
    assert re.fullmatch(r"error: nobody/nothing: .*doesn't exist.*\n", done.stderr)


@pytest.mark.slow
def test_training_from_the_hub(prepared, hub, home, tmp_path):
    options = [
        "data=opus100",
        "direction=zh-en",
        "model=tiny",
        "tokenizer.vocab_size=400",
        "train.samples=1",
    ]
    limits = [
        "train.max_steps=2",
        "train.validate_every=2",
        "train.device=cpu",
        "decode.beam_size=1",
    ]
    paths = [f"run_dir={tmp_path / 'run'}", f"data.cache_dir={home / 'cache'}"]
    done = run(
        "-m",
        "transformer_mt.train",
        *options,
        *limits,
        *paths,
        env=environment(home / "hf", hub.url),
    )
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "run" / "model.safetensors").exists()
    rows = (tmp_path / "run" / "test.tsv").read_text(encoding="utf-8").splitlines()
    assert [line.split("\t") for line in rows] == expected("opus100", "test", "zh-en")


# ------------------------------------------------------------------------- models, for `convert`

MODEL = "Helsinki-NLP/opus-mt-random"


def convert(name, folder, home, endpoint):
    command = ("-m", "transformer_mt.convert", name, folder)
    return run(*command, env=environment(home, endpoint))


@pytest.fixture(scope="module")
def model_on_hub(hub, tmp_path_factory):
    """A model on the hub with weights in both formats, and with files that nobody needs."""
    pytest.importorskip("transformers")
    from marian_models import make_directory

    folder = tmp_path_factory.mktemp("model") / "marian"
    make_directory(folder, "tc-big")
    files = {path.name: path.read_bytes() for path in folder.iterdir()}
    files |= {"pytorch_model.bin": b"a pickle", "tf_model.h5": b"x", "README.md": b"# A card\n"}
    hub.repositories[MODEL] = files
    return files


def test_a_model_of_the_hub_becomes_a_run(hub, model_on_hub, tmp_path, closed):
    hub.asked.clear()
    done = convert(MODEL, tmp_path / "run", tmp_path / "hf", hub.url)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "run" / "model.safetensors").is_file()
    fetched = {ask.rpartition("/")[2] for ask in hub.asked if "/resolve/" in ask}
    assert fetched == model_on_hub.keys() - {"pytorch_model.bin", "tf_model.h5"}
    assert all(f":{hub.server_port}" in ask for ask in hub.asked)
    # What was fetched once serves without a network.
    done = convert(MODEL, tmp_path / "again", tmp_path / "hf", closed)
    assert done.returncode == 0, done.stderr


def test_a_model_that_cannot_be_had_is_told_in_a_line(hub, tmp_path, closed):
    for endpoint, name in ((closed, MODEL), (hub.url, "nobody/nothing")):
        done = convert(name, tmp_path / "run", tmp_path / "hf", endpoint)
        assert done.returncode == 2
        *_, last = done.stderr.splitlines()
        assert re.fullmatch(
            rf"error: {name}: no such folder, and it cannot be loaded from the hub \(.*", last
        )
        assert "Traceback" not in done.stderr
        assert list(tmp_path.glob("*run*")) == []
