import errno
import io
import json
import os
import pickle
import resource
import subprocess
import sys
import zipfile
from dataclasses import replace
from pathlib import Path
from unittest import mock

import numpy as np
import pytest
import torch
from torch import nn

from mixupbook.images.data.digits import load_digits
from mixupbook.images.training.checkpoint import Checkpoint, as_checkpoint
from mixupbook.images.training.fit import TrainingInterrupted, fit
from mixupbook.images.training.loop import Training
from mixupbook.mixup.transform import Mixup

DATA = load_digits(train=33, test=50)
SETTINGS = {"epochs": 4, "batch_size": 7, "lr": 0.05, "progress": False, "device": "cpu"}
IDENTITY = {"lr": 0.1, "seed": 3}


def test_group_errors_are_kept_and_never_another_runs(tmp_path):
    path = tmp_path / "run.pt"
    groups = torch.arange(50) % 2
    first = fit(replace(DATA, group_test=groups), "small_convnet", **SETTINGS, checkpoint=path)
    again = fit(replace(DATA, group_test=groups), "small_convnet", **SETTINGS, checkpoint=path)
    assert again.group_errors == first.group_errors
    assert again.history == first.history
    for others in (1 - groups, None):
        with pytest.raises(ValueError, match=r"another run: group_test is '.*' there and"):
            fit(replace(DATA, group_test=others), "small_convnet", **SETTINGS, checkpoint=path)


def state(size=3):
    return {"network": {"weight": torch.arange(float(size))}, "history": [{"epoch": 0}]}


def written(path, size=3):
    checkpoint = Checkpoint(path)
    checkpoint.write(IDENTITY, state(size))
    return checkpoint


class CrashError(Exception):
    """Ends a run from inside, as a crash does."""


def crashing(after, error=CrashError):
    """Makes training end with an error after so many batches, from the outside."""
    batch, left = Training._batch, [after]

    def fail_in_time(self, chosen):
        left[0] -= 1
        if left[0] < 0:
            raise error
        return batch(self, chosen)

    return mock.patch.object(Training, "_batch", fail_in_time)


class Louder(Mixup):
    """Another class with the same settings."""


