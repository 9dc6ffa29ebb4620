# The verbs people use. The first one makes .venv from pyproject.toml; later ones find it there.
VENV  := .venv
BIN   := $(VENV)/bin
STAMP := $(VENV)/.made

.PHONY: help venv demo test test-long chaos sim check bench zipapps pictures protocol clean

help:
	@echo "make demo       run examples/cities through separate programs, from trigger to stored result"
	@echo "make test       all tests but the long ones"
	@echo "make test-long  the long ones"
	@echo "make sim        simulated clock, network and disks: SEEDS=20000 [FROM=0]"
	@echo "make chaos      faults over real processes, judged from outside: MINUTES=10 [SEED=7]"
	@echo "make check      ruff, formatting, mypy"
	@echo "make bench      against peers and the limits of the machine (QUICK=1: two minutes)"
	@echo "make zipapps    dist/*.pyz, one file a program"
	@echo "make pictures   docs/pictures/*.svg of the terminal view, while the examples run"
	@echo "make protocol   write PROTOCOL.md's tables and the test vectors from the catalogue"
	@echo "make clean      remove what the other verbs made"

venv: $(STAMP)

# Any Python from 3.11 on that can make a virtual environment, the plain `python3` first.
$(STAMP): pyproject.toml
	@for python in $(PYTHON) python3 python3.13 python3.12 python3.11; do \
	  $$python -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || continue; \
	  echo "making $(VENV) with $$($$python --version)"; \
	  { test -x $(BIN)/python || $$python -m venv $(VENV); } && \
	  $(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[test]' && \
	  touch $@ && exit 0 || exit 1; \
	done; \
	echo "Python 3.11 or newer with its venv module is needed (Debian: apt install python3-venv);" \
	  "name another one with make PYTHON=/path/to/python" >&2; exit 1

demo: $(STAMP)
	@PATH="$(CURDIR)/$(BIN):$$PATH" examples/demo.sh

test: $(STAMP)
	$(BIN)/python -m pytest -m "not long"

test-long: $(STAMP)
	$(BIN)/python -m pytest -m long

sim: $(STAMP)
	$(BIN)/python -m tests.sim --seeds $(or $(SEEDS),20000) --from $(or $(FROM),0)

# The table goes into the document when all counts that must be 0 are 0; else it exits 1.
chaos: $(STAMP)
	$(BIN)/python -m tests.chaos --minutes $(or $(MINUTES),10) $(if $(SEED),--seed $(SEED)) \
	  --write docs/reliability.md

check: $(STAMP)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy --exclude bench/peers cdktr_common cdktr_principal cdktr_agent cdktr_logd cdktr_cron cdktr_watch cdktr_http cdktr_conform cdktr_tui cdktr_cli bench

bench: $(STAMP)
	$(BIN)/python -m bench $(if $(QUICK),--quick) $(ARGS)

zipapps: $(STAMP)
	$(BIN)/python build/shiv/build

pictures: $(STAMP)
	$(BIN)/python -m tests.tui.pictures

protocol: $(STAMP)
	$(BIN)/python -m cdktr_common.spec
	$(BIN)/python tests/vectors/make.py

clean:
	rm -rf $(VENV) dist build/cache *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
