# The two commands are `make run` and `make test`; they set .venv up if it is not up to date.
# `make test-all` also runs the slow tests.
PYTHON ?= python3
BIN := .venv/bin
INSTALLED := .venv/installed
BENCH_INSTALLED := .venv/bench-installed
INSTALL := $(BIN)/pip install --quiet --disable-pip-version-check -c constraints.txt -e

# With the bytecode of tests kept, pytest rewrites their assertions once, not in each process.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: run test test-all lint docs test-pythons fuzz bench bench-gpu soak screenshot clean

run: $(INSTALLED)
	$(BIN)/bigram-tui data/names.txt

# Between two edits: all but the tests that are marked slow, and few examples of each property.
test: lint
	$(BIN)/pytest -n auto -m "not slow"

test-all: lint
	$(BIN)/pytest -n auto --hypothesis-profile=thorough --cov --cov-report=
	@echo "$$($(BIN)/coverage report --format=total) % of all lines are covered"

# The hooks in .pre-commit-config.yaml are the same.
lint: $(INSTALLED)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/codespell

# The tests that need no PyTorch, on each supported Python that is found. ARGS='-k signals' for some.
test-pythons:
	$(PYTHON) -m tests.on_each_python $(ARGS)

# Random users, until ctrl+c or so many EXAMPLES. A failure is shrunk, and tried first the next time.
EXAMPLES ?= 1000000
fuzz: $(INSTALLED)
	FUZZ_EXAMPLES=$(EXAMPLES) $(BIN)/pytest -s tests/fuzz $(ARGS)

# Some minutes. ARGS=--huge measures memory with a text of 10 GB, ARGS='-k sampling' sampling alone.
bench: $(BENCH_INSTALLED)
	$(BIN)/python -m benchmarks $(ARGS)

# On a machine with an NVIDIA GPU; ARGS='--device cpu' is a dry run on any other.
bench-gpu: $(INSTALLED)
	$(BIN)/pytest -q tests/backends/test_cuda.py
	$(BIN)/python -m benchmarks.gpu $(ARGS)

# Half an hour at full speed, on one run and on eight. ARGS='--minutes 480' for a day's work.
soak: $(BENCH_INSTALLED)
	$(BIN)/python -m benchmarks.soak $(ARGS)

docs: $(INSTALLED)
	$(BIN)/python docs/api.py

screenshot: $(INSTALLED)
	$(BIN)/python docs/screenshot.py

$(INSTALLED): pyproject.toml constraints.txt
	$(PYTHON) -c 'import sys; sys.exit("bigram-tui needs Python 3.11 or newer" if sys.version_info < (3, 11) else 0)'
	$(PYTHON) -m venv .venv
	$(INSTALL) '.[dev]'
	touch $@

$(BENCH_INSTALLED): $(INSTALLED)
	$(INSTALL) '.[dev,bench]'
	touch $@

clean:
	rm -rf .venv .pythons .coverage dist .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
