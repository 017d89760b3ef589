"""Train a model: `python -m transformer_mt.train [OVERRIDE ...]`, set up by Hydra from `conf/`."""

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

from transformer_mt.cli import forget_stdout, is_out_of_memory, open_streams
from transformer_mt.config import CONF_DIR, STARTER_DIR, Config, UserError
from transformer_mt.files import talk, watch

if TYPE_CHECKING:  # --help needs neither torch nor datasets
    from transformer_mt.corpus import Corpus, Pair
    from transformer_mt.trainer import Trainer

PATH_OPTIONS = (
    "run_dir",
    "data.train",
    "data.valid",
    "data.test",
    "data.cache_dir",
    "tokenizer.src_model",
    "tokenizer.tgt_model",
)
"""Options whose values may hold what is special to Hydra's grammar."""
MAY_CHANGE = (
    "run_dir",
    "resume",
    "tokenizer.src_model",
    "tokenizer.tgt_model",
    "train.max_steps",
    "train.max_epochs",
    "train.max_minutes",
    "train.patience",
    "train.device",
    "train.compile",
    "train.average",
    "train.samples",
    "train.log_aer",
    "train.validate_every",
    "train.checkpoint_every",
    "train.log_every",
)
"""Options that a run may change when it goes on, besides those of `data` and `decode`. (The corpus
and the vocabularies are compared by content.)"""
LOCK = ".lock"
QUOTES = "'\""


# ------------------------------------------------------------------------------------- from Hydra


def main() -> None:
    # Let composition errors reach us; else Hydra prints them with a traceback.
    os.environ["HYDRA_FULL_ERROR"] = "1"
    sys.argv[1:] = [quote_path(argument) for argument in sys.argv[1:]]
    open_streams()
    watch()
    # conf/data/starter.yaml says ${starter:train.tsv}: a wheel keeps the corpus elsewhere.
    OmegaConf.register_new_resolver("starter", lambda name: str(STARTER_DIR / name), replace=True)
    ConfigStore.instance().store(name="schema", node=Config)
    try:
        hydra.main(version_base="1.3", config_path=str(CONF_DIR), config_name="config")(job)()
    except (HydraException, OmegaConfBaseException, UserError) as error:
        talk(f"error: {composition_error(error)}")
        sys.exit(2)
    except KeyboardInterrupt:
        sys.exit(130)
    except BrokenPipeError:  # --help | head
        forget_stdout()


def job(composed: DictConfig) -> None:
    """One training run; Hydra calls it once, or once for each point of a sweep."""
    status = 1
    try:
        config: Any = OmegaConf.to_object(composed)
        assert isinstance(config, Config)
        config.run_dir += sweep_suffix()
        status = train(config)
    except UserError as error:
        talk(f"error: {error}")
        status = 2
    except (MemoryError, RuntimeError) as error:
        if not is_out_of_memory(error):
            raise
        talk(
            f"error: out of memory; lower train.token_budget={config.train.token_budget} or "
            f"model.max_len={config.model.max_len}, raise "
            f"train.accumulate={config.train.accumulate}, or take a smaller model."
        )
    except OSError as error:
        talk(f"error: {error.filename or 'run_dir or data.cache_dir'}: {error.strerror or error}.")
    if status:
        sys.exit(status)


def sweep_suffix() -> str:
    """What tells the run directory of one point of a sweep from the others'; else empty."""
    hydra_config = HydraConfig.get()
    swept = [override for override in hydra_config.overrides.task if override not in sys.argv]
    if hydra_config.mode is not RunMode.MULTIRUN or not swept:
        return ""
    return "-" + ",".join(swept).replace("/", "_")


def quote_path(argument: str) -> str:
    """An override whose value is a path, with quotes around it.

    Hydra's grammar then leaves spaces, brackets and commas alone. Two aligned files, `[a,b]`, stay
    a list.
    """
    key, equals, value = argument.partition("=")
    is_plain_path = value not in ("", "null") and value[0] not in QUOTES and "${" not in value
    if key not in PATH_OPTIONS or not equals or not is_plain_path:
        return argument
    if value.startswith("[") and value.endswith("]"):
        paths = (part.strip(" " + QUOTES) for part in value[1:-1].split(","))
        return f"{key}=[{','.join(map(quoted, paths))}]"
    return f"{key}={quoted(value)}"


def quoted(path: str) -> str:
    """`path` in Hydra's single quotes. Backslashes are special to it only before a quote."""

    def escape(match: re.Match[str]) -> str:
        backslashes, quote = match.groups()
        return 2 * backslashes + ("\\'" if quote else "")

    return "'" + re.sub(r"(\\*)('|$)", escape, path) + "'"


