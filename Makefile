# make setup | train | test | lint
# The first of them creates .venv. Packages are installed again only when requirements.txt changes.
# To use another Python: make setup PYTHON=python3.12

PYTHON ?= python3
BIN := .venv/bin
# imaug requires both builds of OpenCV. The full one needs libGL, which slim machines lack, and is not
# used here.
OPENCV := opencv-python-headless==4.12.0.88

.PHONY: setup train test lint

setup: .venv/installed

.venv/installed: requirements.txt
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' || \
		{ echo "error: Python 3.11 to 3.13 is needed, and $(PYTHON) is $$($(PYTHON) --version 2>&1); use make PYTHON=python3.12 $(MAKECMDGOALS)" >&2; exit 1; }
	$(PYTHON) -m venv .venv || { echo "error: no venv module; on Debian and Ubuntu: apt install python3-venv" >&2; exit 1; }
	$(BIN)/python -m pip install --quiet -r requirements.txt
	$(BIN)/python -m pip uninstall --quiet --yes opencv-python
	$(BIN)/python -m pip install --quiet --no-deps --force-reinstall $(OPENCV)
	@touch $@

train: setup
	$(BIN)/python train.py

test: setup
	$(BIN)/python -m pytest -n auto --maxprocesses 4 --dist loadfile --no-loadscope-reorder

lint: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check --quiet .
