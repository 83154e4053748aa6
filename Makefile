# A virtual environment of its own: nothing outside this folder is changed.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin

# TensorFlow keeps the memory that it once used. So the tests run in parts, each
# in a process of its own of up to 4 GB, and long ones come first. More parts at
# a time than there are cores take longer in all.
JOBS ?= 2
PLACES := data detection test_model_contract.py commands style serving \
	test_pages.py faces weights segmentation proposals recipes/common \
	classification masks training convert
PARTS := others recipes-to-l recipes-from-m $(PLACES)

.PHONY: demo test test-all $(PARTS) fuzz lint docs clean

demo: $(VENV)/recipes
	$(BIN)/python -m recipes.faster_rcnn

test: export CHOSEN := -m "not slow"
test test-all: $(VENV)/test
	$(MAKE) --jobs=$(JOBS) --output-sync --keep-going --no-print-directory $(PARTS)

$(PLACES): %: tests/%
recipes-to-l: $(wildcard tests/recipes/test_[a-l]*.py)
recipes-from-m: $(wildcard tests/recipes/test_[m-z]*.py)
others: CHOSEN += $(addprefix --ignore=tests/,recipes $(PLACES))
$(PARTS):
	$(BIN)/python -m pytest $(CHOSEN) $^

# Thousands of damaged files for each reader, and of requests for a served graph:
# a quarter of an hour on one core.
fuzz: $(VENV)/test
	$(BIN)/python -m tests.fuzz
	$(BIN)/python -m tests.fuzz.served

lint: $(VENV)/lint
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/codespell
	$(BIN)/mypy

# The site, as build/docs/html/index.html. Needs no network once the packages are
# installed. A second run builds what has changed.
docs: $(VENV)/docs
	$(BIN)/python -m sphinx -W --keep-going -q -d build/docs/doctrees \
		docs build/docs/html

clean:
	rm -rf $(VENV) build docs/api/generated docs/auto_gallery *.egg-info

# Each set of packages leaves a stamp, so that it is installed once.
$(VENV)/lint: pyproject.toml constraints.txt | $(VENV)
	$(BIN)/pip install --quiet -c constraints.txt --group lint
	touch $@

$(VENV)/recipes $(VENV)/test $(VENV)/docs: setup.py constraints.txt | $(VENV)
	$(BIN)/pip install --quiet -c constraints.txt -e ".[$(@F)]"
	touch $@

$(VENV):
	$(PYTHON) -m venv $@
	$(BIN)/pip install --quiet --upgrade pip
