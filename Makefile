# The two commands for a newcomer are `make demo` and `make test`. Both make .venv first, where it is missing.

PY := .venv/bin/python
EXTRAS ?= test
ARGS ?=

.PHONY: help demo test test-numpy1 lint format coverage mutants proven bench bench-quick bench-scaling clean

help:
	@echo "make demo         train a small network on real handwritten digits; pictures go to runs/digits"
	@echo "make test         format check, lint, types, then every test (ARGS='-k conv' picks some)"
	@echo "make test-numpy1  every test under NumPy 1.26, in its own environment (Python 3.10 to 3.12)"
	@echo "make lint         format check, lint and types alone"
	@echo "make format       put the code into the project's format"
	@echo "make coverage     every test, and which lines of dezero/ they run (at least 95 % or it fails)"
	@echo "make mutants      how many of 100 small changes to dezero/functions the tests notice (an hour)"
	@echo "make proven       write the table of what is proven anew (python -m dezero.testing prints it)"
	@echo "make bench        measure against PyTorch, the book's dezero, MyGrad, autograd and JAX (half an hour or more)"
	@echo "make bench-quick  one short round against PyTorch alone (three minutes)"
	@echo "make bench-scaling  how time and memory grow with depth, width, batch, image, sequence (ten minutes)"
	@echo "make clean        remove the environments, build leftovers and caches"
	@echo "PYTHON=python3.12 chooses the interpreter, EXTRAS=test,oracle more packages for the tests."

demo:
	@sh scripts/setup.sh demo
	$(PY) examples/digits.py $(ARGS)

test: lint
	$(PY) -m pytest $(ARGS)

test-numpy1:
	@VENV=.venv-numpy1 NUMPY='1.26.*' sh scripts/setup.sh demo,test
	.venv-numpy1/bin/python -m pytest $(ARGS)

lint:
	@sh scripts/setup.sh 'demo,$(EXTRAS)'
	$(PY) -m ruff format --check
	$(PY) -m ruff check
	$(PY) -m mypy

format:
	@sh scripts/setup.sh 'demo,$(EXTRAS)'
	$(PY) -m ruff format
	$(PY) -m ruff check --fix

coverage:
	@sh scripts/setup.sh 'demo,$(EXTRAS)'
	$(PY) -m pytest --cov --cov-report=term-missing:skip-covered $(ARGS)

mutants:
	@sh scripts/setup.sh demo,test,oracle,mutation
	$(PY) scripts/mutants.py $(ARGS)

proven:
	@sh scripts/setup.sh 'demo,$(EXTRAS)'
	PYTHONPATH=tests $(PY) -m registry

bench:
	@sh scripts/setup.sh demo,test,oracle,fast
	$(PY) -m benchmarks $(ARGS)

bench-quick:
	@sh scripts/setup.sh demo,test,oracle,fast
	$(PY) -m benchmarks --quick $(ARGS)

bench-scaling:
	@sh scripts/setup.sh demo,test,oracle,fast
	$(PY) -m benchmarks.scaling $(ARGS)

clean:
	rm -rf .venv .venv-numpy1 .venv-book .venv-mygrad .venv-autograd .venv-jax
	rm -rf build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find dezero tests benchmarks examples steps -name __pycache__ -prune -exec rm -rf {} +
