# Two commands matter: `make demo` and `make test`. Both set themselves up on a fresh machine.

SHELL := /bin/bash
VENV := .venv
BIN := $(VENV)/bin
DEMO_DIR ?= build/demo
REQUIREMENTS := requirements.txt $(wildcard requirements/*.txt)
PACKAGES := shards preprocess tools train samples benchmarks

.PHONY: help setup demo test check format goldens look lock gpu-kit clean

help:  ## shows this list
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1\t\2/p' Makefile | expand -t 16

setup:  ## builds .venv, or reuses it when its requirements have not changed
	@bash tools/setup_venv.sh $(VENV) $(REQUIREMENTS)

demo: setup  ## runs the whole way on the sample dump: tars to a trained and exported model
	@$(BIN)/python -m tools.demo --out $(DEMO_DIR)

test: check  ## runs the checks, then every test
	@$(BIN)/python -m pytest

check: setup  ## ruff, mypy --strict, import contracts
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check --quiet .
	@$(BIN)/mypy
	@$(BIN)/lint-imports

format: setup  ## formats the code and mends what ruff can
	@$(BIN)/ruff check --fix --quiet . ; $(BIN)/ruff format .

goldens: setup  ## remakes the golden texts and the sample dump's digests; read their diff before committing
	@$(BIN)/python -m tests.golden.remake
	@$(BIN)/python -m tests.samples.remake

look: setup  ## pictures of the demo's report at desktop and phone width (needs chromium); for eyes, not for tests
	@$(BIN)/python -m tools.look $(DEMO_DIR)

lock: setup  ## writes the versions of everything installed to requirements/constraints.txt
	@{ echo '# Every package of the tested environment, torch and what its CUDA builds bring apart; remade by make lock.'; \
	  $(BIN)/python -m pip freeze --exclude torch | grep -v -i -E '^(nvidia|triton|cuda)'; } > requirements/constraints.txt

gpu-kit: setup  ## wheels for a GPU machine without network, in build/gpu-kit (docs/performance.md)
	@tools/gpu_kit.sh build/gpu-kit

clean:  ## removes what make demo has built; .venv stays
	rm -rf build
