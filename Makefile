# make run and make test are all that a newcomer needs; "make help" lists the rest.
GO          ?= go
FUZZTIME    ?= 10s
GOBENCH     ?= .
# the load driver's source, which is no part of this repository
MAILBENCH   ?= ../shared/bench
BENCH       ?= short
STATICCHECK  = $(GO) run honnef.co/go/tools/cmd/staticcheck@v0.8.2
GOVULNCHECK  = $(GO) run golang.org/x/vuln/cmd/govulncheck@v1.1.4
# axe-core checks pages for accessibility; it is no part of this repository
AXE_VERSION  = 4.14.1
AXE_DIR     ?= $(or $(TMPDIR),/tmp)/posthorn-axe-$(AXE_VERSION)
AXE         ?= $(AXE_DIR)/node_modules/axe-core/axe.min.js
# go build and go test leave files only in the caches and in bin/
BIN          = bin/posthorn
# the same, for tests that break it on purpose (store/fault_on.go)
FAULTS       = bin/posthorn-faults

.PHONY: help build run test check fmt vet staticcheck race interop browser crash powercut attack soak fuzz sweep bench vuln reproducible notices sbom clean

help: ## list the targets
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*##/\t/' | expand -t 14

build: ## make bin/posthorn
	$(GO) build -trimpath -o $(BIN) ./cmd/posthorn

run: build ## start two servers that mail each other, to try things out on
	@exec ./$(BIN) demo

test: ## run the tests
	$(GO) test ./...

check: fmt vet staticcheck race ## what must pass: format, vet, staticcheck, tests with the race detector

fmt:
	@out=$$(gofmt -l $$(git ls-files '*.go')); if [ -n "$$out" ]; then echo "not gofmt-ed:"; echo "$$out"; exit 1; fi

vet:
	$(GO) vet ./...
	$(GO) vet -tags interop ./internal/interop
	$(GO) vet -tags browser ./internal/browser
	$(GO) vet -tags attack ./internal/attack
	$(GO) vet -tags 'faults crash powercut' ./store ./internal/crash
	$(GO) vet -tags soak ./internal/soak

staticcheck:
	$(STATICCHECK) -tags 'interop browser crash powercut attack soak' ./...
	$(STATICCHECK) -tags faults ./store

race:
	$(GO) test -race ./...

interop: build ## run real mail programs against the binary (needs the packages in .ci/packages)
	$(GO) test -count=1 -timeout 20m -tags interop -v ./internal/interop

$(AXE):
	npm install --silent --no-audit --no-fund --ignore-scripts --prefix '$(AXE_DIR)' axe-core@$(AXE_VERSION)

browser: build $(AXE) ## click through the class page with Chromium (SHOTS=FOLDER keeps pictures)
	AXE='$(abspath $(AXE))' $(GO) test -count=1 -timeout 20m -tags browser -v ./internal/browser

$(FAULTS): FORCE
	$(GO) build -trimpath -tags faults -o $(FAULTS) ./cmd/posthorn
FORCE:

crash: build $(FAULTS) ## kill the binary at every step, damage its files, compare (CRASH=full: at full length)
	$(GO) test -count=1 -timeout 4h -tags crash -v ./internal/crash

powercut: build $(FAULTS) ## cut its power, fill its disk (needs root and loop devices; CRASH=full: at full length)
	$(GO) test -count=1 -timeout 4h -tags powercut -v ./internal/crash

attack: build ## do what strangers do to a mail server (ATTACK=full: at full length)
	$(GO) test -count=1 -timeout 1h -tags attack -v ./internal/attack

soak: build ## everybody at once, with faults, for SOAK (45s), compared with what was told and what it took
	$(GO) test -count=1 -timeout 24h -tags soak -v ./internal/soak

fuzz: ## fuzz every parser for FUZZTIME each
	@set -e; for pkg in $$($(GO) list ./...); do \
	  for target in $$($(GO) test -list '^Fuzz' $$pkg | grep '^Fuzz' || true); do \
	    echo "== $$pkg $$target"; \
	    $(GO) test -run '^$$' -fuzz "^$$target\$$" -fuzztime $(FUZZTIME) -fuzzminimizetime 10x $$pkg; \
	  done; \
	done

sweep: ## try every octet, mix and size, where make test tries some (minutes)
	SWEEP=full $(GO) test -count=1 -timeout 2h -run 'TestEveryOctet|TestSmuggling|TestBombs' ./smtpd ./pop3d ./imapd ./internal/relay

bench: build ## measure: the hot paths, then the binary beside Dovecot and Postfix (BENCH=full: at full length)
	$(GO) test -run '^$$' -bench '$(GOBENCH)' -benchmem ./store ./internal/message ./internal/wire ./smtpd ./pop3d ./imapd
	@if [ -e '$(MAILBENCH)/go.mod' ]; then \
	  $(GO) run ./internal/bench -driver '$(MAILBENCH)' -binary $(BIN) $(if $(filter full,$(BENCH)),-full -rounds 3) $(BENCHFLAGS); \
	else echo "no load driver in $(MAILBENCH) (MAILBENCH=FOLDER names another): only Go's benchmarks were run"; fi

vuln: ## look for known vulnerabilities that the binary can reach (asks vuln.go.dev)
	$(GOVULNCHECK) ./cmd/posthorn

reproducible: ## build twice, in two folders, once from nothing: the binaries must be the same
	@set -e; tmp=$$(mktemp -d); trap 'rm -rf "$$tmp"' EXIT; cache=$$($(GO) env GOCACHE); \
	for folder in one another/one; do \
	  mkdir -p "$$tmp/$$folder"; git archive HEAD | tar -x -C "$$tmp/$$folder"; \
	  (cd "$$tmp/$$folder" && GOCACHE="$$cache" $(GO) build -buildvcs=false -trimpath -o posthorn ./cmd/posthorn); \
	  cache="$$tmp/cache"; \
	done; sha256sum "$$tmp"/one/posthorn "$$tmp"/another/one/posthorn; cmp "$$tmp"/one/posthorn "$$tmp"/another/one/posthorn

notices: ## write bin/NOTICES: the licences of all that is linked into the binary
	@mkdir -p bin; { printf '=== Go %s\n\n' "$$($(GO) env GOVERSION)"; cat "$$($(GO) env GOROOT)/LICENSE"; \
	$(GO) list -deps -f '{{with .Module}}{{if not .Main}}{{.Path}} {{.Version}} {{.Dir}}{{end}}{{end}}' ./cmd/posthorn | sort -u | \
	while read -r path version dir; do printf '\n=== %s %s\n\n' "$$path" "$$version"; \
	  find "$$dir" -maxdepth 1 \( -iname 'LICEN[CS]E*' -o -iname 'COPYING*' -o -iname 'NOTICE*' \) -exec cat {} +; done; } >bin/NOTICES
	@grep -c '^===' bin/NOTICES

sbom: build ## write bin/posthorn.modules: each module in the binary, with its version and checksum
	$(GO) version -m $(BIN) >$(BIN).modules

clean:
	rm -rf bin
