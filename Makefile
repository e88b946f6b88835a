# Glassworks. `make tour` shows everything once; `make test` proves it. Without make: docs/windows.md.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed

.PHONY: setup tour book test check long bench readme clean

setup: $(STAMP)

# Again only when pyproject.toml changed.
$(STAMP): pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit("Glassworks needs Python 3.11 or newer; this is " + sys.version.split()[0] + ". Try: make setup PYTHON=python3.12") if sys.version_info < (3, 11) else None'
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@echo "installing torch and torchvision, then Glassworks: one to three minutes"
	$(BIN)/python -m pip install --quiet --disable-pip-version-check torch torchvision
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[samples,weights,export,serve,book,tables]'
	@touch $(STAMP)

tour: setup
	$(BIN)/glassworks tour

$(VENV)/.test: $(STAMP)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[test,check]'
	@touch $@

test: $(VENV)/.test check
	@$(BIN)/python -m tests.reader.browsers
	$(BIN)/python -m pytest -m 'not long' -n auto --dist loadfile

check: $(VENV)/.test
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

# Opens the interactive book in a browser.
book: setup
	$(BIN)/glassworks book

long: $(VENV)/.test
	$(BIN)/python -m pytest -m long -rA

$(VENV)/.bench: $(STAMP)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[bench]'
	@touch $@

bench: $(VENV)/.bench
	@for script in benchmarks/[a-z]*.py; do \
		case $$script in benchmarks/common.py|benchmarks/peers.py|benchmarks/ours.py|benchmarks/tables.py) continue;; esac; \
		echo "== $$script"; $(BIN)/python $$script || exit 1; \
	done
	$(BIN)/python benchmarks/tables.py

# Prints the table of systems into the README.
readme: setup
	$(BIN)/python docs/make_readme.py

clean:
	rm -rf $(VENV) build dist src/*.egg-info
