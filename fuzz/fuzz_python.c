/* libFuzzer: any bytes as an object stream, through the decoder of the Python extension.
 *
 * CPython runs inside; the extension is compiled in, with sanitizers and coverage, numpy and Python
 * themselves without. As a file of somebody else, one without a signature, or one's own, whose
 * classes and functions are made and called: those of a few modules, and nothing may be opened or
 * imported. Shown: no crash, only the exceptions that are documented, and what was
 * accepted is encoded, decoded and encoded again with the same digest, and in the end the same
 * bytes. Not shown: leaks of references (tests/python/test_objects_hostile.py), and that values are
 * right (tests/vectors/streams.txt). */
#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include "mutate_stream.h"
#include "require.h"

#include <stdint.h>

PyMODINIT_FUNC PyInit__core(void);
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);
int LLVMFuzzerInitialize(int *count, char ***arguments);
size_t LLVMFuzzerCustomMutator(uint8_t *bytes, size_t size, size_t max_size, unsigned seed);

/* Blob 1 is 24 bytes, blob 2 64 KiB, blob 3 missing. A value that can't be encoded (TypeError) and
 * one whose first form is not yet the plainest (odd strides of an empty array) are fine, and so is
 * a NaN in a set, whose hash is its address. */
static const char harness[] =
    "import importlib.machinery as machinery, sys, os, warnings\n"
    "class Finder:\n"
    "    @staticmethod\n"
    "    def find_spec(name, path=None, target=None):\n"
    "        if name == 'resume._core':\n"
    "            return machinery.ModuleSpec(name, machinery.BuiltinImporter)\n"
    "sys.meta_path.insert(0, Finder)\n"
    "sys.path[:0] = os.environ['RESUME_FUZZ_PATH'].split(':')\n"
    "warnings.simplefilter('ignore')\n"
    "import resume\n"
    "from resume import _core\n"
    "blobs = [bytes(range(24)), bytes(range(256)) * 256]\n"
    "counts = [0, 0, 0]\n"
    "refused = (resume.ResumeError, MemoryError, RecursionError)\n"
    "source = '''\n"
    "class Point:\n"
    "    def __init__(self, *parts): self.parts = parts\n"
    "    def move(self, *by): self.x = by\n"
    "class Slots:\n"
    "    __slots__ = 'x', 'y'\n"
    "class Set:\n"
    "    def __setstate__(self, state): self.state = state\n"
    "    def __hash__(self): return hash(self.state)\n"
    "    def __eq__(self, other): return self.state == other.state\n"
    "def move(*parts): return parts[-1] if parts else None\n"
    "'''\n"
    "import types, copyreg\n"
    "geo, few = types.ModuleType('geo'), types.ModuleType('builtins')\n"
    "exec(source, geo.__dict__)\n"
    "few.object, few.int, few.float = object, int, float\n"
    "kept = ('array collections copyreg datetime decimal fractions numpy random resume types uuid "
    "'\n"
    "        'zoneinfo').split()\n"
    "is_own = False\n"
    "class Closed:\n"
    "    @staticmethod\n"
    "    def find_spec(name, path=None, target=None):\n"
    "        if is_own: raise ModuleNotFoundError(name)\n"
    "sys.meta_path.insert(0, Closed)\n"
    "def refuse(event, arguments):\n"
    "    if is_own and event.startswith(('open', 'os.', 'subprocess', 'socket', 'ctypes', "
    "'mmap')):\n"
    "        raise PermissionError(event)\n"
    "sys.addaudithook(refuse)\n"
    "def own(data):\n"
    "    global is_own\n"
    "    modules = dict(sys.modules)\n"
    "    sys.modules.clear()\n"
    "    sys.modules.update({name: module for name, module in modules.items()\n"
    "                        if name.split('.')[0] in kept}, geo=geo, builtins=few)\n"
    "    is_own = True\n"
    "    try:\n"
    "        return _core._decode(data, blobs, None, False, True)[0]\n"
    "    finally:\n"
    "        is_own = False\n"
    "        sys.modules.clear()\n"
    "        sys.modules.update(modules)\n"
    "def one(data, whose):\n"
    "    if whose == 2:\n"
    "        try:\n"
    "            value = own(data)\n"
    "            _core._encode(value)\n"
    "            _core._digest(value)\n"
    "        except SystemError:\n"
    "            raise\n"
    "        except Exception:\n" /* what classes and modules raise, that are not there */
    "            pass\n"
    "        return\n"
    "    foreign = whose == 1\n"
    "    try:\n"
    "        value, _ = _core._decode(data, blobs, None, foreign)\n"
    "    except refused:\n"
    "        counts[0] += 1\n"
    "        return\n"
    "    counts[1] += 1\n"
    "    try:\n"
    "        first = _core._encode(value)\n"
    "        again, _ = _core._decode(first[0], first[1])\n"
    "        second = _core._encode(again)\n"
    "        last, _ = _core._decode(*second[:2])\n"
    "        third = _core._encode(last)\n"
    "        has_sets = b'\\xd9\\x99\\x54' in data or b'\\xd9\\x99\\x55' in data\n"
    "        same = third[:2] == second[:2]\n"
    "        assert same or has_sets, (data, first, second, third)\n"
    "        assert _core._digest(value) == _core._digest(again), (data, value, again)\n"
    "        counts[2] += 1\n"
    "    except (TypeError, MemoryError, RecursionError):\n"
    "        pass\n";

static PyObject *one;

int LLVMFuzzerInitialize(int *count, char ***arguments) {
    (void)count, (void)arguments;
    PyConfig config;
    PyConfig_InitIsolatedConfig(&config);
    require(PyImport_AppendInittab("resume._core", PyInit__core) == 0);
    const char *program = getenv("RESUME_FUZZ_PYTHON");
    if (program) PyConfig_SetBytesString(&config, &config.program_name, program);
    require(!PyStatus_Exception(Py_InitializeFromConfig(&config)));
    PyObject *module = PyImport_AddModule("__main__"), *names = PyModule_GetDict(module);
    PyObject *done = PyRun_String(harness, Py_file_input, names, names);
    if (!done) PyErr_Print();
    require(done != NULL);
    Py_DECREF(done);
    one = PyDict_GetItemString(names, "one");
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size) {
    if (size > 1 << 16) return 0;
    PyObject *done =
        PyObject_CallFunction(one, "y#i", (const char *)bytes, (Py_ssize_t)size, (int)(size % 3));
    if (!done) PyErr_Print();
    require(done != NULL);
    Py_DECREF(done);
    return 0;
}

size_t LLVMFuzzerCustomMutator(uint8_t *bytes, size_t size, size_t max_size, unsigned seed) {
    return mutate_stream(bytes, size, max_size, seed);
}
