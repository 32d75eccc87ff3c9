# make lab         opens the first notebook in JupyterLab
# make test        runs the tests, but for the slow ones
# make test-slow   runs the slow ones
# make help        lists the rest
#
# ARGS goes to the command:  make lab ARGS="--no-browser --port 8890"
# PIP_ARGS goes to pip, PYTHON names the interpreter:  make test PYTHON=python3.12 PIP_ARGS="--no-cache-dir"

PYTHON ?= python3
VENV := .venv
RUN := $(VENV)/bin/python
READY := $(VENV)/ready
TESTS := $(VENV)/test-ready
SITE := $(VENV)/site-ready
LECTURE := $(VENV)/lecture-ready

# Each process has a torch, a browser and a JupyterLab of its own; tests/conftest.py says how many there are.
SIDE_BY_SIDE := -n auto --dist loadfile

# The formatter and linter of the widgets' scripts, where npx can fetch it.
BIOME := $(if $(shell command -v npx),npx --yes @biomejs/biome@2.6.8)

.DEFAULT_GOAL := help
.PHONY: help lab test test-slow notebooks student mark slides lecture handout classroom site links lint format openings evaluate train ablations bench reference findings constraints clean

help: ## list these commands
	@grep -E '^[a-z-]+:.*##' Makefile | sed -E 's/:.*## /\t/' | expand -t 14

lab: $(READY) ## open JupyterLab on the first notebook
	$(RUN) -m tools.lab $(ARGS)

test: $(TESTS) ## run the tests, but for the slow ones (6 minutes on two idle cores)
	$(RUN) -m pytest $(SIDE_BY_SIDE) -m "not slow" $(ARGS)

test-slow: $(TESTS) $(SITE) $(LECTURE) ## run the slow tests: browsers, recordings, processes, slides, site (14 minutes)
	$(RUN) -m pytest $(SIDE_BY_SIDE) -m slow $(ARGS)

notebooks: $(READY) ## build and execute the notebooks that changed; ALL=1 for all of them
	$(RUN) -m tools.notebooks $(if $(ALL),--all) $(ARGS)

student: $(READY) ## write the notebooks to hand out, without solutions and answers, in build/student
	$(RUN) -m tools.student $(ARGS)

mark: $(READY) ## run the checks over a folder of submissions, and write marks.csv: IN=submissions
	$(RUN) -m helpers.checks $(IN) $(ARGS)

slides: $(READY) ## make decks of slides, the lecture as one file among them, in build/slides (npm is needed once)
	$(RUN) -m tools.slides $(ARGS)
	$(RUN) -m tools.talk

lecture: $(LECTURE) ## open the lecture as slides with a running kernel; one notebook: NB=05
	$(RUN) -m tools.lecture $(NB) $(ARGS)

handout: $(READY) ## print the votes of the lecture on two pages, build/handout.pdf (Chromium is needed)
	$(RUN) -m tools.handout

classroom: $(LECTURE) ## the day before a lecture: install, write and rehearse all it needs, without a network
	$(RUN) -m tools.classroom

site: $(SITE) ## make a site of the collection, in build/site (npm is needed once)
	$(RUN) -m tools.site

links: $(READY) ## make the README and the notebooks ready for Binder and Colab: REPO=owner/name
	$(RUN) -m tools.links $(REPO)
	$(RUN) -m tools.notebooks

lint: $(TESTS) ## check style and formatting
	$(RUN) -m ruff check .
	$(RUN) -m ruff format --check .
	$(if $(BIOME),$(BIOME) check .,@echo "Without npx the widgets' scripts are not checked; it comes with Node.js.")

format: $(TESTS) ## mend style and formatting
	$(RUN) -m ruff check --fix .
	$(RUN) -m ruff format .
	$(if $(BIOME),$(BIOME) check --write .)

openings: $(TESTS) ## open stored notebooks a hundred times and count the widgets that stay dead (an hour)
	$(RUN) -m tools.openings $(ARGS)

evaluate: $(READY) ## measure the shipped detector on 1,000 unseen scenes
	$(RUN) -m helpers.evaluation $(ARGS)

train: $(READY) ## train the shipped detector again (more than an hour)
	$(RUN) -m helpers.training $(ARGS)

ablations: $(READY) ## train all runs that differ in one thing (a day), and write notebooks/ablations.md; --page for the page alone
	$(RUN) -m tools.ablations $(ARGS)

bench: $(READY) ## time the matcher and the loss beside transformers' own, on an idle machine
	$(RUN) -m benchmarks $(ARGS)

reference: $(TESTS) ## measure solvers, divisors, evaluators and ports, and write notebooks/reference.md
	$(RUN) -m pip install --disable-pip-version-check -q --upgrade --target build/reference --no-deps -r benchmarks/reference/requirements.txt
	PYTHONPATH=build/reference $(RUN) -W ignore -m benchmarks.reference

findings: ## run what was found out about other software, and say which of it still holds
	@mkdir -p build; for script in findings/*.sh; do \
	  if bash $$script >build/finding.log 2>&1; then echo "holds    $$script"; else echo "changed  $$script"; tail -3 build/finding.log; fi; done

constraints: $(TESTS) $(SITE) $(LECTURE) ## write the installed versions to constraints.txt
	$(RUN) -m tools.constraints

clean: ## remove the environment and the caches
	rm -rf $(VENV) build *.egg-info .pytest_cache .ruff_cache .hypothesis

# A stamp makes a second run instant; a change of the two files installs again. `make lab` installs what reading needs,
# each other stamp adds the extras that it names.
$(TESTS): EXTRAS := test,binder
$(SITE): EXTRAS := site
$(LECTURE): EXTRAS := lecture
INSTALL = $(RUN) -m pip install --disable-pip-version-check $(PIP_ARGS) -c constraints.txt

$(READY): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit("Python 3.11 or newer is needed, this is " + sys.version.split()[0] + ". Name one: make PYTHON=python3.12" if sys.version_info < (3, 11) else 0)'
	test -x $(RUN) || $(PYTHON) -m venv $(VENV)
	$(INSTALL) -e ".[lab]"
	@touch $@

$(TESTS) $(SITE) $(LECTURE): $(READY)
	$(INSTALL) -e ".[lab,$(EXTRAS)]"
	@touch $@
