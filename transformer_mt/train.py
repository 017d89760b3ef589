"""Train a model: `python -m transformer_mt.train [OVERRIDE ...]`, configured by Hydra from `conf/`."""

import difflib
import os
import re
import sys
from contextlib import ExitStack, suppress
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import hydra
from hydra.core.config_store import ConfigStore
from hydra.core.hydra_config import HydraConfig
from hydra.errors import HydraException
from hydra.types import RunMode
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from transformer_mt.cli import is_out_of_memory, open_streams
from transformer_mt.config import CONF_DIR, STARTER_DIR, Config, UserError
from transformer_mt.files import talk
from transformer_mt.run_dir import (
    WEIGHTS,
    checkpoint_steps,
    load_config,
    save_config,
    save_tokenizers,
)

if TYPE_CHECKING:  # --help needs neither torch nor datasets
    from transformer_mt.corpus import Corpus

PATH_OPTIONS = (
    "run_dir", "data.train", "data.valid", "data.test", "data.cache_dir", "tokenizer.src_model", "tokenizer.tgt_model",
)  # fmt: skip
LOCK = ".lock"
QUOTES = "'\""
MAY_CHANGE = {
    f"train.{name}"
    for name in (
        "max_steps", "max_epochs", "max_minutes", "patience", "device", "compile", "average", "samples", "log_aer",
        "validate_every", "checkpoint_every", "log_every",
    )
}  # fmt: skip


def quote_path(argument: str) -> str:
    """An override whose value is a path, quoted so that Hydra's grammar leaves spaces, brackets and commas alone."""
    key, equals, value = argument.partition("=")
    if (
        key not in PATH_OPTIONS
        or not equals
        or value in ("", "null")
        or value[0] in QUOTES
        or "${" in value
    ):
        return argument

    def quoted(path: str) -> str:  # backslashes are special to Hydra only before a quote
        return "'" + re.sub(r"(\\*)('|$)", lambda m: 2 * m[1] + ("\\'" if m[2] else ""), path) + "'"

    if value.startswith("[") and value.endswith("]"):
        return f"{key}=[{','.join(quoted(part.strip(' ' + QUOTES)) for part in value[1:-1].split(','))}]"
    return f"{key}={quoted(value)}"


def composition_error(error: Exception) -> str:
    """Hydra's message cut down to key, value and rule."""
    text = str(error)
    if error.__cause__ is not None:
        text += "\n" + str(error.__cause__)
    unknown = re.search(r"Could not override '([^']+)'", text)
    if unknown:
        close = difflib.get_close_matches(unknown[1], flat(asdict(Config())), n=1)
        hint = f"did you mean {close[0]}?" if close else "--cfg job shows them all."
        return f"{unknown[1]}: no such option; {hint}"
    value = re.search(r"^(?:Value|Invalid value|Cannot convert|Unsupported).*$", text, re.MULTILINE)
    key = re.search(r"full_key: (\S+)", text) or re.search(r"Error merging override (\S+?)=", text)
    if value and key:
        return f"{key[1]}: {value[0].rstrip('.')}."
    return " ".join(line.strip() for line in text.splitlines() if line.strip())


def flat(config: Any, prefix: str = "") -> dict[str, Any]:
    """`{"train.lr": 0.001, …}` of nested dictionaries."""
    found: dict[str, Any] = {}
    for key, value in config.items():
        found |= (
            flat(value, f"{prefix}{key}.") if isinstance(value, dict) else {prefix + key: value}
        )
    return found


def check_resumable(config: Config, old: Config, run_dir: Path) -> None:
    """Refuse to go on with another model, text or update rule; the corpus itself is compared by content later."""
    before, now = flat(asdict(old)), flat(asdict(config))
    ignored = (
        MAY_CHANGE | {"run_dir", "resume"} | {f"tokenizer.{side}_model" for side in ("src", "tgt")}
    )
    differing = [
        f"{key}={now[key]} (was {before[key]})"
        for key in sorted(now)
        if now[key] != before.get(key)
        and key not in ignored
        and not key.startswith(("data.", "decode."))
    ]
    if differing:
        raise UserError(
            f"{run_dir} was trained with other options: {', '.join(differing)}. Choose another run_dir, or start over "
            f"with resume=false."
        )


