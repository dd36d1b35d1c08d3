# Each of these does all of its own set-up. A machine needs make and Python 3.11
# or later; no compiler and no uv.
#
#   make demo       a sample world in a browser, until Ctrl-C
#   make test       everything CI runs: lint, types, floors, tests
#   make lint       the part of it that takes seconds
#   make bench      the benchmarks, each beside a peer in the same run
#   make pictures   the pictures of docs/pictures, from a sample world
#   make lock       take newer versions of everything into requirements.lock
#   make clean      remove what these have made, but no data

SHELL := /bin/sh
.SHELLFLAGS := -euc
.ONESHELL:
.DEFAULT_GOAL := help
.PHONY: help demo test lint bench pictures browser lock clean setup

BIN := .venv/bin
INSTALLED := .venv/installed
EXTRAS := .venv/extras
export UV_NO_PROGRESS ?= 1
export UV_LINK_MODE ?= copy

help:
	@sed -n 's/^#   //p' Makefile

demo: $(INSTALLED)
	@exec $(BIN)/voltrail demo

test: lint browser $(EXTRAS)
	@$(BIN)/pytest -n 2 --dist loadfile --no-loadscope-reorder

lint: $(INSTALLED)
	@$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: $(INSTALLED)
	@$(BIN)/python bench/ledger.py

pictures: $(INSTALLED) browser
	@$(BIN)/python -m tests.browser.pictures

setup: $(INSTALLED)

# The stamp is newer than the lock: nothing to do. It is written last, so an
# installation that was broken off is taken up again.
$(INSTALLED): requirements.lock pyproject.toml | .venv/bin/python
	@echo "Installing from requirements.lock ..."
	# uv's own version and hashes come from the lock too.
	awk '/^uv==/ { on = 1 } on { print } on && !/\\$$/ { exit }' requirements.lock > .venv/uv.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r .venv/uv.txt
	VIRTUAL_ENV=.venv $(BIN)/uv pip install --quiet --require-hashes -r requirements.lock
	VIRTUAL_ENV=.venv $(BIN)/uv pip install --quiet --no-build-isolation --no-deps -e .
	touch $@

# The optional extras, which tests look at too; a demo does not wait for them.
$(EXTRAS): requirements.extras.lock $(INSTALLED)
	@echo "Installing from requirements.extras.lock ..."
	VIRTUAL_ENV=.venv $(BIN)/uv pip install --quiet --require-hashes -r requirements.extras.lock
	touch $@

# Debian and Ubuntu keep ensurepip, without which a venv has no pip, in a
# package of its own. Root may install it; others are told how.
.venv/bin/python:
	@python=
	for name in python3 python3.14 python3.13 python3.12 python3.11; do
		if command -v $$name >/dev/null && $$name -c 'import sys; sys.exit(sys.version_info < (3, 11))'; then
			python=$$name
			break
		fi
	done
	if [ -z "$$python" ]; then
		echo "Voltrail needs Python 3.11 or later, and there is none on PATH: install python3." >&2
		exit 1
	fi
	if ! $$python -c 'import ensurepip, venv' 2>/dev/null; then
		package=$$($$python -c 'import sys; print("python%d.%d-venv" % sys.version_info[:2])')
		if [ "$$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then
			echo "$$python cannot make virtual environments. Run: sudo apt-get install $$package" >&2
			exit 1
		fi
		echo "Installing $$package ..."
		apt-get update -qq
		DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends $$package >/dev/null
	fi
	rm -rf .venv
	$$python -m venv .venv

# What the pages are looked at with: Chromium, and a font for Chinese. Root may
# install them; others are told how, and the tests of the pages are skipped
# then, but fail in CI.
browser:
	@missing=
	for name in chromium chromium-browser google-chrome google-chrome-stable; do
		if command -v $$name >/dev/null; then found=$$name; fi
	done
	if [ -z "$${found:-}" ]; then missing=" chromium"; fi
	if [ -z "$$(fc-list :lang=zh 2>/dev/null)" ]; then missing="$$missing fontconfig fonts-noto-cjk"; fi
	if [ -n "$$missing" ] && [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
		echo "Installing$$missing ..."
		apt-get update -qq
		DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends $$missing >/dev/null
	elif [ -n "$$missing" ]; then
		echo "The pages cannot be looked at. Run: sudo apt-get install$$missing" >&2
	fi

lock: $(INSTALLED)
	@$(BIN)/uv pip compile pyproject.toml --extra oidc --extra china --group test --group tools --generate-hashes --no-header \
		--universal --python-version 3.11 --upgrade --quiet -o requirements.lock
	$(BIN)/uv pip compile pyproject.toml --extra physics --extra cyclers --group yardsticks -c requirements.lock \
		--generate-hashes --no-header --universal --python-version 3.11 --upgrade --quiet -o requirements.extras.lock

clean:
	@rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache dist
	find src tests -name __pycache__ -type d -prune -exec rm -rf {} +
