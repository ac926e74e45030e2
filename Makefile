# make demo           the main job on real input, from nothing, in a minute or two
# make test           linters and the whole suite
# make lint           only the linters
# make kernels        the notebook door with older releases of ipykernel
# make conformance    the official conformance suite of MCP against our server; from npm
# make interop        clients and agents of others against our MCP server; from npm and PyPI
# make bench          the benchmarks
# make bench-peers    round trips beside huey and Celery, which it installs
# make bench-testgen  how good generated tests are, on thirty-one modules; takes an hour
# make notebooks      run the notebooks and write them as pages to build/notebooks
# make clean          remove what the others made
#
# Each makes .venv first, with uv when it is there, else with pip.

BIN := .venv/bin

.PHONY: demo test kernels lint check-lint bench bench-peers bench-testgen conformance interop notebooks clean

demo:
	@scripts/setup demo
	@$(BIN)/python scripts/demo.py

# Two files of tests at a time: most tests wait for processes of their own. In their order: the files
# with the fewest tests, which would come last, are the longest.
# With TTA_REQUIRE_ALL=1 a test that is skipped for a missing system part fails instead.
test:
	@scripts/setup dev
	@$(MAKE) --no-print-directory check-lint
	$(BIN)/python -m pytest -n 2 --dist loadfile --no-loadscope-reorder

# Their clicks and updates differ: docs/notebook.md. The newest one is what `make test` has.
KERNELS := 6.31.0 7.1.0 7.3.0
kernels:
	@scripts/setup dev
	@for release in $(KERNELS); do scripts/with_ipykernel $$release \
	    $(BIN)/python -m pytest -q -m kernels tests/e2e || exit; done

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
	$(BIN)/python -m benchmarks.waits

bench-peers:
	@scripts/setup dev
	$(BIN)/python -m benchmarks.peers $(ARGUMENTS)

# Say what to leave out: make bench-testgen ARGUMENTS='--only janus,parse'
bench-testgen:
	@scripts/setup dev
	$(BIN)/python -m benchmarks.testgen $(ARGUMENTS)

# One scenario, told in full: make conformance ARGUMENTS='--scenario tasks-lifecycle'
conformance:
	@scripts/setup conformance
	$(BIN)/python -m tests.conformance.run $(ARGUMENTS)

# Not kept in git: each page has 300 KB, and a run of its own on the reader's machine says more.
notebooks:
	@scripts/setup dev
	$(BIN)/python -m scripts.notebooks build/notebooks

interop:
	@scripts/setup conformance
	$(BIN)/python -m tests.interop.run
	$(BIN)/python -m tests.clients.run
	$(BIN)/python -m tests.agent.run
	$(BIN)/python -m tests.interop.chat

clean:
	rm -rf .venv .cache demo build dist .pytest_cache .ruff_cache .hypothesis .import_linter_cache
	rm -f .coverage .coverage.*
	find . -name __pycache__ -not -path './.git/*' -prune -exec rm -rf {} +
