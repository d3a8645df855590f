# Two commands do everything on a fresh machine: `make demo` and `make test`.
# Both set up their own environment in .venv; nothing else on the machine is touched.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# torch 2.13.0 first: where an index offers a CPU build of it, this keeps gigabytes of CUDA away.
# On a GPU machine set TORCH=torch to take the newest CUDA build.
TORCH ?= torch==2.13.0
WORKERS ?= auto

.PHONY: help demo test lint bench browser clean

help:
	@echo "make demo     train on real digits without a label; ends with a table, demo/report.html and a gallery"
	@echo "make test     format, types, import contracts and all tests"
	@echo "make lint     the first three of these"
	@echo "make bench    speed and memory, as ratios in one run; writes benchmarks/README.md"
	@echo "make browser  what the tests of the gallery need: playwright and, as root on Debian, chromium"
	@echo "make clean    remove .venv and caches"

$(VENV)/.base: pyproject.toml
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check "$(TORCH)"
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e ".[serve]"
	@touch $@

$(VENV)/.dev: $(VENV)/.base
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e ".[dev]"
	@touch $@

demo: $(VENV)/.base
	$(BIN)/anaglyph demo $(ARGS)

lint: $(VENV)/.dev
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache

# One process a core, one thread each; hashes of strings alike in all, so that they collect the same tests.
test: lint
	PYTHONHASHSEED=0 OMP_NUM_THREADS=1 $(BIN)/pytest -n $(WORKERS) --dist loadfile $(ARGS)

$(VENV)/.bench: $(VENV)/.dev
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e ".[bench]"
	@touch $@

bench: $(VENV)/.bench
	$(BIN)/python -m benchmarks $(ARGS)

$(VENV)/.browser: $(VENV)/.dev
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e ".[browser]"
	@touch $@

# Where apt cannot install it, the tests of the gallery are skipped and say what is missing.
browser: $(VENV)/.browser
	@command -v chromium || command -v chromium-browser || command -v google-chrome || \
	  { test "$$(id -u)" = 0 && command -v apt-get && apt-get update -qq && \
	    DEBIAN_FRONTEND=noninteractive timeout 300 apt-get install -y -qq --no-install-recommends chromium; } || \
	  echo "no chromium: the tests of the gallery are skipped; 'apt install chromium' as root brings it"

clean:
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis dist build
