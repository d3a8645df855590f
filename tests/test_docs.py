"""Documents tell the truth: code runs, commands parse, recipes resolve, links lead somewhere."""

import functools
import importlib.util
import inspect
import re
import runpy
import shlex
from pathlib import Path

import pytest
import torch
import tyro
import yaml

import anaglyph
from anaglyph.cli.main import COMMANDS, SUBCOMMANDS, main
from anaglyph.config import parse_yaml, structure
from anaglyph.data.catalog import DataConfig, dataset_source
from anaglyph.engine.recipe import load_recipe, recipe_name, resolve

ROOT = Path(__file__).resolve().parents[1]
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("src/**/*.md")])
EXAMPLES = sorted(ROOT.glob("examples/*.py"))
FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
PLACEHOLDER = re.compile(r"\b(NAME|RECIPE|VALUE|RUN)\b|\.\.\.")


def blocks(page, language):
    return [body for kind, body in FENCE.findall(page.read_text(encoding="utf-8")) if kind == language]


def name_of(path):
    return str(path.relative_to(ROOT))


def pages_with(language):
    return pytest.mark.parametrize("page", [page for page in PAGES if blocks(page, language)], ids=name_of)


@pytest.fixture(scope="module")
def made_once(tmp_path_factory):
    """Generated shapes, shared by all pages and examples."""
    return tmp_path_factory.mktemp("cache")


@pytest.fixture
def workplace(tmp_path, monkeypatch, made_once):
    """A folder to run in, on one thread, where `runs/cache` is already filled."""
    (tmp_path / "runs").mkdir()
    (tmp_path / "runs" / "cache").symlink_to(made_once)
    monkeypatch.chdir(tmp_path)
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield tmp_path
    torch.set_num_threads(threads)


@pages_with("python")
def test_python_blocks_of_a_page_run_in_order(page, workplace):
    names = {"__name__": "documentation"}
    for number, body in enumerate(blocks(page, "python")):
        exec(compile(body, f"{name_of(page)}, python block {number + 1}", "exec"), names)


@pytest.mark.parametrize("example", EXAMPLES, ids=name_of)
def test_examples_run_and_print_something(example, workplace, monkeypatch, capsys):
    monkeypatch.setattr("sys.argv", [str(example)])
    runpy.run_path(str(example), run_name="__main__")
    assert capsys.readouterr().out.strip()


def commands(page):
    """Every command line of a page: bash blocks, and `anaglyph ...` in the text without placeholders."""
    found = []
    for body in blocks(page, "bash"):
        found += [shlex.split(line, comments=True) for line in body.replace("\\\n", " ").splitlines()]
    text = FENCE.sub("", page.read_text(encoding="utf-8"))
    spans = re.findall(r"`(anaglyph [^`\n]+)`", text)
    found += [shlex.split(span) for span in spans if not PLACEHOLDER.search(span)]
    return [words for words in found if words]


@pytest.mark.parametrize("page", [page for page in PAGES if commands(page)], ids=name_of)
def test_commands_of_a_page_exist_with_their_flags_recipes_and_options(page, capsys):
    for words in commands(page):
        check_command(words)


def check_command(words):
    program, *rest = words
    if program == "torchrun":
        program, rest = "anaglyph", rest[rest.index("anaglyph") + 1 :]
    if program == "anaglyph":
        check_anaglyph(rest)
    elif program == "make":
        targets = re.findall(r"^(\w+):", (ROOT / "Makefile").read_text(), flags=re.MULTILINE)
        assert next(word for word in rest if "=" not in word) in targets, words
    elif program == "python":
        assert (ROOT / rest[0]).is_file() or rest[:2] == ["-m", "anaglyph"], words
    else:
        assert program in {"pip", "git"} or program.startswith(".venv/bin/"), f"an unchecked command: {words}"


