# Spendgate: `make run` shows it at work, `make help` tells the rest. Needs Python 3.11 or newer, and a network the first time.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
COMPILE := $(BIN)/uv pip compile --quiet --generate-hashes --universal --no-header --python-version 3.11

.PHONY: help setup run test lint format lock
.DEFAULT_GOAL := help

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-8s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: $(READY) ## Install everything into .venv, exactly as locked (done by the others when needed)
	@:

run: setup ## Start Kafka, PostgreSQL and Spendgate with a demo; Ctrl-C stops it all
	@$(BIN)/spendgate up --demo

test: setup ## Run all tests, on a real Kafka and PostgreSQL
	@$(BIN)/pytest

lint: setup ## Check format, style, types and the layers
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports

format: setup ## Bring the code into its format
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .

lock: setup ## Choose the newest versions that fit, of Python packages and of Kafka's jars
	@printf 'setuptools>=80\nuv>=0.9\n' | $(COMPILE) --upgrade --no-annotate -o requirements-setup.lock -
	@$(COMPILE) --upgrade -o requirements.lock pyproject.toml
	@$(COMPILE) --upgrade --group pyproject.toml:dev -o requirements-dev.lock pyproject.toml
	@$(BIN)/python -m console.local.lock_kafka

# uv installs in seconds what takes pip the better part of a minute; where only pip knows the way out, pip does it.
$(READY): pyproject.toml requirements-setup.lock requirements-dev.lock
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Spendgate needs Python 3.11 or newer: make PYTHON=python3.11 …")'
	@echo "Installing Spendgate's Python packages into $(VENV) …"
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-setup.lock
	@VIRTUAL_ENV=$(VENV) $(BIN)/uv pip install --quiet --require-hashes -r requirements-dev.lock \
		|| $(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.lock
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-index --no-deps --no-build-isolation -e .
	@touch $@