class TestFile:
    def test_reads_what_it_wrote(self, tmp_path):
        checkpoint = written(tmp_path / "a.pt")
        saved = checkpoint.read(IDENTITY)
        assert saved["history"] == state()["history"]
        assert torch.equal(saved["network"]["weight"], state()["network"]["weight"])
        assert [path.name for path in tmp_path.iterdir()] == ["a.pt"]

    def test_no_file_is_no_state(self, tmp_path):
        assert Checkpoint(tmp_path / "a.pt").read(IDENTITY) is None

    def test_names_every_differing_field(self, tmp_path):
        checkpoint = written(tmp_path / "a.pt")
        with pytest.raises(ValueError, match="another run") as caught:
            checkpoint.read({"lr": 0.2, "seed": 3, "augment": "crop_flip"})
        message = str(caught.value)
        assert "lr is 0.1 there and 0.2 here" in message
        assert "augment is None there and 'crop_flip' here" in message
        assert "seed" not in message

    def test_keeps_no_state_that_could_not_be_read_again(self, tmp_path):
        checkpoint = written(tmp_path / "a.pt")
        with pytest.raises(ValueError, match=r"network must have a state .* and give back"):
            checkpoint.write(IDENTITY, {"network": CrashError()})
        assert checkpoint.read(IDENTITY)["history"] == state()["history"]

    def test_refuses_a_truncated_file_of_any_length(self, tmp_path):
        checkpoint = written(tmp_path / "a.pt")
        content = checkpoint.path.read_bytes()
        for length in range(0, len(content), 37):
            checkpoint.path.write_bytes(content[:length])
            with pytest.raises(ValueError, match=r"damaged or no checkpoint .*delete it"):
                checkpoint.read(IDENTITY)

    def test_refuses_any_flipped_byte(self, tmp_path):
        checkpoint = written(tmp_path / "a.pt")
        content = checkpoint.path.read_bytes()
        for place in range(0, len(content), 5):
            changed = bytearray(content)
            changed[place] ^= 0xFF
            checkpoint.path.write_bytes(changed)
            with pytest.raises(ValueError, match="delete it to start anew"):
                checkpoint.read(IDENTITY)
            assert checkpoint.path.read_bytes() == changed

    @pytest.mark.parametrize("bit", range(8))
    @pytest.mark.parametrize("place", [-1, -64, -65, -66, -67, 2000])
    def test_says_that_the_checksum_is_wrong(self, tmp_path, place, bit):
        checkpoint = written(tmp_path / "a.pt", size=1000)
        content = bytearray(checkpoint.path.read_bytes())
        content[place] ^= 1 << bit
        checkpoint.path.write_bytes(content)
        with pytest.raises(ValueError, match=r"is damaged or no .* \((wrong checksum|torch)"):
            checkpoint.read(IDENTITY)

    def test_torch_reads_it_too(self, tmp_path):
        checkpoint = written(tmp_path / "a.pt")
        saved = torch.load(checkpoint.path, weights_only=True)
        assert saved["identity"] == IDENTITY
        assert saved["format"] == 3
        with zipfile.ZipFile(checkpoint.path) as archive:
            assert archive.testzip() is None

    def test_refuses_what_is_no_file(self, tmp_path):
        with pytest.raises(ValueError, match="checkpoint must be a plain file, got '/dev/null'"):
            Checkpoint("/dev/null").read(IDENTITY)
        with pytest.raises(ValueError, match="checkpoint must be a plain file, got"):
            Checkpoint(tmp_path).read(IDENTITY)

    def test_the_path_is_checked(self):
        with pytest.raises(TypeError, match="checkpoint must be a path or a Checkpoint, got 3"):
            as_checkpoint(3)

    def test_refuses_a_pickle_that_would_run_code(self, tmp_path):
        class Evil:
            def __reduce__(self):
                return os.mkdir, (str(tmp_path / "owned"),)

        path = tmp_path / "a.pt"
        for content in (pickle.dumps(Evil()), saved_bytes({"format": 1, "state": Evil()})):
            path.write_bytes(content)
            with pytest.raises(ValueError, match="damaged or no checkpoint"):
                Checkpoint(path).read(IDENTITY)
        assert not (tmp_path / "owned").exists()

    @pytest.mark.parametrize("content", [{"weights": 1}, [1, 2]])
    def test_refuses_another_kind_of_file(self, tmp_path, content):
        (tmp_path / "a.pt").write_bytes(saved_bytes(content))
        with pytest.raises(ValueError, match="not written by mixupbook"):
            Checkpoint(tmp_path / "a.pt").read(IDENTITY)

    @pytest.mark.parametrize("version", [2, 99])
    def test_refuses_another_format(self, tmp_path, version):
        content = saved_bytes({"format": version, "identity": IDENTITY, "state": state()})
        (tmp_path / "a.pt").write_bytes(content)
        message = (
            f"a.pt' has format {version}, and this version of mixupbook reads 3: go on with the "
            "version that wrote it, or delete it to start anew"
        )
        with pytest.raises(ValueError, match=message):
            Checkpoint(tmp_path / "a.pt").read(IDENTITY)

    def test_a_full_disk_keeps_the_earlier_state(self, tmp_path):
        checkpoint = written(tmp_path / "a.pt")
        soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (4096, hard))
        try:
            with pytest.raises(OSError, match="could not be written: File too large") as caught:
                checkpoint.write(IDENTITY, state(size=5000))
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        assert caught.value.errno == errno.EFBIG
        assert caught.value.filename == str(checkpoint.path)
        assert [path.name for path in tmp_path.iterdir()] == ["a.pt"]
        assert len(checkpoint.read(IDENTITY)["network"]["weight"]) == 3

    def test_refuses_a_folder_that_is_not_there_before_training(self, tmp_path):
        path = tmp_path / "missing" / "a.pt"
        message = r"could not be written: No such file.*missing/a\.pt"
        with crashing(0), pytest.raises(OSError, match=message):
            fit(DATA, "small_convnet", **SETTINGS, checkpoint=path)
        assert not path.parent.exists()

    def test_its_settings_are_checked(self):
        with pytest.raises(ValueError, match="every must be at least 1, got 0"):
            Checkpoint("a.pt", every=0)
        with pytest.raises(TypeError, match="path must be a path, got 3"):
            Checkpoint(3)
        for path in ("", ".", "/"):
            with pytest.raises(ValueError, match=r"path must name a file, got '[./]'"):
                Checkpoint(path)
        with pytest.raises(TypeError, match="key must be a string or None, got 3"):
            Checkpoint("a.pt", key=3)
        assert Checkpoint("a.pt", every=np.int64(2), key=np.str_("a")) == Checkpoint(
            "a.pt", every=2, key="a"
        )

    def test_the_home_folder_is_known(self, monkeypatch, tmp_path):
        monkeypatch.setenv("HOME", str(tmp_path))
        assert as_checkpoint("~/a.pt").path == tmp_path / "a.pt"

    def test_a_seed_goes_into_the_name(self):
        checkpoint = Checkpoint("runs/a.b.pt", every=3, key="k").for_seed(7)
        assert checkpoint == Checkpoint("runs/a.b-seed7.pt", every=3, key="k")


