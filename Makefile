# One file to learn the project by: `make` lists what can be done. Nothing is needed but Python 3.11 or newer.
PYTHON ?= python3
BIN := .venv/bin
PY := $(BIN)/python
STAMP := .venv/.installed

.DEFAULT_GOAL := help
.PHONY: help setup run demo test-stack up down logs doctor lab test teeth prove bench check format contracts lock clean

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: $(STAMP) ## Make .venv with the exact packages of requirements-dev.txt (once; again when that file changes)

$(STAMP): requirements-dev.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	  || { echo "Python 3.11 or newer is needed: make setup PYTHON=/path/to/python3.11"; exit 1; }
	@$(PYTHON) -c 'import venv, ensurepip' 2>/dev/null \
	  || { echo "Python's venv module is missing: on Debian and Ubuntu, apt install python3-venv"; exit 1; }
	@test -x $(PY) || $(PYTHON) -m venv .venv
	@echo "Installing the packages of requirements-dev.txt into .venv ..."
	@$(PY) -m pip install --quiet --disable-pip-version-check --require-hashes --only-binary :all: -r requirements-dev.txt
	@touch $@

run: setup ## Start everything on this machine and keep its data between runs (SPLIT=1: each service a process; MOTLAN_BROKERS=3: a cluster)
	@$(PY) -m infra.run

demo: setup ## Start everything empty and play one whole story (FAULTS=42: while its sources fail; STACK=compose: on containers)
	@$(PY) -m infra.demo

up: setup ## Start everything as containers, wait until it is healthy (EDGE_PORT=9443; BROKERS=3; REPLICAS=2; PROFILES=tools)
	@$(PY) -m infra.compose up

down: setup ## Stop the containers; their data stay (WIPE=1: they go)
	@$(PY) -m infra.compose down $(if $(WIPE),--wipe)

logs: setup ## Follow what the containers log (OF="reuse consent": those)
	@$(PY) -m infra.compose logs $(OF)

doctor: setup ## Say in one line each what is wrong with the containers or this machine, and how to mend it
	@$(PY) -m infra.compose doctor

lab: setup ## Where no image can be pulled: run all of the above on stand-ins made here (IMAGES=real: pull; RUN="make up": only that)
	@IMAGES=$(IMAGES) $(PY) -m infra.lab $(RUN)

test: setup ## Run all tests: first those without I/O, then those on real PostgreSQL and Kafka
	@$(PY) -m pytest -q -m "not stack and not cluster"
	@$(PY) -m pytest -q -m stack

# On three brokers: what speaks to Kafka, the whole story, and processes that die; then Keycloak, replicas and faults.
ON_THREE := tests/shared/test_relay.py tests/shared/test_consumer.py tests/shared/test_stops.py tests/shared/test_redrive.py tests/shared/test_kafka.py \
  tests/shared/test_reader_group.py tests/shared/test_progress.py tests/e2e/test_story.py tests/faults/test_processes.py

test-stack: setup ## Test on three brokers, with replicas, with Keycloak in VNeID's place, and while all of these fail
	@MOTLAN_BROKERS=3 $(PY) -m pytest -q -m stack $(ON_THREE)
	@MOTLAN_BROKERS=3 $(PY) -m pytest -q -m cluster

teeth: setup ## Take each guard out of a copy of the code and see its tests fail (SAMPLE=8: some; ONLY="name name": those)
	@$(PY) -m tests.teeth $(if $(ONLY),--only $(ONLY)) $(if $(SAMPLE),--sample $(SAMPLE)) $(if $(SEED),--seed $(SEED))

prove: setup ## Keep the promises while processes, brokers, PostgreSQL and clocks fail (FAULTS=500 WRITES=500000 SEED=7; MORE="--help")
	@$(PY) -m tests.faults.prove --faults $(or $(FAULTS),60) --writes $(or $(WRITES),2000) $(if $(SEED),--seed $(SEED)) $(MORE)

bench: setup ## Measure release, relay and log against what else this machine could do (8 minutes; ONLY=release: one of them)
	@$(PY) -m tests.perf $(if $(ONLY),--only $(ONLY))

check: setup ## Lint, format, types, import rules, contracts on disk equal to those served, no promise broken
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/basedpyright
	@$(BIN)/lint-imports
	@$(PY) -m contracts.export --check
	@$(PY) -m contracts.release --check

format: setup ## Put the code into its one format
	@$(BIN)/ruff check --fix --quiet . || true
	@$(BIN)/ruff format .

contracts: setup ## Write the contracts that are generated from code
	@$(PY) -m contracts.export

LOCK := .venv-lock/bin/uv pip compile --quiet --generate-hashes --no-emit-index-url --no-emit-find-links --universal \
  --python-version 3.11 --no-annotate --no-header

lock: ## Pin requirements*.in anew (UPGRADE=--upgrade takes newer versions)
	@test -x .venv-lock/bin/uv || { $(PYTHON) -m venv .venv-lock && .venv-lock/bin/pip install --quiet uv; }
	@$(LOCK) $(UPGRADE) requirements.in -o requirements.txt
	@$(LOCK) $(UPGRADE) requirements-dev.in -o requirements-dev.txt

clean: ## Remove what the other targets made, data of `make run` included
	@rm -rf .venv .venv-lock .run .run-demo .run-compose .run-bench .cache .pytest_cache .ruff_cache .import_linter_cache .hypothesis
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +
