"""What a user would take instead, each as a durable save (beside, fsync, rename, fsync of the
folder) and a load; and resume itself."""
import gzip
import importlib
import os
import pathlib
import pickle

import numpy as np
import resume


def make_durable(write, path):
    """Calls write(temporary path) and gives it its name, as careful programs do by hand."""
    beside = path.with_name("beside" + path.suffix)
    write(beside)
    fd = os.open(beside, os.O_RDONLY)
    os.fsync(fd)
    os.close(fd)
    os.rename(beside, path)
    fd = os.open(path.parent, os.O_RDONLY)
    os.fsync(fd)
    os.close(fd)


class Peer:
    name, suffix, module, arrays_only = "", "", None, False

    def __init__(self, folder):
        self.path = pathlib.Path(folder) / (type(self).__name__ + self.suffix)
        self.library = importlib.import_module(self.module) if self.module else None

    def takes(self, state):
        return state.is_arrays or not self.arrays_only

    def save(self, variables):
        make_durable(lambda path: self.write(variables, path), self.path)

    def close(self):
        self.path.unlink(missing_ok=True)


class Original(Peer):
    name, module = "gzip + pickle 2 (the original's way)", "gzip"

    def write(self, variables, path):
        with gzip.open(path, "wb") as file:
            pickle.dump(variables, file, protocol=2)

    def load(self):
        with gzip.open(self.path, "rb") as file:
            return pickle.load(file)


class Pickle(Peer):
    name = "pickle 5"

    def write(self, variables, path):
        with open(path, "wb") as file:
            pickle.dump(variables, file, protocol=5)

    def load(self):
        with open(self.path, "rb") as file:
            return pickle.load(file)


class Joblib(Peer):
    name, module, compress = "joblib", "joblib", 0

    def write(self, variables, path):
        self.library.dump(variables, path, compress=self.compress)

    def load(self):
        return self.library.load(self.path)


class JoblibCompressed(Joblib):
    name, compress = "joblib, compressed", 3


class Dill(Peer):
    name, module = "dill", "dill"

    def write(self, variables, path):
        with open(path, "wb") as file:
            self.library.dump(variables, file)

    def load(self):
        with open(self.path, "rb") as file:
            return self.library.load(file)


class Savez(Peer):
    name, suffix, arrays_only = "numpy.savez", ".npz", True
    function = staticmethod(np.savez)

    def write(self, variables, path):
        self.function(path, **variables)

    def load(self):
        with np.load(self.path) as file:
            return dict(file)


class SavezCompressed(Savez):
    name, function = "numpy.savez_compressed", staticmethod(np.savez_compressed)


class H5py(Peer):
    name, module, arrays_only = "h5py", "h5py", True

    def write(self, variables, path):
        with self.library.File(path, "w") as file:
            for name, value in variables.items():
                file[name] = value

    def load(self):
        with self.library.File(self.path, "r") as file:
            return {name: file[name][()] for name in file}


class Torch(Peer):
    name, module = "torch.save", "torch"

    def write(self, variables, path):
        tensors = {name: self.library.from_numpy(value) if isinstance(value, np.ndarray) else value
                   for name, value in variables.items()}
        self.library.save(tensors, path)

    def load(self):
        return self.library.load(self.path, weights_only=False)


PEERS = [Original, Pickle, Joblib, JoblibCompressed, Dill, Savez, SavezCompressed, H5py, Torch]


def present(folder):
    """(peers that are installed, names of the others)"""
    peers, missing = [], []
    for kind in PEERS:
        try:
            peers.append(kind(folder))
        except ImportError:
            missing.append(kind.name)
    return peers, missing


class Resume:
    """A function that keeps `variables` in a local, and saves when it is told to."""

    def __init__(self, folder, given, name="state", **options):
        def run():  # without arguments, which would be compared with those of an earlier run
            variables = given
            chp = resume.Checkpoint(name, folder=folder, rate=0, only="variables", **options)
            chp.restore()
            while True:
                how = yield chp.filename
                if how == "save":
                    chp.save()
                elif how == "sync":
                    chp.sync()
                elif how == "wait":
                    chp.wait()
                else:
                    chp.close()
                    return variables

        self.session = run()
        self.path = pathlib.Path(next(self.session))

    def tell(self, how):
        self.session.send(how)

    def load(self):
        return resume.load(self.path)["variables"]

    def close(self):
        try:
            self.tell("close")
        except StopIteration:
            pass
