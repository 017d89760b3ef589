"""The public corpora in the layouts of the Hugging Face hub, from a stand-in on this machine."""

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
import yaml

COMMIT = "0123456789abcdef0123456789abcdef01234567"

TATOEBA = "sentence-transformers/parallel-sentences-tatoeba"
SIZES = {
    "tatoeba": {"train": 40, "dev": 4},
    "news_commentary": {"train": 60},
    "opus100": {"test": 4, "train": 40, "validation": 5},
    "wmt19": {"train": 40, "validation": 3},
}
"""Rows of each split, by the name in conf/data."""
LAYOUTS = {
    "tatoeba": (TATOEBA, "en-zh", "flat"),
    "news_commentary": ("Helsinki-NLP/news_commentary", "en-zh", "nested"),
    "opus100": ("Helsinki-NLP/opus-100", "en-zh", "nested"),
    "wmt19": ("wmt/wmt19", "zh-en", "nested"),
}
"""Repository, configuration, and whether a row has two columns (flat) or one of both languages."""


def pairs(corpus, split):
    """Sentences that name their corpus, split and row, so that none can be taken for another."""
    rows = range(SIZES[corpus][split])
    return [
        (f"Sentence {i} of {corpus}, {split}.", f"这是{corpus}的{split}部分第{i}句。") for i in rows
    ]


def parquet(rows, layout, config):
    """A file of English-Chinese `rows`."""
    if layout == "flat":
        table = pa.table({"english": [en for en, _ in rows], "non_english": [zh for _, zh in rows]})
    else:
        languages = config.split("-")
        kind = pa.struct([(language, pa.string()) for language in languages])
        table = pa.table({"translation": pa.array([{"en": en, "zh": zh} for en, zh in rows], kind)})
        if config == "en-zh" and "news" in rows[0][0]:
            table = table.add_column(0, "id", pa.array([str(i) for i in range(len(rows))]))
    out = io.BytesIO()
    pq.write_table(table, out)
    return out.getvalue()


def card(layout, config, splits, files):
    """README.md, whose YAML head says which files belong to a split, and how many rows it has."""
    if layout == "flat":
        features = [{"name": name, "dtype": "string"} for name in ("english", "non_english")]
    else:
        kind = {"translation": {"languages": config.split("-")}}
        features = [{"name": "translation", "dtype": kind}]
        if "id" in pq.read_schema(io.BytesIO(next(iter(files.values())))).names:
            features.insert(0, {"name": "id", "dtype": "string"})
    counts = [{"name": split, "num_examples": n} for split, n in splits.items()]
    paths = [{"split": split, "path": f"{config}/{split}-*"} for split in splits]
    head = {
        "dataset_info": [{"config_name": config, "features": features, "splits": counts}],
        "configs": [{"config_name": config, "data_files": paths}],
    }
    return f"---\n{yaml.safe_dump(head, sort_keys=False)}---\n# A card\n".encode()


def repositories():
    """The content of every file, by repository and path."""
    contents = {}
    for name, (repository, config, layout) in LAYOUTS.items():
        splits, files = SIZES[name], {}
        for split in splits:
            path = f"{config}/{split}-00000-of-00001.parquet"
            files[path] = parquet(pairs(name, split), layout, config)
        # A second language pair lies beside it.
        other = parquet([("wrong", "错")] * 9, layout, config)
        files |= {f"de-fr/{split}-00000-of-00001.parquet": other for split in splits}
        contents[repository] = {"README.md": card(layout, config, splits, files), **files}
    return contents


