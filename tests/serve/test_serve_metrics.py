import asyncio

from tiny_index import client

from anaglyph.serve.metrics import BOUNDS, Metrics
from anaglyph.serve.traffic import Traffic


def test_a_histogram_counts_everything_up_to_each_bound():
    metrics = Metrics()
    for seconds in (0.001, 0.005, 0.2, 99.0):
        metrics.observe(method="GET", route='/a"\\', status=200, seconds=seconds)
    lines = metrics.text({"anaglyph_x": ("About x.", 2.0)}).splitlines()
    counts = [int(line.rpartition(" ")[2]) for line in lines if "_bucket" in line]
    assert counts == [sum(seconds <= bound for seconds in (0.001, 0.005, 0.2)) for bound in BOUNDS] + [4]
    assert 'anaglyph_requests_total{method="GET",route="/a\\"\\\\",status="200"} 4' in lines
    assert lines[-3:] == ["# HELP anaglyph_x About x.", "# TYPE anaglyph_x gauge", "anaglyph_x 2"]


def test_requests_are_counted_by_route_and_unknown_addresses_in_one_row(tmp_path):
    with client(tmp_path) as api:
        for path in ("/api/v1/items/1", "/api/v1/items/2", "/api/v1/items/99", "/x", "/y"):
            api.get(path)
        api.get("/api/v1/items", headers={"Host": "evil.example"})
        text = api.get("/metrics").text
    assert 'anaglyph_requests_total{method="GET",route="/items/{id}",status="200"} 2' in text
    assert 'anaglyph_requests_total{method="GET",route="/items/{id}",status="404"} 1' in text
    assert 'anaglyph_requests_total{method="GET",route="other",status="404"} 2' in text
    assert 'anaglyph_requests_total{method="GET",route="other",status="421"} 1' in text
    assert "anaglyph_queue_embedding 0" in text


def test_as_many_requests_are_answered_at_a_time_as_may_and_the_next_is_told_to_come_back():
    async def three():
        release, sent = asyncio.Event(), []

        async def slow(scope, receive, send):
            await release.wait()
            await send({"type": "http.response.start", "status": 200, "headers": []})

        async def send(message):
            if message["type"] == "http.response.start":
                sent.append(message["status"])

        traffic = Traffic(slow, metrics=Metrics(), monotonic=lambda: 0.0, most=2)
        scope = {"type": "http", "method": "GET", "path": "/"}
        both = [asyncio.create_task(traffic(dict(scope), None, send)) for _ in range(2)]
        await asyncio.sleep(0)
        await traffic(dict(scope), None, send)
        release.set()
        await asyncio.gather(*both)
        await traffic(dict(scope), None, send)
        return sent

    assert asyncio.run(three()) == [503, 200, 200, 200]
