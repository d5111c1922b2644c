# make setup | train | test | lint     the environment, the main job, the tests, the linter
# make lock | audit | sbom             pins anew, known weaknesses of what is pinned, list of what is pinned
# make ray                             Ray, for the option --ray: photos on several machines
# make addresses                       s3fs, for photos and runs at s3:// addresses
# make export                          runtimes and converters for export.py: LiteRT, ONNX
# make peers                           transformers, to measure beside
#
# Each target first installs what it needs into .venv: what requirements.lock pins, by its hashes.
# Another Python: make setup PYTHON=python3.12. A GPU: make setup GPU=1 (and back: GPU=0).

PYTHON ?= python3
BIN := .venv/bin
UV := VIRTUAL_ENV=.venv $(BIN)/uv

# The last choice of GPU holds until another is named.
GPU ?= $(if $(wildcard .venv/installed-gpu),1,0)
ifeq ($(GPU),1)
INSTALLED := .venv/installed-gpu
LOCK := requirements-gpu.lock
else
INSTALLED := .venv/installed-cpu
LOCK := requirements.lock
endif

# Python compiles a package at its first import. Images of containers often forbid to save the result:
# then every command compiles TensorFlow again, which takes 13 s.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: setup train test lint lock audit sbom ray addresses export peers

setup: $(INSTALLED)

.venv/uv: requirements-setup.lock
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' || \
		{ echo "error: Python 3.11 to 3.13 is needed, and $(PYTHON) is $$($(PYTHON) --version 2>&1); use make PYTHON=python3.12 $(MAKECMDGOALS)" >&2; exit 1; }
	$(PYTHON) -m venv .venv || { echo "error: no venv module; on Debian and Ubuntu: apt install python3-venv" >&2; exit 1; }
	$(BIN)/python -m pip install --quiet --require-hashes --no-deps -r requirements-setup.lock
	@touch $@

$(INSTALLED): $(LOCK) .venv/uv
	@rm -f .venv/installed-*
	$(UV) pip sync --require-hashes $(LOCK)
	@touch $@

.venv/installed-test: $(INSTALLED) requirements-test.lock
	$(UV) pip install --require-hashes -r requirements-test.lock
	@touch $@

train: setup
	$(BIN)/python train.py

test: .venv/installed-test
	$(BIN)/python -m pytest -n auto --maxprocesses 4 --dist loadfile --no-loadscope-reorder

lint: .venv/installed-test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check --quiet .

# Stays until the locks of `make setup` change.
ray: .venv/installed-ray

.venv/installed-ray: $(INSTALLED) requirements-ray.lock
	$(UV) pip install --require-hashes -r requirements-ray.lock
	@touch $@

# The same for addresses.
addresses: .venv/installed-addresses

.venv/installed-addresses: $(INSTALLED) requirements-addresses.lock
	$(UV) pip install --require-hashes -r requirements-addresses.lock
	@touch $@

# The same for export.py.
export: .venv/installed-export

.venv/installed-export: $(INSTALLED) requirements-export.lock
	$(UV) pip install --require-hashes -r requirements-export.lock
	@touch $@

# Pins that still fit stay; make lock UPGRADE=1 takes the newest of everything.
COMPILE = $(UV) pip compile --quiet --universal --generate-hashes --custom-compile-command "make lock" \
	$(if $(UPGRADE),--upgrade)

lock: .venv/uv
	$(COMPILE) pyproject.toml --extra cpu --output-file requirements.lock
	$(COMPILE) pyproject.toml --extra gpu --constraint requirements.lock --output-file requirements-gpu.lock
	$(COMPILE) --group test --constraint requirements.lock --output-file requirements-test.lock
	$(COMPILE) --group ray --constraint requirements.lock --output-file requirements-ray.lock
	$(COMPILE) --group addresses --constraint requirements.lock --output-file requirements-addresses.lock
	$(COMPILE) --group export --constraint requirements.lock --output-file requirements-export.lock
	$(COMPILE) --group setup --output-file requirements-setup.lock
	$(COMPILE) --group audit --output-file requirements-audit.lock
	$(COMPILE) --group peers --output-file requirements-peers.lock

# The tools for audit and sbom have an environment of their own: nothing that runs here needs them.
.venv/audit/installed: requirements-audit.lock .venv/uv
	$(BIN)/uv venv --quiet --clear --python $(BIN)/python .venv/audit
	$(BIN)/uv pip sync --quiet --require-hashes --python .venv/audit/bin/python requirements-audit.lock
	@touch $@

audit: .venv/audit/installed
	.venv/audit/bin/pip-audit --requirement requirements.lock --disable-pip

# PyTorch and transformers, beside which python -m benchmarks.peers measures: several GB.
peers: .venv/peers/installed

.venv/peers/installed: requirements-peers.lock .venv/uv
	$(BIN)/uv venv --quiet --clear --python $(BIN)/python .venv/peers
	$(BIN)/uv pip sync --require-hashes --python .venv/peers/bin/python requirements-peers.lock
	@touch $@

sbom: .venv/audit/installed
	.venv/audit/bin/cyclonedx-py requirements --pyproject pyproject.toml --output-reproducible \
		--output-file sbom.json requirements.lock