class Hub(ThreadingHTTPServer):
    """The few endpoints of the hub that `datasets` asks.

    It is its own proxy, so that no other host is ever looked up.
    """

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
        headers = {"X_Error_Code": code, "X_Error_Message": code, "X_Repo_Commit": COMMIT}
        self.answer(404, b'{"error": "not found"}', **headers)

    def entry(self, path, content):
        oid = hashlib.sha1(content).hexdigest()
        return {"type": "file", "path": path, "size": len(content), "oid": oid}

    def respond(self):
        url = urlsplit(self.path)
        path = unquote(url.path)
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.server.asked.append(f"{self.command} {url.netloc}{path}")
        about = re.fullmatch(
            r"/api/datasets/([^/]+/[^/]+)(?:/(revision|tree|paths-info)/([^/]+)/?(.*))?", path
        )
        file = re.fullmatch(r"/datasets/([^/]+/[^/]+)/resolve/([^/]+)/(.+)", path)
        match = about or file
        if match is None or url.netloc.startswith("datasets-server."):
            return self.missing()
        files = self.server.repositories.get(match[1])
        if files is None:
            return self.missing("RepoNotFound")
        if file:
            return self.send_file(files, file[3])
        if about[2] in (None, "revision"):
            siblings = [{"rfilename": name} for name in files]
            facts = {"id": about[1], "sha": COMMIT, "private": False, "tags": []}
            return self.json(facts | {"siblings": siblings})
        if about[2] == "tree":
            return self.send_tree(files, about[4])
        if body.startswith(b"{"):
            paths = json.loads(body)["paths"]
        else:
            paths = re.findall(r"paths=([^&]+)", unquote(body.decode()))
        return self.json([self.entry(name, files[name]) for name in paths if name in files])

    def send_file(self, files, name):
        if name not in files:
            return self.missing()
        etag = f'"{hashlib.sha1(files[name]).hexdigest()}"'
        headers = {"ETag": etag, "X_Repo_Commit": COMMIT, "Accept_Ranges": "bytes"}
        return self.answer(200, files[name], **headers)

    def send_tree(self, files, folder):
        prefix = f"{folder}/" if folder else ""
        inside = {name: content for name, content in files.items() if name.startswith(prefix)}
        folders = sorted({name.rpartition("/")[0] for name in inside} - {"", folder})
        directory = {"type": "directory", "size": 0, "oid": "0" * 40}
        entries = [directory | {"path": name} for name in folders]
        return self.json(entries + [self.entry(*item) for item in inside.items()])

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
    """The environment of a process that takes `endpoint` for the hub."""
    others = {
        name: value
        for name, value in os.environ.items()
        if not name.upper().startswith("HF_") and not name.lower().endswith("_proxy")
    }
    return others | {
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
outputs = {}
with initialize_config_dir(str(CONF_DIR), version_base="1.3"):
    for name in names:
        data, direction = name.split(":")
        options = [f"data={data}", f"direction={direction}"]
        options += [f"data.cache_dir={cache}", "tokenizer.vocab_size=400"]
        start = time.monotonic()
        corpus = prepare(OmegaConf.to_object(compose("config", options)))
        src = corpus.src_tokenizer.decode(corpus.train["src_ids"])
        tgt = corpus.tgt_tokenizer.decode(corpus.train["tgt_ids"])
        outputs[name] = {
            "train": list(zip(src, tgt)),
            "valid": [(pair.src, pair.tgt) for pair in corpus.valid],
            "test": [(pair.src, pair.tgt) for pair in corpus.test],
            "removed": corpus.removed,
            "fingerprint": corpus.fingerprint,
            "seconds": time.monotonic() - start,
        }
print(json.dumps(outputs))
"""
RUNS = [f"{corpus}:{direction}" for corpus in LAYOUTS for direction in ("en-zh", "zh-en")]


def run(*arguments, env):
    command = [sys.executable, *map(str, arguments)]
    return subprocess.run(command, env=env, capture_output=True, encoding="utf-8", timeout=300)


def train(*overrides, env):
    return run("-m", "transformer_mt.train", *overrides, env=env)


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
    """The rows of a split, source first."""
    return [list(row[:: 1 if direction == "en-zh" else -1]) for row in pairs(corpus, split)]


@pytest.mark.parametrize("direction", ["en-zh", "zh-en"])
@pytest.mark.parametrize("corpus", LAYOUTS)
def test_each_public_layout_is_read_as_it_is(prepared, corpus, direction):
    output, sizes = prepared[f"{corpus}:{direction}"], SIZES[corpus]
    names = {"valid": {"dev", "validation"}, "test": {"test"}}  # of these splits on the hub
    held_out = []
    for split, names_on_hub in names.items():
        name = next(iter(names_on_hub & sizes.keys()), None)
        if name:
            assert output[split] == expected(corpus, name, direction)
        else:  # cut off the training split
            held_out += output[split]
            assert len(output[split]) == sizes["train"] // 20
    rows = expected(corpus, "train", direction)
    assert sorted(output["train"] + held_out) == sorted(rows)
    assert output["train"] == [row for row in rows if row not in held_out]
    assert sum(output["removed"].values()) == 0


def test_only_the_stand_in_was_asked_and_for_this_language_pair(prepared, hub):
    assert all(f":{hub.server_port}" in request for request in hub.asked)
    downloads = [request for request in hub.asked if "resolve" in request]
    assert any("en-zh/train" in request for request in downloads)
    assert not any("de-fr/" in request for request in downloads if request.startswith("GET"))


def test_nothing_of_ours_stays_in_the_hub_cache(prepared, home):
    names = [path.name for path in (home / "hf").rglob("*")]
    assert list((home / "hf").rglob("parallel*train.arrow"))
    assert not [name for name in names if name.startswith(("cache-", "clean"))]


def test_a_second_start_reads_the_caches(prepared, hub, home):
    hub.asked.clear()
    names, env = ("opus100:en-zh", "tatoeba:zh-en"), environment(home / "hf", hub.url)
    done = run("-c", PREPARE, home / "cache", *names, env=env)
    assert done.returncode == 0, done.stderr
    assert "vocabulary" not in done.stderr  # it is not trained again
    outputs = json.loads(done.stdout)
    assert outputs.keys() == set(names)
    for name, output in outputs.items():
        assert output["seconds"] < 60
        assert output | {"seconds": 0} == prepared[name] | {"seconds": 0}
    downloads = [request for request in hub.asked if request.startswith("GET")]
    assert not any(request.endswith(".parquet") for request in downloads)


@pytest.fixture
def closed():
    """A port where nobody listens."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{bound.getsockname()[1]}"


def test_a_second_start_needs_no_network(prepared, home, closed):
    done = run("-c", PREPARE, home / "cache", "opus100:en-zh", env=environment(home / "hf", closed))
    assert done.returncode == 0, done.stderr
    output = json.loads(done.stdout)["opus100:en-zh"]
    for key in ("train", "valid", "test", "fingerprint"):
        assert output[key] == prepared["opus100:en-zh"][key]


def test_without_network_one_line_names_the_corpora_that_need_none(tmp_path, closed):
    env = environment(tmp_path / "hf", closed)
    options = ["data=tatoeba", "model=tiny"]
    options += [f"run_dir={tmp_path / 'run'}", f"data.cache_dir={tmp_path / 'cache'}"]
    start = time.monotonic()
    train("data=files", "data.train=nothing.tsv", env=env)
    seconds = time.monotonic() - start  # to import everything and end with another error
    start = time.monotonic()
    done = train(*options, env=env)
    assert time.monotonic() - start < 20 + 3 * seconds  # the library alone would retry for longer
    assert done.returncode == 2
    assert done.stdout == ""
    message = rf"error: {TATOEBA}: .*refused.* data=starter .* data=files\.\n"
    assert re.fullmatch(message, done.stderr)
    assert not (tmp_path / "run").exists()


def test_a_dataset_that_the_hub_does_not_have_is_named(hub, tmp_path):
    options = ["data=tatoeba", "data.hub=nobody/nothing", "model=tiny"]
    options += [f"run_dir={tmp_path / 'run'}", f"data.cache_dir={tmp_path / 'cache'}"]
    done = train(*options, env=environment(tmp_path / "hf", hub.url))
    assert done.returncode == 2
    assert re.fullmatch(r"error: nobody/nothing: .*doesn't exist.*\n", done.stderr)


@pytest.mark.slow
def test_training_from_the_hub(prepared, hub, home, tmp_path):
    options = ["data=opus100", "direction=zh-en", "model=tiny", "tokenizer.vocab_size=400"]
    options += ["train.max_steps=2", "train.validate_every=2", "train.samples=1"]
    options += ["train.device=cpu", "decode.beam_size=1"]
    options += [f"run_dir={tmp_path / 'run'}", f"data.cache_dir={home / 'cache'}"]
    done = train(*options, env=environment(home / "hf", hub.url))
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "run" / "model.safetensors").exists()
    lines = (tmp_path / "run" / "test.tsv").read_text(encoding="utf-8").splitlines()
    assert [line.split("\t") for line in lines] == expected("opus100", "test", "zh-en")
