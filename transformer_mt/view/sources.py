"""The code behind each section of the primer. The page shows it in place, so that no reader has to
go and look for it.
"""

import inspect
from collections.abc import Callable
from pathlib import Path
from typing import Any

import transformer_mt
from transformer_mt import model
from transformer_mt.view import equations

BEHIND: dict[int, tuple[Callable[..., Any], ...]] = {
    1: (equations.equal_shares,),
    2: (
        equations.inner_products,
        equations.projection,
        equations.cosines,
        equations.nearest,
        equations.median_cosine,
    ),
    3: (equations.softmax_rows, equations.self_attention_plain),
    4: (
        model.attention_weights,
        equations.head_projections,
        equations.row_information,
        equations.sink_shares,
    ),
    5: (
        equations.scales,
        equations.spread,
        equations.softmax_gradient,
        equations.query_gradient,
        equations.scaling_study,
    ),
    6: (equations.letter_scores, equations.retrieval),
    7: (model.attention, model.MultiHeadAttention),
    8: (equations.head_contributions, equations.switch_off_head),
    9: (
        model.positional_encoding,
        model.causal_mask,
        equations.path_shapes,
        equations.sequential_steps,
    ),
    10: (
        equations.plain_gate,
        equations.image_gates,
        equations.temporal_gate,
        equations.untrained_gates,
        model.ChannelGate,
        model.SpatialGate,
        model.hard_attention,
    ),
}
"""Sections by number."""


def sources_data() -> dict[str, list[dict[str, Any]]]:
    """For each section its functions and classes: `name`, `file`, from the package's folder on,
    with the line where it begins, and `source`, its lines.
    """
    return {str(section): list(map(source_data, behind)) for section, behind in BEHIND.items()}


def source_data(subject: Callable[..., Any]) -> dict[str, Any]:
    subject = inspect.unwrap(subject)  # a context manager is made of a function
    lines, first = inspect.getsourcelines(subject)
    package = Path(transformer_mt.__file__).parent
    path = Path(inspect.getfile(subject)).relative_to(package.parent)
    return {
        "name": subject.__name__,
        "file": f"{path.as_posix()}:{first}",
        "source": [line.rstrip("\n") for line in lines],
    }
