# make run and make test are all that a newcomer needs; the rest is for those
# who change something.
GO      ?= go
TAGS     = sqlite_fts5
PKGS     = ./...
STATICCHECK = $(GO) run honnef.co/go/tools/cmd/staticcheck@v0.8.2

.PHONY: build run test check fmt vet staticcheck race clean

build:
	$(GO) build -tags $(TAGS) -o bin/posthorn ./cmd/posthorn

run: build
	./bin/posthorn demo

test:
	$(GO) test -tags $(TAGS) $(PKGS)

check: fmt vet staticcheck race

fmt:
	@out=$$(gofmt -l $$(git ls-files '*.go')); if [ -n "$$out" ]; then echo "not gofmt-ed:"; echo "$$out"; exit 1; fi

vet:
	$(GO) vet -tags $(TAGS) $(PKGS)

staticcheck:
	$(STATICCHECK) -tags $(TAGS) $(PKGS)

race:
	$(GO) test -race -tags $(TAGS) $(PKGS)

clean:
	rm -rf bin