def move_aside(run_dir: Path) -> Path:
    """Rename a run directory; nothing is deleted."""
    number = 1
    while (aside := run_dir.with_name(f"{run_dir.name}.old{number}")).exists():
        number += 1
    run_dir.rename(aside)
    return aside


def train(config: Config) -> int:
    """Prepare the corpus, train or go on training, and say what to do next; returns the exit status."""
    from transformer_mt.corpus import prepare
    from transformer_mt.fast import keep_freed_memory
    from transformer_mt.files import file_lock
    from transformer_mt.runtime import (
        check_launch,
        choose_device,
        choose_dtype,
        process_group,
        rank,
    )

    check_launch()
    keep_freed_memory()
    device = choose_device(config.train.device)
    choose_dtype(config.train.precision, device)  # a wrong one costs no preparation
    run_dir = Path(config.run_dir)
    if run_dir.exists() and not run_dir.is_dir():
        raise UserError(f"run_dir={run_dir} is a file; name a folder.")
    if not config.resume and os.environ.get("TORCHELASTIC_MAX_RESTARTS", "0") != "0":
        raise UserError(
            f"resume=false would start over each time that torchrun starts the job again: move {run_dir} away "
            f"yourself, or use --max-restarts 0."
        )
    has_run = (run_dir / "config.yaml").exists()
    # Before config.yaml is there, a start that was killed leaves its lock and half a file.
    ours = re.compile(re.escape(LOCK) + r"(\.owner)?|\..*\.tmp")
    if (
        not has_run
        and run_dir.is_dir()
        and not all(ours.fullmatch(path.name) for path in run_dir.iterdir())
    ):
        raise UserError(
            f"run_dir={run_dir} holds files that are not a run; name an empty or new folder."
        )
    steps = checkpoint_steps(run_dir, "state") if config.resume else []
    if steps:
        check_resumable(config, load_config(run_dir), run_dir)
    corpus = prepare(config, run_dir if steps else None)
    with ExitStack() as held:
        if rank() == 0:
            run_dir.mkdir(parents=True, exist_ok=True)
            held.enter_context(file_lock(run_dir / LOCK, wait=False))
            if config.resume and checkpoint_steps(run_dir, "state") != steps:
                raise UserError(
                    f"{run_dir} was trained by another process meanwhile; run the same command again."
                )
            if has_run and not steps and (not config.resume or (run_dir / WEIGHTS).exists()):
                aside = move_aside(run_dir)
                (aside / f"{LOCK}.owner").unlink(
                    missing_ok=True
                )  # the lock is ours, in its new place
                talk(f"starting over: the old run is kept as {aside}.")
                run_dir.mkdir()
                held.enter_context(file_lock(run_dir / LOCK, wait=False))
            for path in run_dir.rglob(".*.tmp"):  # left by writers that were killed
                path.unlink()
        held.enter_context(process_group(device))
        return train_on(corpus, config, resume=bool(steps))


