# `make` or `make help` lists what can be made.

GO      ?= go
ARGS    ?=
VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)
TESTS   ?= ./...

# What takes longest begins first: packages are tested in the order in which they are
# named, and each once. Never from the cache: stories test a binary that they have
# built themselves, and the cache would not notice that it has changed.
LONGEST = ./test/story ./adapter/postgres ./test/faults

# A folder of real photographs, if there is one: some tests and figures then use it too.
PHOTOS ?= $(wildcard ../shared/photos)
export MERIDIAN_PHOTOS ?= $(abspath $(PHOTOS))

.DEFAULT_GOAL := help
.PHONY: help up test check faults contest plans bench build deps generate clean

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "make %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

up: deps build ## Install what is missing, build, and bring the whole world up (ARGS="--port 9000")
	@exec bin/meridian up $(ARGS)

test: ## Install what is missing and run every test (TESTS=./engine/...)
	@scripts/install-deps test
	$(GO) test -count 1 -p 2 -timeout 40m $(if $(filter ./...,$(TESTS)),$(LONGEST)) $(TESTS)

check: build ## Format, vet, staticcheck, vulnerabilities, generated files, rules of the house
	@echo "== gofmt"; bad=$$(gofmt -l .); test -z "$$bad" || { echo "not formatted, run gofmt -w:"; echo "$$bad"; exit 1; }
	@echo "== vet"; $(GO) vet ./...
	@echo "== staticcheck"; $(GO) tool -modfile=tools/go.mod staticcheck ./...
	@echo "== scripts"; for s in scripts/* .ci/run; do bash -n $$s || exit 1; done
	@echo "== generated files"; bin/meridian roles --reference | diff -u docs/config.md - || { echo "docs/config.md is not what the code says: run make generate and commit it"; exit 1; }
	@{ bin/meridian api shop | diff -u docs/openapi.yaml - && bin/meridian api owner | diff -u docs/openapi-owner.yaml -; } || { echo "docs/openapi.yaml or docs/openapi-owner.yaml is not what the code says: run make generate and commit it"; exit 1; }
	@echo "== house"; $(GO) test ./arch
	@echo "== vulnerabilities"; scripts/vulncheck

faults: deps ## Play 200 random fault schedules on a world (FAULT_SEED=1 FAULT_SCHEDULES=200)
	FAULT_SCHEDULES=$${FAULT_SCHEDULES:-200} $(GO) test ./test/faults -run '^TestRandomFaults$$' -count 1 -v -timeout 90m

contest: deps ## 10,000 checkouts for 500 pieces while everything is killed (STORY_CHECKOUTS=10000 STORY_SEED=1)
	STORY_CHECKOUTS=$${STORY_CHECKOUTS:-10000} $(GO) test ./test/story -run '^TestOrdersOutliveWhoTakesThem$$' -count 1 -v -timeout 60m

plans: deps ## Judge every query's plan with 100,000 products and orders in each of five markets (MERIDIAN_PRODUCTS=100000)
	MERIDIAN_PRODUCTS=$${MERIDIAN_PRODUCTS:-100000} $(GO) test ./adapter/postgres -run '^TestReadsOfMany' -count 1 -v -timeout 60m

bench: deps ## Measure (ARGS="-help")
	$(GO) run ./test/bench $(ARGS)

build: ## Build bin/meridian
	$(GO) build -trimpath -ldflags "-X main.version=$(VERSION)" -o bin/meridian ./cmd/meridian

deps: ## Install what building and running need from the system, if it is missing
	@scripts/install-deps

generate: build ## Write docs/config.md and the OpenAPI documents anew
	bin/meridian roles --reference > docs/config.md
	bin/meridian api shop > docs/openapi.yaml
	bin/meridian api owner > docs/openapi-owner.yaml

clean: ## Remove bin/ and what tests left; a world's state stays (meridian up --fresh removes it)
	rm -rf bin coverage.txt
	find . \( -name .git -o -name .state \) -prune -o -type f \( -name '*.test' -o -name '*.out' \) -print -exec rm -f {} +
