# Two commands do everything: `make run` and `make test`. All set-up stays in .venv.
PYTHON ?= python3
BIN := .venv/bin
export VIRTUAL_ENV := $(CURDIR)/.venv

.PHONY: run stop test check format docs bench clean

## run: bring up the four example services on the embedded local cluster
run: .venv/.installed
	@cd examples/bamboo && $(CURDIR)/$(BIN)/culm up

## stop: remove what `make run` brought up (the data stays)
stop: .venv/.installed
	@cd examples/bamboo && $(CURDIR)/$(BIN)/culm down && $(CURDIR)/$(BIN)/culm cluster stop

## test: everything that can be tested on this machine (Docker's tests where an engine answers)
test: .venv/.installed-dev
	@$(BIN)/pytest -n logical -m "not docker and not scenario" $(PYTEST_ARGS)
	@$(BIN)/pytest -n 2 -m "docker or scenario" $(PYTEST_ARGS)

## check: format, lint, types, architecture
check: .venv/.installed-dev
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports

## format: format the code and mend what the linter can mend
format: .venv/.installed-dev
	@$(BIN)/ruff check --fix --quiet . ; $(BIN)/ruff format --quiet .

## docs: write the generated references anew
docs: .venv/.installed-dev
	@$(BIN)/python -m culm.project.reference > docs/reference/culm-yml.md
	@$(BIN)/python -m culm.cli.reference > docs/reference/cli.md
	@$(BIN)/python -m culm.render.permissions_page examples/bamboo/culm.yml > docs/reference/deploy-policy.md
	@$(BIN)/python -m culm.cluster.operations > docs/coverage.md

## clean: remove the environment
clean:
	rm -rf .venv

.venv/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "culm needs Python 3.11 or newer; try: make run PYTHON=/path/to/python3.11" >&2; exit 1; }
	@$(PYTHON) -m venv .venv || \
	  { rm -rf .venv; echo "python's venv module is missing; try: apt-get install python3-venv" >&2; exit 1; }

.venv/.uv: .venv/bin/python
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check uv && touch $@

.venv/.installed: pyproject.toml .venv/.uv
	@echo "installing culm into .venv" >&2
	@$(BIN)/uv pip install --quiet --compile-bytecode --editable . || $(BIN)/python -m pip install --quiet --editable .
	@$(BIN)/python -m compileall -q src
	@touch $@

.venv/.installed-dev: pyproject.toml .venv/.installed
	@echo "installing what the tests need into .venv" >&2
	@$(BIN)/uv pip install --quiet --editable . --group dev
	@touch $@