def train_on(corpus: "Corpus", config: Config, resume: bool) -> int:
    """Train in a run directory that is ours alone; `resume`: it has a checkpoint to go on from."""
    from transformer_mt import files
    from transformer_mt.corpus import table
    from transformer_mt.runtime import gathered, rank
    from transformer_mt.trainer import Trainer
    from transformer_mt.view.plots import learning_curve

    run_dir, trainer = Path(config.run_dir), Trainer(config, corpus)
    trainer.talk(table(corpus))
    goes_on = gathered(resume)[0]
    if goes_on:
        trainer.resume()
    if rank() == 0:
        save_config(run_dir, config)
    if rank() == 0 and not goes_on:
        vocabularies = (run_dir / name for name in ("spm.model", "src.spm.model", "tgt.spm.model"))
        for path in (*vocabularies, *run_dir.glob("checkpoints/weights-*")):
            path.unlink(
                missing_ok=True
            )  # of a start with other options that was killed before its first checkpoint
        save_tokenizers(run_dir, corpus.src_tokenizer, corpus.tgt_tokenizer)
        for name, pairs in (("valid", corpus.valid), ("test", corpus.test)):
            rows = (
                "\t".join(field for field in (pair.src, pair.tgt, pair.links) if field)
                for pair in pairs
            )
            files.write_text(run_dir / f"{name}.tsv", "".join(row + "\n" for row in rows))
        trainer.cut_metrics()  # a run that was killed before its first checkpoint may have logged
    status = trainer.train()
    if rank() > 0:
        return status
    if (run_dir / "metrics.jsonl").exists():
        learning_curve(run_dir / "metrics.jsonl", run_dir / "learning_curve.png")
    if status == 0:
        if config.data.links_column is not None:
            choose_alignment(run_dir, config)
        talk(
            f"next:\n  python -m transformer_mt.evaluate {run_dir}\n  python -m transformer_mt.translate {run_dir}"
        )
    return status


def choose_alignment(run_dir: Path, config: Config) -> None:
    """Write `alignment.json`: the layer, head and shift that word links are read from, chosen on the validation set;
    unless that was done for these weights already."""
    from transformer_mt.alignment import BASE, best, rule_to_json
    from transformer_mt.files import write_text
    from transformer_mt.translator import Translator

    translator = Translator(run_dir, config.train.device)
    saved, steps = None, translator.metadata["steps"]
    with suppress(UserError):  # a damaged one is made anew
        saved = translator.saved_rule()
    if saved and saved[1].get("steps") == steps:
        return
    golds = translator.read_golds(run_dir / "valid.tsv")
    if not golds:
        return
    table = translator.measure(golds, BASE)
    rule = best(table)
    text = rule_to_json(table, f"the run's validation set, {len(golds)} pairs", steps)
    write_text(run_dir / "alignment.json", text)
    talk(f"word links: {rule}; alignment error rate {table[rule].aer:.3f} on the validation set")


def job(composed: DictConfig) -> None:
    """One training run; Hydra calls it once, or once for each point of a sweep."""
    status = 2
    try:
        config: Any = OmegaConf.to_object(composed)
        assert isinstance(config, Config)
        hydra_config = HydraConfig.get()
        swept = [override for override in hydra_config.overrides.task if override not in sys.argv]
        if hydra_config.mode is RunMode.MULTIRUN and swept:
            config.run_dir += "-" + ",".join(swept).replace("/", "_")
        status = train(config)
    except UserError as error:
        talk(f"error: {error}")
    except (MemoryError, RuntimeError) as error:
        if not is_out_of_memory(error):
            raise
        options = config.train
        talk(
            f"error: out of memory; lower train.token_budget={options.token_budget} or model.max_len="
            f"{config.model.max_len}, raise train.accumulate={options.accumulate}, or take a smaller model."
        )
        status = 1
    except OSError as error:
        talk(f"error: {error.filename or 'run_dir or data.cache_dir'}: {error.strerror or error}.")
        status = 1
    if status:
        sys.exit(status)


def main() -> None:
    os.environ["HYDRA_FULL_ERROR"] = (
        "1"  # composition errors reach us instead of being printed with a traceback
    )
    sys.argv[1:] = [quote_path(argument) for argument in sys.argv[1:]]
    open_streams()
    OmegaConf.register_new_resolver("starter", lambda name: str(STARTER_DIR / name), replace=True)
    ConfigStore.instance().store(name="schema", node=Config)
    try:
        hydra.main(version_base="1.3", config_path=str(CONF_DIR), config_name="config")(job)()
    except (
        HydraException,
        OmegaConfBaseException,
        UserError,
    ) as error:  # the last: a rule of the schema broken
        talk(f"error: {composition_error(error)}")
        sys.exit(2)
    except KeyboardInterrupt:
        sys.exit(130)
    except BrokenPipeError:  # --help | head
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


if __name__ == "__main__":
    main()
