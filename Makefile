# Each target does all of its own set-up: a virtual environment in .venv, from exact versions.
PYTHON ?= python3
BIN    := .venv/bin
PIP    := $(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt
DEMO   ?= demo

export PIP_CONSTRAINT := $(CURDIR)/constraints.txt

.PHONY: install demo test lint types contracts browser unit wheel bench clean

install: .venv/installed
demo: install
	$(BIN)/m5data demo $(DEMO)

test: lint types contracts unit wheel

.venv/bin/python:
	$(PYTHON) -m venv .venv

.venv/installed: .venv/bin/python pyproject.toml constraints.txt
	$(PIP) --editable .
	touch $@

.venv/installed-dev: .venv/installed
	$(PIP) --editable '.[dev]'
	touch $@

lint: .venv/installed-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: .venv/installed-dev
	$(BIN)/mypy

contracts: .venv/installed-dev
	$(BIN)/lint-imports --no-cache

# A browser for the tests of the web application: the one that is there, else Debian's, else playwright's own.
# Where none can be had those tests are skipped, and say so.
browser: .venv/installed-dev
	@$(BIN)/python -m tests.webapp.chromium \
	|| { test "$$(id -u)" = 0 && command -v apt-get && apt-get update -qq && apt-get install -y -qq chromium; } \
	|| $(BIN)/playwright install chromium \
	|| echo "no Chromium could be installed: the browser tests will be skipped"

unit: browser
	$(BIN)/pytest --numprocesses 2 --dist loadfile

wheel: .venv/installed-dev
	$(BIN)/python tests/wheel/smoke.py

bench: .venv/installed-dev
	$(BIN)/python -m bench

clean:
	rm -rf .venv build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis
