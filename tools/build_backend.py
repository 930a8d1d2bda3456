"""The build backend: meson-python, and what it leaves out of `pip install -e .`.

An editable wheel of meson-python has no executables, and it builds again at import with the Ninja
of pip's isolated build, which is gone by then. Here the command is a script that starts the one in
the build folder, and Ninja is the one of the system; without it nothing is built at import.
"""
import base64
import hashlib
import os
import pathlib
import shutil
import sys
import zipfile

import mesonpy
from mesonpy import (  # noqa: F401  (hooks that need no change)
    build_sdist, build_wheel, get_requires_for_build_sdist, get_requires_for_build_wheel)


def get_requires_for_build_editable(config_settings=None):
    return mesonpy.get_requires_for_build_editable(config_settings)


def lasting_ninja():
    """Ninja outside of pip's isolated build environment, or None."""
    folders = [folder for folder in os.environ.get("PATH", "").split(os.pathsep)
               if "pip-build-env-" not in folder]
    return shutil.which("ninja", path=os.pathsep.join(folders))


def record_line(name, content):
    digest = base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode()
    return f"{name},sha256={digest},{len(content)}\n"


def build_editable(wheel_directory, config_settings=None, metadata_directory=None):
    settings = dict(config_settings or {})
    build = settings.setdefault("build-dir", f"build/editable-{sys.implementation.cache_tag}")
    ninja = lasting_ninja()
    if ninja:
        os.environ["NINJA"] = ninja
    wheel = mesonpy.build_editable(wheel_directory, settings, metadata_directory)

    path = pathlib.Path(wheel_directory, wheel)
    with zipfile.ZipFile(path) as old:
        files = {name: old.read(name) for name in old.namelist()}
    if not ninja:  # a build command that does nothing
        for name in files:
            if name.endswith("_editable_loader.py"):
                text = files[name].decode()
                begin = text.rindex("finder = MesonpyMetaFinder(")
                lines = ["['true']," if line.strip().startswith("['") else line
                         for line in text[begin:].splitlines()]
                files[name] = (text[:begin] + "\n".join(lines) + "\n").encode()
    name_and_version = "-".join(wheel.split("-")[:2])
    command = pathlib.Path(build, "cli", "resume").resolve()
    script = f"#!/bin/sh\nexec '{command}' \"$@\"\n".encode()
    files[f"{name_and_version}.data/scripts/resume"] = script

    record = f"{name_and_version}.dist-info/RECORD"
    del files[record]
    files[record] = ("".join(record_line(name, content) for name, content in files.items())
                     + f"{record},,\n").encode()
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as new:
        for name, content in files.items():
            info = zipfile.ZipInfo(name)
            info.external_attr = (0o100755 if ".data/scripts/" in name else 0o100644) << 16
            new.writestr(info, content)
    return wheel
