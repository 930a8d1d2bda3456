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

# install_tests BUILD [NAME=VALUE...]: the library of build/BUILD as others get it, from C, C++ and
# Fortran.
install_tests() {
    need_commands g++=g++ clang=clang gfortran=gfortran
    use_python "$heavy"
    python_environment="RESUME_HEAVY=1 RESUME_BUILD=$root/build/$1 MESON=$meson"
    shift
    python_environment="$python_environment $*"
    python_tests "installed library" tests/install
    python_environment=
}