class TestResume:
    @pytest.mark.parametrize("every", [1, 3])
    def test_goes_on_as_if_never_interrupted(self, tmp_path, every):
        mixup = Mixup(num_classes=10)
        whole = fit(DATA, "small_convnet", **SETTINGS, mixup=mixup, augment="crop_flip")
        settings = {**SETTINGS, "augment": "crop_flip"}
        checkpoint = Checkpoint(tmp_path / "a.pt", every=every)
        with crashing(17), pytest.raises(CrashError):
            fit(DATA, "small_convnet", **settings, mixup=mixup, checkpoint=checkpoint)
        resumed = fit(DATA, "small_convnet", **settings, mixup=mixup, checkpoint=checkpoint)
        assert resumed.history == whole.history
        weights = whole.network.state_dict()
        assert all(torch.equal(weights[n], v) for n, v in resumed.network.state_dict().items())

    @pytest.mark.parametrize(
        ("every", "epochs"), [(1, [0, 1, 2, 3, 4]), (2, [0, 2, 4]), (3, [0, 3, 4]), (9, [0, 4])]
    )
    def test_a_state_is_written_at_the_start_every_so_often_and_at_the_end(
        self, tmp_path, every, epochs
    ):
        write, found = Checkpoint.write, []

        def note(checkpoint, identity, state):
            found.append(len(state["history"]))
            write(checkpoint, identity, state)

        with mock.patch.object(Checkpoint, "write", note):
            fit(DATA, "small_convnet", **SETTINGS, checkpoint=Checkpoint(tmp_path / "a.pt", every))
        assert found == epochs

    def test_a_finished_run_returns_at_once(self, tmp_path):
        path = tmp_path / "a.pt"
        first = fit(DATA, "small_convnet", **SETTINGS, checkpoint=path)
        before = path.stat().st_mtime_ns
        again = fit(DATA, "small_convnet", **SETTINGS, checkpoint=path)
        assert again.history == first.history
        assert again.test_error == first.test_error
        assert path.stat().st_mtime_ns == before

    @pytest.mark.parametrize(
        ("changes", "field"),
        [
            ({"lr": 0.06}, "lr is 0.05 there and 0.06 here"),
            ({"epochs": 5}, "epochs is 4 there and 5 here"),
            ({"seed": 1}, "seed is 0 there and 1 here. Choose another path, or delete the file"),
            ({"network": "small_convnet_bn"}, "network is 'small_convnet' there"),
            ({"mixup": Mixup(num_classes=10)}, r"mixup is None there and .Mixup\(alpha=1.0"),
            ({"data": load_digits(train=33, test=50, seed=1)}, "run: data is '10 classes, "),
            (
                {"mixup": Louder(num_classes=10)},
                r"None there and .Louder [0-9a-f]{16}. here",
            ),
        ],
    )
    def test_refuses_another_configuration(self, tmp_path, changes, field):
        arguments = {"data": DATA, "network": "small_convnet", **SETTINGS}
        fit(**arguments, checkpoint=tmp_path / "a.pt")
        with pytest.raises(ValueError, match=field):
            fit(**{**arguments, **changes}, checkpoint=tmp_path / "a.pt")

    def test_tells_modules_of_one_build_apart(self, tmp_path):
        settings = {**SETTINGS, "checkpoint": tmp_path / "a.pt"}
        first, second = zeroed(Flat(64, 10)), zeroed(FlatSquare(64, 10))
        fit(DATA, first, **settings)
        with pytest.raises(ValueError, match="belongs to another run: network is"):
            fit(DATA, second, **settings)

    def test_says_why_a_module_does_not_start_alike(self, tmp_path):
        settings = {**SETTINGS, "checkpoint": tmp_path / "a.pt"}
        for _ in range(2):
            network = nn.Sequential(nn.Flatten(), nn.Linear(64, 10))
            if not (tmp_path / "a.pt").exists():
                fit(DATA, network, **settings)
        with pytest.raises(ValueError, match="seed torch before you build it"):
            fit(DATA, network, **settings)

    @pytest.mark.parametrize("damage", ["network", "history", "length"])
    def test_refuses_an_incomplete_state(self, tmp_path, damage):
        path = tmp_path / "a.pt"
        fit(DATA, "small_convnet", **SETTINGS, checkpoint=path)
        saved = torch.load(path, weights_only=True)
        if damage == "length":
            saved["state"]["history"] *= 2
        else:
            del saved["state"][damage]
        path.write_bytes(saved_bytes(saved))
        with pytest.raises(ValueError, match=r"checkpoint '.*a\.pt' .*delete it to start anew"):
            fit(DATA, "small_convnet", **SETTINGS, checkpoint=path)

    def test_ctrl_c_leaves_a_usable_checkpoint(self, tmp_path):
        path = tmp_path / "a.pt"
        mixup, message = Mixup(num_classes=10), r"goes on from checkpoint '.*a\.pt'"
        with (
            crashing(12, KeyboardInterrupt),
            pytest.raises(TrainingInterrupted, match=message) as caught,
        ):
            fit(DATA, "small_convnet", **SETTINGS, mixup=mixup, checkpoint=path)
        whole = fit(DATA, "small_convnet", **SETTINGS, mixup=mixup)
        assert caught.value.run.history == whole.history[:2]
        resumed = fit(DATA, "small_convnet", **SETTINGS, mixup=mixup, checkpoint=path)
        assert resumed.history == whole.history

    def test_nan_keeps_the_last_good_checkpoint(self, tmp_path):
        path = tmp_path / "a.pt"

        def explode(x, y):
            return x * torch.nan, y

        settings = {**SETTINGS, "mixup": explode, "checkpoint": path}
        with pytest.raises(FloatingPointError, match="epoch 0, step 0"):
            fit(DATA, "small_convnet", **settings)
        saved = torch.load(path, weights_only=True)["state"]
        assert saved["history"] == []
        assert all(value.isfinite().all() for value in saved["network"].values())


