"""The library as others get it: `meson install` into a fresh folder, found by pkg-config."""
import dataclasses
import os
import pathlib
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
    return [name for name in COMPILERS[language] if shutil.which(name)]


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
        self.pc = found[0]
        self.libraries = self.pc.parent.parent
        prefix = next(line[7:] for line in self.pc.read_text().splitlines()
                      if line.startswith("prefix="))
        self.prefix = place / "root" / prefix.lstrip("/")
        self.include = self.prefix / "include"
        self.programs.mkdir()
        # an instrumented library makes instrumented programs
        self.flags = shlex.split(os.environ.get("RESUME_PROGRAM_FLAGS", ""))
        self._static = None

    def pkg_config(self, *options):
        ran = subprocess.run(["pkg-config", *options, "resume"], capture_output=True, text=True,
                             env=os.environ | {"PKG_CONFIG_PATH": str(self.pc.parent),
                                               "PKG_CONFIG_SYSROOT_DIR": str(self.place / "root")})
        assert ran.returncode == 0, ran.stderr
        return shlex.split(ran.stdout)

    def link_flags(self, static):
        if not static:
            return [*self.pkg_config("--libs"), f"-Wl,-rpath,{self.libraries}",
                    "-Wl,--no-undefined"]
        if not self._static:  # a folder without libresume.so: the linker takes the archive
            self._static = self.place / "static"
            self._static.mkdir()
            shutil.copy(self.libraries / "libresume.a", self._static)
        return [f"-L{self._static}", *self.pkg_config("--static", "--libs")]

    def compile(self, compiler, source, *flags, static=False, run=True):
        """Compiles `source` (a path), and links it when it is to `run`."""
        source = pathlib.Path(source)
        language = next(name for name, list_ in COMPILERS.items() if compiler in list_)
        name = f"{source.stem}-{compiler}{'-static' if static else ''}"
        path = self.programs / f"{name}{len(list(self.programs.iterdir()))}" / source.stem
        path.parent.mkdir()
        sources = [source]
        if language == "fortran":
            sources.insert(0, self.include / "resume" / "resume.f90")
        link = [*self.link_flags(static), "-lm"] if run else ["-fsyntax-only"]
        command = [compiler, "-O2", *WARNINGS[language], *self.flags, *flags,
                   *self.pkg_config("--cflags"), *sources, "-o", path, *link]
        ran = subprocess.run(command, capture_output=True, text=True, cwd=path.parent, check=False)
        return Built(ran.returncode, ran.stderr, path)

    def build(self, compiler, source, *flags, static=False):
        return self.compile(compiler, source, *flags, static=static).check()
