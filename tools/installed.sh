# shellcheck shell=sh
# The library as programs in C, C++ and Fortran get it: built, installed, tested. A part of dev.
# shellcheck disable=SC2154,SC2034  # variables of dev

# The library for programs in C, built for speed, found by pkg-config.
build_library() {
    build library -Dpython=false -Dcommand=false -Dbuildtype=release \
        --prefix "$root/build/library/root" --libdir lib
    quiet "$meson" install -C build/library --no-rebuild --quiet
    PKG_CONFIG_PATH=$root/build/library/root/lib/pkgconfig
    export PKG_CONFIG_PATH
}

# install_tests BUILD [NAME=VALUE]... [PYTEST-OPTION]...: the library of build/BUILD as others get
# it, from C, C++ and Fortran.
install_tests() {
    need_commands g++=g++ clang=clang gfortran=gfortran valgrind=valgrind
    use_python "$(first_version)"
    python_environment="RESUME_BUILD=$root/build/$1 MESON=$meson"
    shift
    while [ $# -gt 0 ] && [ "${1#-}" = "$1" ]; do
        python_environment="$python_environment $1"
        shift
    done
    python_tests installed tests/install "$@"
    python_environment=
}
