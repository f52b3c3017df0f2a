# Two commands do everything: `make run` and `make test`. All set-up stays in .venv.
PYTHON ?= python3
BIN := .venv/bin
PURE := "not docker and not scenario"
UNREACHABLE := what culm needs could not be installed: the lines above say why. Without a way to a package index: \
  name a proxy (HTTPS_PROXY) or an index of your own (PIP_INDEX_URL, UV_DEFAULT_INDEX)
export VIRTUAL_ENV := $(CURDIR)/.venv
# Where it is set, every process compiles culm, its libraries and the tests anew.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: run stop test test-pure test-whole test-on check format docs coverage properties seeds patterns docs-run leftovers mutate audit lock release screenshot cast clean

## run: bring up the four example services on the embedded local cluster
run: .venv/.installed
	@cd examples/bamboo && "$(CURDIR)/$(BIN)/culm" up

## stop: remove what `make run` brought up (the data stays)
stop: .venv/.installed
	@cd examples/bamboo && "$(CURDIR)/$(BIN)/culm" down

## test: everything that can be tested on this machine (Docker's tests where an engine answers)
test: test-pure test-whole

## test-whole: what starts whole clusters, and what needs an engine
test-whole: .venv/.installed-dev
	@$(BIN)/pytest -n 2 -m "docker or scenario" $(PYTEST_ARGS)

## test-pure: what needs no engine and no whole cluster; any system, a few minutes
test-pure: .venv/.installed-dev
	@$(BIN)/pytest -n logical -m $(PURE) $(PYTEST_ARGS)

## test-on: the pure rings on another Python, in an environment of its own: make test-on ON=python3.13 ENVIRONMENT=/tmp/3.13
test-on: .venv/.uv
	@test -n "$(ON)" -a -n "$(ENVIRONMENT)" || { echo "say which: make test-on ON=python3.13 ENVIRONMENT=/tmp/3.13" >&2; exit 1; }
	@test -x $(ENVIRONMENT)/bin/python || $(ON) -m venv $(ENVIRONMENT)
	@VIRTUAL_ENV=$(ENVIRONMENT) $(BIN)/uv pip install --quiet --compile-bytecode --editable . --group dev
	@$(ENVIRONMENT)/bin/python -m compileall -q src
	@$(ENVIRONMENT)/bin/python -m pytest -o cache_dir=$(ENVIRONMENT)/.pytest_cache -n logical -m $(PURE) $(PYTEST_ARGS)

## coverage: the pure rings with the share of branches that they run; the last line is the figure
coverage: .venv/.installed-dev
	@rm -f .coverage .coverage.*
	@$(BIN)/coverage run -m pytest -q -n logical -m $(PURE) $(PYTEST_ARGS)
	@$(BIN)/coverage combine --quiet
	@$(BIN)/coverage report --skip-covered --sort=cover | grep -v "skipped due to" | grep . | tail -40

## properties: the property tests with fifty times the examples
properties: .venv/.installed-dev
	@CULM_EXAMPLES=50 $(BIN)/pytest -n logical --timeout 3600 tests/core tests/plan tests/cluster/scheduler -m $(PURE) $(PYTEST_ARGS)

## seeds: life at Amazon under twenty seeds of throttling and late views, and thirty services from bootstrap to destroy
seeds: .venv/.installed-dev
	@CULM_SEEDS=20 $(BIN)/pytest -q --timeout 600 tests/amazon/test_weather.py tests/amazon/test_whole.py $(PYTEST_ARGS)

## patterns: Dockerfiles of Python and Node.js, and ten services that fail, with a container engine
patterns: .venv/.installed-dev
	@.ci/base-image.sh languages
	@CULM_PATTERNS=1 $(BIN)/pytest -q --timeout 600 tests/scenarios/test_patterns.py tests/scenarios/test_causes.py $(PYTEST_ARGS)

## docs-run: type the commands of README and the guides on a local cluster
docs-run: .venv/.installed-dev
	@CULM_DOCS=all $(BIN)/pytest -q --timeout 900 tests/docs $(PYTEST_ARGS)

## leftovers: install the wheel as a tool by pip, uv and pipx, use it, remove it, and compare the file system
leftovers: .venv/.installed-dev
	@$(BIN)/python -m tools.leftovers $(LEFTOVERS_ARGS)

## mutate: small changes of what decides, of which each should fail a test; MUTATE_ARGS="--room plan --sample 100"
mutate: .venv/.installed-dev
	@$(BIN)/python tools/mutate.py $(MUTATE_ARGS)

## audit: known vulnerabilities of the versions in requirements.lock
audit: .venv/.uv
	@$(BIN)/uv tool run --quiet pip-audit --require-hashes --disable-pip --requirement requirements.lock

## lock: write requirements.lock anew, with the newest versions that pyproject.toml allows
lock: .venv/.uv
	@$(BIN)/uv lock --quiet --upgrade
	@$(BIN)/uv export --quiet --frozen --all-groups --no-emit-project --no-header --no-annotate --output-file requirements.lock >/dev/null
	@rm uv.lock

## release: cut a release, with its wheel tried in an empty environment: make release VERSION=0.2.0
release: check
	@$(BIN)/python tools/release.py $(VERSION)

## check: format, lint, types, architecture
check: .venv/.installed-dev
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports

## format: format the code and fix what the linter can fix
format: .venv/.installed-dev
	@$(BIN)/ruff check --fix --quiet . ; $(BIN)/ruff format --quiet .

## docs: write the generated references anew
docs: .venv/.installed-dev
	@$(BIN)/python -m culm.project.reference > docs/reference/culm-yml.md
	@$(BIN)/python -m culm.cli.reference > docs/reference/cli.md
	@$(BIN)/python -m culm.render.permissions_page examples/bamboo/culm.yml > docs/reference/deploy-policy.md
	@$(BIN)/python -m culm.cluster.operations > docs/coverage.md

## cast: record README's moving picture of culm up; needs tmux
cast: .venv/.installed-dev
	@$(BIN)/python -m tools.cast

## screenshot: take README's picture of the page, of the examples that `make run` brought up
screenshot: .venv/.installed-dev
	@$(BIN)/python -m tools.screenshot

## clean: remove the environment
clean:
	rm -rf .venv

.venv/bin/python:
	@test -w . || \
	  { echo "$(CURDIR) cannot be written to, and the environment is made in it; try: a copy of your own" >&2; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "culm needs Python 3.11 or newer; try: make run PYTHON=/path/to/python3.11" >&2; exit 1; }
	@$(PYTHON) -c 'import venv, ensurepip' || \
	  { echo "Python's venv module is missing; try: apt-get install python3-venv" >&2; exit 1; }
	@$(PYTHON) -m venv .venv || \
	  { rm -rf .venv; echo "the environment .venv could not be made: the lines above say why" >&2; exit 1; }

.venv/.uv: .venv/bin/python
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check uv && touch $@ || \
	  { echo "$(UNREACHABLE)" >&2; exit 1; }

.venv/.installed: pyproject.toml .venv/.uv
	@echo "installing culm into .venv" >&2
	@$(BIN)/uv pip install --quiet --compile-bytecode --editable . || $(BIN)/python -m pip install --quiet --editable . || \
	  { echo "$(UNREACHABLE)" >&2; exit 1; }
	@$(BIN)/python -m compileall -q src
	@touch $@

.venv/.installed-dev: pyproject.toml .venv/.installed
	@echo "installing what the tests need into .venv" >&2
	@$(BIN)/uv pip install --quiet --compile-bytecode --editable . --group dev
	@touch $@
