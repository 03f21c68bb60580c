# What is made here, for people and for CI. The lab needs root and says so (tests/lab/README.md).
FUZZ_TIME = 60

# Debian releases whose Postfix is supported, besides this machine's own
SUITES = trixie forky
# A selection: what differs most between releases, and what must never
SELECTION = versions:: reports:: tagged_mail_leaves_over_tls tagged_mail_waits_when_starttls_goes_away \
    a_bounce_of_tagged_mail_waits_for_tls_too tagged_mail_keeps_out_of_cleartext_connections

.PHONY: build demo test test-versions test-selection lab-roots deb deb-twice test-package bench bench-vectorscan quality model fuzz lab-install lab-up lab-down

build:
	cargo build --locked

# Three messages through a real Postfix, and what became of them
demo: lab-install build
	tests/lab/demo target/debug/segl

# Every test, the ones with a real Postfix included
test: lab-install
	tests/oracles/install
	cargo test --locked --lib --bins --tests

# The scenarios, and what they rely on, on this machine's Postfix and on that of each other release
test-versions: lab-install lab-roots
	for suite in host $(SUITES); do \
	    SEGL_LAB_SUITE=$$suite cargo test --locked --test lab_itself --test scenarios || exit; done

# A few of them, on the other releases; half a minute each
test-selection: lab-install lab-roots
	for suite in $(SUITES); do \
	    SEGL_LAB_SUITE=$$suite cargo test --locked --test scenarios -- $(SELECTION) --skip not_chrooted || exit; done

# The Debian package, looked over by lintian, in target/deb
deb:
	packaging/build-deb

# The same twice, to see that it is the same
deb-twice:
	packaging/build-twice

# The package in a Debian 12 and a Debian 13 of its own, from installing to purging; needs root
test-package: deb
	tests/package/run

# Ratios within one run: see docs/performance.md
bench: lab-install
	tests/oracles/install
	cargo bench --locked --bench read --bench documents --bench detect --bench socketmap --bench destinations --bench slow \
	    --bench through_postfix --bench memory

# Judging beside Vectorscan with the same words; needs Debian's libvectorscan-dev and a compiler of C
bench-vectorscan:
	cargo build --locked --release --example search-speed
	cat tests/corpus/detect/training/*/*.toml > target/training.txt
	benches/vectorscan/compare target/release/examples/search-speed conf/rules target/training.txt

# Recall and precision of what is found in the messages of tests/corpus/detect
quality:
	cargo build --locked --release
	"$$(tests/oracles/install)" tests/quality/measure target/release/segl $(QUALITY)

# The model that ships, from the training part of tests/corpus/detect; the same messages make the same model
model:
	"$$(tests/oracles/install)" tests/quality/measure - --part training --write target/training \
	    | cargo run --locked --release --example train-model conf/model.bin

# Each fuzz target for FUZZ_TIME seconds, the documents' once for each reader; needs cargo-fuzz
fuzz:
	fuzz/run $(FUZZ_TIME)

# Debian packages of the lab that are missing
lab-install:
	tests/lab/install

# Other releases of Debian for the lab, made once and kept (tests/lab/root)
lab-roots:
	for suite in $(SUITES); do tests/lab/root $$suite || exit; done

# A real Postfix and a small internet in namespaces, to try things by hand (tests/lab/README.md)
lab-up: lab-install
	tests/lab/up

lab-down:
	tests/lab/down
