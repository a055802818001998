# Each target sets up what it needs: a virtual environment in .venv, from python3 and pip alone.
# `rm -rf .venv` starts over. Another interpreter: make test PYTHON=python3.13

PYTHON ?= python3
ARGS   ?=
VENV   := .venv
BIN    := $(VENV)/bin
PIP    := $(BIN)/python -m pip -qq --disable-pip-version-check
PYTEST := $(BIN)/python -m pytest --quiet --numprocesses auto
TOO_OLD := chainrule needs Python 3.11 or newer (name one: make PYTHON=python3.11);

.PHONY: help demo test check parity nightly bench clean

help:
	@echo 'make demo     the six chapters, from a fresh clone   (ARGS="--lang zh" for Chinese)'
	@echo 'make test     all tests that need no torch           (ARGS="-k matmul" for some)'
	@echo 'make check    ruff, mypy, floors, tests, lines of code by floor'
	@echo 'make parity   the same numbers as torch 2.13.0 (installs it when missing)'
	@echo 'make nightly  5,000 random programs, eager, recorded and compiled; 50 lives of a compiled step'
	@echo 'make bench    times, beside the peers that are installed'
	@echo 'make clean    remove what was built; keeps .venv'

demo: $(VENV)/.demo
	@$(BIN)/chainrule demo $(ARGS)

test: $(VENV)/.dev
	@$(PYTEST) $(ARGS)

check: $(VENV)/.dev
	@$(BIN)/ruff check
	@$(BIN)/mypy
	@$(BIN)/python tools/floors.py
	@$(PYTEST) $(ARGS)
	@$(BIN)/python tools/loc.py

parity: $(VENV)/.parity
	@$(PYTEST) --torch tests/parity $(ARGS)

nightly: $(VENV)/.dev
	@CHAINRULE_FUZZ=5000 $(PYTEST) tests/test_fuzz.py tests/test_compile_life.py $(ARGS)

bench: $(VENV)/.demo
	@$(BIN)/python benchmarks/run.py $(ARGS)

clean:
	@rm -rf build dist chainrule-demo .pytest_cache .mypy_cache .ruff_cache .hypothesis
	@find src tests tools examples benchmarks docs -name __pycache__ -type d -prune -exec rm -rf {} + 2>/dev/null || true

# A stamp is written only when its step has succeeded, so a run that was cut short is taken up again.
$(VENV)/.made:
	@command -v $(PYTHON) >/dev/null || { echo '$(TOO_OLD) there is no $(PYTHON).' >&2; exit 1; }
	@$(PYTHON) -c 'import sys; v = sys.version_info; v >= (3, 11) or sys.exit("$(TOO_OLD) $(PYTHON) is %d.%d." % v[:2])'
	@$(PYTHON) -m venv $(VENV)
	@touch $@

$(VENV)/.demo: $(VENV)/.made pyproject.toml
	@echo 'Setting up $(VENV): chainrule[all] ...'
	@$(PIP) install --editable '.[all]'
	@touch $@

$(VENV)/.dev: $(VENV)/.made pyproject.toml
	@echo 'Setting up $(VENV): chainrule[all,dev] ...'
	@$(PIP) install --editable '.[all,dev]'
	@touch $@

$(VENV)/.parity: $(VENV)/.dev
	@echo 'Setting up $(VENV): torch, the oracle of the parity tests ...'
	@$(PIP) install --editable '.[parity]'
	@touch $@
