# evslot: what can be made here. `make` alone prints the list.

ifndef PYTHON
PYTHON := $(shell for python in python3 python3.13 python3.12 python3.11; do \
  $$python -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null \
  && echo $$python && break; done)
endif
BIN := .venv/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --no-input
# Whether the environment was made in this folder (its scripts know it by name) by a Python that is
# still there: after an upgrade, or under another name, it is made anew.
USABLE := $(shell grep -qsF -e "-m venv $(CURDIR)/.venv" .venv/pyvenv.cfg \
  && $(BIN)/python -Ic "import pip" 2>/dev/null && echo yes)
FAST := -m "not real and not prove"
ARGS ?=

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help up test check style types bench demo screenshots prove prove-tests containers-test \
  lock reference clean app again

help: ## print this list
	@echo "evslot: find a charging station, book a slot, pay, come, plug in."
	@echo
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-15s %s\n", $$1, $$2 }' Makefile
	@echo
	@echo 'ARGS="…" is handed on, as in: make up ARGS="--ephemeral --processes reservation=2"'

up: app ## bring up the whole system: PostgreSQL, Kafka, six parts (Ctrl-C stops it)
	@exec $(BIN)/evslot up $(ARGS)

test: style app ## everything a change must pass (about ten minutes); ARGS="…" is for pytest
	@exec $(BIN)/python $(if $(strip $(ARGS)),-m pytest $(ARGS),-m tests.everything)

check: style types ## format, lint, types, imports and the fast tests (about a minute)
	$(BIN)/python -m pytest $(FAST) $(ARGS)

style: .venv/.dev
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/lint-imports

types: .venv/.dev
	$(BIN)/mypy

bench: .venv/.dev ## measure: holds a second and their latency, beside direct peers
	@exec $(BIN)/python -m benchmarks $(ARGS)

demo: .venv/.run ## play two bookings on the running system, with what went through Kafka
	@exec $(BIN)/evslot demo

screenshots: .venv/.dev ## take the README's pictures of the system that `make up` runs in another shell
	$(BIN)/python -m tests.browser.pictures $(ARGS)

prove: .venv/.dev ## the proof under faults: MINUTES=10 SEED=7 FAULT=kill,terminate/zombie
	@exec $(BIN)/python -m tests.faults --minutes "$(MINUTES)" --seed "$(SEED)" --fault "$(FAULT)"

prove-tests: .venv/.dev ## the long tests: seeded bugs, random lives, growth
	$(BIN)/python -m pytest -m prove $(ARGS)

containers-test: .venv/.dev ## build the image, run compose.yaml and a journey through it (as root)
	@exec tests/containers/run $(ARGS)

reference: .venv/.dev ## write docs/reference and the golden files of new message types
	$(BIN)/python -m tests.architecture.reference
	$(BIN)/python -m tests.wire.write
	$(BIN)/python -m tests.browser.typescript

PINNED := uv pip compile --universal --python-version 3.11 --generate-hashes --no-header \
  --no-annotate --no-emit-find-links --quiet
lock: .venv/.dev ## pin what pyproject.toml asks for, with hashes (UPGRADE=1: newest versions)
	$(BIN)/$(PINNED) $(if $(UPGRADE),--upgrade) --extra embedded \
	  pyproject.toml requirements/build.in -o requirements/run.txt
	$(BIN)/$(PINNED) $(if $(UPGRADE),--upgrade) --extra embedded --extra dev \
	  -c requirements/run.txt pyproject.toml requirements/build.in -o requirements/dev.txt
	$(BIN)/$(PINNED) -c requirements/run.txt pyproject.toml -o requirements/image.txt
	$(BIN)/$(PINNED) -c requirements/run.txt requirements/build.in -o requirements/build.txt
	$(BIN)/$(PINNED) $(if $(UPGRADE),--upgrade) --no-deps requirements/streets.in \
	  -o requirements/streets.txt

clean: ## remove the environment and all caches (data in .evslot stays)
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache dist
	rm -rf web/node_modules src/evslot/web
	find src tests benchmarks -name __pycache__ -type d -prune -exec rm -rf {} +

# The environment. Each stamp is newer than what it was made from; a second run does nothing.

.venv/.run: requirements/run.txt pyproject.toml .venv/pyvenv.cfg
	@echo "Installing what evslot runs on (once; needs a network) …"
	$(PIP) install --require-hashes -r requirements/run.txt
	$(PIP) install --quiet --no-deps --no-build-isolation -e .
	@touch $@

# The browser app; what is built of these sources already, or left out for now, is known there.
app: .venv/.run
	@$(BIN)/python hatch_build.py

.venv/.dev: requirements/dev.txt .venv/.run
	@echo "Installing what the checks need (once; needs a network) …"
	$(PIP) install --require-hashes -r requirements/dev.txt
	@touch $@

.venv/pyvenv.cfg: $(if $(USABLE),,again)
	@test -n "$(PYTHON)" || { \
	  echo "evslot needs Python 3.11 or newer: install it, or name it with make PYTHON=…" >&2; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	  echo "$(PYTHON) is older than 3.11: name a newer one with make PYTHON=…" >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { \
	  echo "$(PYTHON) cannot make an environment: install python3-venv (Debian, Ubuntu)" >&2; exit 1; }
	@echo "Making the environment .venv with `$(PYTHON) --version` …"
	@python=`$(PYTHON) -c 'import sys; print(sys._base_executable)'` && rm -rf .venv \
	  && "$$python" -m venv .venv || { rm -rf .venv; exit 1; }
