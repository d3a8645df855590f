"""Whatever a client makes of the schema, nothing it sends makes the server fail."""

import pytest

schemathesis = pytest.importorskip("schemathesis")

from hypothesis import HealthCheck, settings  # noqa: E402
from tiny_index import BEARER, WRITING, tiny_served, tiny_store  # noqa: E402

from anaglyph.serve.app import create_app  # noqa: E402

EXAMPLES = 12


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    folder = tmp_path_factory.mktemp("schema")
    store = tiny_store(folder)
    made = tiny_served(store, settings=WRITING, roots=["/models"], index=lambda folder, report: None)
    yield made
    made.close()


@pytest.fixture(scope="module")
def api_schema(served):
    return schemathesis.openapi.from_dict(create_app(served).openapi())


@pytest.fixture(scope="module")
def application(served):
    return create_app(served)


schema = schemathesis.pytest.from_fixture("api_schema")


@schema.parametrize()
@settings(
    max_examples=EXAMPLES,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=list(HealthCheck),
)
def test_no_request_of_the_schema_makes_the_server_fail(case, application):
    from starlette.testclient import TestClient

    arguments = case.as_transport_kwargs(base_url="http://localhost", headers=BEARER)
    client = TestClient(application, raise_server_exceptions=False, base_url="http://localhost")
    request = {
        name: value
        for name, value in arguments.items()
        if name in ("method", "url", "headers", "params", "json", "data", "files", "cookies")
    }
    answer = client.request(**request)
    assert answer.status_code < 500, answer.text
    assert answer.status_code != 421
