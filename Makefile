# Spendgate: `make run` shows it at work, `make help` tells the rest. Needs Python 3.11 or newer, and a network the first time.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
# Many tests wait, so more of them run at once than there are cores; a file is one process's own. Each process is a fork of
# one that has collected the tests (tests/preloaded.py); half of them begin with what waits, and three have a worker, a
# ledger and a console (tests/distribution.py).
PROCESSES ?= 8
SHARED = --numprocesses $(PROCESSES) --dist loadfile --no-loadscope-reorder
# With AGAIN=1 only what failed the last time, one test after the other.
ifdef AGAIN
SHARED := --last-failed --last-failed-no-failures none
endif
# Bytecode is kept, also where the environment asks for none: without it each of the hundreds of processes of a run, and
# each command, compiles all of ours anew.
unexport PYTHONDONTWRITEBYTECODE
# What `make mutants` breaks: all of the core, or for example MUTATE="'core.budget.*' 'core.money.*'".
MUTATE ?=
MUTANTS := .venv-mutants
COMPILE := $(BIN)/uv pip compile --quiet --generate-hashes --universal --no-header --python-version 3.11

# How many processes `make faults` kills and freezes. SPENDGATE_FAULTS_SEED=3141 draws others.
FAULTS ?= 200
# How often `make gaps` does each fault.
TIMES ?= 20

# How much `make bench` measures: small, medium or full.
SIZE ?= full

.PHONY: help setup run test test-fast test-long faults gaps bench mutants lint format hooks lock
.DEFAULT_GOAL := help

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: $(READY) ## Install everything into .venv, exactly as locked (the other targets do it when needed)
	@:

run: setup ## Start Kafka, PostgreSQL and Spendgate with a demo; Ctrl-C stops it all
	@$(BIN)/spendgate up --demo

test: setup ## Run all tests, on a real Kafka and PostgreSQL
	@$(BIN)/pytest $(SHARED)

test-fast: setup ## Run the tests that need neither Kafka, PostgreSQL nor many examples
	@$(BIN)/pytest --numprocesses 2 -m "not services and not long"

test-long: setup ## Run the tests with random examples or large inputs, and the kill tests, at full length
	@SPENDGATE_TEST_LENGTH=long $(BIN)/pytest $(SHARED) -m long

# Its tests wait for brokers and sessions; each has up to three brokers, two workers and a database.
faults: PROCESSES := 4
faults: setup ## Kill and freeze processes in random order, FAULTS of them (200), and count what comes out
	@SPENDGATE_TEST_LENGTH=long SPENDGATE_FAULTS=$(FAULTS) $(BIN)/pytest $(SHARED) -v -raP tests/faults

gaps: setup ## Kill, stop and freeze one worker or broker, TIMES each (20), and print how long nothing was decided
	@SPENDGATE_TEST_LENGTH=long SPENDGATE_FAULTS_TIMES=$(TIMES) $(BIN)/pytest -s tests/faults/test_gaps.py \
		tests/faults/test_cluster.py -k "goes_or_comes or is_killed or rolling or is_frozen"

bench: setup ## Measure what stands in docs/benchmarks.md and write it anew; SIZE=small, medium or full
	@$(BIN)/python -m bench all --size $(SIZE)

mutants: $(MUTANTS)/.ready ## Break the core in one place at a time and list what no test of it notices
	@$(MUTANTS)/bin/python -m tests.mutants $(MUTATE)

lint: setup ## Check format, style, types and the layers
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports

format: setup ## Format the code and mend what ruff can mend
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .

hooks: setup ## Check before each commit what `make lint` checks, and the message
	@$(BIN)/pre-commit install

lock: setup ## Lock the newest versions of the Python packages and of Kafka's jars
	@printf 'setuptools>=80\nuv>=0.9\n' | $(COMPILE) --upgrade --no-annotate -o requirements-setup.lock -
	@$(COMPILE) --upgrade --group pyproject.toml:dev -o requirements-dev.lock pyproject.toml
	@$(COMPILE) --constraint requirements-dev.lock -o requirements.lock pyproject.toml  # what ships is what was tested
	@$(BIN)/python -m local.lock_kafka

# uv installs in seconds what takes pip the better part of a minute; where only pip knows the way out, pip does it.
# Without bytecode, which pip writes by itself, each command would compile its libraries where Python may not write.
$(READY): pyproject.toml requirements-setup.lock requirements-dev.lock
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Spendgate needs Python 3.11 or newer: make PYTHON=python3.11 …")'
	@echo "Installing Spendgate's Python packages into $(VENV) …"
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-setup.lock
	@VIRTUAL_ENV=$(VENV) $(BIN)/uv pip install --quiet --compile-bytecode --require-hashes -r requirements-dev.lock \
		|| $(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.lock
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-index --no-deps --no-build-isolation -e .
	@touch $@

# mutmut needs a newer click than Faust allows: an environment of its own, for the tests of the core alone.
$(MUTANTS)/.ready: $(READY)
	@$(PYTHON) -m venv $(MUTANTS)
	@VIRTUAL_ENV=$(MUTANTS) $(BIN)/uv pip install --quiet --require-hashes -r requirements-dev.lock
	@VIRTUAL_ENV=$(MUTANTS) $(BIN)/uv pip install --quiet mutmut==3.8.1
	@touch $@
