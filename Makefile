# The two commands of the README are `make run` and `make test`; each does all the set-up itself. `make check` is the
# quick part of the tests, to run before a commit; `make docs` builds the site.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
WORKERS ?= 2
# Without tools that compile or simulate, but for a few.
QUICK := tests/test_architecture.py tests/train/tables tests/train/files tests/approx/reference tests/approx/netlists \
	tests/hdl/cells tests/hdl/test_names.py tests/reports/results tests/inkling/test_door.py tests/docs/test_readme.py

.PHONY: run test check lint docs bench install clean

run: $(STAMP)
	$(BIN)/inkling run pendigits --out runs/pendigits --effort quick

test: lint
	$(BIN)/python -P -m pytest -n $(WORKERS) --dist worksteal tests

check: lint
	$(BIN)/python -P -m pytest -q -n $(WORKERS) --dist worksteal $(QUICK)

docs: $(STAMP) $(VENV)/.docs
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict
	@echo "build/site/index.html"

lint: $(STAMP)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

bench: $(STAMP) $(VENV)/.bench
	$(BIN)/python -P tests/benchmarks/run_all.py $(BENCH)

install: $(STAMP)

$(STAMP): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "Inkling needs Python 3.11 or newer; set PYTHON=/path/to/python3.11"; exit 2; }
	@command -v c++ >/dev/null && command -v perl >/dev/null || \
		{ echo "Inkling needs a C++ compiler and perl (Debian: apt-get install g++ perl)"; exit 2; }
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[test,fields,cluster]'
	touch $@

$(VENV)/.bench: $(STAMP)
	$(BIN)/pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[test,fields,cluster,bench]'
	touch $@

$(VENV)/.docs: $(STAMP)
	$(BIN)/pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[test,fields,cluster,docs]'
	touch $@

clean:
	rm -rf runs build *.egg-info .pytest_cache .mypy_cache .ruff_cache