def zeroed(network):
    nn.init.zeros_(network.weight)
    nn.init.zeros_(network.bias)
    return network


class Flat(nn.Linear):
    def forward(self, x):
        return super().forward(x.flatten(1))


class FlatSquare(nn.Linear):
    def forward(self, x):
        return super().forward(x.flatten(1).square())


FlatSquare.__name__ = "Flat"  # what its repr shows


class Loud(nn.Linear):
    def forward(self, x):
        return super().forward(10 * x.flatten(1))


class LastStepBreaks(nn.Linear):
    """Its gradient is infinite where its output is zero, as all are at the start."""

    def forward(self, x):
        return super().forward(x.flatten(1)).abs().sqrt()


def test_weights_broken_by_the_last_step_are_not_kept(tmp_path):
    path, network = tmp_path / "a.pt", zeroed(LastStepBreaks(64, 10))
    with pytest.raises(FloatingPointError, match="infinite or NaN in the last step of epoch 0"):
        fit(DATA, network, epochs=1, batch_size=33, lr=0.1, progress=False, checkpoint=path)
    saved = torch.load(path, weights_only=True)["state"]
    assert saved["history"] == []
    assert all(value.isfinite().all() for value in saved["network"].values())


def test_weights_that_overflow_on_test_images_are_not_kept(tmp_path):
    path, network = tmp_path / "a.pt", zeroed(Loud(64, 10))
    with pytest.raises(FloatingPointError, match=r"after epoch 0 .* scores .* smaller lr than 1e"):
        fit(DATA, network, epochs=1, batch_size=33, lr=1e38, progress=False, checkpoint=path)
    assert torch.load(path, weights_only=True)["state"]["history"] == []


def test_a_killed_run_ends_like_one_never_interrupted(tmp_path):
    """SIGKILL at twenty random moments."""
    script = Path(__file__).with_name("kill_and_resume.py")
    finished = subprocess.run(
        [sys.executable, script, tmp_path, "20"],
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        capture_output=True,
        timeout=300,
        check=False,
    )
    assert finished.returncode == 0, finished.stderr.decode()
    report = json.loads(finished.stdout)
    assert report["kills"] >= 20
    assert all(run["same"] for run in report["runs"]), report


def saved_bytes(content):
    file = io.BytesIO()
    torch.save(content, file)
    return file.getvalue()
