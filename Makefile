# make demo    train a network on QM9 and write report/     MINUTES=8 TRAIN_SIZE=110000 REPORT=report
# make test    all tests and doctests                       PYTEST="-k voxelizer"  WORKERS=1
# make check   format, lint, types, C++ tests (also with sanitizers), all tests
# make count-instructions   of the kernels, under valgrind, against the stored ones; make store-counts stores them
# make dev     editable install that rebuilds the core at the next import
# make bench   speed on this machine            PARTICLEGRID_DATA=folder of workloads.npz
# make bench-peers   installs the libraries and the structures that benchmarks/ compares with
# make clean   what was built, without .venv

PYTHON ?= python3
MINUTES ?= 8
TRAIN_SIZE ?= 110000
REPORT ?= report
PYTEST ?=
WORKERS ?= auto

VENV := .venv
BIN := $(abspath $(VENV))/bin
CORE := pyproject.toml CMakeLists.txt constraints.txt $(shell find native/core native/bindings -type f)
CPP_TESTS := CMakeLists.txt $(shell find native -type f)
# The build's own packages are in the environment, so that pip does not fetch them for every install; setuptools is for
# bibtexparser, which comes as source alone: the one that venv brings cannot make wheels.
INSTALL := $(BIN)/pip install -qq --disable-pip-version-check -c constraints.txt
EDITABLE := $(INSTALL) --no-build-isolation -Ceditable.rebuild=false -e

export PATH := $(BIN):$(PATH)
.NOTPARALLEL:
.DELETE_ON_ERROR:
.PHONY: demo test check lint native-test count-instructions store-counts dev bench bench-peers clean

demo: $(VENV)/.demo
	particlegrid demo --minutes $(MINUTES) --train-size $(TRAIN_SIZE) -o $(REPORT)

test: $(VENV)/.test
	$(BIN)/python -m pytest -n $(WORKERS) --maxprocesses 4 $(PYTEST)

check: lint native-test count-instructions test

lint: $(VENV)/.tools
	ruff format --check $(wildcard src tests benchmarks examples)  # README.md aligns its comments
	ruff check .
	mypy

native-test: build/native-tests/.passed build/native-tests-sanitized/.passed

count-instructions: build/native-tests/.passed
	$(BIN)/python native/tests/count_instructions.py build/native-tests $(if $(REQUIRE_COUNTS),--require)

store-counts: build/native-tests/.passed
	$(BIN)/python native/tests/count_instructions.py build/native-tests --store

dev: $(VENV)/.build-tools
	$(INSTALL) --no-build-isolation -Ceditable.rebuild=true -e ".[dev]"
	rm -f $(VENV)/.demo $(VENV)/.test $(VENV)/.tools  # these install without the rebuild

bench: $(VENV)/.demo
	for file in run_all store loader; do echo "== $$file"; $(BIN)/python benchmarks/$$file.py || exit 1; done

bench-peers: .venv-peers/.made

clean:
	rm -rf build .pytest_cache .mypy_cache .ruff_cache .hypothesis

# ---- environments; the files are stamps

$(VENV)/.build-tools: constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	    { echo "Python 3.11 or newer is needed; say which: make PYTHON=/path/to/python3"; exit 1; }
	test -x $(BIN)/pip || $(PYTHON) -m venv $(VENV)
	$(INSTALL) scikit-build-core nanobind nanobind-backend cmake ninja setuptools
	touch $@

$(VENV)/.demo: $(VENV)/.build-tools $(CORE)
	$(EDITABLE) ".[learn,chem,cli]"
	touch $@

$(VENV)/.test: $(VENV)/.build-tools $(CORE)
	$(EDITABLE) ".[test]"
	touch $(VENV)/.demo $@

# mypy follows imports into the packages, so they are all there
$(VENV)/.tools: $(VENV)/.build-tools $(CORE)
	$(EDITABLE) ".[dev]"
	touch $(VENV)/.demo $(VENV)/.test $@

.venv-peers/.made: benchmarks/peers/requirements.txt benchmarks/peers/data-requirements.txt
	test -x .venv-peers/bin/pip || $(PYTHON) -m venv .venv-peers
	.venv-peers/bin/pip install -qq --disable-pip-version-check -r benchmarks/peers/requirements.txt
	.venv-peers/bin/pip install -qq --disable-pip-version-check --no-deps -r benchmarks/peers/data-requirements.txt
	touch $@

# ---- C++ tests

build/native-tests/.passed: $(VENV)/.build-tools $(CPP_TESTS)
	$(call native_tests,)

build/native-tests-sanitized/.passed: $(VENV)/.build-tools $(CPP_TESTS)
	$(call native_tests,address$(comma)undefined)

comma := ,
define native_tests
	cmake -S . -B $(@D) -G Ninja -DCMAKE_BUILD_TYPE=Release -DPARTICLEGRID_PYTHON=OFF -DPARTICLEGRID_TESTS=ON \
	    -DPARTICLEGRID_SANITIZE=$(1) --log-level=WARNING
	cmake --build $(@D) -- --quiet
	ctest --test-dir $(@D) --output-on-failure
	touch $@
endef
