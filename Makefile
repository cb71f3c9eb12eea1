# Everything a checkout needs. `make demo` and `make test` install what is missing by themselves, inside .venv.
PYTHON ?= python3
BIN := .venv/bin
HOME_DIR ?= data
PYTEST := $(BIN)/python -m pytest -n 3 --dist worksteal
# One thread per test process: a test machine has few cores and no figure here depends on BLAS.
export OMP_NUM_THREADS := 1
test test-full test-slow: export RETAIL_SYNC_THREADS := 1
# The homes of tests lie in memory where there is room for them: each commit would wait for the disk, and no test for a power cut.
MEMORY := $(shell [ "$$(df -Pk /dev/shm 2>/dev/null | awk 'END {print $$4}')" -ge 4000000 ] 2>/dev/null && echo /dev/shm)
ifneq ($(MEMORY),)
test test-full: export PYTEST_DEBUG_TEMPROOT := $(MEMORY)
endif

.DEFAULT_GOAL := help
SEEDS ?= 200
.PHONY: help install demo run ui test test-full test-slow ground-truth check format bench bench-compare bench-day bench-ledger bench-pull sample docs lock clean

help: ## show these targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

install: .venv/installed ## create .venv with the locked versions (uv inside it; PIP=1 uses plain pip)

.venv/installed: requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Python 3.11 or newer is needed: make PYTHON=python3.11"; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
ifdef PIP
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements.lock
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps -e .
else
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check uv==0.13.9
	@$(BIN)/uv pip install --quiet --python $(BIN)/python -r requirements.lock
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps -e .
endif
	@touch $@

demo: install ## run the sample company down the whole line and show what it finds
	@$(BIN)/retail-sync demo

run: install ## one hourly run on HOME_DIR (default: data)
	@$(BIN)/retail-sync run hourly --home $(HOME_DIR)

ui: install ## open the Dagster UI on the demo, or on HOME_DIR=...
	@$(BIN)/retail-sync ui --home $(if $(filter data,$(HOME_DIR)),data/demo,$(HOME_DIR))

test: install ## the tests that need no server and no browser (under 7 minutes on two cores)
	@$(PYTEST) -m "not services and not browser and not long and not slow"

# They wait for servers, a browser and the disk as much as they work: one process more than a test machine has cores.
test-full: install ## the tests that need PostgreSQL, Tryton, Vendure, Prism, hledger, bean-check or Chromium, and the long ones (under 15 minutes)
	@$(PYTEST) -m "(services or browser or long) and not slow" -rs

test-slow: install ## more kills and faults, a run a day over nine months, TPC-DS at scale factor 1, 200 retailers of planted problems (about two hours)
	@$(PYTEST) -m slow -rs

ground-truth: install ## SEEDS retailers (200), each with every kind of planted problem: recall and precision by kind
	@$(BIN)/python -m retail_sync_tests.ground_truth --seeds $(SEEDS)

check: install ## ruff, mypy --strict, import-linter
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports --no-logo

format: install ## let ruff format and fix
	@$(BIN)/ruff check --fix . ; $(BIN)/ruff format .

bench: install ## one million lines, file to verified ledger, as a ratio to a bare read_csv in the same run
	@$(BIN)/python -m retail_sync_tests.bench

bench-compare: install ## two sides of ten million rows classified, as a ratio to a bare full outer join in the same run
	@$(BIN)/python -m retail_sync_tests.bench_compare

bench-day: install ## one more day among a year of history, as a ratio to the same day in a home that has only it
	@$(BIN)/python -m retail_sync_tests.bench_day

bench-ledger: install ## the embedded ledger beside its bare tables, and verify beside reading, as ratios of one run
	@$(BIN)/python -m retail_sync_tests.bench_ledger

bench-pull: install ## one million orders asked for over the loopback, as a ratio to a bare download of the same pages
	@$(BIN)/python -m retail_sync_tests.bench_pull

sample: install ## write data/sample again from its generator
	@$(BIN)/python -m retail_sync_tests.make_sample

docs: install ## write the generated documentation again
	@$(BIN)/retail-sync contracts --markdown > docs/data_dictionary.md

lock: install ## resolve requirements.lock anew
	@$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --no-header --no-annotate --no-emit-index-url --extra dev pyproject.toml -o requirements.lock

clean: ## remove what make made
	@rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache build dist *.egg-info data/demo data/state
