# `make demo` and `make test` set up whatever they need; nothing else has to be typed.
PYTHON ?= $(shell command -v python3.11 || command -v python3.12 || command -v python3)
BIN := .venv/bin

.PHONY: setup demo test bench lint lock clean

setup: .venv/ready

.venv/ready: requirements.lock pyproject.toml
	$(PYTHON) -c "import sys; sys.exit(not (3, 11) <= sys.version_info[:2] < (3, 13))" \
	  || { echo "squeezebench needs Python 3.11 or 3.12; set PYTHON=/path/to/python3.11"; exit 2; }
	$(PYTHON) -m venv --clear .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	touch $@

demo: setup
	$(BIN)/squeezebench demo

test: setup
	$(BIN)/python -m pytest -n 2 --dist worksteal

# Without its dependencies, because torchattacks pins an old requests; it does not need it.
bench: setup
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-build-isolation -e ".[bench]"
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps torchattacks==3.5.1
	$(BIN)/python -m benchmark.bench --out build/bench

lint: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

# Pins every package anew within the ranges of pyproject.toml; needs `pip install uv`.
lock:
	uv pip compile --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
	  --no-header --no-annotate --extra dev pyproject.toml -o requirements.lock

clean:
	rm -rf .venv build
