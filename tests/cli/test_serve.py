"""What `anaglyph serve` refuses before it listens."""

import socket

import pytest

from anaglyph.cli.main import main
from anaglyph.search.opening import create_store
from anaglyph.search.store import Header


@pytest.fixture
def index(tmp_path):
    """An index of a model that is nowhere."""
    header = Header(
        model=str(tmp_path / "gone.safetensors"), fingerprint="0" * 16, dim=4, views=("ring12", 8)
    )
    create_store(tmp_path / "index", header).close()
    return tmp_path / "index"


def refused(capsys, *arguments):
    assert main(["serve", *map(str, arguments)]) == 2
    error = capsys.readouterr().err
    assert error.startswith("anaglyph: ")
    assert "Traceback" not in error
    return error


def test_an_index_that_is_not_there_is_named(tmp_path, capsys):
    assert str(tmp_path / "none") in refused(capsys, "--index", tmp_path / "none")


def test_a_model_that_is_not_there_any_more_is_named(index, capsys):
    assert "gone.safetensors" in refused(capsys, "--index", index)


def test_a_token_that_is_too_short_is_refused(index, tmp_path, capsys):
    (tmp_path / "token").write_text("short\n", encoding="utf-8")
    assert "16" in refused(capsys, "--index", index, "--write", "--token-file", tmp_path / "token")


def test_a_token_file_that_cannot_be_read_is_named(index, tmp_path, capsys):
    assert "'nowhere'" in refused(capsys, "--index", index, "--token-file", "nowhere")
    (tmp_path / "token").write_bytes(b"\xff" * 32)
    assert "token" in refused(capsys, "--index", index, "--token-file", tmp_path / "token")


def test_a_port_that_is_none_is_refused(index, capsys):
    assert "65535" in refused(capsys, "--index", index, "--port", 70000)


def test_an_index_and_a_database_at_once_are_refused(index, capsys):
    assert "not both" in refused(capsys, "--index", index, "--store", "postgresql://x/y")


def test_an_address_in_use_is_named_with_what_to_do():
    from anaglyph.errors import ConfigError
    from anaglyph.serve.run import listening
    from anaglyph.serve.settings import ServeSettings

    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(ConfigError, match=f"port {port}.*--port"):
            listening(ServeSettings(port=port))


@pytest.mark.parametrize(
    ("host", "token", "expected"),
    [
        ("127.0.0.1", None, "http://127.0.0.1:{port}/"),
        ("localhost", "0123456789abcdef", "http://localhost:{port}/#token=0123456789abcdef"),
        ("0.0.0.0", "0123456789abcdef", "http://127.0.0.1:{port}/#token=0123456789abcdef"),
    ],
)
def test_the_address_that_is_printed_opens_here(host, token, expected):
    from anaglyph.serve.run import address, listening
    from anaglyph.serve.settings import ServeSettings

    settings = ServeSettings(host=host, port=0, token=token)
    with listening(settings) as made:
        assert address(settings, made) == expected.format(port=made.getsockname()[1])


def test_without_fastapi_the_install_line_is_told(index, capsys, monkeypatch):
    import builtins
    import sys

    real = builtins.__import__

    def without(name, *arguments, **given):
        if name.partition(".")[0] in ("fastapi", "starlette"):
            raise ModuleNotFoundError(f"No module named '{name}'", name="fastapi")
        return real(name, *arguments, **given)

    for module in [name for name in sys.modules if name.startswith("anaglyph.serve")]:
        monkeypatch.delitem(sys.modules, module)
    monkeypatch.setattr(builtins, "__import__", without)
    assert "pip install 'anaglyph[serve]'" in refused(capsys, "--index", index)
