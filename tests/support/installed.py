"""The library as others get it: `meson install` into a fresh folder, found by pkg-config."""
import dataclasses
import os
import pathlib
import re
import shlex
import shutil
import subprocess

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
# language -> its compilers on this machine
COMPILERS = {"c": ["gcc", "clang"], "cpp": ["g++", "clang++"], "fortran": ["gfortran"]}
WARNINGS = {"c": ["-Wall", "-Wextra", "-Wconversion", "-Wshadow", "-Werror"],
            "cpp": ["-Wall", "-Wextra", "-pedantic", "-Wshadow", "-Werror"],
            "fortran": ["-Wall", "-Wextra", "-Werror", "-std=f2018"]}


def compilers(language):
    """Those that are here; one for each language when the library is instrumented by gcc."""
    found = [name for name in COMPILERS[language] if shutil.which(name)]
    return found[:1] if os.environ.get("RESUME_PROGRAM_FLAGS") else found


@dataclasses.dataclass
class Built:
    """What a compiler said: its exit code, its messages, and the program it made."""

    code: int
    said: str
    path: pathlib.Path

    def check(self):
        assert self.code == 0, self.said
        return self.path


class Installed:
    """An installation of build folder `build` below `place`."""

    def __init__(self, build, place):
        self.place, self.programs = place, place / "programs"
        meson = shlex.split(os.environ.get("MESON", "meson"))
        subprocess.run([*meson, "install", "-C", build, "--no-rebuild", "--quiet"], check=True,
                       env=os.environ | {"DESTDIR": str(place / "root")})
        found = list(place.rglob("resume.pc"))
        assert len(found) == 1, f"resume.pc: {found}"
        self.libraries = found[0].parent.parent
        text = found[0].read_text()
        prefix = next(line[7:] for line in text.splitlines() if line.startswith("prefix="))
        self.include = place / "root" / prefix.lstrip("/") / "include"
        # DESTDIR is no part of what is installed: the one thing in it that must be told
        self.pc = place / "pkgconfig/resume.pc"
        self.pc.parent.mkdir()
        self.pc.write_text(text.replace(f"prefix={prefix}", f"prefix={self.include.parent}"))
        self.programs.mkdir()
        # an instrumented library makes instrumented programs
        self.flags = shlex.split(os.environ.get("RESUME_PROGRAM_FLAGS", ""))
        self._static = None
        self._built = {}

    def pkg_config(self, *options):
        ran = subprocess.run(["pkg-config", *options, "resume"], capture_output=True, text=True,
                             env=os.environ | {"PKG_CONFIG_PATH": str(self.pc.parent)})
        assert ran.returncode == 0, ran.stderr
        return shlex.split(ran.stdout)

    def link_flags(self, static):
        if not static:
            return [*self.pkg_config("--libs"), f"-Wl,-rpath,{self.libraries}",
                    "-Wl,--no-undefined", "-Wl,--fatal-warnings"]
        if not self._static:  # a folder without libresume.so: the linker takes the archive
            self._static = self.place / "static"
            self._static.mkdir()
            shutil.copy(self.libraries / "libresume.a", self._static)
        return [f"-L{self._static}", *self.pkg_config("--static", "--libs")]

    def compile(self, compiler, source, *flags, static=False, run=True):
        """Compiles `source` (a path), and links it when it is to `run`; the same text once only."""
        source = pathlib.Path(source)
        key = (compiler, source.read_text(), flags, static, run)
        if key not in self._built:
            self._built[key] = self._compile(compiler, source, *flags, static=static, run=run)
        return self._built[key]

    def _compile(self, compiler, source, *flags, static, run):
        language = next(name for name, list_ in COMPILERS.items() if compiler in list_)
        path = self.programs / str(len(self._built)) / source.stem
        path.parent.mkdir()
        sources = [source]
        if language == "fortran":
            sources = [f"-I{self._module().parent}", source, self._module().with_suffix(".o")]
        link = [*self.link_flags(static), "-lm"] if run else ["-fsyntax-only"]
        command = [compiler, "-O2", *WARNINGS[language], *self.flags, *flags,
                   *self.pkg_config("--cflags"), *sources, "-o", path, *link]
        ran = subprocess.run(command, capture_output=True, text=True, cwd=path.parent, check=False)
        return Built(ran.returncode, ran.stderr, path)

    def compile_lines(self, compiler, folder, begin, statements, end, *flags):
        """Compiles all statements at once: (Built, the names of those that were refused).

        Each stands in a line of its own; a compiler goes on behind an error, and for one inside a
        macro or a template it also tells the line that used it."""
        source = folder / ("lines.cpp" if "+" in compiler else "lines.c")
        lines = [f"{{ {statement} }}" for statement in statements.values()]
        source.write_text(begin + "\n".join(lines) + "\n" + end)
        more = "-fmax-errors=0" if compiler[0] == "g" else "-ferror-limit=0"
        built = self.compile(compiler, source, more, *flags, run=False)
        place = rf"{source.name}:(\d+):\d+"
        told = re.findall(place + ": error", built.said)
        told += re.findall(place + ":(?:   required from here| note: in instantiation)", built.said)
        for said in re.split(r"(?=: (?:error|warning): )", built.said):
            if said.startswith(": error"):  # with its notes, which tell where a macro was used
                told += re.findall(place, said)
        first = begin.count("\n") + 1
        return built, {name for number, name in enumerate(statements, first)
                       if str(number) in told}

    def _module(self):
        """The Fortran module, compiled once: what every user of this compiler would do."""
        module = self.place / "fortran" / "resume.mod"
        if not module.exists():
            module.parent.mkdir()
            subprocess.run(["gfortran", "-O2", *WARNINGS["fortran"], *self.flags, "-c",
                            self.include / "resume" / "resume.f90", "-o", "resume.o"], check=True,
                           cwd=module.parent)
        return module

    def build(self, compiler, source, *flags, static=False):
        return self.compile(compiler, source, *flags, static=static).check()
