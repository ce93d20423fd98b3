# The one door for developers and for CI. Needs Python 3.11 or later, make and git.
SHELL := /bin/bash
PYTHON ?= python3
export UV_PYTHON_DOWNLOADS := never
export UV_NO_PROGRESS := 1
# Bytecode is kept, whatever the machine says: without it each process reads its sources anew, for half a second.
unexport PYTHONDONTWRITEBYTECODE
UV := .boot/bin/uv
BIN := .venv/bin
RUN_LOCK := requirements.txt
DEV_LOCK := requirements-dev.txt
NIGHTLY_LOCK := requirements-nightly.txt

.PHONY: help openssl faults venv demo test check format bench docs pictures nightly spark browser java lock clean

help:  ## What can be made
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | column -t -s '	'

$(UV):
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Equipoise needs Python 3.11 or later; '$(PYTHON)' is older or absent. Set PYTHON=..."; exit 2; }
	@$(PYTHON) -m pip --version >/dev/null 2>&1 || { echo "'$(PYTHON)' has no pip. On Debian: apt-get install python3-pip"; exit 2; }
	$(PYTHON) -m pip install --quiet --disable-pip-version-check --target .boot uv

.venv/run.stamp: $(UV) $(RUN_LOCK) pyproject.toml
	@test -x $(BIN)/python || $(UV) venv --quiet --python $(PYTHON) .venv
	$(UV) pip install --quiet --require-hashes -r $(RUN_LOCK)
	$(UV) pip install --quiet --no-deps --no-build-isolation -e .
	@touch $@

.venv/dev.stamp: .venv/run.stamp $(DEV_LOCK)
	$(UV) pip install --quiet --require-hashes -r $(DEV_LOCK)
	@touch $@

venv: .venv/dev.stamp  ## Everything a developer needs, in .venv

demo: .venv/run.stamp  ## Rehearse the first study and open it in the browser
	$(BIN)/equipoise demo $(ARGS)

browser:
	@command -v chromium >/dev/null || command -v chromium-browser >/dev/null || command -v google-chrome >/dev/null || \
	  { [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null && apt-get update -qq && apt-get install -y -qq chromium fonts-dejavu-core >/dev/null; } || \
	  echo "No Chromium here, so browser tests will be skipped. On Debian: apt-get install chromium"

openssl:
	@command -v openssl >/dev/null || \
	  { [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null && apt-get update -qq && apt-get install -y -qq openssl >/dev/null; } || \
	  { echo "The tests of time stamps need OpenSSL. On Debian: apt-get install openssl" >&2; exit 1; }

faults:
	@command -v fiu-run >/dev/null || \
	  { [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null && apt-get update -qq && apt-get install -y -qq fiu-utils >/dev/null; } || \
	  echo "No libfiu here, so tests of failing disks will be skipped. On Debian: apt-get install fiu-utils"

test: venv browser openssl faults  ## Every test, on all cores, with the coverage gates
	$(BIN)/python -m slipcover -m pytest -n auto --dist worksteal $(ARGS)
	$(BIN)/python tests/coverage_gates.py

check: venv  ## Format, lint, types, layers
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache

format: venv  ## Put the code in its format
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

bench: venv  ## Benchmarks, side by side with peers or limits; prints ratios
	$(BIN)/python -m benchmarks

docs: venv  ## Make the generated reference pages anew
	$(BIN)/python docs/generate.py

pictures: venv browser  ## Take the pictures of the README anew
	$(BIN)/python docs/pictures.py

java:
	@command -v java >/dev/null || \
	  { [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null && apt-get update -qq && apt-get install -y -qq openjdk-17-jre-headless >/dev/null; } || \
	  { echo "Spark needs Java 17. On Debian: apt-get install openjdk-17-jre-headless" >&2; exit 1; }

spark: venv java  ## The criteria as SQL against a local Spark; no part of the default install
	$(UV) pip install --quiet --require-hashes -r $(NIGHTLY_LOCK)
	EQUIPOISE_SPARK=1 $(BIN)/pytest tests/agreement/test_spark.py $(ARGS)

nightly: venv browser openssl faults spark  ## The long runs, with a local Spark
	EQUIPOISE_NIGHTLY=1 EQUIPOISE_SPARK=1 $(BIN)/pytest -n auto --dist worksteal $(ARGS)

lock: $(UV)  ## Pin the dependencies anew, with hashes
	$(UV) lock --quiet --upgrade
	$(UV) export --quiet --no-emit-project --no-dev -o $(RUN_LOCK)
	$(UV) export --quiet --no-emit-project -o $(DEV_LOCK)
	$(UV) export --quiet --no-emit-project --only-group nightly -o $(NIGHTLY_LOCK)
	@sed -i '/^# .*uv export/d' $(RUN_LOCK) $(DEV_LOCK) $(NIGHTLY_LOCK); rm uv.lock

clean:
	rm -rf .venv .boot demo .cache
