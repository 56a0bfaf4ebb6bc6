# The two commands of the README are `make run` and `make test`; each does all the set-up itself.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
WORKERS ?= 2

.PHONY: run test lint bench install clean

run: $(STAMP)
	$(BIN)/inkling run pendigits --out runs/pendigits --effort quick

test: lint
	$(BIN)/python -P -m pytest -n $(WORKERS) --dist worksteal tests

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

clean:
	rm -rf runs build *.egg-info .pytest_cache .mypy_cache .ruff_cache
