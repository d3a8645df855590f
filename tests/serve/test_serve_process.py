"""What only a real socket shows: slow, lying and broken clients, and an end by a signal."""

import json
import os
import select
import signal
import socket
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path

import pytest

HERE = Path(__file__).parent
HEAD = "POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n{more}\r\n"
LIKE = json.dumps({"parts": [{"kind": "like", "id": 1}]})


def started(folder):
    """A server process, and its port."""
    paths = os.pathsep.join([str(HERE), str(HERE.parent), os.environ.get("PYTHONPATH", "")])
    process = subprocess.Popen(
        [sys.executable, str(HERE / "server_process.py"), str(folder)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": paths},
    )
    line = process.stdout.readline()
    if not line:
        raise AssertionError(process.communicate()[1])
    return process, int(line)


@pytest.fixture(scope="module")
def port(tmp_path_factory):
    process, number = started(tmp_path_factory.mktemp("process"))
    yield number
    process.send_signal(signal.SIGTERM)
    _, errors = process.communicate(timeout=120)
    assert "Traceback" not in errors


def sent(port, data, *, half_close=False):
    """Everything that comes back until the server closes the connection."""
    with socket.create_connection(("127.0.0.1", port), timeout=120) as connection:
        connection.sendall(data.encode() if isinstance(data, str) else data)
        if half_close:
            connection.shutdown(socket.SHUT_WR)
        received = b""
        try:
            while piece := connection.recv(65536):
                received += piece
        except ConnectionResetError:
            pass
        return received.decode(errors="replace")


def status(answer):
    return int(answer.split(" ", 2)[1]) if answer else None


def alive(port):
    answer = sent(port, "GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n")
    return status(answer) == 200


def test_a_search_over_a_socket(port):
    more = f"Content-Length: {len(LIKE)}\r\nConnection: close\r\n"
    answer = sent(port, HEAD.format(path="/api/v1/search", more=more) + LIKE)
    assert status(answer) == 200
    assert answer.count('"score":') == 3
    assert "server:" not in answer.lower()


@pytest.mark.parametrize("begun", ["", "G", "GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nX: "])
def test_a_client_that_never_finishes_its_head_is_cut_off(port, begun):
    assert sent(port, begun) == ""
    assert alive(port)


def test_a_client_that_never_sends_its_body_is_told_and_cut_off(port):
    answer = sent(port, HEAD.format(path="/api/v1/search", more="Content-Length: 500\r\n") + LIKE[:10])
    assert status(answer) == 408
    assert "body_too_slow" in answer


def test_a_client_that_hangs_up_in_the_middle_leaves_the_server_as_it_was(port):
    sent(
        port, HEAD.format(path="/api/v1/search", more="Content-Length: 500\r\n") + LIKE[:10], half_close=True
    )
    assert alive(port)


def test_a_body_longer_than_it_says_is_not_read_beyond_what_it_says(port):
    more = f"Content-Length: {len(LIKE)}\r\n"
    answer = sent(port, HEAD.format(path="/api/v1/search", more=more) + LIKE + "rubbish\r\n\r\n")
    assert status(answer) == 200
    assert answer.count("HTTP/1.1") == 1
    assert "connection: close" in answer


def test_pieces_without_a_length_are_counted(port):
    piece = f"{0x10000:x}\r\n" + "x" * 0x10000 + "\r\n"
    head = HEAD.format(path="/api/v1/search", more="Transfer-Encoding: chunked\r\n")
    answer = sent(port, head + piece * 17)
    assert status(answer) == 413
    assert "body_too_large" in answer
    assert alive(port)


def test_a_stated_length_beyond_the_limit_is_refused_at_once(port):
    answer = sent(port, HEAD.format(path="/api/v1/search", more="Content-Length: 99999999999\r\n"))
    assert status(answer) == 413


@pytest.mark.parametrize(
    "more",
    [
        "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n",
        "Content-Length: 5\r\nContent-Length: 6\r\n",
        "Content-Length: -5\r\n",
        "Transfer-Encoding: gzip\r\n",
        "Host: 127.0.0.1\r\n",
        "X: " + "x" * 100_000 + "\r\n",
        "X\r\n",
        "X: a\0b\r\n",
        "X: a\r\n b\r\n",
        "Content-Length : 5\r\n",
        "Transfer-Encoding: chunked, identity\r\n",
    ],
)
def test_heads_that_could_be_read_in_two_ways_are_refused(port, more):
    answer = sent(port, HEAD.format(path="/api/v1/search", more=more) + "0\r\n\r\n")
    assert status(answer) in (400, 421, 431, 501)
    assert alive(port)


@pytest.mark.parametrize(
    ("target", "host", "expected"),
    [
        ("/..%2f..%2fetc%2fpasswd", "127.0.0.1", 404),
        ("/../../etc/passwd", "127.0.0.1", 404),
        ("/%00", "127.0.0.1", 404),
        ("/api/v1/items/..%2f..%2fetc%2fpasswd/model", "127.0.0.1", 404),
        ("/api/v1/items/1%00/model", "127.0.0.1", 422),
        ("/\xff", "127.0.0.1", 400),
        ("http://evil.example/api/v1/items", "evil.example", 421),
        ("/api/v1/items", "evil.example:8340", 421),
        ("*", "127.0.0.1", 404),
    ],
)
def test_odd_targets_lead_nowhere(port, target, host, expected):
    request = f"GET {target} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n"
    answer = sent(port, request.encode("latin-1"))
    assert status(answer) == expected
    assert "root:" not in answer


def test_a_request_without_a_host_is_refused(port):
    for version in ("HTTP/1.0", "HTTP/1.1"):
        assert status(sent(port, f"GET /api/v1/items {version}\r\nConnection: close\r\n\r\n")) == 421


def test_websockets_are_not_spoken(port):
    request = (
        "GET /api/v1/items HTTP/1.1\r\nHost: 127.0.0.1\r\n"
        "Connection: Upgrade, close\r\nUpgrade: websocket\r\n"
        "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
    )
    assert status(sent(port, request)) == 200


def test_ctrl_c_ends_a_server_in_good_order(tmp_path):
    process, number = started(tmp_path)
    assert alive(number)
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=120)
    assert process.returncode == 7
    assert errors == ""
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", number), timeout=10)


