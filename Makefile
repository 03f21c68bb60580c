.PHONY: lab-install lab-up lab-down

# Debian packages of the lab that are missing
lab-install:
	tests/lab/install

# A real Postfix and a small internet in namespaces, to try things by hand (tests/lab/README.md)
lab-up: lab-install
	tests/lab/up

lab-down:
	tests/lab/down
