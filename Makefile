# The commands that people and CI both run. A machine needs Python 3.11 or newer and make, nothing else.

PYTHON ?= python3
PORT ?= 8080
DATA ?= ./data
ARGS ?=

PY := .venv/bin/python
PIP := $(PY) -m pip --disable-pip-version-check
CODE := src tests $(if $(wildcard benchmarks/*.py),benchmarks)

.PHONY: run demo test test-fast bench check format lock clean

run: .venv/run.stamp  ## Start the server on 127.0.0.1:$(PORT) with SQLite in $(DATA).
	$(PY) -m aftercall serve --host 127.0.0.1 --port $(PORT) --data $(DATA) $(ARGS)

demo: .venv/run.stamp
	$(PY) -m aftercall demo $(ARGS)

test: .venv/dev.stamp  ## Everything: real processes, PostgreSQL, Kamailio where Debian packages can be installed.
	scripts/install-test-packages
	# Exit 5: ARGS names tests of the other half only.
	$(PY) -m pytest -n auto -m "not e2e and not live" $(ARGS) || test $$? -eq 5
	$(PY) -m pytest -m "e2e or live" $(ARGS) || test $$? -eq 5

test-fast: .venv/dev.stamp  ## What is worth running after every edit: less than a minute.
	$(PY) -m pytest -n auto -m "not e2e and not live and not postgres and not slow" $(ARGS)

bench: .venv/dev.stamp
	$(PY) -m benchmarks $(ARGS)

check: .venv/dev.stamp
	$(PY) -m ruff check .
	$(PY) -m ruff format --check .
	$(PY) -m mypy $(CODE)
	.venv/bin/lint-imports

format: .venv/dev.stamp
	$(PY) -m ruff check --fix-only --quiet .
	$(PY) -m ruff format .

lock: .venv/dev.stamp  ## Recompile requirements/*.txt; ARGS=--upgrade moves the pins.
	PYTHON=$(PY) scripts/lock $(ARGS)

clean:  ## Everything that can be made again. The data directory stays.
	rm -rf .venv dist build .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
	find src tests benchmarks -name __pycache__ -type d -prune -exec rm -rf {} +

# A stamp is newer than the files it was made from, so an unchanged environment is not touched again.
.venv/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "AfterCall needs Python 3.11 or newer: make PYTHON=...")'
	$(PYTHON) -m venv .venv

.venv/run.stamp: pyproject.toml requirements/run.txt | .venv/bin/python
	$(PIP) install --quiet --require-hashes -r requirements/run.txt
	$(PIP) install --quiet --no-deps --no-build-isolation -e .
	@touch $@

.venv/dev.stamp: .venv/run.stamp requirements/dev.txt
	$(PIP) install --quiet --require-hashes -r requirements/dev.txt
	@touch $@
