"""What is installed: files, symbols, versions, resume.pc."""
import re
import subprocess

import pytest
from installed import ROOT, compilers


def output(*command):
    return subprocess.run(list(map(str, command)), capture_output=True, text=True,
                          check=True).stdout


def functions_of_the_header(installed):
    """The functions that resume.h declares, by the compiler's own preprocessor."""
    text = output("gcc", "-E", "-P", f"-I{installed.include}",
                  installed.include / "resume/resume.h")
    names = set(re.findall(r"\b(resume_\w+)\s*\([^;{}]*\)\s*;", text))
    inline = set(re.findall(r"static inline[^;{]*?\b(resume_\w+)\s*\([^;{}]*\)\s*\{", text))
    assert {"resume_open_function", "resume_restore", "resume_sync_due"} <= names
    assert "resume_sync" in inline
    return names - inline


def defined(nm_output):
    """The global symbols that an object defines: [(type, name)]."""
    return {line.split()[-1].split("@")[0] for line in nm_output.splitlines()
            if re.search(r" [A-TV-Z] ", line)}


def test_files(installed):
    found = {str(path.relative_to(installed.include))
             for path in (installed.include / "resume").iterdir()}
    assert found == {f"resume/{name}" for name in ("resume.h", "protect.h", "status.h",
                                                   "resume.hpp", "resume.f90")}
    for name in ("libresume.so", "libresume.a"):
        assert (installed.libraries / name).exists(), name


def test_shared_library_has_a_version(installed):
    dynamic = output("readelf", "-d", installed.libraries / "libresume.so")
    assert re.search(r"\(SONAME\).*\[libresume\.so\.1\]", dynamic), dynamic
    assert (installed.libraries / "libresume.so.1").exists()
    exported = output("nm", "-D", "--defined-only", "--with-symbol-versions",
                      installed.libraries / "libresume.so")
    assert "resume_restore@@RESUME_1" in exported


def test_shared_library_shows_the_functions_of_the_header_and_nothing_else(installed):
    shown = defined(output("nm", "-D", "--defined-only", installed.libraries / "libresume.so"))
    assert shown - {"RESUME_1"} == functions_of_the_header(installed)


def test_static_library_shows_the_functions_of_the_header_and_nothing_else(installed):
    shown = defined(output("nm", "-g", "--defined-only", installed.libraries / "libresume.a"))
    if installed.flags:  # an instrumented one is not a single object
        assert shown >= functions_of_the_header(installed)
    else:
        assert shown == functions_of_the_header(installed)


def test_shared_library_needs_what_it_must_and_nothing_else(installed):
    if installed.flags:
        pytest.skip("an instrumented library needs its runtime")
    dynamic = output("readelf", "-d", installed.libraries / "libresume.so")
    needed = set(re.findall(r"\(NEEDED\).*\[([^\]]+)\]", dynamic))
    assert needed <= {"libzstd.so.1", "libxxhash.so.0", "libsodium.so.23", "libc.so.6", "libm.so.6",
                      "ld-linux-x86-64.so.2", "ld-linux-aarch64.so.1"}, needed


def test_static_library_has_no_text_relocations(installed, compiled):
    """Its code can go into a shared library: of a plugin, or of another language."""
    source = installed.programs / "plugin.c"
    source.write_text("#include <resume/resume.h>\n"
                      "const char *plugin(void);\n"
                      "const char *plugin(void) { return resume_version(); }\n")
    output("gcc", "-shared", "-fPIC", *installed.flags, *installed.pkg_config("--cflags"), source,
           "-o", installed.programs / "plugin.so", *installed.link_flags(static=True),
           *(["-Wl,-z,text", "-Wl,--no-undefined"] if not installed.flags else []))


def test_pkg_config_tells_what_is_needed(installed):
    version = re.search(r"version: '([^']+)'", (ROOT / "meson.build").read_text())[1]
    assert installed.pkg_config("--modversion") == [version]
    assert installed.pkg_config("--libs-only-l") == ["-lresume"]
    private = installed.pkg_config("--static", "--libs")
    assert {"-lresume", "-lzstd", "-lxxhash", "-lsodium"} <= set(private)
    assert installed.pkg_config("--variable=fortran") == [
        str(installed.include / "resume/resume.f90")]


PROGRAM = """
#include <resume/resume.h>
#include <stdio.h>
int main(void) {
    puts(resume_status_name(RESUME_NO_SPACE));
    return resume_version()[0] == 0;
}
"""


@pytest.mark.parametrize("static", [False, True])
@pytest.mark.parametrize("compiler", compilers("c") + compilers("cpp"))
def test_a_program_of_somebody_else(compiled, compiler, static):
    work = compiled(compiler, PROGRAM, static=static)
    assert work.run().check().out == "RESUME_NO_SPACE\n"
    assert ("libresume" in output("readelf", "-d", work.path)) is not static


def test_wholly_static_program(installed, compiled):
    if installed.flags:
        pytest.skip("the sanitizer has no static runtime")
    work = compiled("gcc", PROGRAM, "-static", static=True)
    assert work.run().check().out == "RESUME_NO_SPACE\n"
