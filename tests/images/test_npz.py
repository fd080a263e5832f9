import pickle
import zipfile

import numpy as np
import pytest

from mixupbook.images.data.npz import load_npz

SHAPES = {"x_train": (7, 5, 3, 2), "y_train": (7,), "x_test": (3, 5, 3, 2), "y_test": (3,)}


def arrays(**changes):
    """Valid arrays for an .npz file, odd sizes throughout, with some of them replaced."""
    rng = np.random.default_rng(0)
    valid = {
        name: rng.integers(0, 256 if name[0] == "x" else 4, shape).astype(np.uint8)
        for name, shape in SHAPES.items()
    }
    return {name: array for name, array in {**valid, **changes}.items() if array is not None}


def saved(path, **changes):
    np.savez(path, **arrays(**changes))
    return path


def test_moves_channels_first(tmp_path):
    images = arrays()["x_train"]
    data = load_npz(saved(tmp_path / "a.npz"))
    assert data.x_train.shape == (7, 2, 5, 3)
    assert data.x_train[4, 1, 2, 0].item() == pytest.approx(images[4, 2, 0, 1] / 255)
    assert data.classes == ("0", "1", "2", "3")


@pytest.mark.parametrize("shape", [(1, 128, 2), (4, 4, 8), (3, 40, 2), (16, 16, 13)])
def test_flat_images_and_many_channels_are_no_mistake(tmp_path, shape):
    images = {
        f"x_{split}": np.zeros((n, *shape), np.uint8) for split, n in (("train", 7), ("test", 3))
    }
    height, width, channels = shape
    assert load_npz(saved(tmp_path / "a.npz", **images)).image_shape == (channels, height, width)


def test_takes_grey_images_and_class_names(tmp_path):
    grey = {f"x_{split}": arrays()[f"x_{split}"][..., 0] for split in ("train", "test")}
    names = np.array(["ant", "bee", "cow", "dog"])
    data = load_npz(saved(tmp_path / "a.npz", classes=names, **grey))
    assert data.x_test.shape == (3, 1, 5, 3)
    assert data.classes == ("ant", "bee", "cow", "dog")


def test_takes_groups(tmp_path):
    groups = {"group_train": np.arange(7) % 3 - 1, "group_test": np.array([2, 0, 2], np.uint8)}
    data = load_npz(saved(tmp_path / "a.npz", **groups))
    assert data.group_train.tolist() == [-1, 0, 1, -1, 0, 1, -1]
    assert data.group_test.tolist() == [2, 0, 2]
    assert load_npz(saved(tmp_path / "b.npz")).group_test is None


@pytest.mark.parametrize(
    ("changes", "error", "message"),
    [
        ({"group_test": np.zeros(3)}, TypeError, "group_test .* must hold integers, got float64"),
        ({"group_test": np.zeros(2, int)}, ValueError, r"group_test must have shape \(3,\)"),
        ({"y_test": None, "x_test": None}, ValueError, "it has no x_test, y_test"),
        ({"y_train": np.zeros(6, int)}, ValueError, r"y_train must have shape \(7,\)"),
        ({"x_train": np.zeros((7, 5))}, TypeError, "x_train .* must be uint8, got float64"),
        ({"x_train": np.zeros((7, 5), np.uint8)}, ValueError, r"\(N, H, W\) or \(N, H, W, C"),
        ({"x_train": np.zeros((7, 3, 9, 8), np.uint8)}, ValueError, "x_train .* channels last"),
        ({"x_train": np.zeros((7, 1, 28, 28), np.uint8)}, ValueError, "x_train .* channels last"),
        ({"x_train": np.zeros((0, 5, 3, 2), np.uint8)}, ValueError, "x_train must hold at le"),
        ({"y_train": np.zeros(7)}, TypeError, "y_train .* must hold integers, got float64"),
        ({"y_train": np.zeros(0, int)}, ValueError, "y_train .* must hold at least one label"),
        ({"y_train": np.full(7, -1)}, ValueError, r"y_train must lie in 0\.\.2"),
        ({"y_train": np.array([{}] * 7)}, ValueError, "y_train .* pickled object"),
        ({"classes": np.array(["a", "b"])}, ValueError, r"y_train must lie in 0\.\.1"),
        ({"classes": np.array([1, 2, 3, 4])}, TypeError, "classes .* row of strings"),
        ({"y_train": np.full(7, 5_000_000)}, ValueError, "labels .* got .*, 5000000"),
        (
            {"y_train": np.arange(7) + 4},
            ValueError,
            "labels .* each in use",
        ),
        ({"y_train": np.full(7, 2**63, np.uint64)}, ValueError, f"y_train .* got {2**63}"),
    ],
)
def test_refuses(tmp_path, changes, error, message):
    path = saved(tmp_path / "a.npz", **changes)
    with pytest.raises(error, match=message):
        load_npz(path)


