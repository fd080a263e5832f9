# The two commands: `make book` and `make test`. `make help` lists the rest.

PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin

# One environment for everything that runs a notebook (notebooks, test, book), so that the text
# outputs agree from run to run, and nearly so from machine to machine. Sums of floating-point
# numbers depend on the number of threads and on the instruction set a library picks for the
# processor it finds: both are fixed here, at what every x86-64 machine of the last ten years has.
# What is left is MKL, which on other makers' processors than Intel's keeps to its own choice. Progress bars are
# off, and explorers show their static figure. (Unit tests run without this: Inductor does not
# follow ATEN_CPU_CAPABILITY, and what it compiles is wrong where the two disagree.)
IN_NOTEBOOKS := \
	OMP_NUM_THREADS=1 MKL_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 \
	ATEN_CPU_CAPABILITY=avx2 ONEDNN_MAX_CPU_ISA=AVX2 MKL_CBWR=AVX2 OPENBLAS_CORETYPE=Haswell \
	CUDA_VISIBLE_DEVICES= PYTHONHASHSEED=0 TQDM_DISABLE=1 MIXUPBOOK_STATIC=1

PIP := $(BIN)/python -m pip install --quiet --no-input --disable-pip-version-check --no-compile
# A plain path, which Python also finds from the folder above, where the clone itself is called so.
EDITABLE := --config-settings editable_mode=compat --editable
INSTALLED := $(VENV)/.installed
BROWSER_INSTALLED := $(VENV)/.browser-installed

.DEFAULT_GOAL := help
.PHONY: help env book test unit notebooks sync format lint package launch links browser clean

help:  ## list the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "%-12s%s\n", $$1, $$2 }' $(MAKEFILE_LIST)

env: $(INSTALLED)  ## set up .venv: the package and its tools, in the versions of constraints.txt

$(INSTALLED): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "Python 3.11 or later is needed; try: make PYTHON=python3.11"; exit 1; }
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(PIP) --constraint constraints.txt $(EDITABLE) '.[test]'
	@# One module of timm is used, which needs none of what timm brings along, such as torchvision.
	$(PIP) --constraint constraints.txt --no-deps timm
	@$(BIN)/python -c 'import matplotlib.font_manager'  # its first use builds a cache, and says so
	@touch $@

book: env  ## build the pages into _build/html
	@rm -rf _build  # a page that was built before hides its warnings, and may no longer exist
	$(IN_NOTEBOOKS) $(BIN)/jupyter-book build . --all -W -n --keep-going --quiet
	@echo "The book is built. Open _build/html/index.html"

test: unit  ## run the unit tests, the tests of the book, and every notebook
	$(IN_NOTEBOOKS) PYTHONPATH=tools $(BIN)/python -m pytest -n 2 --dist loadfile -p outputs \
		--nbval --nbval-current-env --nbval-sanitize-with=sanitize.cfg --nbval-cell-timeout=600 book

unit: env  ## run the unit tests and the tests of the book
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n 2 --dist loadfile tests --ignore=tests/browser

notebooks: env  ## run the chapters and refresh their notebooks; CHAPTER=real-images for one of them
	$(IN_NOTEBOOKS) $(BIN)/python tools/notebooks.py $(CHAPTER)

sync: env  ## bring the notebooks' text and code in step with the chapters, keeping their outputs
	$(BIN)/python tools/notebooks.py --no-run

format: env  ## format the code, that of the chapters' cells included
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .
	$(BIN)/python tools/cells.py

lint: env  ## check style, format and types of the code
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

package: env  ## build wheel and sdist, and use each in an environment of its own
	$(BIN)/python tools/package.py

launch: env  ## run each notebook from its file alone, in less than 2 GB of memory
	$(BIN)/python tools/launch.py

links: env  ## follow every link of the pages, for which it needs the network
	$(BIN)/jupyter-book build . --all --builder linkcheck --path-output _build/links --quiet

# The tests of the environment run once more, now that the browser extra is in it.
browser: $(BROWSER_INSTALLED)  ## open every page that `make book` built in headless Chromium
	$(BIN)/python -m pytest -n 2 --dist loadgroup tests/browser tests/test_environment.py

$(BROWSER_INSTALLED): $(INSTALLED)
	$(PIP) --constraint constraints.txt $(EDITABLE) '.[browser]'
	@touch $@

clean:  ## remove what was built, and .venv
	rm -rf _build .venv .pytest_cache .ruff_cache .mypy_cache *.egg-info
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
