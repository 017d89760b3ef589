"""`python -m transformer_mt` lists the commands, and each of them tells its version."""

import pytest
from helpers import lines
from test_imports import COMMANDS

import transformer_mt
from transformer_mt import __main__ as listing


def test_every_command_is_listed_in_a_line(call):
    done = call("__main__")
    assert (done.status, done.err) == (0, "")
    assert listing.COMMANDS.keys() == COMMANDS - {"__main__"}
    for verb, text in listing.COMMANDS.items():
        assert f"  {verb:<10} {text}" in lines(done.out)
    assert f"transformer_mt {transformer_mt.__version__}" in done.out


@pytest.mark.parametrize("verb", sorted(COMMANDS))
def test_every_command_tells_the_version(call, verb):
    done = call(verb, "--version")
    expected = f"transformer_mt {transformer_mt.__version__}\n"
    assert (done.status, done.out, done.err) == (0, expected, "")


def test_a_space_instead_of_a_dot_is_told(call):
    error = call("__main__", "translate", "runs/x").error
    assert error == "error: write python -m transformer_mt.translate, with a dot."
    error = call("__main__", "translat").error
    assert error == "error: translat is no command; python -m transformer_mt lists them."
