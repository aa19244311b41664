# The two commands are `make run` and `make test`; they set .venv up if it is not up to date.
PYTHON ?= python3
BIN := .venv/bin
INSTALLED := .venv/installed
BENCH_INSTALLED := .venv/bench-installed
INSTALL := $(BIN)/pip install --quiet --disable-pip-version-check -c constraints.txt -e

.PHONY: run test bench screenshot clean

run: $(INSTALLED)
	$(BIN)/bigram-tui data/names.txt

test: $(INSTALLED)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/pytest -n auto

# Some minutes. ARGS=--huge measures memory with a text of 10 GB, ARGS='-k sampling' sampling alone.
bench: $(BENCH_INSTALLED)
	$(BIN)/python -m benchmarks $(ARGS)

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
	rm -rf .venv dist .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
