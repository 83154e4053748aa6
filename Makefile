# A virtual environment of its own: nothing outside this folder is changed.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin

# Where the spelling is American already: a list that only becomes longer.
AMERICAN := README.md CONTRIBUTING.md docs export recipes tests/detection \
	kcv/*.py kcv/classification kcv/data/embedded/faces \
	kcv/data/embedded/rendered_faces.py kcv/data/sources \
	kcv/data/transforms kcv/detection kcv/faces kcv/layers kcv/masks \
	kcv/metrics kcv/proposals kcv/segmentation kcv/serving kcv/training \
	kcv/weights

# Files in their order, so that the last ones of a part are short.
IN_TWO := -n 2 --dist loadfile --no-loadscope-reorder
# TensorFlow keeps the memory that it once used. So the tests run in parts, one
# after another, each in new processes.
NETWORKS := $(addprefix tests/,benchmarks classification detection)
FACES := $(addprefix tests/,data faces masks)
MAPS := $(addprefix tests/,segmentation style)
WEIGHTS := tests/weights
RECIPES := $(addprefix tests/,recipes proposals)
NAMED := $(NETWORKS) $(FACES) $(MAPS) $(WEIGHTS) $(RECIPES)
OTHERS := $(addprefix --ignore=,$(NAMED))
PYTEST = $(BIN)/python -m pytest $(IN_TWO)

.PHONY: demo test test-all lint clean

demo: $(VENV)/recipes
	$(BIN)/python -m recipes.faster_rcnn

test: CHOSEN := -m "not slow"
test test-all: $(VENV)/test
	$(PYTEST) $(CHOSEN) $(NETWORKS)
	$(PYTEST) $(CHOSEN) $(FACES)
	$(PYTEST) $(CHOSEN) $(MAPS)
	$(PYTEST) $(CHOSEN) $(WEIGHTS)
	$(PYTEST) $(CHOSEN) $(RECIPES)
	$(PYTEST) $(CHOSEN) $(OTHERS)

lint: $(VENV)/lint
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/codespell
	$(BIN)/codespell --builtin en-GB_to_en-US $(AMERICAN)
	$(BIN)/mypy

clean:
	rm -rf $(VENV) build *.egg-info

# Each set of packages leaves a stamp, so that it is installed once.
$(VENV)/lint: pyproject.toml constraints.txt | $(VENV)
	$(BIN)/pip install --quiet -c constraints.txt --group lint
	touch $@

$(VENV)/recipes $(VENV)/test: setup.py constraints.txt | $(VENV)
	$(BIN)/pip install --quiet -c constraints.txt -e ".[$(@F)]"
	touch $@

$(VENV):
	$(PYTHON) -m venv $@
	$(BIN)/pip install --quiet --upgrade pip
