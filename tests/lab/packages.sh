# The Debian packages that the lab needs. Sourced by `install`, which installs them on this machine, and by `root`.

packages=(e2fsprogs iproute2 knot knot-dnsutils mount openssl postfix procps python3 strace tesseract-ocr unbound util-linux)
# Postfix's map types, as far as they are packages of their own; in a root besides.
map_packages=(postfix-lmdb postfix-pcre postfix-sqlite)
# Those that not every release has: keymgr was part of knot up to trixie, and these two make accounts and directories in
# place of all of systemd.
optional_packages=(knot-keymgr systemd-standalone-sysusers systemd-standalone-tmpfiles)
