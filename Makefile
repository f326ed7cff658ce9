# Everything a user needs, from a fresh clone: `make cover TRACK=song.mp3`, `make test`.
VENV := .venv
BIN := $(VENV)/bin
PYTHON ?= python3
OUT ?= covers
RUNS ?= runs

.DEFAULT_GOAL := help
.PHONY: help cover test test-fast lint board

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-12s %s\n", $$1, $$2}' Makefile

$(BIN)/python:
	$(PYTHON) -m venv $(VENV)

# The stamps make the environment once; it is renewed only when what it is made from changes.
$(VENV)/.installed: setup.cfg pyproject.toml requirements.lock | $(BIN)/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c requirements.lock -e .
	@touch $@

$(VENV)/.installed-dev: $(VENV)/.installed
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c requirements.lock -e '.[dev]'
	@touch $@

cover: $(VENV)/.installed ## a cover for TRACK=song.mp3 (the demo without TRACK), written to OUT=covers
	@$(BIN)/gatefold $(if $(TRACK),generate "$$TRACK",demo) --out "$(OUT)"

export TRACK

test: $(VENV)/.installed-dev ## install what is needed and run every test
	@$(BIN)/python -m pytest -m "slow or not slow"

test-fast: $(VENV)/.installed-dev ## the tests that take seconds
	@$(BIN)/python -m pytest

lint: $(VENV)/.installed-dev ## ruff and mypy
	@$(BIN)/ruff check .
	@$(BIN)/mypy

board: $(VENV)/.installed ## TensorBoard over RUNS=runs
	@$(BIN)/gatefold board "$(RUNS)"
