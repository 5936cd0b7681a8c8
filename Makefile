# Every target sets up .venv by itself: with uv where it is there, with venv and pip where not.
#   make PYTHON=/path/to/python3 ...   choose the interpreter (3.11 or newer)
#   make UV= ...                       do without uv

DAY_ARGS =
BENCH_ARGS =
TEST_ARGS = -n auto
CHAOS_ARGS =
BIN = .venv/bin

.DEFAULT_GOAL = help
.PHONY: help day up test check format bench bench-learning chaos lock dist screenshots clean runtime dev
.NOTPARALLEL:

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-14s %s\n", $$1, $$2 }' Makefile

day: runtime ## rehearse one day of the whole team in virtual time; the result lies in day/
	@$(BIN)/harness day --world sample --out day $(DAY_ARGS)

up: runtime ## run the team in real time, in the foreground, until Ctrl-C
	@$(BIN)/harness up

test: dev ## run all tests
	@$(BIN)/python -m pytest -q $(TEST_ARGS)

check: dev ## lint, formatting, strict types, import layers
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports

format: dev ## rewrite the code in the project's format
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

bench: dev ## print what the harness costs, each figure beside a baseline (BENCH_ARGS="latency runs")
	@$(BIN)/python -m bench $(BENCH_ARGS)

bench-learning: dev ## print how often agents make the same mistake again, with and without what they learned
	@$(BIN)/python -m bench.learning $(BENCH_ARGS)

chaos: dev ## kill daemons at random for twenty minutes, and check that nothing was missed or doubled
	@$(BIN)/python -m chaos $(CHAOS_ARGS)

lock: ## resolve the dependencies anew into requirements/*.txt (needs uv)
	@sh requirements/lock

dist: dev ## build the wheel and the sdist into dist/
	@$(BIN)/hatchling build

screenshots: runtime ## make docs/images/*.png anew of a rehearsed day (needs Chromium or Chrome)
	@$(BIN)/python docs/make_screenshots.py

clean: ## remove .venv, day/, builds and caches; .harness/ stays
	@rm -rf .venv day dist build .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	@find harness tests -name __pycache__ -type d -prune -exec rm -rf {} +

runtime dev:
	@sh requirements/install $@
