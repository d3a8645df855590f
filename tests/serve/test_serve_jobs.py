import threading

import pytest
from tiny_index import BEARER, WRITING, client

from anaglyph.errors import DataError
from anaglyph.serve.errors import RefusedError
from anaglyph.serve.jobs import Jobs

ROOTS = ("/models/a", "/models/b")


class Work:
    """Indexing that goes on when the test says so."""

    def __init__(self):
        self.folders, self.go, self.reached = [], threading.Event(), threading.Event()
        self.error = None

    def __call__(self, folder, report):
        self.folders.append(folder)
        report(done=1, total=3, message="chair.obj")
        self.reached.set()
        self.go.wait(10)
        if self.error is not None:
            raise self.error
        if not report.cancelled:
            report(done=3, total=3)


@pytest.fixture
def work():
    return Work()


@pytest.fixture
def jobs(work):
    made = Jobs(ROOTS, work, now=lambda: 5.0)
    yield made
    work.go.set()
    made.close()


def finish(jobs, work):
    work.go.set()
    jobs.wait()
    return jobs.all()[0]


def test_a_job_tells_how_far_it_is_and_when_it_ended(jobs, work):
    started = jobs.start(1)
    assert work.reached.wait(10)
    running = jobs.one(started.id)
    assert (running.state, running.done, running.total, running.message) == ("running", 1, 3, "chair.obj")
    done = finish(jobs, work)
    assert (done.state, done.done, done.ended) == ("done", 3, 5.0)
    assert work.folders == ["/models/b"]


def test_only_one_job_runs_at_a_time(jobs, work):
    jobs.start(0)
    with pytest.raises(RefusedError) as refusal:
        jobs.start(1)
    assert (refusal.value.status, refusal.value.code) == (409, "job_running")
    finish(jobs, work)
    assert jobs.start(1).id == 2


def test_a_job_stops_when_it_is_asked_to(jobs, work):
    job = jobs.start(0)
    work.reached.wait(10)
    jobs.cancel(job.id)
    cancelled = finish(jobs, work)
    assert (cancelled.state, cancelled.done) == ("cancelled", 1)
    assert jobs.cancel(job.id).state == "cancelled"


def test_a_job_that_fails_says_why_and_a_fault_of_ours_says_less(jobs, work, caplog):
    work.error = DataError("there is no folder '/models/a'.")
    jobs.start(0)
    failed = finish(jobs, work)
    assert (failed.state, failed.message) == ("failed", "there is no folder '/models/a'.")
    work.error = KeyError("secret")
    jobs.start(0)
    jobs.wait()
    assert "secret" not in jobs.all()[0].message
    assert "secret" in caplog.text


@pytest.mark.parametrize("root", [-1, 2])
def test_only_known_roots_can_be_indexed(jobs, root):
    with pytest.raises(RefusedError, match="no root"):
        jobs.start(root)


def test_jobs_over_http(tmp_path, work):
    with client(tmp_path, settings=WRITING, roots=ROOTS, index=work) as api:
        started = api.post("/api/v1/jobs", json={"root": 0}, headers=BEARER)
        assert (started.status_code, started.json()["state"]) == (202, "running")
        assert api.post("/api/v1/jobs", json={"root": 0}, headers=BEARER).json()["code"] == "job_running"
        assert api.get("/api/v1/jobs/1").json()["kind"] == "index"
        assert api.get("/api/v1/jobs/2").json()["code"] == "job_not_found"
        assert api.post("/api/v1/jobs/1/cancel", headers=BEARER).status_code == 202
        work.go.set()
        assert [job["id"] for job in api.get("/api/v1/jobs").json()["jobs"]] == [1]
        assert api.post("/api/v1/jobs", json={"root": "/etc"}, headers=BEARER).status_code == 422


def test_a_server_that_cannot_index_says_so(tmp_path):
    with client(tmp_path, settings=WRITING, roots=ROOTS) as api:
        answer = api.post("/api/v1/jobs", json={"root": 0}, headers=BEARER)
        assert (answer.status_code, answer.json()["code"]) == (501, "not_supported")
