# make propose   writes a proposal from the data that ships with govkit
# make test      checks everything
#
# Both prepare .venv by themselves. Nothing outside the checkout is changed but Debian
# packages that are missing, and those only when this user may install them.

ASSETS ?= WETH WBTC
OUT ?= build/proposals
export PYTHON

BIN := .venv/bin

.DEFAULT_GOAL := help
.PHONY: help setup propose test lint docs bench clean

help: ## show this list
	@grep -E '^[a-z]+:.*## ' Makefile | sed -E 's/^([a-z]+):.*## /\1\t/' | expand -t 12

setup: .venv/.ready ## prepare .venv

# Exit code 4 means that an optional part, the PDF, could not be made and the rest was.
propose: .venv/.ready ## write a proposal for ASSETS="WETH WBTC" into OUT=build/proposals
	@mkdir -p $(OUT)
	$(BIN)/govkit propose $(ASSETS) --out $(OUT) || test $$? -eq 4
	@echo "The proposal is in $(OUT)."

test: lint ## run every check and every test
	$(BIN)/python -m pytest -n auto

lint: .venv/.ready-dev ## check style, types and generated pages
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/cog --check --check-fail-msg="Run: make docs" docs/cli.md README.md
	$(BIN)/python scripts/schemas.py --check

docs: .venv/.ready-dev ## write generated pages anew
	$(BIN)/cog -r docs/cli.md README.md
	$(BIN)/python scripts/schemas.py

bench: .venv/.ready-dev ## measure speed and memory, write docs/performance.md
	$(BIN)/python -m benchmarks

clean: ## remove everything that make has made
	rm -rf .venv build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -prune -exec rm -rf {} +

.venv/.ready: pyproject.toml scripts/setup.sh
	@scripts/setup.sh

.venv/.ready-dev: pyproject.toml scripts/setup.sh
	@scripts/setup.sh --dev
