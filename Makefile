# make demo    the main job on real input, from nothing, in a minute or two
# make test    linters and the whole suite
# make lint    only the linters
# make bench   the benchmarks
# make clean   remove what the others made
#
# Each makes .venv first, with uv when it is there, else with pip.

BIN := .venv/bin

.PHONY: demo test lint check-lint bench clean

demo:
	@scripts/setup demo
	@$(BIN)/python scripts/demo.py

# With TTA_REQUIRE_ALL=1 a test that is skipped for a missing system part fails instead.
test:
	@scripts/setup dev
	@$(MAKE) --no-print-directory check-lint
	$(BIN)/python -m pytest

lint:
	@scripts/setup dev
	@$(MAKE) --no-print-directory check-lint

check-lint:
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/pyright --pythonpath $(BIN)/python
	$(BIN)/lint-imports

bench:
	@scripts/setup dev
	$(BIN)/python -m benchmarks

clean:
	rm -rf .venv demo build dist .pytest_cache .ruff_cache .hypothesis .import_linter_cache
	rm -f .coverage .coverage.*
	find . -name __pycache__ -not -path './.git/*' -prune -exec rm -rf {} +
