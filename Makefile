# A virtual environment of its own: nothing outside this folder is changed.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin

.PHONY: demo test test-all lint clean

demo: $(VENV)/recipes
	$(BIN)/python -m recipes.faster_rcnn

test: $(VENV)/test
	$(BIN)/python -m pytest -n 2 --dist loadfile -m "not slow"

test-all: $(VENV)/test
	$(BIN)/python -m pytest -n 2 --dist loadfile

lint: $(VENV)/test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

clean:
	rm -rf $(VENV) build *.egg-info

# Each set of packages leaves a stamp, so that it is installed once.
$(VENV)/recipes $(VENV)/test: setup.py constraints.txt
	test -d $(VENV) || $(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --upgrade pip
	$(BIN)/pip install --quiet -c constraints.txt -e ".[$(@F)]"
	touch $@
