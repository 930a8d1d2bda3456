"""Tensors of torch in the object stream."""
import ctypes
import threading
import warnings

import pytest
import resume
from resume import Checkpoint, CheckpointDamaged, _core

torch = pytest.importorskip("torch")
np = pytest.importorskip("numpy")


def back(value, times=1):
    """The value after round trips; sharing has to survive the second one, too."""
    for _ in range(times):
        stream, blobs, notes = _core._encode(value)
        assert notes == []
        value, notes = _core._decode(stream, blobs, mine=True)
        assert notes == []
    return value


NUMBERS = [torch.float64, torch.float32, torch.float16, torch.bfloat16, torch.int64, torch.int32,
           torch.int16, torch.int8, torch.uint8, torch.bool, torch.complex64, torch.complex128,
           torch.float8_e4m3fn, torch.float8_e5m2, torch.uint16, torch.uint32, torch.uint64]


@pytest.mark.parametrize("dtype", NUMBERS, ids=str)
@pytest.mark.parametrize("size", [6, 60000])
def test_tensor__types(dtype, size):
    numbers = torch.arange(size) % 2 if dtype == torch.bool else torch.arange(size) % 50
    value = numbers.to(dtype).reshape(2, size // 2)
    got = back(value)
    assert type(got) is torch.Tensor and got.dtype is dtype and got.shape == value.shape
    assert torch.equal(got.to(torch.complex128), value.to(torch.complex128))
    got.zero_()  # its memory is its own and can be written
    assert value.to(torch.complex128).sum() != 0


@pytest.mark.parametrize("make", [
    lambda: torch.tensor(5.0), lambda: torch.zeros(0), lambda: torch.zeros(3, 0, 2),
    lambda: torch.arange(24.).reshape(2, 3, 4).permute(2, 0, 1), lambda: torch.arange(9)[::2],
    lambda: torch.ones(1).expand(4, 5), lambda: torch.arange(30.).reshape(5, 6)[1:3, 2:4],
    lambda: torch.tensor([1 + 2j, 3 - 4j]).conj(), lambda: torch.tensor([1 + 2j]).conj().imag,
    lambda: torch.zeros(2, 3, 4, 5).to(memory_format=torch.channels_last),
])
def test_tensor__shapes(make):
    value = make()
    got = back(value, 2)
    assert torch.equal(got, value) and got.dtype is value.dtype
    if value.numel() and not value.is_conj() and not value.is_neg():
        assert got.stride() == value.stride()


def test_tensor__nan_and_the_sign_of_zero():
    value = torch.tensor([float("nan"), -0.0, float("inf"), -float("inf")])
    assert back(value).numpy().tobytes() == value.numpy().tobytes()


@pytest.mark.parametrize("size", [8, 40000])
@pytest.mark.parametrize("times", [1, 3])
def test_tensor__views_share_memory(size, times):
    whole = torch.zeros(size)
    graph = {"part": whole[2:6], "whole": whole, "grid": whole.view(2, -1),
             "bits": whole.view(torch.int32)}
    got = back(graph, times)
    got["part"].fill_(1)
    assert got["whole"][:8].tolist() == [0, 0, 1, 1, 1, 1, 0, 0]
    assert got["grid"].flatten()[2] == 1 and got["bits"][2] != 0
    assert got["part"].untyped_storage().data_ptr() == got["whole"].untyped_storage().data_ptr()


def test_tensor__of_a_part_only_the_part_is_saved():
    whole = torch.arange(1 << 20)
    stream, blobs, _ = _core._encode([whole[100:110], whole[50:60]])
    assert len(stream) + sum(map(len, blobs)) < 2000
    a, b = _core._decode(stream, blobs)[0]
    assert a.tolist() == list(range(100, 110)) and b.tolist() == list(range(50, 60))


@pytest.mark.parametrize("size", [8, 40000])
@pytest.mark.parametrize("first", ["array", "tensor"])
@pytest.mark.parametrize("times", [1, 3])
def test_tensor__arrays_share_its_memory(size, first, times):
    array = np.zeros(size)
    pairs = [(array, torch.from_numpy(array))]
    tensor = torch.zeros(size)
    pairs.append((tensor.numpy(), tensor))
    pairs.append((tensor.numpy()[1:3], tensor[2:]))
    for array, tensor in pairs:
        graph = [array, tensor] if first == "array" else [tensor, array]
        got = back(graph, times)
        array, tensor = got if first == "array" else got[::-1]
        array[1] = 7
        assert 7 in tensor[:4].tolist()


def through_files(value, folder, times):
    """The same by saves of this function: what is met first may be a part of what comes later."""
    for turn in range(times):
        chp = Checkpoint(f"turn-{turn}", folder=folder)
        chp.save()
        chp.close()
        value = resume.load(folder / f"turn-{turn}")["value"]
    return value


def of_two_slices(size):
    array = np.arange(size + 4.0)
    return [torch.from_numpy(array[2:]), torch.from_numpy(array[:-2])]


def of_views(size):
    array = np.arange(size + 4.0)
    return [torch.from_numpy(array[3:]), torch.from_numpy(array[:-2]), array[1:], array[::2]]


def of_a_buffer(size):
    array = np.frombuffer(bytearray(8 * size), np.int64)
    return [torch.from_numpy(array[2:]), array]


PARTS = {
    "part, whole": lambda size: [torch.from_numpy((array := np.arange(float(size)))[3:]), array],
    "columns, whole": lambda size: [torch.from_numpy((grid := np.ones((size, 4)))[:, 1:3]), grid],
    "two parts": of_two_slices, "parts, views": of_views, "part, buffer": of_a_buffer,
    "part, foreign": lambda size: [
        torch.from_numpy((array := np.ctypeslib.as_array((ctypes.c_double * size)()))[1:]), array]}


def shared_bytes(values):
    """For each two of them the bytes that both have, from the start of the first."""
    places = [np.asarray(value).__array_interface__ for value in values]
    return [second["data"][0] - first["data"][0] for first in places for second in places]


@pytest.mark.filterwarnings("ignore:.*the memory of an array belongs to")
@pytest.mark.parametrize("parts", PARTS)
@pytest.mark.parametrize("size", [8, 40000])
@pytest.mark.parametrize("backwards", [False, True])
def test_tensor__part_of_what_comes_later(parts, size, backwards, tmp_path):
    values = PARTS[parts](size)
    values = values[::-1] if backwards else values
    others = [np.arange(7.0), torch.ones(3), np.zeros(2)[:1]]
    want = shared_bytes(values)
    *got, others = through_files([*values, others], tmp_path, 2)
    assert shared_bytes(got) == want
    for value, original in zip(got, values, strict=True):
        assert type(value) is type(original)
        assert np.array_equal(np.asarray(value), np.asarray(original))
    assert [value.tolist() for value in others] == [list(range(7)), [1, 1, 1], [0]]


def test_tensor__part_of_what_comes_later__is_the_array_itself(tmp_path):
    array = np.arange(9.0)
    tensor, got, again = through_files([torch.from_numpy(array[3:]), array, array], tmp_path, 1)
    assert got is again and got.flags.owndata and got.flags.writeable
    got[4] = -1
    assert tensor[1] == -1


@pytest.mark.parametrize("dtype", [torch.int64, torch.bfloat16, torch.complex128])
@pytest.mark.parametrize("first", [0, 1])
@pytest.mark.parametrize("size", [64, 70000])
def test_tensor__at_any_byte_of_an_array(dtype, first, size, tmp_path):
    """A storage of torch counts in elements: this place is none of its array's."""
    array = np.arange(size).astype(np.uint8)
    parts = [torch.from_numpy(array)[at:at + 32].clone() for at in (4, 7)]
    tensors = [torch.from_numpy(array[at:at + 32]).view(torch.uint8) for at in (4, 7)]
    tensors = [tensor.untyped_storage() for tensor in tensors]
    tensors = [torch.empty(0, dtype=dtype).set_(storage) for storage in tensors]
    got = through_files([[array, *tensors], [*tensors, array]][first], tmp_path, 2)
    array, *tensors = got if first == 0 else [got[-1], *got[:-1]]
    for tensor, part in zip(tensors, parts, strict=True):
        assert tensor.dtype == dtype and torch.equal(tensor.view(torch.uint8), part)
    array[:40] = 0xff
    for tensor in tensors:
        assert set(tensor.view(torch.uint8).tolist()) == {0xff}


@pytest.mark.parametrize("torch_first", [True, False])
def test_tensor__arrays_share_its_memory_among_many_others(torch_first):
    """The memory around a part is found whatever its size and place."""
    sizes = [3, 40, 1000, 17, 9000, 1, 250] * 12
    arrays = [np.arange(float(size)) for size in sizes]
    # what is met first must be the whole of it
    first = [0 if torch_first else len(array) // 3 for array in arrays]
    tensors = [torch.from_numpy(array[at:]) for at, array in zip(first, arrays, strict=True)]
    values = [tensors, arrays] if torch_first else [arrays, tensors]
    got = back([values[0], np.arange(5), values[1]], 2)
    tensors, arrays = (got[0], got[2]) if torch_first else (got[2], got[0])
    for number, (array, tensor) in enumerate(zip(arrays, tensors, strict=True)):
        assert np.array_equal(array, np.arange(float(sizes[number])))
        array[-1] = -number - 1
    for number, tensor in enumerate(tensors):
        assert len(tensor) == sizes[number] - first[number] and tensor[-1] == -number - 1


def test_memory__what_is_refused_is_forgotten():
    """After a value that can't be saved memory is found again, by its new place."""
    arrays = [np.arange(9.0) for _ in range(40)]
    tensors = [torch.from_numpy(array) for array in arrays]
    shared = np.arange(50.0)
    values = [[shared, shared], [arrays, tensors, threading.Lock()],
              [arrays, tensors, shared, torch.from_numpy(shared)]]
    stream, blobs, problems = _core._encode_each(values)
    assert [problem is None for problem in problems] == [True, False, True]
    first, second = _core._decode_each(stream, blobs, [None, None], mine=True)
    for array, tensor in zip(second[0], second[1], strict=True):
        array[0] = 7
        assert tensor[0] == 7
    second[2][1] = 8
    assert second[3][1] == 8 and first[0] is second[2]


def test_tensor__the_same_tensor_stays_one():
    tensor = torch.ones(2)
    a, b = back([tensor, tensor])
    assert a is b


def test_tensor__parameters_and_gradients():
    leaf = torch.ones(3, requires_grad=True)
    weight = torch.nn.Parameter(torch.arange(3.0))
    frozen = torch.nn.Parameter(torch.zeros(1), requires_grad=False)
    (leaf * weight).sum().backward()
    inner = leaf * 2
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        got_leaf, got_weight, got_frozen, got_inner = back([leaf, weight, frozen, inner], 2)
    assert type(got_weight) is torch.nn.Parameter and type(got_leaf) is torch.Tensor
    assert got_leaf.requires_grad and got_weight.requires_grad and not got_frozen.requires_grad
    assert got_leaf.grad.tolist() == [0, 1, 2] and got_weight.grad.tolist() == [1, 1, 1]
    assert got_frozen.grad is None and got_inner.tolist() == [2, 2, 2]
    (got_leaf * got_weight).sum().backward()
    assert got_leaf.grad.tolist() == [0, 2, 4]


def test_tensor__others_go_by_their_own_reduction():
    sparse = torch.eye(3).to_sparse()
    assert torch.equal(back(sparse).to_dense(), torch.eye(3))
    meta = back(torch.zeros(2, 3, device="meta"))
    assert meta.device.type == "meta" and meta.shape == (2, 3)
    named = torch.ones(2)
    named.label = "own"
    got = back(named)
    assert got.label == "own" and got.tolist() == [1, 1]


def test_tensor__only_what_is_mine_imports_torch(program):
    stream, blobs, _ = _core._encode(torch.arange(3.0))
    script = program(f"""
        import sys
        from resume import _core
        for mine in False, True:
            got, notes = _core._decode({stream!r}, {blobs!r}, mine=mine)
            print(type(got).__name__, got.tolist(), "torch" in sys.modules)
    """)
    assert script.run().check().out.splitlines() == [
        "ndarray [0.0, 1.0, 2.0] False", "Tensor [0.0, 1.0, 2.0] True"]


def test_tensor__digests_tell_content():
    a = torch.arange(5.0)
    assert _core._digest(a) == _core._digest(a.clone()) == _core._digest(torch.arange(10.0)[:5])
    assert _core._digest(a) != _core._digest(a + 1) != _core._digest(a.double() + 1)
    assert _core._digest(a[::2]) == _core._digest(a[::2].clone())


def test_tensor__of_a_device_that_is_gone_is_on_the_processor():
    stream, blobs, _ = _core._encode(torch.ones(2))
    moved = stream.replace(b"ccpu", b"dxpu7")
    got, notes = _core._decode(moved, blobs, mine=True)
    assert got.device.type == "cpu" and got.tolist() == [1, 1]
    assert len(notes) == 1 and "'xpu7'" in notes[0]


@pytest.mark.parametrize("old, new", [
    (b"gfloat32", b"gfloat64"),  # a type of another size
    (b"gfloat32", b"gfloat99"), (b"gfloat32", b"gnn_init"),
    (b"ccpu\xf4\x00\xf6", b"ccpu\xf4\x00\x01"),  # a gradient that is none
    (b"ccpu\xf4\x00\xf6", b"ccpu\x05\x00\xf6"), (b"ccpu\xf4\x00\xf6", b"ccpu\xf4\xf6\xf6"),
    (b"ccpu\xf4", b"\x00\xf4"),
])
def test_tensor__damage(old, new):
    stream, blobs, _ = _core._encode(torch.ones(2))
    assert old in stream
    with pytest.raises(CheckpointDamaged):
        _core._decode(stream.replace(old, new), blobs)


def test_tensor__integers_have_no_gradient():
    stream, blobs, _ = _core._encode(torch.ones(2, dtype=torch.int32))
    with pytest.raises(CheckpointDamaged):
        _core._decode(stream.replace(b"ccpu\xf4", b"ccpu\xf5"), blobs)


def test_tensor__without_torch_it_is_an_array(program):
    stream, blobs, _ = _core._encode([torch.arange(3.0), torch.ones(1, dtype=torch.bfloat16)])
    script = program(f"""
        import sys
        sys.modules["torch"] = None
        from resume import _core
        got, notes = _core._decode({stream!r}, {blobs!r})
        print([(type(x).__name__, x.dtype.str, x.tolist()) for x in got], notes)
    """)
    out = script.run().check().out
    assert out.startswith("[('ndarray', '<f4', [0.0, 1.0, 2.0]), ('ndarray', '<i2', [16256])]")
    assert "torch is not there" in out


def test_torch__its_global_generator_goes_on(program, tmp_path):
    source = """
        import os, torch
        from resume import Checkpoint

        def main():
            chp = Checkpoint()
            start = torch.rand(()).item()
            out = []
            chp.restore()
            while len(out) < 5:
                out.append(torch.randn(()).item())
                chp.save()
                if os.environ.get("KILL") == str(len(out)): os.kill(os.getpid(), 9)
            return start, out
        if not os.environ.get("UNSEEDED"):
            torch.manual_seed(5)
        print(main(), torch.rand(()).item())
    """
    whole = program(source, folder=tmp_path / "whole").run().check().out
    pieces = program(source, folder=tmp_path / "pieces")
    assert pieces.run(KILL="2").killed
    assert pieces.run(KILL="4", UNSEEDED="1").killed
    assert pieces.run(UNSEEDED="1").check().out == whole
