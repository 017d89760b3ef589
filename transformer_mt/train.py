"""Train a model: `python -m transformer_mt.train [OVERRIDE ...]`, set up by Hydra from `conf/`."""

import difflib
import os
import re
import shlex
import shutil
import sys
import textwrap
import zlib
from contextlib import ExitStack, suppress
from dataclasses import asdict
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import hydra
from hydra._internal.utils import get_args_parser
from hydra.core.config_store import ConfigStore
from hydra.core.global_hydra import GlobalHydra
from hydra.core.hydra_config import HydraConfig
from hydra.errors import HydraException
from hydra.types import RunMode
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from transformer_mt.cli import forget_stdout, is_out_of_memory, open_streams, version
from transformer_mt.config import CONF_DIR, STARTER_DIR, Config, UserError, explanations
from transformer_mt.files import expanded, talk, watch

if TYPE_CHECKING:  # --help needs neither torch nor datasets
    from transformer_mt.corpus import Corpus, Pair
    from transformer_mt.trainer import Trainer

PATH_OPTIONS = (
    "run_dir",
    "init_from",
    "data.train",
    "data.valid",
    "data.test",
    "data.cache_dir",
    "tokenizer.src_model",
    "tokenizer.tgt_model",
)
"""Options whose values may hold what is special to Hydra's grammar, or begin with `~`."""
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
    "train.workers",
    "train.compile",
    "train.average",
    "train.samples",
    "train.log_aer",
    "train.validate_every",
    "train.checkpoint_every",
    "train.log_every",
)
"""Options that a run may change when it goes on, besides those of `data`, but for its noise, and of
`decode`. (The corpus and the vocabularies are compared by content.)"""
MAY_DIFFER = ("model.name", "model.dropout", "model.guide_layer", "tokenizer.sampling_alpha")
"""Options of the model and the vocabularies in which a run may differ from the one it begins with:
they matter to training alone."""
EXAMPLES = """\
  python -m transformer_mt.train experiment=starter     the embedded corpus, minutes on a CPU
  python -m transformer_mt.train experiment=tatoeba direction=zh-en
  python -m transformer_mt.train data=files data.train=my.tsv train.max_minutes=30"""
LOCK = ".lock"
QUOTES = "'\""
PATH_VALUE = re.compile(
    r"""(?:^|,)\s*(\[[^]]*\]|'(?:\\.|[^'\\])*'|"(?:\\.|[^"\\])*"|[^,]*?)\s*(?=,|$)"""
)
"""One of several values of a path option, between commas: a list, a quoted path, or a bare one."""


# ------------------------------------------------------------------------------------- from Hydra


def main() -> None:
    # Let composition errors reach us; else Hydra prints them with a traceback.
    os.environ["HYDRA_FULL_ERROR"] = "1"
    open_streams()
    watch()
    # conf/data/starter.yaml says ${starter:train.tsv}: a wheel keeps the corpus elsewhere.
    OmegaConf.register_new_resolver("starter", lambda name: str(STARTER_DIR / name), replace=True)
    ConfigStore.instance().store(name="schema", node=Config)
    try:
        if {"--help", "-h"} & set(sys.argv):
            print(help_text(), flush=True)
            return
        if "--version" in sys.argv:
            print(version(), flush=True)
            return
        sys.argv[1:] = hydra_arguments(sys.argv[1:])
        hydra.main(version_base="1.3", config_path=str(CONF_DIR), config_name="config")(job)()
    except (HydraException, OmegaConfBaseException, UserError) as error:
        talk(f"error: {composition_error(error)}")
        sys.exit(2)
    except KeyboardInterrupt:
        sys.exit(130)
    except BrokenPipeError:  # --help | head
        forget_stdout()


def help_text() -> str:
    """What `--help` prints: examples, the groups, and every option with its default and meaning."""
    width = min(120, max(80, shutil.get_terminal_size((100, 24)).columns))
    folders = sorted(folder for folder in CONF_DIR.iterdir() if folder.is_dir())
    choices = {
        folder.name: sorted(path.stem for path in folder.glob("*.yaml")) for folder in folders
    }
    groups = [f"  {name + '=':<12} {', '.join(names)}" for name, names in choices.items()]
    values, lines = flat(asdict(Config())), []
    for key, text in explanations(Config()).items():
        if key not in values:  # a section
            lines.append(f"\n  {key}: {text}")
            continue
        option = f"  {key}={plain(values[key])}"
        sentence = re.split(r"(?<=\.) (?=[A-Z(])", text)[0]
        if isinstance(value := values[key], StrEnum):
            sentence += f" One of: {', '.join(type(value).__members__)}."
        # The meaning stands beside the option where there is room, else below it.
        lead = f"{option:<36} " if len(option) <= 36 else f"{option}\n{'':37}"
        lines.append(lead + f"\n{'':37}".join(textwrap.wrap(sentence, width - 37)))
    return "\n".join(
        [
            "Train a Transformer to translate.",
            "\nusage: python -m transformer_mt.train [OPTION=VALUE ...]",
            f"\nexamples:\n{EXAMPLES}",
            "\ngroups, each a file of options in conf/ (experiment: the best known recipes):",
            *groups,
            "\noptions with their defaults, which a group may change:",
            *lines,
            "\n--cfg job shows what all options come to, --multirun tries several values (a=1,2),",
            "--config-dir DIR finds your own YAML files, --version prints the version.",
        ]
    )


def plain(value: Any) -> str:
    """A value as it is typed on the command line."""
    if isinstance(value, list):
        return f"[{','.join(map(plain, value))}]"
    if isinstance(value, bool):
        return str(value).lower()
    return "null" if value is None else str(value)


def job(composed: DictConfig) -> None:
    """One training run; Hydra calls it once, or once for each point of a sweep."""
    status = 1
    try:
        if composed.init_from is not None:
            follow_beginning(composed, typed_options())
        config: Any = OmegaConf.to_object(composed)
        assert isinstance(config, Config)
        refuse_unknown(OmegaConf.to_container(composed))
        expand_paths(config)
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


def typed_options() -> set[str]:
    """The options that the command line sets, each by itself or with a group as in `model=tiny`.

    Those of a recipe, as in `experiment=tatoeba`, do not count.
    """
    loader: Any = GlobalHydra.instance().config_loader()
    hydra_config = HydraConfig.get()
    typed = {override.lstrip("+").partition("=")[0] for override in hydra_config.overrides.task}
    for group, choice in hydra_config.runtime.choices.items():
        if group in typed and group != "experiment" and choice is not None:
            found = loader.repository.load_config(f"{group}/{choice}")
            values: Any = OmegaConf.to_container(found.config)
            typed |= flat(values, f"{group}.").keys()
    return typed


def follow_beginning(composed: DictConfig, typed: set[str]) -> None:
    """Give options that nobody typed the values that they have in the run of `init_from`: those of
    the model and the vocabularies, and the script of Chinese.
    """
    from transformer_mt.config_file import load_config
    from transformer_mt.run_dir import checkpoint_steps

    run, own = Path(expanded(str(composed.init_from))), Path(expanded(str(composed.run_dir)))
    # A run that goes on has all that is needed from the other, which may be gone.
    if not run.exists() and composed.resume and checkpoint_steps(own, "state"):
        run = own
    for option, value in options_of_beginning(load_config(run)).items():
        if option not in typed and option != "tokenizer.sampling_alpha":
            OmegaConf.update(composed, option, value)


def options_of_beginning(config: Config) -> dict[str, Any]:
    """The options in which a run is like the one that it begins with."""
    options = flat(asdict(config))
    # Its vocabularies are taken from its directory.
    options |= {"tokenizer.src_model": None, "tokenizer.tgt_model": None}
    return {
        option: value
        for option, value in options.items()
        if option.startswith(("model.", "tokenizer.")) or option == "data.chinese_script"
    }


def refuse_unknown(composed: Any) -> None:
    """Raise UserError for an option that `+name=value` added, because nothing would heed it."""
    unknown = flat(composed).keys() - flat(asdict(Config())).keys()
    if unknown:
        raise UserError(no_such_option(min(unknown)))


def expand_paths(config: Config) -> None:
    """Replace `~` at the beginning of every path option, once for all that read it."""
    for option in PATH_OPTIONS:
        section, _, name = option.rpartition(".")
        owner: Any = getattr(config, section) if section else config
        value = getattr(owner, name)
        if isinstance(value, str):
            setattr(owner, name, expanded(value))
        elif isinstance(value, list):
            setattr(owner, name, [expanded(str(path)) for path in value])


