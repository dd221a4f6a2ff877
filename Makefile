# `make run` and `make test` set up all they need in .venv; run again, they do not install again.

PYTHON ?= python3
VENV := .venv
CONSTRAINTS := constraints.txt
BIN := $(VENV)/bin
# The suite starts Python some hundred times: each would compile petbench anew where the environment, as many a
# container's does, forbids to keep what was compiled.
PYTEST := OMP_NUM_THREADS=1 PYTHONDONTWRITEBYTECODE= $(BIN)/python -m pytest --numprocesses auto --dist loadfile
# The demonstration keeps its dataset, runs and leaderboard in the checkout, not in the user's own petbench home.
DEMO_HOME := $(CURDIR)/results

.PHONY: run test test-fast fuzz test-lowest coverage lint pages docs bench gpu-check statistics screenshots clean help

help: ## Say what can be made
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "make %-11s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

run: $(VENV)/installed ## Train pix2pix on the simulated dataset and show the leaderboard
	PETBENCH_HOME=$(DEMO_HOME) $(BIN)/petbench run --method identity
	PETBENCH_HOME=$(DEMO_HOME) $(BIN)/petbench run --method scale
	PETBENCH_HOME=$(DEMO_HOME) $(BIN)/petbench run --method pix2pix
	PETBENCH_HOME=$(DEMO_HOME) $(BIN)/petbench score --reference predictable
	PETBENCH_HOME=$(DEMO_HOME) $(BIN)/petbench score --reference repeat-scan
	PETBENCH_HOME=$(DEMO_HOME) $(BIN)/petbench leaderboard
	PETBENCH_HOME=$(DEMO_HOME) $(BIN)/petbench report -o $(DEMO_HOME)/report

test: $(VENV)/installed ## Run the tests
	$(PYTEST)

test-fast: $(VENV)/installed ## Run the tests that take no time, for the loop at the desk
	$(PYTEST) -m "not slow"

fuzz: $(VENV)/installed ## Try ten thousand damaged submissions, files of runs and headers of scans
	PETBENCH_FUZZ_CASES=10000 $(PYTEST) --timeout 36000 tests/fuzz

test-lowest: build/lowest.txt ## Run the tests with the lowest versions that pyproject.toml allows
	$(MAKE) test VENV=build/lowest CONSTRAINTS=build/lowest.txt

coverage: $(VENV)/installed ## Run the tests and show which lines they miss: a table, and build/coverage/html/index.html
	mkdir -p build/coverage
	$(PYTEST) --cov --cov-report=term --cov-report=html

lint: $(VENV)/installed ## Check style, format, types and the order of the layers
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache

pages: $(VENV)/installed ## Write the generated parts of the pages in docs/ anew
	$(BIN)/python docs/generator/filled.py docs

docs: $(VENV)/installed ## Build the documentation into site/
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --quiet --strict

bench: OF ?= tests/benchmarks
bench: $(VENV)/installed ## Measure speed, as ratios within one run, and write docs/performance.md
	mkdir -p results
	$(BIN)/python -m pytest $(OF) --benchmark-enable --benchmark-only --benchmark-json=results/benchmarks.json
	$(BIN)/python -m tests.benchmarks.page results/benchmarks.json docs/performance.md

gpu-check: $(VENV)/installed ## Try and measure petbench on a CUDA device, in ten minutes; a section of docs/performance.md
	$(BIN)/python -m tests.benchmarks.gpu_check results/gpu-check.json docs/performance.md

statistics: $(VENV)/installed ## Count how often intervals and tests are right, and write docs/statistics.md
	OMP_NUM_THREADS=1 $(BIN)/python -m petbench_leaderboard.statistics.simulation docs/statistics.md

screenshots: $(VENV)/installed ## Make the runs that the documentation shows, and take its pictures in headless Chromium
	$(BIN)/python docs/screenshots/make.py

clean: ## Remove what was built here
	rm -rf .venv results build dist site .mypy_cache .ruff_cache .pytest_cache

$(VENV)/installed: pyproject.toml $(CONSTRAINTS)
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --constraint $(CONSTRAINTS) --editable '.[dev,docs]'
	@touch $@

build/lowest.txt: pyproject.toml .ci/lowest.py
	mkdir -p build
	$(PYTHON) .ci/lowest.py > $@
