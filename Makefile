PYTHON ?= python3
BIN := .venv/bin
INSTALLED := .venv/.installed

.PHONY: demo app test units starters lint format clean

demo: $(INSTALLED)  ## train the starter of asl-slp on the avatar, sign a sentence, and let pix2pix paint another
	$(BIN)/python -m zoo fit specs/asl-slp.yaml --starter
	$(BIN)/python -m zoo test specs/asl-slp.yaml --starter
	$(BIN)/python -m zoo run specs/asl-slp.yaml --starter "Hello, my name is Anna." \
		-o demo/hello.mp4 -o demo/hello.pose -o demo/hello.png
	$(BIN)/python -m zoo run text-to-video "What is your name?" -o demo/name.mp4 --stages.renderer pix2pix

app: $(INSTALLED)  ## serve the page of the app for a browser on this machine, until Ctrl-C
	$(BIN)/python -m zoo app

test: $(INSTALLED)  ## lint, types and tests beside each other
	$(MAKE) --no-print-directory --jobs 2 lint units

units: $(INSTALLED)  ## in a process a core, each of which loads torch; a file's tests, and so its fixtures, in one
	$(BIN)/python -m pytest -n logical --maxprocesses 4 --dist loadfile --no-loadscope-reorder

starters: $(INSTALLED)  ## train, measure and bundle every starter whose spec, avatar or judge has changed; hours
	$(BIN)/python -m zoo.publishing.starters

lint: $(INSTALLED)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

format: $(INSTALLED)
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

clean:
	rm -rf .venv .data .starters runs demo dist .mypy_cache .ruff_cache .pytest_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(INSTALLED): pyproject.toml constraints.txt
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[dev]'
	touch $@
