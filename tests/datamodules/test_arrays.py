"""Sequences from arrays: layouts, targets, what is read and when, and bad files."""

import numpy as np
import pytest
import scipy.io
import torch

from datamodules.arrays import Arrays
from datamodules.collecting.partition import Partition
from elman.errors import BadInput

DRAW = np.random.default_rng(0)
LENGTHS = [3, 5, 4, 7, 6, 3, 8, 4, 5, 6]
XS = [DRAW.normal(size=(steps, 2)) for steps in LENGTHS]
SHARES = Partition(shares=(0.6, 0.2, 0.2))


def folder(path, arrays, names=None):
    for number, array in enumerate(arrays):
        file = path / (names[number] if names else f"{number:02}.npy")
        file.parent.mkdir(parents=True, exist_ok=True)
        np.save(file, array)
    return str(path)


def ready(path, **options):
    data = Arrays(path=str(path), **{"split": SHARES, "standardise": False, **options})
    data.setup("fit")
    return data


def example(data, number):
    return data._examples.window(number, 0, int(data._examples.lengths[number]))


def same(found, expected):
    torch.testing.assert_close(
        found, torch.as_tensor(np.asarray(expected), dtype=found.dtype), rtol=0, atol=1e-6
    )


def cells(arrays):
    out = np.empty((1, len(arrays)), dtype=object)
    out[0] = arrays
    return out


def test_next_step_from_npy_files(tmp_path):
    data = ready(folder(tmp_path / "x", XS))
    assert data.found.lengths.tolist() == [steps - 1 for steps in LENGTHS]
    for number, x in enumerate(XS):
        found = example(data, number)
        same(found.x, x[:-1])
        same(found.y, x[1:])
        assert found.scored.all()
    same(data._examples.window(3, 2, 5).y, XS[3][3:6])


def test_one_array_of_equal_sequences(tmp_path):
    whole = DRAW.normal(size=(10, 4, 3)).astype(np.float16)
    np.save(tmp_path / "x.npy", whole)
    np.save(tmp_path / "y.npy", np.arange(10) % 3)
    data = ready(tmp_path / "x.npy", targets="class", target_path=str(tmp_path / "y.npy"))
    same(example(data, 7).x, whole[7])
    assert example(data, 7).y.tolist() == [1] * 4
    assert example(data, 7).scored.tolist() == [False, False, False, True]
    assert (data.classes, data.output_size) == (["0", "1", "2"], 3)


def test_lists_by_keys_with_a_star_come_in_the_order_of_their_numbers(tmp_path):
    many = [np.full((3, 2), number) for number in range(12)]
    np.savez(tmp_path / "a.npz", *many, labels=np.array(list("ab" * 6)))
    data = ready(tmp_path / "a.npz", x="arr_*", y="labels", targets="class")
    assert [int(example(data, number).x[0, 0]) for number in range(12)] == list(range(12))
    assert [data.classes[example(data, n).y[0]] for n in range(12)] == list("ab" * 6)


def test_a_value_for_a_sequence(tmp_path):
    np.save(tmp_path / "y.npy", np.arange(20.0).reshape(10, 2))
    data = ready(folder(tmp_path / "x", XS), targets="value", target_path=str(tmp_path / "y.npy"))
    found = example(data, 4)
    assert found.y.tolist() == [[8.0, 9.0]] * 6
    assert found.scored.tolist() == [False] * 5 + [True]
    assert data._examples.window(4, 2, 4).scored.tolist() == [False, False]
    data = ready(tmp_path / "x", targets="value", target_path=str(tmp_path / "y.npy"), standardise=True)
    values = np.arange(20.0).reshape(10, 2)[data.parts[0]]
    assert data.target_shift.tolist() == pytest.approx(values.mean(0).tolist())
    assert data.target_scale.tolist() == pytest.approx(values.std(0).tolist())


@pytest.mark.parametrize("kind", ["step_class", "step_value"])
def test_targets_at_every_step(tmp_path, kind):
    ys = [np.arange(steps) * 10 for steps in LENGTHS]
    data = ready(folder(tmp_path / "x", XS), targets=kind, target_path=folder(tmp_path / "y", ys))
    assert example(data, 6).scored.all()
    if kind == "step_value":
        assert data.output_size == 1
        same(example(data, 6).y[:, 0], ys[6])
    else:
        assert data.classes == [str(10 * number) for number in range(8)]
        assert example(data, 6).y.tolist() == list(range(8))


