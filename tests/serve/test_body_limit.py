import asyncio

import pytest

from anaglyph.serve.body_limit import BodyLimit
from anaglyph.serve.settings import ServeLimits

LIMITS = ServeLimits(body_bytes=100, search_bytes=1000, uploads=1, idle_seconds=10, least_rate=10)
FORM = [(b"content-type", b"multipart/form-data; boundary=x")]


class Clock:
    """Seconds that pass when somebody says so."""

    now = 0.0

    def __call__(self):
        return self.now


async def reader(scope, receive, send):
    """An application that reads all of the body and answers with its length."""
    length, more = 0, True
    while more:
        message = await receive()
        length += len(message.get("body", b""))
        more = message.get("more_body", False)
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": str(length).encode()})


def asked(pieces, *, path="/api/v1/tags", headers=(), app=reader, limits=LIMITS, clock=None, steps=0.0):
    """Status and body of the answer to a request whose body comes in pieces, `steps` seconds apart."""
    clock = clock or Clock()
    sent, left = [], list(pieces)

    async def receive():
        clock.now += steps
        body = left.pop(0)
        return {"type": "http.request", "body": body, "more_body": bool(left)}

    async def send(message):
        sent.append(message)

    scope = {"type": "http", "path": path, "headers": list(headers), "method": "POST"}
    asyncio.run(BodyLimit(app, limits=limits, monotonic=clock)(scope, receive, send))
    return sent[0]["status"], b"".join(message.get("body", b"") for message in sent)


def test_a_body_up_to_the_limit_passes_and_one_byte_more_does_not():
    assert asked([b"x" * 60, b"x" * 40]) == (200, b"100")
    status, body = asked([b"x" * 60, b"x" * 41])
    assert (status, b"body_too_large" in body) == (413, True)


def test_a_stated_length_beyond_the_limit_is_refused_before_anything_is_read():
    async def never(scope, receive, send):
        raise AssertionError

    for length in (b"101", b"9" * 400):
        status, body = asked([b""], headers=[(b"content-length", length)], app=never)
        assert (status, b"body_too_large" in body) == (413, True)


@pytest.mark.parametrize("length", [b"-1", b"1e2", b"", b"0x10", "１".encode()])
def test_a_length_that_is_no_number_is_refused(length):
    assert asked([b""], headers=[(b"content-length", length)])[0] == 400


def test_a_small_stated_length_is_not_believed():
    assert asked([b"x" * 101], headers=[(b"content-length", b"1")])[0] == 413


def test_only_searches_with_files_may_be_larger():
    assert asked([b"x" * 1000], path="/api/v1/search", headers=FORM) == (200, b"1000")
    assert asked([b"x" * 1001], path="/api/v1/search", headers=FORM)[0] == 413
    assert asked([b"x" * 101], path="/api/v1/search")[0] == 413
    assert asked([b"x" * 101], path="/api/v1/tags", headers=FORM)[0] == 413


def test_a_body_that_comes_at_the_least_rate_passes_and_a_slower_one_does_not():
    assert asked([b"x" * 10] * 10, steps=1.9) == (200, b"100")
    status, body = asked([b"x"] * 50, steps=1.9)
    assert (status, b"body_too_slow" in body) == (408, True)


def test_a_body_of_which_nothing_comes_is_given_up():
    limits = ServeLimits(idle_seconds=0.01)
    sent = []

    async def silent():
        await asyncio.Event().wait()

    async def send(message):
        sent.append(message)

    scope = {"type": "http", "path": "/x", "headers": [], "method": "POST"}
    asyncio.run(BodyLimit(reader, limits=limits, monotonic=Clock())(scope, silent, send))
    assert sent[0]["status"] == 408
    assert (b"connection", b"close") in sent[0]["headers"]


def test_an_application_that_makes_its_own_sense_of_a_refused_body_is_overruled():
    async def hiding(scope, receive, send):
        try:
            await reader(scope, receive, send)
        except Exception:  # noqa: BLE001 - as frameworks do
            await send({"type": "http.response.start", "status": 400, "headers": []})
            await send({"type": "http.response.body", "body": b"cannot parse"})

    assert asked([b"x" * 101], app=hiding)[0] == 413


def test_only_so_many_uploads_are_received_at_a_time():
    async def both():
        entered, release, answers = asyncio.Event(), asyncio.Event(), []

        async def slow(scope, receive, send):
            entered.set()
            await release.wait()
            await reader(scope, receive, send)

        async def send(message):
            if message["type"] == "http.response.start":
                answers.append((message["status"], dict(message["headers"])))

        async def receive():
            return {"type": "http.request", "body": b"", "more_body": False}

        limit = BodyLimit(slow, limits=LIMITS, monotonic=Clock())
        scope = {"type": "http", "path": "/api/v1/search", "headers": FORM, "method": "POST"}
        first = asyncio.create_task(limit(dict(scope), receive, send))
        await entered.wait()
        await limit(dict(scope), receive, send)
        release.set()
        await first
        await limit(dict(scope), receive, send)
        return answers

    answers = asyncio.run(both())
    assert [status for status, _ in answers] == [503, 200, 200]
    assert answers[0][1][b"retry-after"] == b"1"


def test_waiting_for_the_end_of_a_connection_after_the_body_is_no_slowness():
    async def patient(scope, receive, send):
        await receive()
        message = await receive()
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": message["type"].encode()})

    clock, sent = Clock(), []
    messages = [{"type": "http.request", "body": b"x"}, {"type": "http.disconnect"}]

    async def receive():
        clock.now += 1000
        return messages.pop(0)

    async def send(message):
        sent.append(message)

    scope = {"type": "http", "path": "/x", "headers": [], "method": "POST"}
    clock.now = -1000
    asyncio.run(BodyLimit(patient, limits=LIMITS, monotonic=clock)(scope, receive, send))
    assert sent[1]["body"] == b"http.disconnect"


def test_headers_up_to_their_bytes_pass_and_one_byte_more_does_not():
    limits = ServeLimits(head_bytes=20)
    assert asked([b""], headers=[(b"x", b"y" * 19)], limits=limits)[0] == 200
    assert asked([b""], headers=[(b"x", b"y" * 20)], limits=limits)[0] == 431
