"""A MarianMT checkpoint from the Hugging Face hub, or from where `HF_ENDPOINT` says."""

import re
import sys
from pathlib import Path

from transformer_mt.config import UserError
from transformer_mt.files import talk
from transformer_mt.interchange.from_marian import FILES, OTHER_FILES, PICKLE, SAFETENSORS


def fetch(name: str) -> Path:
    """The folder with the files of a model, such as Helsinki-NLP/opus-mt-zh-en.

    They are kept in the hub's own cache, which serves where the hub cannot be reached.

    Raises:
        UserError: there is no such model, or it is neither reached nor in the cache.
    """
    from huggingface_hub import HfApi, snapshot_download
    from huggingface_hub.errors import HfHubHTTPError
    from huggingface_hub.utils import (  # type: ignore[attr-defined]
        disable_progress_bars,
    )

    if not re.fullmatch(r"[\w.-]+/[\w.-]+", name):
        raise UserError(
            f"{name}: no such folder, and no name on the hub such as Helsinki-NLP/opus-mt-zh-en."
        )
    if not sys.stderr.isatty():  # a bar would be redrawn thousands of times in a log
        disable_progress_bars()
    unreachable: Exception | None = None
    weights = SAFETENSORS
    try:
        siblings = HfApi().model_info(name, timeout=10).siblings or []
        # Both hold the same, but a pickle is larger and can do harm.
        if SAFETENSORS not in {file.rfilename for file in siblings}:
            weights = PICKLE
        talk(f"{name}: fetching from the hub …")
    except HfHubHTTPError as error:
        unreachable = error if error.response.status_code >= 500 else None
    except Exception as error:  # the client raises those of half a dozen libraries
        unreachable = error
    try:
        wanted = [*FILES, *OTHER_FILES, weights]
        offline = unreachable is not None
        return Path(snapshot_download(name, allow_patterns=wanted, local_files_only=offline))
    except Exception as error:
        first_line = (str(unreachable or error).strip() or type(error).__name__).splitlines()[0]
        raise UserError(
            f"{name}: no such folder, and it cannot be loaded from the hub ({first_line:.200}); "
            "check the name and the network."
        ) from None