def test_folders_are_classes_and_parts(tmp_path):
    names = [f"{part}/{'up' if n % 2 else 'down'}/{n}.npy" for n in range(2) for part in ("a", "b", "c")]
    data = ready(
        folder(tmp_path, XS[:6], names), targets="class", parts={"train": "a", "val": "b", "test": "c"}
    )
    assert data.classes == ["down", "up"]
    assert [[data.found.names[i] for i in part] for part in data.parts] == [
        [f"{p}/down/0.npy", f"{p}/up/1.npy"] for p in "abc"
    ]
    data = ready(tmp_path, targets="class", parts={"test": "c/*"}, split=Partition(shares=(0.5, 0.5, 0)))
    assert len(data.parts[2]) == 2


def test_a_mat_file_of_cells_with_given_parts(tmp_path):
    parts = {"traindata": XS[:5], "validdata": XS[5:7], "testdata": XS[7:]}
    scipy.io.savemat(tmp_path / "music.mat", {key: cells(arrays) for key, arrays in parts.items()})
    data = ready(tmp_path / "music.mat", parts={"train": "traindata", "val": "validdata", "test": "testdata"})
    assert [len(part) for part in data.parts] == [5, 2, 3]
    same(example(data, int(data.parts[1][1])).x, XS[6][:-1])


def test_a_mat_file_with_targets(tmp_path):
    scipy.io.savemat(tmp_path / "m.mat", {"X": np.stack([XS[0]] * 6), "Y": np.arange(6.0), "t": np.arange(3)})
    data = ready(tmp_path / "m.mat", x="X", y="Y", targets="value")
    assert [float(example(data, number).y[0, 0]) for number in range(6)] == list(range(6))


def test_scales_are_those_of_training_alone(tmp_path):
    folder(tmp_path, [x * 10 + 5 for x in XS])
    data = ready(tmp_path, standardise=True)
    values = np.concatenate([XS[number] * 10 + 5 for number in data.parts[0]])
    assert data.target_shift.tolist() == pytest.approx(values.mean(0).tolist())
    same(example(data, 0).x, (XS[0][:-1] * 10 + 5 - values.mean(0)) / values.std(0))
    other = Arrays(path=str(tmp_path), split=Partition(shares=(0.2, 0.4, 0.4)))
    other.load_state_dict(data.state_dict())
    other.setup("test")
    assert torch.equal(other.target_scale, data.target_scale)


def test_a_large_file_is_read_in_pieces(tmp_path):
    with (tmp_path / "big.npy").open("wb") as stream:  # 64 GB that take no room
        header = {"descr": "<f8", "fortran_order": False, "shape": (10**9, 8)}
        np.lib.format.write_array_header_1_0(stream, header)
        stream.truncate(stream.tell() + 64 * 10**9)
    for number in range(9):
        np.save(tmp_path / f"{number}.npy", DRAW.normal(size=(3, 8)))
    data = ready(tmp_path, standardise=True)
    number = data.found.names.index("big.npy")
    assert data._examples.window(number, 10**9 - 5, 10**9 - 1).x.shape == (4, 8)


def test_values_that_are_not_finite_are_told_by_the_batch_that_holds_them(tmp_path):
    bad = XS[3].copy()
    bad[5, 1] = np.nan
    data = ready(folder(tmp_path, [*XS[:3], bad, *XS[4:]]))
    data._examples.window(3, 0, 4)
    with pytest.raises(BadInput, match=r"03\.npy: step 5, feature 1 is nan, not a finite"):
        data._examples.window(3, 4, 6)
    assert any("looked at as they are read" in line for line in data.summary())


def cut_short(path):
    path.write_bytes(path.read_bytes()[:-3])


