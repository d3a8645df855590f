import pytest

from anaglyph.errors import ConfigError
from anaglyph.serve.schemas import PAGE
from anaglyph.serve.settings import ServeLimits, ServeSettings, is_loopback

TOKEN = "0123456789abcdef"


def test_by_default_only_this_machine_is_answered_and_nothing_changes():
    settings = ServeSettings()
    assert (settings.host, settings.local, settings.write, settings.token) == ("127.0.0.1", True, False, None)


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST.", "127.0.0.1", "127.1.2.3", "::1"])
def test_names_of_this_machine(host):
    assert is_loopback(host)


@pytest.mark.parametrize(
    "host", ["", "0.0.0.0", "::", "10.0.0.1", "localhost.example.org", "127.0.0.1.nip.io"]
)
def test_names_that_others_reach(host):
    assert not is_loopback(host)


@pytest.mark.parametrize("given", [{"write": True}, {"host": "0.0.0.0"}, {"host": "::"}])
def test_an_open_door_without_a_token_is_refused(given):
    with pytest.raises(ConfigError, match="token"):
        ServeSettings(**given)
    assert ServeSettings(**given, token=TOKEN).token == TOKEN


@pytest.mark.parametrize("token", ["", "0123456789abcde", "0123456789abcdeé", "0123456789abcde\n"])
def test_a_token_that_is_short_or_odd_is_refused(token):
    with pytest.raises(ConfigError, match="token"):
        ServeSettings(token=token)


@pytest.mark.parametrize("port", [-1, 65536])
def test_a_port_that_is_none_is_refused(port):
    with pytest.raises(ConfigError, match="port"):
        ServeSettings(port=port)


def test_a_limit_of_nothing_is_refused():
    with pytest.raises(ValueError, match="parts"):
        ServeLimits(parts=0)


def test_the_limits_are_those_of_the_safety_page():
    limits = ServeLimits()
    assert (limits.upload_bytes, limits.picture_bytes, limits.body_bytes) == (100 << 20, 20 << 20, 1 << 20)
    assert (limits.text, PAGE, limits.parts, limits.queue) == (1000, 200, 8, 64)
    assert (limits.mesh.vertices, limits.mesh.faces) == (20_000_000, 20_000_000)
    assert (limits.mesh.seconds, limits.mesh.memory_bytes) == (60, 4 << 30)
