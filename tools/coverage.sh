# shellcheck shell=sh
# `./dev coverage`: which lines and branches the tests reach. A part of dev, which reads it in.
# shellcheck disable=SC2154,SC2034  # variables of dev

# Sources whose every branch must be reached by the C tests.
complete="src/format/*.c"
for source in commit compact replace segment_writer plan recover read file place limits retain \
    rollback prune chain verify known_pages; do
    complete="$complete src/store/$source.c"
done
# Sources of the extension that decode: nearly every branch.
decoder="python/src/decode*.c python/src/types/*.c"

# Clang's source-based coverage: one outcome for each way that a condition of the source can go.
# Each process adds its counts at its end, under a lock: counters that several processes share lose
# some, and outcomes are differences of counts. What a killed process has reached is not counted.
coverage() {
    details=
    c_alone=
    for option in "$@"; do
        case $option in
        --details) details=--details ;;
        --c) c_alone=1 ;;
        *) usage >&2 && exit 2 ;;
        esac
    done
    need_commands clang=clang llvm-cov=llvm
    setup
    CC=clang
    flags="-fprofile-instr-generate -fcoverage-mapping"
    RESUME_HEAVY=0
    export CC LLVM_PROFILE_FILE RESUME_HEAVY
    LLVM_PROFILE_FILE=$root/build/coverage/unused-%m.profraw
    c_profiles=$root/build/coverage/c
    python_profiles=$root/build/coverage/python
    rm -rf "$c_profiles" "$python_profiles"
    mkdir -p "$c_profiles" "$python_profiles"

    LLVM_PROFILE_FILE=$c_profiles/%4m.profraw
    c_tests c-coverage --timeout-multiplier=5 -- -Dbuildtype=debug -Doptimization=0 \
        "-Dc_args=$flags" -Dc_link_args=-fprofile-instr-generate
    status=0
    # shellcheck disable=SC2046,SC2086  # words and patterns on purpose
    (set -f && python3 tools/coverage.py "$c_profiles" build/coverage/c-report $details \
        --gate $complete --report 'src/*' \
        --objects $(find build/c-coverage/tests/c -maxdepth 1 -type f -name 'test_*' \
            -executable)) || status=1
    if [ -z "$c_alone" ]; then
        # one whose allocations can be made to fail, if there is one (Debian's can't)
        version=$(first_version)
        for candidate in $versions; do
            if ".venv/$candidate/bin/python" -c "import _testcapi" 2>/dev/null; then
                version=$candidate
                break
            fi
        done
        build_python "$version-coverage" "$root/build/$version-coverage/root" -Dbuildtype=debug \
            -Doptimization=0 "-Dc_args=$flags" -Dc_link_args=-fprofile-instr-generate
        use_python "$version" "$root/build/$version-coverage/root"
        LLVM_PROFILE_FILE=$python_profiles/%4m.profraw
        for folder in python cli; do
            python_tests "$version-coverage-$folder" "tests/$folder"
        done
        extension=$(find "$site/resume" -name '_core*.so')
        say "the decoder of the extension"
        # shellcheck disable=SC2046,SC2086
        (set -f && python3 tools/coverage.py "$python_profiles" build/coverage/python-report \
            $details --report $decoder --objects "$extension") || status=1
        say "the rest of the extension, and the command"
        # shellcheck disable=SC2046,SC2086
        (set -f && python3 tools/coverage.py "$python_profiles" build/coverage/front-report \
            --report 'python/src/*' 'cli/*' \
            --objects "$extension" "$prefix/bin/resume") || status=1
    fi
    echo "$passed passed, $failed failed"
    [ "$failed" = 0 ] && [ "$passed" -gt 0 ] && [ "$status" = 0 ]
}
