# Each target sets up what it needs: a virtual environment in .venv, from the exact versions of constraints.txt.
SHELL  := /bin/bash -o pipefail
PYTHON ?= python3
BIN    := .venv/bin
PIP    := $(BIN)/python -m pip install --quiet --no-compile --disable-pip-version-check --constraint constraints.txt
DEMO   ?= demo

export PIP_CONSTRAINT := $(CURDIR)/constraints.txt

# A module is compiled where it is first imported, and kept: else each of the tests' child processes compiles its own.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: install demo quick test test-slow checks lint types contracts browser unit wheel bench clean

install: .venv/installed
demo: install
	$(BIN)/m5data demo $(DEMO)

# What changed since main, while you work: tests that start no server, browser or other process.
SINCE ?= main
quick: .venv/installed-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports --no-cache
	$(BIN)/python -m tests.quick $(SINCE) | xargs --no-run-if-empty $(BIN)/pytest --numprocesses 2

# The output is kept in build/test.log.
test:
	@mkdir -p build
	$(MAKE) --no-print-directory checks 2>&1 | tee build/test.log

# What fails soonest goes first; types and wheel take what the tests leave of the cores.
checks: .venv/installed-dev
	$(MAKE) --no-print-directory --jobs 2 --output-sync=target lint contracts
	$(MAKE) --no-print-directory --jobs 3 types wheel unit

# Kills, faults, soaks, and random searches of 20,000 examples a property.
test-slow: browser
	@mkdir -p build
	$(BIN)/pytest tests/slow 2>&1 | tee build/test-slow.log
	$(BIN)/pytest --hypothesis-profile search --numprocesses 2 --timeout 7200 $(SEARCHED) 2>&1 | tee -a build/test-slow.log

SEARCHED := tests/splits/test_builder_promises.py

.venv/bin/python:
	$(PYTHON) -m venv .venv

.venv/installed: .venv/bin/python pyproject.toml constraints.txt
	$(PIP) --editable .
	touch $@

.venv/installed-dev: .venv/bin/python pyproject.toml constraints.txt
	$(PIP) --editable '.[dev,train,ocr,mcp]'
	touch .venv/installed $@

lint: .venv/installed-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: .venv/installed-dev
	$(BIN)/mypy

contracts: .venv/installed-dev
	$(BIN)/lint-imports --no-cache

# A browser for the tests of the web application: one already installed, else Debian's, else playwright's own.
# Without one those tests are skipped, with the reason.
browser: .venv/installed-dev
	@$(BIN)/python -m tests.webapp.chromium \
	|| { test "$$(id -u)" = 0 && command -v apt-get && apt-get update -qq && apt-get install -y -qq chromium; } \
	|| $(BIN)/playwright install chromium \
	|| echo "no Chromium could be installed: the browser tests will be skipped"

# Files are synced all the time, for which a disk makes the tests wait: where memory has room, they are written there.
SCRATCH := $(shell df -k --output=avail /dev/shm 2>/dev/null | awk 'NR == 2 && $$1 > 8000000 {print "TMPDIR=/dev/shm"}')

# On two cores a third process works while the others wait for a child, a deadline or a page.
unit: browser
	$(SCRATCH) $(BIN)/pytest --ignore tests/slow --numprocesses 3 --dist loadfile --no-loadscope-reorder

wheel: .venv/installed-dev
	$(BIN)/python -m tests.wheel.smoke

bench: .venv/installed-dev
	$(BIN)/python -m bench

clean:
	rm -rf .venv build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis
