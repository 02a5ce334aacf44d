# The commands that people and CI run. `make` alone lists them.
.DEFAULT_GOAL := help
.PHONY: help setup setup-tests demo up test package lock snapshots deploy bench bench-export bench-forecast bench-replay bench-score bench-soak lint types format clean

# Any Python from 3.9 that runs can do the set-up, which finds or fetches the 3.13 that everything else uses.
PYTHON ?= $(shell for p in python3 python3.13 /usr/bin/python3 python; do \
	"$$p" -c 'import sys; sys.exit(sys.version_info < (3, 9))' 2>/dev/null && echo "$$p" && break; done)
VENV := .venv/bin
PYTEST_ARGS ?= -n 2 --dist loadgroup
# Two test processes with as many threads each as there are cores would mostly wait for each other.
ONE_THREAD := OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1

help: ## List these commands
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "make %-8s %s\n", $$1, $$2 }' Makefile

setup: ## Make .venv, fetch the pinned packages, Azurite and an ODBC driver (a second run fetches nothing)
	@test -n "$(PYTHON)" || { echo "No Python 3.9 or newer was found on PATH." >&2; exit 1; }
	@$(PYTHON) -m local.bootstrap

# The rest of what tests need: a PostgreSQL server, never started but by them, and its ODBC driver.
setup-tests: setup
	@$(PYTHON) -m local.bootstrap --tests

demo: setup ## Run the whole path on this machine, from SQL tables to decisions (ONCE=1: then stop)
	@$(VENV)/python -m local demo $(if $(filter 1,$(ONCE)),--once)

up: setup ## Run the function app on this machine with local.settings.json
	@$(VENV)/python -m local up

test: lint types setup-tests ## Check style and types, then run every test (PYTEST_ARGS="-k drop")
	@$(ONE_THREAD) $(VENV)/python -m pytest $(PYTEST_ARGS)

bench: bench-export bench-forecast bench-replay bench-score ## Measure speed and memory, which no test does: machines differ

# A million rows out of PostgreSQL, beside pandas (BENCH_ARGS="--rows 100000 --json figures.json").
bench-export: setup-tests
	@$(VENV)/python -m tests.bench.export_bench $(BENCH_ARGS)

# Forecasts, beside AutoETS: of the demo company, or of Online Retail (BENCH_ARGS="--csv FILE --json figures.json").
bench-forecast: setup
	@$(VENV)/python -m tests.bench.forecast_bench $(BENCH_ARGS)

# The last fifth of the demo company's calls, answered in blocks of 250 (BENCH_ARGS="--policy every --json").
bench-replay: setup
	@$(VENV)/python -m local replay phone --csv "$$($(VENV)/python -m local.company)" --from 80% --every 250 $(BENCH_ARGS)

# The same model in Cauce, FastAPI, MLflow and BentoML; ten minutes (BENCH_ARGS="--model member --only cauce,fastapi").
bench-score: setup
	@$(VENV)/python -m tests.bench.score_bench $(BENCH_ARGS)

# Half a million requests while models change: is memory flat, is the prediction log whole? Not part of `make bench`: it
# takes six minutes, and fails where one of that is not so (BENCH_ARGS="--requests 100000 --json figures.json").
bench-soak: setup
	@$(VENV)/python -m tests.bench.score_soak $(BENCH_ARGS)

package: setup ## Build the packages of both function apps into dist/, for Linux and Python 3.13
	@$(VENV)/python -m infra.packaging --to dist

GROUP ?= rg-cauce
LOCATION ?= westeurope
SIZE ?= small
deploy: setup ## Put it on Azure: ALERT_EMAIL=… (SIZE=small|large GROUP=… LOCATION=… FROM=step WHAT_IF=1 DRY_RUN=1)
	@$(VENV)/python -m infra.deployment --group "$(GROUP)" --location "$(LOCATION)" \
		--parameters infra/parameters/$(SIZE).bicepparam $(if $(FROM),--from $(FROM)) \
		$(if $(filter 1,$(WHAT_IF)),--what-if) $(if $(filter 1,$(DRY_RUN)),--dry-run) $(DEPLOY_ARGS)

# The pins of all that is in the packages, resolved anew from requirements.txt.
lock: setup
	@$(VENV)/python -m infra.packaging --lock

# What each size of company deploys, evaluated by the Bicep compiler, and docs/infrastructure.md, drawn from that: commit
# them with the change that made them.
snapshots: setup
	@$(VENV)/python -m tests.infra.compiler
	@$(VENV)/python -m infra.picture

lint: setup ## Check style
	@$(VENV)/ruff check .
	@$(VENV)/ruff format --check .

types: setup ## Check types
	@$(VENV)/mypy

format: setup ## Rewrite the code in the project's style
	@$(VENV)/ruff check --fix .
	@$(VENV)/ruff format .

clean: ## Remove what set-up and tests made; what `make up` keeps in .local/storage stays
	rm -rf .venv .local/azurite .local/bench .local/odbc .local/postgres .local/uv .mypy_cache .ruff_cache .pytest_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