def sweep_suffix() -> str:
    """What tells the run directory of one point of a sweep from the others'; else empty."""
    hydra_config = HydraConfig.get()
    # Points whose run_dir is swept are apart already.
    swept = [
        override
        for override in hydra_config.overrides.task
        if override not in sys.argv and not override.startswith("run_dir=")
    ]
    if hydra_config.mode is not RunMode.MULTIRUN or not swept:
        return ""
    return "-" + folder_name(",".join(swept))


def folder_name(overrides: str) -> str:
    """`overrides` as a name that a shell takes as it is, and that no others have."""
    text = re.sub(r"=(['\"])(.*?)\1(?=,|$)", r"=\2", overrides)
    name = re.sub(r"[^\w@%+=:,.-]+", "_", text)
    # What became equal by this must not be one folder.
    return name if name == text else f"{name}-{zlib.crc32(text.encode()):08x}"


def hydra_arguments(arguments: list[str]) -> list[str]:
    """The command line as Hydra can read it: its flags, then all overrides, their paths quoted.

    Raises:
        UserError: there is no such flag, or two do not go together.
    """

    def refuse(message: str) -> NoReturn:
        raise UserError(f"{message}; options are written key=value, and --help shows them.")

    parser = get_args_parser()
    vars(parser)["error"] = refuse
    args = parser.parse_intermixed_args(arguments)
    if sum(map(bool, (args.run, args.multirun, args.cfg, args.info))) > 1:
        raise UserError("give only one of --run, --multirun, --cfg and --info.")
    if args.resolve and not (args.cfg or args.help):
        raise UserError("--resolve belongs to --cfg job.")
    for override in args.overrides:
        if "=" not in override and not override.startswith("~"):  # ~ takes an option away
            raise UserError(no_value(override))
    # Groups of the user's own are added with a plus; ours, and all options, are there already.
    has_own = args.config_dir or args.config_path or "hydra.searchpath" in " ".join(arguments)
    flags = list(arguments)
    for override in args.overrides:
        flags.remove(override)
    # Those of its flags that take a path, as --config-dir does, know no home either.
    flags = [re.sub(r"(^|(?<==))~.*", lambda match: expanded(match[0]), flag) for flag in flags]
    return flags + [
        quote_path(without_plus(override, bool(has_own)), args.multirun)
        for override in args.overrides
    ]


def without_plus(override: str, has_own_groups: bool) -> str:
    """`+key=value` as `key=value`, so that Hydra refuses a key that the schema lacks.

    The plus stays where it may add a group of the user's own, or is for Hydra itself.
    """
    plain = override.lstrip("+")
    key = plain.partition("=")[0]
    may_be_group = has_own_groups and "." not in key
    return override if may_be_group or key.startswith("hydra") else plain


def quote_path(argument: str, is_sweep: bool = False) -> str:
    """An override whose value is a path, with quotes around it.

    Hydra's grammar then leaves spaces, brackets and commas alone. Two aligned files, `[a,b]`, stay
    a list. In a sweep commas separate values, unless the whole is the name of a file.
    """
    key, equals, value = argument.partition("=")
    if key not in PATH_OPTIONS or not equals:
        return argument
    values = [value]
    if is_sweep and "," in value and not os.path.exists(expanded(value)):
        values = PATH_VALUE.findall(value)
    return f"{key}={','.join(map(quoted_value, values))}"


def quoted_value(value: str) -> str:
    """One value of a path option, in quotes unless it says that it is none, or has them."""
    if value in ("", "null") or value[0] in QUOTES or "${" in value:
        return value
    if value.startswith("[") and value.endswith("]"):
        paths = (part.strip(" " + QUOTES) for part in value[1:-1].split(","))
        return f"[{','.join(map(quoted, paths))}]"
    return quoted(value)


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

    grammar, is_grammar, _ = text.partition("\nSee https://hydra.cc")
    if is_grammar:
        return (
            f"an option cannot be read: {' '.join(grammar.split())}; put a value with special "
            "characters into quotes of its own, inside those of the shell."
        )
    if unknown := re.search(r"Could not override '([^']+)'", text):
        return no_such_option(unknown[1])

    # Hydra goes on with the folders that it searched.
    text = text.partition("Config search path:")[0]
    if missing := re.search(r"Could not find '(.+)/[^/]*'\s+Available options in .*:\s", text):
        names = ", ".join(text[missing.end() :].split())
        path = missing[0].split("'")[1]
        return f"Could not find '{path}'; {missing[1]} is one of {names}."

    value = re.search(r"^(?:Value|Invalid value|Cannot convert|Unsupported).*$", text, re.MULTILINE)
    key = re.search(r"full_key: (\S+)", text) or re.search(r"Error merging override (\S+?)=", text)
    if value and key:
        return f"{key[1]}: {value[0].rstrip('.')}."
    return " ".join(line.strip() for line in text.splitlines() if line.strip())


