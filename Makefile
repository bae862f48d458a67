# The whole developer interface. `make help` lists it.
SHELL := /bin/sh
.DEFAULT_GOAL := help
NODE := node

.PHONY: help
help: ## This list
	@awk -F ':.*## ' '/^[a-z0-9]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: start
start: ## Set everything up and run the demo: repository, broker, daemon, a sample service
	@$(NODE) scripts/start.mjs

.PHONY: daemon
daemon: build ## Run the demo's daemon alone, against the same data
	@$(NODE) scripts/start.mjs daemon

.PHONY: sample
sample: build ## Run the demo's sample service alone, against the same data
	@$(NODE) scripts/start.mjs sample

.PHONY: login
login: ## Print a link that logs a browser into the running demo's web editor
	@$(NODE) daemon/bin/headwater.js login-link --data .headwater

.PHONY: stop
stop: ## Stop a running demo
	@$(NODE) scripts/stop.mjs

.PHONY: reset
reset: stop ## Stop the demo and throw its data away
	@rm -rf .headwater && echo "demo data removed"

.PHONY: build
build: ## Install what is missing and compile
	@$(NODE) scripts/build.mjs

.PHONY: test
test: ## Set up, check and run every test
	@sh scripts/setup.sh tests
	@$(NODE) scripts/build.mjs
	@$(NODE) scripts/check.mjs
	@$(NODE) scripts/test.mjs

.PHONY: check
check: build ## Types, lint, format, dependency rules
	@$(NODE) scripts/check.mjs

.PHONY: e2e
e2e: build ## End-to-end tests only
	@$(NODE) scripts/test.mjs --project e2e

.PHONY: bench
bench: build ## Measure against real peers; writes bench/results/
	@sh scripts/setup.sh bench
	@$(NODE) bench/run.mjs

.PHONY: faults
faults: build ## Kill and starve it: a hundred kills of the daemon, every system call of a commit, failing disks and git hosts
	@HW_FAULT_REPEATS=20 $(NODE) scripts/test.mjs daemon-crash two-daemons durability pipeline-faults \
		remote-faults remote-storm remote-repository

.PHONY: soak
soak: build ## An hour of random edits, bad commits and kills (SOAK_MINUTES, SOAK_SEED)
	@$(NODE) scripts/soak.mjs

.PHONY: screenshots
screenshots: build ## Take the README's pictures of the web editor from a running demo
	@$(NODE) scripts/screenshots.mjs

.PHONY: dev
dev: build ## Recompile on every save
	@npx --no-install tsc -b --watch

.PHONY: clean
clean: ## Remove everything that was built
	@$(NODE) scripts/clean.mjs
