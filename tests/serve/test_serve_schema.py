"""Whatever a client makes of the schema, nothing it sends makes the server fail."""

import pytest
from hypothesis import HealthCheck, given, settings
from tiny_index import BEARER, WRITING, tiny_served, tiny_store

EXAMPLES = 12
"""Of each operation."""
GIVEN = ("method", "url", "headers", "params", "json", "data", "files")


@pytest.fixture(scope="module")
def application(tmp_path_factory):
    from anaglyph.serve.app import create_app

    store = tiny_store(tmp_path_factory.mktemp("schema"))
    made = tiny_served(store, settings=WRITING, roots=["/models"], index=lambda folder, report: None)
    yield create_app(made)
    made.close()


def test_no_request_of_the_schema_makes_the_server_fail(application):
    schemathesis = pytest.importorskip("schemathesis")
    from starlette.testclient import TestClient

    seen = set()
    with TestClient(application, raise_server_exceptions=False, base_url="http://localhost") as client:
        for found in schemathesis.openapi.from_dict(application.openapi()).get_all_operations():
            operation = found.ok()

            @settings(
                max_examples=EXAMPLES,
                deadline=None,
                derandomize=True,
                database=None,
                suppress_health_check=list(HealthCheck),
            )
            @given(case=operation.as_strategy())
            def asked(case):
                arguments = case.as_transport_kwargs(base_url="http://localhost", headers=BEARER)
                answer = client.request(**{name: arguments[name] for name in GIVEN if name in arguments})
                assert answer.status_code < 500, (case.method, case.path, answer.text)
                assert answer.status_code not in (401, 403, 421), answer.text
                seen.add((case.method, answer.status_code))

            asked()
    assert {("GET", 200), ("POST", 200), ("GET", 404), ("GET", 422), ("POST", 422)} <= seen
