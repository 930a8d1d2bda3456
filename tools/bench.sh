# shellcheck shell=sh
# ./dev bench: an environment with what users would take instead, the builds to measure. A part of
# dev.
# shellcheck disable=SC2154,SC2034,SC1091  # variables of dev

peers="joblib dill h5py torch==2.13.0+cpu matplotlib"

# .venv/bench: the packages of the first Python and the peers; one that is missing is left out by
# name. Sets bench_python=.
need_bench_venv() {
    venv=$root/.venv/bench
    bench_python=$venv/bin/python
    stamp="$version $peers"
    [ "$(cat "$venv/.ready" 2>/dev/null)" != "$stamp" ] || return 0
    say "setting up .venv/bench"
    rm -rf "$venv"
    log=$root/.venv/bench.log
    : >"$log"
    quiet "$root/.venv/$version/bin/python" -m venv --system-site-packages "$venv"
    # an environment made by another sees the system's packages, not those of its maker
    "$root/.venv/$version/bin/python" -c 'import site; print("\n".join(site.getsitepackages()))' \
        >"$("$bench_python" -c 'import site; print(site.getsitepackages()[0])')/tests.pth"
    for package in $peers; do
        "$bench_python" -c "import ${package%%=*}" 2>/dev/null ||
            install_wheels "$package" || debian_peer "${package%%=*}" ||
            say "no ${package%%=*}; it is left out"
    done
    printf '%s\n' "$stamp" >"$venv/.ready"
}

# Where PyPI can't be reached, Debian's Python has Debian's packages.
debian_peer() {
    case $("$bench_python" -c 'import sys; print(sys.base_prefix)') in
    /usr) apt-cache show "python3-$1" >/dev/null 2>&1 && install_packages "python3-$1" ;;
    *) return 1 ;;
    esac
}

bench() {
    setup
    version=$(first_version)
    need_bench_venv
    for version in $versions; do
        build_python "$version-release" "$root/build/$version-release/root" -Dbuildtype=release
    done
    build_library
    mkdir -p build/bench
    for version in $versions; do # what the interpreter costs is another figure on each
        use_python "$version" "$root/build/$version-release/root"
        "$python" bench/bench_sync.py "build/bench/sync-$version.json"
    done
    version=$(first_version)
    use_python "$version" "$root/build/$version-release/root"
    exec "$bench_python" bench/run.py --out "$root/build/bench" "$@"
}
