# make setup | train | test | lint — the first of them makes .venv; after that nothing is installed again
# until requirements.txt changes. Another Python: make setup PYTHON=python3.12

PYTHON ?= python3
BIN := .venv/bin
# imaug asks for both builds of OpenCV; the full one needs libGL, which a slim machine lacks, and is not used here.
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
