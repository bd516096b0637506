# The commands of the README. scripts/setup.sh does the set-up and returns at once when nothing is due.

VENV ?= .venv
export VENV

# A question may hold anything, so make must not expand it and the shell must not parse it: it travels in the
# environment, unexpanded. A PROMPT that some shell exports for itself is not meant for us.
ifeq ($(origin PROMPT),command line)
override QUESTION := $(value PROMPT)
export QUESTION
ASK := -- "$$QUESTION"
endif

.DEFAULT_GOAL := help
.NOTPARALLEL:
.PHONY: help run setup setup-dev test check lint format types imports shell containers pins lock clean

help:  ## this list
	@sed -nE 's/^([a-z-]+):.*## (.*)/  make \1|\2/p' $(MAKEFILE_LIST) | column -t -s '|'

run: setup  ## documents/ -> model -> served; PROMPT="..." answers and exits; ARGS="service.port=9000" are passed on
	@"$(VENV)/bin/imprint" up $(ARGS) $(ASK)

setup:  ## make .venv: every package pinned, llama.cpp built; EXTRAS=documents adds PDF, HTML, DOCX, PPTX and EPUB
	@scripts/setup.sh

setup-dev:
	@scripts/setup.sh --dev

test: setup-dev  ## all tests, with coverage; ARGS="-m 'not slow'" are passed on to pytest
	"$(VENV)/bin/python" -m pytest --cov --cov-report=term:skip-covered $(ARGS)

check: lint types imports shell containers pins  ## everything below that needs no running: the gate of .ci/run

lint: setup-dev  ## ruff: rules and format
	"$(VENV)/bin/ruff" check .
	"$(VENV)/bin/ruff" format --check .

format: setup-dev  ## let ruff put format and order right
	"$(VENV)/bin/ruff" check --fix .
	"$(VENV)/bin/ruff" format .

types: setup-dev  ## mypy, strict
	"$(VENV)/bin/mypy"

imports: setup-dev  ## import-linter: imports point up the line
	"$(VENV)/bin/lint-imports"

shell: setup-dev  ## shellcheck
	"$(VENV)/bin/shellcheck" entrypoint.sh scripts/*.sh .ci/run

containers: setup-dev  ## hadolint, and docker-compose config where Compose is installed
	"$(VENV)/bin/hadolint" Dockerfile
	@if docker compose version >/dev/null 2>&1; then set -x; docker compose --profile cpu config --quiet; \
	elif command -v docker-compose >/dev/null; then set -x; docker-compose --profile cpu config --quiet; \
	else echo "docker-compose is not installed: its check of docker-compose.yml is left out"; fi

# A dry run needs the packages' metadata only. Where the registry does not serve it on its own (PyPI does), fast-deps
# reads it out of the wheels by range requests: 45 MB instead of 3 GB. The sdist of llama-cpp-python is fetched and asked
# for its metadata, but not compiled. All locks in one call, so they are also proven to agree.
pins: setup-dev  ## every pin of every lock exists
	PATH="$(abspath $(VENV))/bin:$$PATH" "$(VENV)/bin/python" -m pip install --dry-run --quiet --ignore-installed \
	--no-deps --no-build-isolation --use-feature=fast-deps \
	-r requirements.txt -r requirements-cpu.txt -r requirements-documents.txt -r requirements-dev.txt

lock: setup-dev  ## make the locks again from pyproject.toml; UPGRADE=1 takes the newest that it allows
	@UV="$(VENV)/bin/uv" scripts/lock.sh

clean:  ## remove .venv and caches, never outputs/
	rm -rf "$(VENV)" .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .coverage .coverage.* dist
	find src tests scripts benchmarks -name __pycache__ -type d -prune -exec rm -rf {} + 2>/dev/null || true