def test_a_head_that_never_ends_is_not_kept(port):
    answer = sent(port, "GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n" + "X: y\r\n" * 100_000)
    assert status(answer) == 400 or not answer
    assert alive(port)


def test_a_trailer_is_no_header_and_does_not_keep_a_request_waiting(port):
    head = HEAD.format(path="/api/v1/search", more="Transfer-Encoding: chunked\r\nConnection: close\r\n")
    body = f"{len(LIKE):x}\r\n{LIKE}\r\n0\r\n"
    assert status(sent(port, f"{head}{body}Content-Type: text/plain\r\n\r\n")) == 200
    assert status(sent(port, head + body + "X: y\r\n" * 1000)) == 408


@pytest.mark.parametrize("other", ["h2c", "websocket"])
def test_what_follows_a_wish_for_another_protocol_is_not_taken_for_requests(port, other):
    hidden = "GET /api/v1/none HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"
    more = f"Content-Length: {len(hidden)}\r\nConnection: Upgrade\r\nUpgrade: {other}\r\n"
    answer = sent(port, HEAD.format(path="/api/v1/search", more=more) + hidden)
    assert answer.count("HTTP/1.1 ") == 1
    assert "there is nothing at this address" not in answer


def test_who_does_not_read_an_answer_is_cut_off(port):
    """Answers of some 15 MB, of which the sockets take a part and the reader nothing."""
    with socket.create_connection(("127.0.0.1", port), timeout=120) as connection:
        connection.sendall(b"GET /vendor/three.core.min.js HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n" * 40)
        ended = select.poll()
        ended.register(connection, 0)  # nothing but that it ended
        assert ended.poll(60_000)
    assert alive(port)


@pytest.mark.parametrize(("others", "expected"), [(28, 200), (29, 503)])
def test_so_many_connections_are_open_at_a_time_and_the_next_is_refused(port, others, expected):
    with ExitStack() as stack:
        for _ in range(others):
            stack.enter_context(socket.create_connection(("127.0.0.1", port), timeout=120))
        head = "GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n"
        assert status(sent(port, head)) == expected
