"""`anaglyph serve`: an index in the browser and over HTTP."""

from __future__ import annotations

import json as jsonlib
import secrets
import sys
import time
import webbrowser
from pathlib import Path
from typing import TYPE_CHECKING

from anaglyph.errors import ConfigError

if TYPE_CHECKING:
    from anaglyph.serve.settings import ServeSettings


def serve(
    *,
    index: Path | None = None,
    store: str | None = None,
    host: str = "127.0.0.1",
    port: int = 8340,
    write: bool = False,
    token_file: Path | None = None,
    allow_host: tuple[str, ...] = (),
    data_root: Path | None = None,
    open: bool = False,
    json: bool = False,
) -> int:
    """Serve an index: a gallery for the browser and an HTTP API; Ctrl-C ends it.

    Nothing leaves this machine and nothing is changed, unless you say so. --write, and a --host that others
    can reach, need a token: that of --token-file or $ANAGLYPH_TOKEN, else a new one; the address that is
    printed holds it.

    Args:
        index: folder of the index; by default anaglyph/index in your data folder.
        store: address of a PostgreSQL database instead.
        host: address to listen on; 0.0.0.0 for all of this machine's.
        port: 0 takes a free one.
        write: let those who have the token tag and ignore items and index again; files are never changed.
        token_file: holds the token, 16 characters or more.
        allow_host: further names under which the server may be called, such as models.example.org.
        data_root: folder where relative sources of towers start; default $ANAGLYPH_DATA, else ../shared/data.
        open: open the gallery in the browser.
        json: print the address and the token as JSON.
    """
    from anaglyph.cli.places import data_root as root
    from anaglyph.cli.places import index_place
    from anaglyph.serve.clocks import Clocks
    from anaglyph.serve.opening import open_served
    from anaglyph.serve.run import address, listening, run_server
    from anaglyph.serve.settings import ServeSettings, is_loopback

    if store is not None and index is not None:
        raise ConfigError("give --index or --store, not both.")
    token = _token(token_file, needed=write or not is_loopback(host))
    settings = ServeSettings(host=host, port=port, write=write, token=token, hosts=allow_host)
    place = index_place(index, store)
    clocks = Clocks(now=time.time, monotonic=time.monotonic)
    with listening(settings) as made:  # first, since opening an index takes longer than finding a port in use
        served = open_served(place, settings=settings, clocks=clocks, root=root(data_root))
        url = address(settings, made)

        def ready() -> None:
            if json:
                print(jsonlib.dumps({"url": url, "token": settings.token, "write": write}), flush=True)
            else:
                _say(url, settings)
            if open:
                webbrowser.open(url)

        try:
            run_server(served, made, ready=ready)
        except KeyboardInterrupt:
            print("anaglyph: stopped.", file=sys.stderr)
    return 0


def _token(file: Path | None, *, needed: bool) -> str | None:
    from anaglyph.cli.places import serve_token

    if file is not None:
        try:
            return file.read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            raise ConfigError(
                f"cannot read the token in '{file}': {error}. Write one line into it."
            ) from error
    return serve_token() or (secrets.token_urlsafe(24) if needed else None)


def _say(url: str, settings: ServeSettings) -> None:
    print(url, flush=True)
    who = "this machine" if settings.local else "whoever reaches this machine and has the token"
    what = "may change tags" if settings.write else "nothing can be changed"
    print(f"for {who}; {what}. Ctrl-C ends it.", file=sys.stderr, flush=True)