FAULTS = {
    "empty": (lambda p: p.write_bytes(b""), "is empty"),
    "cut short": (cut_short, "its header promises 96 bytes of values, but 93 follow"),
    "another type": (lambda p: p.write_bytes(b"RIFF" + bytes(100)), "is no .npy file"),
    "a header that lies": (
        lambda p: p.write_bytes(p.read_bytes().replace(b"(6, 2)", b"(6,99)")),
        "its header promises 4,752 bytes",
    ),
    "a pickle": (
        lambda p: np.save(p, np.array([{}], dtype=object), allow_pickle=True),
        "holds Python objects",
    ),
    "texts": (lambda p: np.save(p, np.array(["a", "b"])), "a sequence is of real numbers"),
    "complex": (lambda p: np.save(p, np.ones((3, 2), complex)), "a sequence is of real numbers"),
    "no axis": (lambda p: np.save(p, np.float64(3)), "has the shape ()"),
    "four axes": (lambda p: np.save(p, np.zeros((2, 2, 2, 2))), "has the shape (2, 2, 2)"),
    "no step": (lambda p: np.save(p, np.zeros((0, 2))), "has 0 steps, and needs 2"),
    "one step": (lambda p: np.save(p, np.zeros((1, 2))), "has 1 steps, and needs 2"),
    "other width": (lambda p: np.save(p, np.zeros((6, 3))), "has 3 features where others have 2"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_bad_npy(tmp_path, fault):
    folder(tmp_path, XS)
    spoil, message = FAULTS[fault]
    spoil(tmp_path / "04.npy")
    with pytest.raises(BadInput) as error:
        ready(tmp_path)
    assert message in str(error.value)
    assert "04.npy" in str(error.value)
    assert "\n" not in str(error.value)
    data = ready(tmp_path, skip_bad=True)
    assert data.description()["metadata"]["skipped"] >= 1
    assert not any(name.startswith("04") for name in data.found.names)


def test_bad_npz(tmp_path):
    path = tmp_path / "a.npz"
    np.savez_compressed(path, x=np.stack([XS[0]] * 9), y=np.array([1, 1, 1, 1, 1, 1, 1, 1, 1]))
    for options, message in (
        ({"x": "z"}, r"no array by the key 'z'; its keys are x, y; set data\.x"),
        ({"targets": "class"}, "all targets are '1'; a classifier needs two classes"),
        ({"targets": "step_value"}, "1 targets by the key 'y' for 9 sequences"),
        ({"targets": "class", "y": "w"}, "no array by the key 'w'"),
    ):
        with pytest.raises(BadInput, match=message):
            ready(path, **options)
    np.savez(tmp_path / "p.npz", x=np.array([XS[0], XS[1]], dtype=object))
    with pytest.raises(BadInput, match=r"p\.npz: holds Python objects"):
        ready(tmp_path / "p.npz")
    whole = path.read_bytes()
    for damaged in (whole[:100], b"", b"PK\x03\x04" + bytes(50), whole[:150] + b"\xff" * 50 + whole[200:]):
        path.write_bytes(damaged)
        with pytest.raises(BadInput, match=r"a\.npz: is (damaged|empty)"):
            ready(path)


def test_bad_mat(tmp_path):
    path = tmp_path / "a.mat"
    path.write_bytes(b"MATLAB 7.3 MAT-file, Platform: GLNXA64".ljust(124) + b"\x00\x02IM" + b"\x89HDF" * 200)
    with pytest.raises(
        BadInput, match=r"a\.mat: is a MATLAB file of version 7\.3 \(HDF5\); save it in MATLAB"
    ):
        ready(path)
    for text in (b"", b"hello", bytes(200)):
        path.write_bytes(text)
        with pytest.raises(BadInput, match=r"a\.mat: is damaged or no MATLAB file"):
            ready(path)


def test_another_kind_of_file(tmp_path):
    (tmp_path / "a.csv").write_text("a,b")
    with pytest.raises(BadInput, match=r"a\.csv: its name does not end in \.npy, \.npz, \.mat"):
        ready(tmp_path / "a.csv")
    with pytest.raises(BadInput, match=r"holds no file whose name ends in \.npy"):
        ready(tmp_path)


def test_targets_that_do_not_match(tmp_path):
    folder(tmp_path / "x", XS)
    np.save(tmp_path / "y.npy", np.arange(9))
    with pytest.raises(BadInput, match=r"y\.npy: holds targets of shape \(9,\) for 10 sequences"):
        ready(tmp_path / "x", targets="class", target_path=str(tmp_path / "y.npy"))
    folder(tmp_path / "y", [np.arange(3)] * 9)
    with pytest.raises(BadInput, match=r"01\.npy: its targets are int64 of shape \(3,\) for 5 steps"):
        ready(tmp_path / "x", targets="step_class", target_path=str(tmp_path / "y"))
    with pytest.raises(BadInput, match=r"00\.npy: no targets; put files into a folder a class"):
        ready(tmp_path / "x", targets="class")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"targets": "words"}, "targets must be one of"),
        ({"parts": {"dev": "a"}}, "got 'dev'"),
        ({"x": ""}, "keys"),
    ],
)
def test_arguments(options, message):
    with pytest.raises(ValueError, match=message):
        Arrays(path="x", **options)
