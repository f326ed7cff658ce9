# Everything a user needs, from a fresh clone: `make cover TRACK=song.mp3`, `make test`.
VENV := .venv
BIN := $(VENV)/bin
PYTHON ?= python3
TRACK ?=
OUT := covers
RUNS := runs
DATA ?=
FLAGS :=

# File names go to the recipes through the environment, in the very characters that were given: spaces,
# quotes, dollar signs and all, none of them read by make or by the shell.
override TRACK := $(value TRACK)
override OUT := $(value OUT)
override RUNS := $(value RUNS)
override DATA := $(value DATA)
export TRACK OUT RUNS DATA

.DEFAULT_GOAL := help
.PHONY: help cover board test test-fast lint bench pretrained

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-12s %s\n", $$1, $$2}' Makefile

# The stamps make the environment once; it is renewed only when what it is made from changes.
$(VENV)/.created:
	$(PYTHON) -m venv $(VENV)
	@touch $@

$(VENV)/.installed: setup.cfg pyproject.toml requirements.lock | $(VENV)/.created
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c requirements.lock -e .
	@touch $@

$(VENV)/.installed-dev: $(VENV)/.installed
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c requirements.lock -e '.[dev]'
	@touch $@

cover: $(VENV)/.installed ## a finished cover for TRACK=song.mp3 (the demo without TRACK), in OUT=covers; more options in FLAGS=
	@$(BIN)/gatefold $(if $(TRACK),generate --titled,demo) --out "$$OUT" $(FLAGS) $(if $(TRACK),-- "$$TRACK")

board: $(VENV)/.installed ## TensorBoard over RUNS=runs
	@$(BIN)/gatefold board $(FLAGS) -- "$$RUNS"

# A process a core, each test file whole in one of them; one thread each, or they would wait for one another.
test: $(VENV)/.installed-dev ## install what is needed and run every test
	@OMP_NUM_THREADS=1 $(BIN)/python -m pytest -m "slow or not slow" -n auto --dist loadfile --no-loadscope-reorder

test-fast: $(VENV)/.installed-dev ## the tests that take seconds
	@$(BIN)/python -m pytest

lint: $(VENV)/.installed-dev ## ruff and mypy
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check --quiet .
	@$(BIN)/mypy

bench: $(VENV)/.installed-dev ## speed and memory, each beside its yardstick
	@$(BIN)/python -m scripts.bench --table $(FLAGS)

pretrained: $(VENV)/.installed ## train the shipped model again from DATA=path/to/data
	@$(if $(DATA),,$(error give the folder with the data: make pretrained DATA=path/to/data))
	@$(BIN)/python -m scripts.pretrain $(FLAGS) -- "$$DATA"
