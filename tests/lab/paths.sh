# Where labs live. Sourced by the scripts beside it; sets lab_dir, labs and roots, and defines what they share.

lab_dir=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd -P)
labs=${SEGL_LAB_DIR:-$(cd "$lab_dir/../.." && pwd -P)/target/lab}
roots=${SEGL_LAB_ROOTS:-${XDG_CACHE_HOME:-$HOME/.cache}/segl/lab-roots}

die() {
    echo "lab: $*" >&2
    exit 1
}

need_root() {
    [ "$(id -u)" = 0 ] || die "needs root (network namespaces, port 25): sudo $0"
}

# The lab's directory; the id becomes part of paths.
directory_of() {
    [[ $1 =~ ^[A-Za-z0-9._-]+$ && $1 != .* ]] || die "an id is made of letters, digits, dots, dashes: $1"
    echo "$labs/$1"
}

# A lab lives as long as some process of it holds the lock.
is_live() {
    [ -e "$1/lock" ] && ! flock --nonblock "$1/lock" true
}

# Ends the lab in a directory and removes the directory. Its supervisor's death kills its init, and that everything.
end_lab() {
    local dir=$1 pid
    if is_live "$dir"; then
        for file in supervisor init; do
            # The first one's death may have killed the second already.
            pid=$(cat "$dir/$file" 2>/dev/null) && kill -KILL "$pid" 2>/dev/null || true
        done
        flock --timeout 20 "$dir/lock" true || die "processes of the lab in $dir do not die"
        while pid=$(cat "$dir/init" 2>/dev/null) && [ -n "$pid" ] && [ -e "/proc/$pid/root/run/lab" ]; do
            sleep 0.01
        done
    fi
    rm -rf --one-file-system "$dir"
}
