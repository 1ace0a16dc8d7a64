# One command to see it work (make demo), one to pass the tests (make test). Each sets up .venv by itself, once.
PYTHON ?= $(shell command -v python3.11 || command -v python3)
BIN := .venv/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet
SOURCES := src tests benchmarks

.PHONY: demo test extra deep spark lint format bench lock clean help

help:  ## what can be made
	@grep -E '^[a-z]+:.*##' Makefile | sed -E 's/:.*## /\t/' | expand -t 10

demo: .venv/.ready  ## an invented company, from its exports to scored and explained leads
	@$(BIN)/leadml demo

test: .venv/.ready-dev  ## the tests, warnings as errors, seven to ten minutes on 2 cores
	@$(BIN)/python -m pytest -n 2 --dist loadfile -q -m "not extra"

extra: .venv/.ready-dev  ## the longest tests, and those that need Chromium, or Java and make spark
	@$(BIN)/python -m pytest -n 2 --dist loadfile -q -m extra

deep: .venv/.ready-dev  ## the full counts of the long checks; run again to go on where it stopped
	@LEADML_DEEP=1 $(BIN)/python -m pytest -m deep -q

spark: .venv/.ready-spark  ## what engine=spark needs besides Java 17 (456 MB)

lint: .venv/.ready-dev  ## style and types
	@$(BIN)/ruff check $(SOURCES) && $(BIN)/ruff format --check $(SOURCES) && $(BIN)/mypy

format: .venv/.ready-dev  ## put the code into the house's format
	@$(BIN)/ruff check --fix $(SOURCES) && $(BIN)/ruff format $(SOURCES)

bench: .venv/.ready-dev  ## the tables of benchmarks/README.md, measured here in an hour or two
	@$(BIN)/python benchmarks/stages.py
	@$(BIN)/python benchmarks/readers.py
	@$(BIN)/python benchmarks/audit.py
	@$(BIN)/python benchmarks/features.py
	@$(BIN)/python benchmarks/daily.py
	@$(BIN)/python benchmarks/useful.py
	@$(BIN)/python benchmarks/explain.py
	@$(BIN)/python benchmarks/reasons.py
	@$(BIN)/python benchmarks/train.py
	@$(BIN)/python benchmarks/quality.py --quick
	@$(BIN)/python benchmarks/intervals.py

lock: .venv/.ready-dev  ## resolve the locks again (needs uv)
	@uv pip compile pyproject.toml --extra build --python-version 3.11 --universal --generate-hashes --no-emit-index-url --no-header --quiet -o requirements.lock
	@uv pip compile pyproject.toml --extra build --extra dev --python-version 3.11 --universal --generate-hashes --no-emit-index-url --no-header --quiet -c requirements.lock -o requirements-dev.lock
	@uv pip compile pyproject.toml --extra spark --python-version 3.11 --universal --generate-hashes --no-emit-index-url --no-header --quiet -c requirements.lock -o requirements-spark.lock

clean:  ## remove the environment, caches and what runs wrote here; exports that you put into data/raw stay
	@rm -rf .venv .pytest_cache .mypy_cache .ruff_cache .hypothesis .deep .bench mlflow.db mlartifacts
	@[ ! -e data/raw/.simulated ] || rm -rf data/raw
	@find data models -mindepth 1 -maxdepth 1 ! -name README.md ! -name raw -exec rm -rf {} +

.venv/bin/python:
	@echo "making .venv with $(PYTHON)"
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "leadml needs Python 3.11 or newer: make PYTHON=/path/to/python3.11")'
	@$(PYTHON) -m venv .venv

.venv/.ready: requirements.lock pyproject.toml | .venv/bin/python
	@echo "installing what leadml runs on (once; about a minute)"
	@$(PIP) install --require-hashes -r requirements.lock
	@$(PIP) install --no-deps --no-build-isolation -e .
	@touch $@

.venv/.ready-dev: requirements-dev.lock .venv/.ready
	@echo "installing what the tests need (once)"
	@$(PIP) install --require-hashes -r requirements-dev.lock
	@touch $@

.venv/.ready-spark: requirements-spark.lock .venv/.ready-dev
	@echo "installing Spark (once; a minute or two)"
	@$(PIP) install --require-hashes -r requirements-spark.lock
	@touch $@
