# All the set-up on a fresh Debian or Ubuntu: `make bench` to see the table, `make test` to check the code.
# Both do only what is missing, and need no network when nothing is.

# The interpreter that makes .venv; 3.11 or later.
PYTHON ?= python3
# What to install with the system's means, as command=package: installed where the command is missing.
SYSTEM_PACKAGES ?= pypy3=pypy3
TEST_PACKAGES ?= valgrind=valgrind nginx=nginx-light wrk=wrk chromedriver=chromium-driver

# Tests that may run in parallel, the quickest first. All others have the machine to themselves.
SIDE_BY_SIDE := $(addprefix tests/,report test_site.py test_import_rule.py test_syntax_39.py test_results.py engine core history \
  $(addprefix scale/test_,growth.py plot.py report_scale.py) forge gate server suites cli)

BIN := .venv/bin
INSTALLED := .venv/.installed

.DEFAULT_GOAL := help
.PHONY: help bench test check docs links dist clean setup system-packages

help:  ## show this list
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/make \1: \2/p' Makefile

bench: setup  ## set up, measure all implementations (a minute or less) and print the table
	$(BIN)/garagebench run

test: SYSTEM_PACKAGES += $(TEST_PACKAGES)
test: setup  ## set up, then `make check`
	@$(MAKE) --no-print-directory check

check:  ## ruff, mypy and all tests, with what is installed in .venv
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/pytest -n 3 --dist worksteal $(SIDE_BY_SIDE)
	$(BIN)/pytest $(addprefix --ignore=,$(SIDE_BY_SIDE))
	$(BIN)/pytest tests/benchmarks --benchmark-disable -q

docs: setup  ## build the documents as a site into build/site/
	$(BIN)/sphinx-build -q -W --keep-going -c docs . build/site

links: setup  ## ask every server that the documents link to (needs the network)
	$(BIN)/sphinx-build -q -b linkcheck -c docs . build/links

dist: setup  ## build sdist and wheel into dist/
	rm -rf dist
	$(BIN)/python -m build --no-isolation

clean:  ## remove .venv, caches, build artefacts and golden left-overs
	rm -rf .venv .mypy_cache .pytest_cache .ruff_cache .hypothesis .benchmarks build dist
	find garagebench tests -name __pycache__ -prune -exec rm -rf {} +
	find tests -name '*.new' -delete

setup: system-packages $(INSTALLED)

# Without them there is still a table, with a row that says what is missing: never a reason to stop.
system-packages:
	@tools/install-system-packages $(SYSTEM_PACKAGES) || true

# `venv` installs pip last: where it is, .venv is whole.
$(BIN)/pip:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { \
	  echo "garagebench needs Python 3.11 or later, and $(PYTHON) is: $$($(PYTHON) --version 2>&1)" >&2; \
	  echo "Name another one, such as: make $(MAKECMDGOALS) PYTHON=python3.12" >&2; exit 1; }
	@# Debian keeps ensurepip in a package of its own, one for each version; it brings no command.
	@$(PYTHON) -c 'import ensurepip' 2>/dev/null || tools/install-system-packages \
	  =$$($(PYTHON) -c 'import sys; print("python%d.%d-venv" % sys.version_info[:2])')
	@echo "==> making .venv with $$($(PYTHON) --version)"
	@$(PYTHON) -m venv --clear .venv

$(INSTALLED): pyproject.toml | $(BIN)/pip
	@echo "==> installing garagebench and its tools into .venv (a minute or two)"
	@$(BIN)/python -m pip install -qq --disable-pip-version-check --editable '.[all,dev]'
	@touch $@
