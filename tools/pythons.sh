# shellcheck shell=sh
# Which Pythons there are, and a virtual environment with what the tests need for each. A part of
# dev.
# shellcheck disable=SC2154,SC2034  # variables of dev

requirements="pytest>=7 pytest-xdist>=3 hypothesis>=6 cbor2>=5.4"
# where there is a wheel; xxhash and zstandard are for tools/reader.py
optional="numpy>=1.24 xxhash>=3 zstandard>=0.18 jsonschema>=4.10"
# the same, for the best Python alone: a kernel for notebooks, to be killed, and libraries whose
# objects must survive; of torch only the build for processors, where pip is told of one
optional_once="nbclient>=0.7 ipykernel>=6 scipy pandas scikit-learn networkx deap emcee polars"
optional_once="$optional_once pyarrow tqdm torch==2.13.0+cpu pyperformance"

# Interpreters that may be of use, best first.
python_candidates() {
    for path in /usr/bin/python3 \
        $(echo "$PATH" | tr ':' '\n' | grep -v /shims | sed 's,$,/python3,') \
        $(for minor in 11 12 13 14 15; do
            echo "$PATH" | tr ':' '\n' | grep -v /shims | sed "s,\$,/python3.$minor,"
        done) \
        "${HOME:-/}"/.pyenv/versions/3.1[1-5]*/bin/python3; do
        [ -x "$path" ] && echo "$path"
    done | awk '!seen[$0]++'
}

# "3.12 PATH" for each version of CPython with headers, once each; cached until a candidate changes.
find_pythons() {
    candidates=$(python_candidates)
    # shellcheck disable=SC2086,SC2012
    key=$(ls -lLd $candidates /usr/include/python3* 2>/dev/null | cksum)
    if [ "$(head -n 1 .venv/pythons 2>/dev/null)" != "$key" ]; then
        mkdir -p .venv
        found=$(for path in $candidates; do
            "$path" -I -c '
import os, sys, sysconfig
version = "%d.%d" % sys.version_info[:2]
header = os.path.join(sysconfig.get_path("include"), "Python.h")
if (sys.implementation.name == "cpython" and (3, 11) <= sys.version_info < (3, 16)
        and not sysconfig.get_config_var("Py_GIL_DISABLED") and sys.prefix == sys.base_prefix
        and os.path.exists(header)):
    import ensurepip, venv
    print(version, sys.executable)' 2>/dev/null || true
        done | awk '!seen[$1]++')
        printf '%s\n%s\n' "$key" "$found" >.venv/pythons
    fi
    sed '1d; /^$/d' .venv/pythons | while read -r version path; do
        case " ${RESUME_PYTHONS:-$version} " in *" $version "*) echo "$version $path" ;; esac
    done
}

need_python() {
    pythons=$(find_pythons)
    if [ -z "$pythons" ]; then
        here=$(sed '1d; /^$/d' .venv/pythons | cut -d' ' -f1 | tr '\n' ' ')
        [ -z "${RESUME_PYTHONS:-}" ] ||
            die "no Python of RESUME_PYTHONS='$RESUME_PYTHONS' with headers; found: ${here:-none}"
        die "no CPython 3.11 to 3.15 with headers and the venv module was found"
    fi
    versions=$(echo "$pythons" | cut -d' ' -f1)
    all_versions=$versions
}

# A virtual environment .venv/VERSION, from PyPI, or on top of Debian's packages where PyPI can't
# be reached. Sets usable= to the versions that have one.
need_venvs() {
    usable=
    while read -r version path <&3; do
        venv=$root/.venv/$version
        wanted=$optional
        [ "$version" != "$(sed -n '2s/ .*//p' .venv/pythons)" ] || wanted="$optional $optional_once"
        stamp="$path $requirements $wanted numpy1"
        if [ "$(cat "$venv/.ready" 2>/dev/null)" != "$stamp" ]; then
            say "Python $version: setting up .venv/$version"
            make_venv || continue
            printf '%s\n' "$stamp" >"$venv/.ready"
        fi
        usable="$usable $version"
    done 3<<LIST
$pythons
LIST
    versions=$usable
    [ -n "$versions" ] || die "no Python could be set up; see the lines above"
}

install_wheels() {
    "$venv/bin/python" -m pip install -q --retries 1 --disable-pip-version-check \
        --only-binary :all: "$@" >>"$log" 2>&1
}

pypi_reached=
make_venv() {
    rm -rf "$venv"
    log=$root/.venv/$version.log
    if [ "$pypi_reached" != no ]; then
        quiet "$path" -m venv "$venv"
        # shellcheck disable=SC2086
        if "$venv/bin/python" -m pip install -q --retries 1 --disable-pip-version-check \
            'meson>=1.2' $requirements >"$log" 2>&1; then
            pypi_reached=yes
            # shellcheck disable=SC2086
            install_wheels $wanted || for package in $wanted; do
                install_wheels "$package" ||
                    say "Python $version: no ${package%%[>=]*}; the tests that need it are skipped"
            done
            # beside the others, for tests of what numpy 1 and 2 tell each other
            [ "$wanted" = "$optional" ] ||
                install_wheels --target "$venv/numpy1" "numpy<2" ||
                say "Python $version: no numpy 1; the tests that need it are skipped"
            return 0
        fi
        [ "$pypi_reached" != yes ] || die "pip failed for Python $version: see $log"
        pypi_reached=no
        say "PyPI can't be reached (see .venv/$version.log); Debian's own packages serve instead"
    fi
    if [ "$path" != /usr/bin/python3 ]; then
        say "Python $version is left out: its packages are on PyPI alone"
        rm -rf "$venv"
        return 1
    fi
    missing=
    [ -x /usr/bin/meson ] || missing=meson
    for module in numpy pytest hypothesis cbor2 xxhash zstandard jsonschema nbclient ipykernel; do
        "$path" -c "import $module" 2>/dev/null || missing="$missing python3-$module"
    done
    "$path" -c "import xdist" 2>/dev/null || missing="$missing python3-pytest-xdist"
    # shellcheck disable=SC2086
    install_packages $missing
    rm -rf "$venv"
    quiet "$path" -m venv --system-site-packages "$venv"
}

find_meson() {
    meson=
    for version in $all_versions; do
        [ -n "$meson" ] || [ ! -x "$root/.venv/$version/bin/meson" ] ||
            meson=$root/.venv/$version/bin/meson
    done
    [ -n "$meson" ] || [ ! -x /usr/bin/meson ] || meson=/usr/bin/meson
    [ -n "$meson" ] || die "Meson is missing; remove .venv and run ./dev setup again"
}