def no_value(word: str) -> str:
    """What to say of a word without `=`; it names the group that has it, recipes first."""
    groups = {folder.name for folder in CONF_DIR.iterdir() if (folder / f"{word}.yaml").is_file()}
    group = "experiment" if "experiment" in groups else min(groups, default="")
    hint = f"; did you mean {group}={word}?" if group else ", as in train.max_minutes=30."
    return f"{word!r} is no option: write OPTION=VALUE{hint}"


def no_such_option(name: str) -> str:
    """What to say of an option that the schema lacks; it names a near one."""
    close = difflib.get_close_matches(name, flat(asdict(Config())), n=1)
    hint = f"did you mean {close[0]}?" if close else "--cfg job shows them all."
    return f"{name}: no such option; {hint}"


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
    from transformer_mt.config_file import load_config
    from transformer_mt.corpus import prepare
    from transformer_mt.fast import keep_freed_memory
    from transformer_mt.run_dir import checkpoint_steps
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
    else:
        if config.init_from is not None:
            check_beginning(config, Path(config.init_from))
        if starts_over(config):
            check_movable(run_dir)

    keep_freed_memory()
    # Processes that train together wait for one of them to prepare, before they are a group: a
    # group would give up on one that waits so long.
    beginning = None if config.init_from is None else Path(config.init_from)
    corpus = prepare(config, run_dir if steps else beginning)
    with ExitStack() as stack:
        if rank() == 0:
            claim_run_dir(config, steps, stack)
        stack.enter_context(process_group(device))
        return train_on(corpus, config, resume=bool(steps))


def check_beginning(config: Config, run: Path) -> None:
    """Raise UserError unless a run with this configuration can begin with the weights of `run`."""
    from transformer_mt.run_dir import load_run
    from transformer_mt.runtime import rank
    from transformer_mt.text import same_languages

    old = load_run(run).config
    languages = [(c.src_language, c.tgt_language) for c in (old, config)]
    if not same_languages(*languages):
        raise UserError(
            f"init_from={run} translates {old.direction}, but this run {config.direction}; set "
            "direction and data.languages accordingly, or begin with another run."
        )
    before, now = options_of_beginning(old), flat(asdict(config))
    script = "data.chinese_script"
    if now[script] != before[script] and rank() == 0:
        talk(f"warning: {script}={now[script]}, but {run} was trained with {before[script]}.")
    differing = [
        f"{key}={now[key]} (there {before[key]})"
        for key in sorted(before)
        if now[key] != before[key] and key not in (*MAY_DIFFER, script)
    ]
    if differing:
        raise UserError(
            f"init_from={run} has another model or other vocabularies: {', '.join(differing)}. "
            "Leave such options out, or train from nothing, without init_from."
        )


def check_run_dir(config: Config) -> None:
    """Raise UserError unless `run_dir` is a run, an empty folder, or not there yet."""
    run_dir = Path(config.run_dir)
    if run_dir.exists() and not run_dir.is_dir():
        raise UserError(f"run_dir={run_dir} is a file; name a folder.")
    if config.init_from is not None and Path(config.init_from).resolve() == run_dir.resolve():
        raise UserError(
            f"init_from={config.init_from} is run_dir itself: name another run_dir, or leave "
            "init_from out to go on with it."
        )
    if not config.resume and os.environ.get("TORCHELASTIC_MAX_RESTARTS", "0") != "0":
        raise UserError(
            f"resume=false would start over each time that torchrun starts the job again: move "
            f"{run_dir} away yourself, or use --max-restarts 0."
        )
    if not run_dir.is_dir() or is_run(run_dir):
        return
    # A start that was killed before it wrote config.yaml leaves its lock and half a file.
    ours = re.compile(re.escape(LOCK) + r"(\.owner)?|\..*\.tmp")
    if not all(ours.fullmatch(path.name) for path in run_dir.iterdir()):
        raise UserError(
            f"run_dir={run_dir} holds files that are not a run; name an empty or new folder."
        )