def test_refuses_what_is_no_npz_file(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"existing .npz file, got .*nowhere.npz"):
        load_npz(tmp_path / "nowhere.npz")
    path = tmp_path / "a.npz"
    path.write_bytes(pickle.dumps(arrays()))
    with pytest.raises(ValueError, match=r"must be an .npz file"):
        load_npz(path)
    np.save(path.with_suffix(".npy"), np.zeros(3))
    with pytest.raises(ValueError, match=r"must be an .npz file"):
        load_npz(path.with_suffix(".npy"))


def test_refuses_a_damaged_file(tmp_path):
    path = saved(tmp_path / "a.npz")
    content = bytearray(path.read_bytes())
    with zipfile.ZipFile(path) as archive:
        start = archive.getinfo("x_test.npy").header_offset
    content[start + 180] ^= 1
    path.write_bytes(content)
    with pytest.raises(ValueError, match=r"x_test .* cannot be read, the file is damaged"):
        load_npz(path)
    path.write_bytes(content[: len(content) // 2])
    with pytest.raises(ValueError, match=r"must be an .npz file"):
        load_npz(path)


def test_refuses_every_flipped_byte_it_cannot_read(tmp_path):
    path = tmp_path / "a.npz"
    np.savez_compressed(path, **arrays())
    content = path.read_bytes()
    said = []
    for place in range(0, len(content), 11):
        changed = bytearray(content)
        changed[place] ^= 0xFF
        path.write_bytes(changed)
        try:
            load_npz(path)
        except (TypeError, ValueError) as error:
            said.append(str(error))
    assert said
    assert all("npz" in message for message in said), "the message names the file"


def test_refuses_members_that_are_no_arrays(tmp_path):
    path = tmp_path / "a.npz"
    with zipfile.ZipFile(path, "w") as archive:
        for key in ("x_train", "y_train", "x_test", "y_test"):
            archive.writestr(f"{key}.npy", b"garbage")
    with pytest.raises(ValueError, match=r"x_train .* must be an array as numpy.savez writes it"):
        load_npz(path)


def test_refuses_an_array_too_large_for_memory(tmp_path):
    path = saved(tmp_path / "a.npz")
    header = b"{'descr': '|u1', 'fortran_order': False, 'shape': (100000000000, 8, 80), }"
    header = header.ljust(117) + b"\n"
    with zipfile.ZipFile(path, "w") as archive:
        for key in ("x_train", "y_train", "x_test", "y_test"):
            preamble = b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little")
            archive.writestr(f"{key}.npy", preamble + header)
    with pytest.raises(ValueError, match=r"x_train .* (must fit into memory|cannot be read)"):
        load_npz(path)


def test_the_path_is_checked_and_expanded(tmp_path, monkeypatch):
    with pytest.raises(TypeError, match="path must be a path, got 3"):
        load_npz(3)
    saved(tmp_path / "a.npz")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert len(load_npz("~/a.npz").x_test) == 3