def check_anaglyph(arguments):
    if arguments in (["--version"], ["--help"]):
        return
    if len(arguments) == 1:  # a command by its name
        assert arguments[0] in COMMANDS, arguments
        return
    if arguments[1:] in [[name] for name in SUBCOMMANDS.get(arguments[0], {})]:
        return
    name, given = parsed(arguments)
    for target in given.get("targets", ()):
        if not target.endswith(".yaml"):
            data = next(iter(given.get("data", ())), None)
            recipe = recipe_name(target, data=data, preset=given.get("preset", "best"))
            load_recipe(recipe, assignments=given.get("set", ()))
    if name == "data" and given.get("name"):
        dataset_source(DataConfig(name=given["name"]))


def parsed(arguments):
    """(command, its arguments), as the command line would call it, without calling it."""
    calls = []

    def recorder(name, command):
        @functools.wraps(command)
        def record(*args, **kwargs):
            calls.append((name, inspect.signature(command).bind(*args, **kwargs).arguments))
            return 0

        return record

    table = COMMANDS
    below = SUBCOMMANDS.get(arguments[0], {})
    if arguments[1] in below:  # its subcommands are parsed by themselves
        table, arguments = below, arguments[1:]
    stubs = {name: recorder(name, command) for name, command in table.items()}
    try:
        tyro.extras.subcommand_cli_from_dict(stubs, prog="anaglyph", args=arguments)
    except SystemExit:
        pytest.fail(f"this command line does not parse: anaglyph {' '.join(arguments)}")
    return calls[0]


def test_a_flag_that_does_not_exist_would_be_noticed(capsys):
    with pytest.raises(pytest.fail.Exception, match="does not parse"):
        check_anaglyph(["train", "digits3d_romo_best", "--epochs", "3"])
    with pytest.raises(anaglyph.ConfigError, match="alhpa"):
        check_anaglyph(["train", "digits3d_romo_best", "--set", "stages.learn.config.alhpa=1"])


@pages_with("yaml")
def test_yaml_blocks_are_recipes_or_parts_of_one(page):
    for body in blocks(page, "yaml"):
        data = parse_yaml(body, where=name_of(page))
        if "title" in data:
            resolve(data, where=name_of(page))
        else:
            assert set(data) == {"data"}
            dataset_source(structure(DataConfig, data["data"], where="data"))


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_links_lead_to_files_and_headings_that_exist(page):
    for target, anchor in re.findall(r"\]\(([^)#\s]*)(#[^)\s]+)?\)", FENCE.sub("", page.read_text("utf-8"))):
        if target.startswith("http"):
            continue
        file = page if not target else (page.parent / target)
        assert file.exists(), f"{name_of(page)} links to '{target}', which is not there"
        if anchor:
            assert anchor[1:] in headings(file), f"{name_of(page)} links to {target}{anchor}: no such heading"


def headings(page):
    """Anchors of a page as GitHub makes them."""
    titles = re.findall(r"^#+ (.+)$", FENCE.sub("", page.read_text("utf-8")), flags=re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


def test_tables_of_options_are_those_of_the_code():
    spec = importlib.util.spec_from_file_location("generate", ROOT / "docs" / "generate.py")
    generate = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(generate)
    stale = [name_of(page) for page in generate.stale()]
    assert not stale, f"tables are out of date in {stale}; run `python docs/generate.py`"


def test_every_command_is_in_the_readme_and_in_the_reference():
    for page in (ROOT / "README.md", ROOT / "docs" / "reference" / "commands.md"):
        text = page.read_text(encoding="utf-8")
        assert [name for name in COMMANDS if f"anaglyph {name}" not in text] == []


def test_version_stands_the_same_in_the_package_the_citation_and_the_command(capsys):
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    assert {"cff-version", "message", "title", "authors"} <= set(citation)
    assert str(citation["version"]) == anaglyph.__version__
    assert main(["--version"]) == 0
    assert capsys.readouterr().out == f"anaglyph {anaglyph.__version__}\n"
    assert anaglyph.__version__ in (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
