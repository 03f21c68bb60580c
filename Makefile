# What is made here, for people and for CI. The lab needs root and says so (tests/lab/README.md).
FUZZ_TIME = 60

# Debian releases whose Postfix is supported, besides this machine's own
SUITES = trixie forky

.PHONY: build demo test test-versions lab-roots bench bench-vectorscan quality model fuzz lab-install lab-up lab-down

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
