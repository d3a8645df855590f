"""Help costs nothing: it is there for every command and never imports torch."""

import subprocess
import sys

import pytest

import anaglyph as package
from anaglyph.cli.main import COMMANDS

DRIVER = """
import contextlib, io, sys
from anaglyph.cli.main import COMMANDS, main
for arguments in [["--help"], ["--version"], [], *([name, "--help"] for name in COMMANDS)]:
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        try:
            code = main(arguments)
        except SystemExit as left:
            code = left.code
    assert code in (0, None), (arguments, code)
    assert out.getvalue().strip(), arguments
    heavy = {"torch", "lightning_fabric", "sklearn", "scipy"} & set(sys.modules)
    assert not heavy, (arguments, heavy)
"""


def test_help_and_version_of_every_command_come_without_torch():
    ran = subprocess.run([sys.executable, "-c", DRIVER], capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr


def test_version_is_that_of_the_package(anaglyph):
    for flag in ("--version", "-V"):
        shown = anaglyph(flag)
        assert (shown.code, shown.out) == (0, f"anaglyph {package.__version__}\n")


@pytest.mark.parametrize("command", list(COMMANDS))
def test_help_names_every_option_with_a_sentence(command, anaglyph):
    shown = anaglyph(command, "--help")
    assert shown.code in (0, None)
    assert "--json" in shown.out


def test_no_arguments_show_the_commands(anaglyph):
    shown = anaglyph()
    assert shown.code in (0, None)
    assert all(command in shown.out for command in COMMANDS)
