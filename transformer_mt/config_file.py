"""What does a run's `config.yaml` say? It is read and written without torch, which takes seconds to
import: a command can tell a wrong run at once.
"""

import json
from dataclasses import asdict, is_dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any, get_type_hints

import yaml

from transformer_mt.config import Config, UserError
from transformer_mt.files import write_text

WEIGHTS = "model.safetensors"
"""The weights to use, beside `config.yaml`."""


def config_from_dict(kind: type, values: Any, where: str) -> Any:
    """The dataclass `kind` from plain values; raises UserError for unknown keys and wrong types."""
    if not isinstance(values, dict):
        raise UserError(f"{where}: expected a mapping, found {values!r:.40}.")
    types = get_type_hints(kind)
    fields = {}
    for key, value in values.items():
        if key not in types:
            raise UserError(f"{where}: unknown key {key!r}.")
        fields[key] = _field_from_plain(types[key], value, f"{where}: {key}")
    try:
        return kind(**fields)
    except UserError as error:  # out of range
        raise UserError(f"{where}: {error}") from None


def _field_from_plain(field_type: Any, value: Any, where: str) -> Any:
    """One value of a dataclass, from what YAML has for it."""
    if is_dataclass(field_type):
        return config_from_dict(field_type, value, where)  # type: ignore[arg-type]
    if isinstance(field_type, type) and issubclass(field_type, StrEnum):
        if value not in list(field_type):
            raise UserError(f"{where}={value!r:.40} is not one of {', '.join(field_type)}.")
        return field_type(value)
    if field_type == list[str]:
        fits = isinstance(value, list) and all(isinstance(item, str) for item in value)
    elif field_type in (float, float | None):  # a whole number is a fine float
        fits = isinstance(value, field_type | int)
    else:
        fits = field_type is Any or isinstance(value, field_type)
    if not fits:
        raise UserError(f"{where}={value!r:.40} has the wrong type.")
    return value


def save_config(run_dir: Path, config: Config) -> None:
    plain = json.loads(json.dumps(asdict(config)))  # YAML takes no enums
    text = yaml.safe_dump(plain, sort_keys=False, allow_unicode=True, width=120)
    write_text(run_dir / "config.yaml", text)


class _LoaderWithoutAliases(yaml.SafeLoader):
    """Refuses aliases, because a few of them can stand for more than memory holds."""

    def compose_node(self, parent: Any, index: Any) -> Any:
        if self.check_event(yaml.AliasEvent):
            raise ValueError("aliases are not used here")
        return super().compose_node(parent, index)


def load_config(run_dir: Path) -> Config:
    """The configuration of a run; raises UserError when there is none or it is damaged."""
    path = run_dir / "config.yaml"
    if not path.is_file():
        raise UserError(
            f"{run_dir}: no run here (looked for config.yaml). Train first, or pass the run "
            f"directory."
        )
    try:
        # YAML of gigabytes would take the memory before it is found to be none of ours.
        if path.stat().st_size > 1_000_000:
            raise ValueError("longer than a configuration can be")
        text = path.read_text(encoding="utf-8")
        values = yaml.load(text, _LoaderWithoutAliases)
    except (yaml.YAMLError, ValueError, RecursionError) as error:  # a date can be out of range
        first_line = (str(error).splitlines() or ["empty"])[0]
        raise UserError(f"{path}: damaged ({first_line}).") from None
    config: Config = config_from_dict(Config, values, str(path))
    return config


def config_of_model(run_dir: Path) -> Config:
    """The configuration of a run that has a model; raises UserError when there is none."""
    config = load_config(run_dir)
    if not (run_dir / WEIGHTS).is_file():
        raise UserError(
            f"{run_dir}: no model here (looked for {WEIGHTS}). Train first, or pass the run "
            f"directory."
        )
    return config