def composition_error(error: Exception) -> str:
    """Hydra's message cut down to key, value and rule."""
    text = str(error)
    if error.__cause__ is not None:  # a rule of `__post_init__` that was broken
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


def flat(config: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    """`{"train.lr": 0.001, …}` of nested dictionaries."""
    options: dict[str, Any] = {}
    for key, value in config.items():
        if isinstance(value, dict):
            options |= flat(value, f"{prefix}{key}.")
        else:
            options[prefix + key] = value
    return options


# ---------------------------------------------------------------------------------------- one run


def train(config: Config) -> int:
    """Prepare the corpus, train or go on training, and say what to do next.

    Returns:
        0, or 128 plus the signal that stopped the run.
    Raises:
        UserError: anything wrong with the options, the corpus, or the run directory.
    """
    from transformer_mt.corpus import prepare
    from transformer_mt.fast import keep_freed_memory
    from transformer_mt.run_dir import checkpoint_steps, load_config
    from transformer_mt.runtime import (
        check_launch,
        choose_device,
        choose_dtype,
        process_group,
        rank,
    )

    # Whatever can be wrong is found before the corpus is prepared, which may take hours.
    check_launch()
    device = choose_device(config.train.device)
    choose_dtype(config.train.precision, device)
    check_run_dir(config)
    run_dir = Path(config.run_dir)
    steps = checkpoint_steps(run_dir, "state") if config.resume else []
    if steps:
        check_resumable(config, load_config(run_dir), run_dir)

    keep_freed_memory()
    # Processes that train together wait for one of them to prepare, before they are a group: a
    # group would give up on one that waits so long.
    corpus = prepare(config, run_dir if steps else None)
    with ExitStack() as stack:
        if rank() == 0:
            claim_run_dir(config, steps, stack)
        stack.enter_context(process_group(device))
        return train_on(corpus, config, resume=bool(steps))


def check_run_dir(config: Config) -> None:
    """Raise UserError unless `run_dir` is a run, an empty folder, or not there yet."""
    run_dir = Path(config.run_dir)
    if run_dir.exists() and not run_dir.is_dir():
        raise UserError(f"run_dir={run_dir} is a file; name a folder.")
    if not config.resume and os.environ.get("TORCHELASTIC_MAX_RESTARTS", "0") != "0":
        raise UserError(
            f"resume=false would start over each time that torchrun starts the job again: move "
            f"{run_dir} away yourself, or use --max-restarts 0."
        )
    if not run_dir.is_dir() or (run_dir / "config.yaml").exists():
        return
    # A start that was killed before it wrote config.yaml leaves its lock and half a file.
    ours = re.compile(re.escape(LOCK) + r"(\.owner)?|\..*\.tmp")
    if not all(ours.fullmatch(path.name) for path in run_dir.iterdir()):
        raise UserError(
            f"run_dir={run_dir} holds files that are not a run; name an empty or new folder."
        )


def check_resumable(config: Config, old: Config, run_dir: Path) -> None:
    """Refuse to go on with another model, text or update rule; raises UserError."""
    before, now = flat(asdict(old)), flat(asdict(config))
    differing = [
        f"{key}={now[key]} (was {before[key]})"
        for key in sorted(now)
        if now[key] != before[key]
        and key not in MAY_CHANGE
        and not key.startswith(("data.", "decode."))
    ]
    if differing:
        raise UserError(
            f"{run_dir} was trained with other options: {', '.join(differing)}. Choose another "
            f"run_dir, or start over with resume=false."
        )


def claim_run_dir(config: Config, steps: list[int], stack: ExitStack) -> None:
    """Make the run directory ours alone until `stack` is left; move an old run in it aside.

    Args:
        steps: of the checkpoints that were there before the corpus was prepared.
    Raises:
        UserError: another process trains in it, or did meanwhile.
    """
    from transformer_mt.files import file_lock
    from transformer_mt.run_dir import WEIGHTS, checkpoint_steps

    run_dir = Path(config.run_dir)
    has_run = (run_dir / "config.yaml").exists()
    run_dir.mkdir(parents=True, exist_ok=True)
    stack.enter_context(file_lock(run_dir / LOCK, wait=False))
    # Only now nobody else can write here: what was read before must still be true.
    if config.resume and checkpoint_steps(run_dir, "state") != steps:
        raise UserError(
            f"{run_dir} was trained by another process meanwhile; run the same command again."
        )
    # A start that was killed before its first checkpoint is nothing to keep.
    is_trained = (run_dir / WEIGHTS).exists()
    if has_run and not steps and (not config.resume or is_trained):
        aside = move_aside(run_dir)
        talk(f"starting over: the old run is kept as {aside}.")
        # The lock moved with the old run.
        (aside / f"{LOCK}.owner").unlink(missing_ok=True)
        run_dir.mkdir()
        stack.enter_context(file_lock(run_dir / LOCK, wait=False))
    for path in run_dir.rglob(".*.tmp"):  # left over from a run that was killed
        path.unlink()


def move_aside(run_dir: Path) -> Path:
    """Rename a run directory to the first free of `.old1`, `.old2`, …; nothing is deleted."""
    number = 1
    while (aside := run_dir.with_name(f"{run_dir.name}.old{number}")).exists():
        number += 1
    run_dir.rename(aside)
    return aside


def train_on(corpus: "Corpus", config: Config, resume: bool) -> int:
    """Train in a run directory that is ours alone; `resume`: it has a checkpoint to go on from."""
    from transformer_mt.corpus import table
    from transformer_mt.run_dir import save_config
    from transformer_mt.runtime import gathered, rank
    from transformer_mt.trainer import Trainer

    run_dir, trainer = Path(config.run_dir), Trainer(config, corpus)
    trainer.talk(table(corpus))
    resume = gathered(resume)[0]  # the first process decides, since only it claimed the directory
    if resume:
        trainer.resume()
    if rank() == 0:
        save_config(run_dir, config)
        if not resume:
            write_beginning(trainer, corpus, run_dir)
    status = trainer.train()
    if rank() == 0:
        write_end(config, run_dir, status)
    return status


def write_beginning(trainer: "Trainer", corpus: "Corpus", run_dir: Path) -> None:
    """What a new run directory holds before the first update: vocabularies and held-out text."""
    from transformer_mt.run_dir import save_tokenizers

    # A start with other options may have been killed before its first checkpoint.
    vocabularies = (run_dir / name for name in ("spm.model", "src.spm.model", "tgt.spm.model"))
    for path in (*vocabularies, *run_dir.glob("checkpoints/weights-*")):
        path.unlink(missing_ok=True)
    trainer.cut_metrics()
    save_tokenizers(run_dir, corpus.src_tokenizer, corpus.tgt_tokenizer)
    write_pairs(run_dir / "valid.tsv", corpus.valid)
    write_pairs(run_dir / "test.tsv", corpus.test)


def write_pairs(path: Path, pairs: "list[Pair]") -> None:
    """Source, target and, where there are any, links, as TSV."""
    from transformer_mt.files import write_text

    rows = ((pair.src, pair.tgt, pair.links) for pair in pairs)
    lines = ("\t".join(field for field in row if field) for row in rows)
    write_text(path, "".join(line + "\n" for line in lines))


def write_end(config: Config, run_dir: Path, status: int) -> None:
    """What comes after the last update: a picture of the losses, and how to read word links."""
    from transformer_mt.view.plots import learning_curve

    if (run_dir / "metrics.jsonl").exists():
        learning_curve(run_dir / "metrics.jsonl", run_dir / "learning_curve.png")
    if status == 0:
        if config.data.links_column is not None:
            choose_alignment(run_dir, config)
        talk(
            f"next:\n  python -m transformer_mt.evaluate {run_dir}\n"
            f"  python -m transformer_mt.translate {run_dir}"
        )


def choose_alignment(run_dir: Path, config: Config) -> None:
    """Write `alignment.json`: the layer, head and step that word links are read from.

    They are chosen on the validation set, unless that was done for these weights already.
    """
    from transformer_mt.alignment import BASE, best, rule_to_json
    from transformer_mt.files import write_text
    from transformer_mt.translator import Translator

    translator = Translator(run_dir, config.train.device)
    inspector, steps = translator.inspector, translator.metadata["steps"]
    saved = None
    with suppress(UserError):  # a damaged file is made anew
        saved = inspector.saved_rule()
    if saved and saved[1].get("steps") == steps:
        return
    gold_pairs = inspector.read_gold_pairs(run_dir / "valid.tsv")
    if not gold_pairs:
        return
    table = inspector.measure(gold_pairs, BASE)
    chosen_on = f"the run's validation set, {len(gold_pairs)} pairs"
    write_text(run_dir / "alignment.json", rule_to_json(table, chosen_on, steps))
    aer = table[best(table)].aer
    talk(f"word links: {best(table)}; alignment error rate {aer:.3f} on the validation set")


if __name__ == "__main__":
    main()
