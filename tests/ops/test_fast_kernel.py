import pytest

pytest.importorskip("numba")

from numba.core import config

from anaglyph.ops.fast import kernel as module


@pytest.fixture
def cache(tmp_path, monkeypatch):
    monkeypatch.setattr(config, "CACHE_DIR", str(tmp_path / "cache"))
    return tmp_path / "cache"


def test_the_digest_changes_with_any_file_of_the_folder(tmp_path):
    (tmp_path / "first.py").write_text("one")
    (tmp_path / "second.py").write_text("two")
    before = module.digest_of(tmp_path)
    assert module.digest_of(tmp_path) == before
    (tmp_path / "second.py").write_text("three")
    edited = module.digest_of(tmp_path)
    (tmp_path / "second.py").rename(tmp_path / "third.py")
    assert len({before, edited, module.digest_of(tmp_path)}) == 3


@pytest.mark.usefixtures("cache")
def test_an_edit_of_another_file_recompiles_a_kernel_that_calls_into_it(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(tmp_path)  # numba looks a cached kernel's module up

    def load(name, source, **names):
        names["__name__"] = name
        path = tmp_path / f"{name}.py"
        path.write_text(source)
        exec(compile(source, str(path), "exec"), names)
        return module.kernel(names[name])

    def run(factor):
        """The kernels as a new process finds them; only `inner.py` differs from one edition to another."""
        inner = load("inner", f"def inner(x):\n    return {factor} * x\n")
        monkeypatch.setattr(module, "_sources", lambda: module.digest_of(tmp_path))
        outer = load("outer", "def outer(x):\n    return inner(x) + 1\n", inner=inner)
        return outer(2), sum(outer.stats.cache_hits.values())

    (tmp_path / "outer.py").write_text("def outer(x):\n    return inner(x) + 1\n")
    assert [run(10), run(10), run(20), run(10)] == [(21, 0), (21, 1), (41, 0), (21, 1)]


def test_without_a_place_for_a_cache_kernels_work_and_the_log_says_so_once(monkeypatch, caplog):
    def refuse(function):
        raise RuntimeError("cannot cache function: no locator available")

    njit = module.numba.njit
    monkeypatch.setattr(
        module.numba, "njit", lambda **options: refuse if options.pop("cache", False) else njit(**options)
    )
    module._say_uncached.cache_clear()
    doubled = [module.kernel(lambda x: 2 * x) for _ in range(2)]
    module._say_uncached.cache_clear()
    assert [double(4) for double in doubled] == [8, 8]
    assert [record.levelname for record in caplog.records] == ["WARNING"]
    assert "set NUMBA_CACHE_DIR" in caplog.text
