# Thin: each target sets up what it needs, in .venv. `make demo` needs python3 (3.10 or later) with venv, nothing else.
PYTHON ?= python3
BIN := $(if $(filter Windows_NT,$(OS)),.venv/Scripts,.venv/bin)
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet

.PHONY: demo test bench quality docs clean

demo: .venv/.installed
	@$(BIN)/python scripts/demo.py

test: .venv/.developing
	@if [ -x tests/editors/setup.sh ]; then tests/editors/setup.sh; fi
	$(BIN)/python -m pytest -n 2 --dist loadfile

bench: .venv/.developing
	@[ -d .cache/peers ] || $(PYTHON) -m venv .cache/peers
	@$(subst .venv,.cache/peers,$(PIP)) install bandit pylint semgrep python-lsp-server jedi-language-server basedpyright
	@$(BIN)/python -m bench $(BENCH)

quality: .venv/.developing
	@PYTHONPATH=server:tests $(BIN)/python -m support.quality

docs: .venv/.developing
	@$(BIN)/python scripts/write_docs.py

clean:
	rm -rf .venv .cache .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis dist

.venv/.python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 10))' 2>/dev/null || { \
	  echo "make: Python 3.10 or later is missing (on Debian or Ubuntu: apt-get install python3 python3-venv; elsewhere: python.org)" >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { \
	  echo "make: Python's venv is missing (on Debian or Ubuntu: apt-get install python3-venv)" >&2; exit 1; }
	@echo "Making .venv ..." >&2
	@$(PYTHON) -m venv .venv
	@touch $@

.venv/.installed: .venv/.python pyproject.toml
	@echo "Installing architect-lsp into .venv ..." >&2
	@$(PIP) install --editable .
	@touch $@

.venv/.developing: .venv/.installed
	@echo "Installing what the tests need into .venv ..." >&2
	@$(PIP) install --upgrade 'pip>=25.1'
	@$(PIP) install --editable . --group dev
	@touch $@