def is_run(run_dir: Path) -> bool:
    """Whether a folder with a `config.yaml` is a run, be it damaged, and not something else's."""
    from transformer_mt.config_file import load_config

    with suppress(UserError):
        load_config(run_dir)
        return True
    return (run_dir / "config.yaml").exists() and (run_dir / LOCK).exists()


def starts_over(config: Config) -> bool:
    """Whether `run_dir` has a run that is not gone on with, but kept aside.

    A start that was killed before its first checkpoint is nothing to keep.
    """
    from transformer_mt.config_file import WEIGHTS
    from transformer_mt.run_dir import checkpoint_steps

    run_dir = Path(config.run_dir)
    if not (run_dir / "config.yaml").exists():
        return False
    has_no_checkpoint = not checkpoint_steps(run_dir, "state")
    return not config.resume or (has_no_checkpoint and (run_dir / WEIGHTS).exists())


def check_movable(run_dir: Path) -> None:
    """Raise UserError where `run_dir` contains the current directory: it cannot be renamed."""
    if Path.cwd().is_relative_to(run_dir.resolve()):
        raise UserError(
            f"run_dir={run_dir} contains the current directory, so that its old run cannot be "
            "moved aside; start from another folder, or name another run_dir."
        )


def check_resumable(config: Config, old: Config, run_dir: Path) -> None:
    """Refuse to go on with another model, text or update rule; raises UserError."""
    before, now = flat(asdict(old)), flat(asdict(config))
    differing = [
        f"{key}={now[key]} (was {before[key]})"
        for key in sorted(now)
        if now[key] != before[key]
        and key not in MAY_CHANGE
        and (key == "data.source_noise" or not key.startswith(("data.", "decode.")))
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
    from transformer_mt.run_dir import checkpoint_steps

    run_dir = Path(config.run_dir)
    run_dir.mkdir(parents=True, exist_ok=True)
    stack.enter_context(file_lock(run_dir / LOCK, wait=False))
    # Only now nobody else can write here: what was read before must still be true.
    if config.resume and checkpoint_steps(run_dir, "state") != steps:
        raise UserError(
            f"{run_dir} was trained by another process meanwhile; run the same command again."
        )
    if starts_over(config):
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
    from transformer_mt.config_file import save_config
    from transformer_mt.corpus import table
    from transformer_mt.run_dir import load_run
    from transformer_mt.runtime import gathered, rank
    from transformer_mt.trainer import Trainer

    run_dir, trainer = Path(config.run_dir), Trainer(config, corpus)
    trainer.talk(table(corpus))
    resume = gathered(resume)[0]  # the first process decides, since only it claimed the directory
    if resume:
        trainer.resume()
    elif config.init_from is not None:
        trainer.begin_with(load_run(Path(config.init_from)))
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
    from transformer_mt.run_dir import load_words, save_tokenizers, save_words

    # A start with other options may have been killed before its first checkpoint.
    names = ("spm.model", "src.spm.model", "tgt.spm.model", "words.txt")
    for path in (*(run_dir / name for name in names), *run_dir.glob("checkpoints/weights-*")):
        path.unlink(missing_ok=True)
    trainer.cut_metrics()
    save_tokenizers(run_dir, corpus.src_tokenizer, corpus.tgt_tokenizer)
    # The model that the run begins with knows its words, too; perhaps nobody can say which.
    beginning = trainer.config.init_from
    before = [] if beginning is None else load_words(Path(beginning))
    if before is not None:
        save_words(run_dir, dict.fromkeys([*corpus.words, *before]))
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
        talk(f"next:\n  {command('evaluate', run_dir)}\n  {command('translate', run_dir)}")


def command(verb: str, run_dir: Path) -> str:
    """A command on a run, as it can be pasted into a shell."""
    name = str(run_dir)
    # A shell, or the command, would take these for something else than a folder.
    if name.startswith(("-", "~")):
        name = f"./{name}"
    return shlex.join(["python", "-m", f"transformer_mt.{verb}", name])


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
        talk("word links: no validation pair has gold links and fits the model; none were measured")
        return
    table = inspector.measure(gold_pairs, BASE)
    chosen_on = f"the run's validation set, {len(gold_pairs)} pairs"
    write_text(run_dir / "alignment.json", rule_to_json(table, chosen_on, steps))
    rule = best(table)
    taught = ", taught in training" if inspector.is_taught(rule) else ""
    aer = table[rule].aer
    talk(f"word links: {rule}{taught}; alignment error rate {aer:.3f} on the validation set")


if __name__ == "__main__":
    main()
