"""`python -m zoo export`: files that give what the model gives, where there is neither the zoo nor PyTorch."""

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import torch
from tiny_encoder import tiny_encoder
from torch import nn

from datamodules.avatar import perform
from datamodules.features.signing_points import signing_points
from datamodules.features.vjepa import settings_of
from datamodules.media.video_windows import filled
from lightning_modules.networks.letters.letter_cnn import LetterCNN, LetterCNNConfig
from lightning_modules.networks.recognition.gloss_classifier import AttentionClassifier, AttentionClassifierConfig
from lightning_modules.networks.recognition.landmark_transformer import LandmarkTransformer, LandmarkTransformerConfig
from zoo.artefacts.artefact import starter_folder
from zoo.card.page import read
from zoo.cli import main
from zoo.files import read_json
from zoo.loaders.exportable import Input, Part
from zoo.loaders.letters.letter_reader import LetterReader
from zoo.loaders.recognition.landmark_reader import LandmarkReader
from zoo.loaders.recognition.video_to_gloss import VideoToGloss
from zoo.publishing import exporting
from zoo.publishing.exporting import export, write_onnx

onnxruntime = pytest.importorskip("onnxruntime")

LETTERS, GLOSSES = ["A", "B", "space"], ["HELLO", "NAME"]
LOADERS: dict[str, Any] = {
    "letter-judge": LetterReader,
    "gloss-classifier": VideoToGloss,
    "gloss-landmarks": LandmarkReader,
}
WITHOUT_US = """import sys
sys.modules.update(dict.fromkeys(("zoo", "datamodules", "lightning_modules", "torch")))  # so that none can be imported
"""


@pytest.fixture(scope="module")
def letters() -> LetterReader:
    """A reader of random weights."""
    torch.manual_seed(0)
    return LetterReader(LetterCNN(LetterCNNConfig(len(LETTERS), width=4, stages=1)), LETTERS, 32, "ase")


@pytest.fixture(scope="module")
def glosses(tmp_path_factory: pytest.TempPathFactory) -> VideoToGloss:
    """A classifier of random weights, with an encoder of one layer beside it."""
    torch.manual_seed(0)
    encoder = tmp_path_factory.mktemp("encoders") / "vjepa"
    windows = {"crop_size": 64, "patch_size": 32, "frames_per_clip": 8}
    tiny_encoder(**windows, num_hidden_layers=1, hidden_size=12, num_attention_heads=1).save_pretrained(encoder)
    settings = settings_of(str(encoder), encoder, 1)
    network = AttentionClassifier(AttentionClassifierConfig(settings.width, len(GLOSSES), 8))
    return VideoToGloss(network, GLOSSES, settings, "ase")


@pytest.fixture(scope="module")
def landmarks() -> LandmarkReader:
    """A reader of landmarks of random weights, with one layer of each kind."""
    torch.manual_seed(0)
    network = LandmarkTransformer(LandmarkTransformerConfig(len(GLOSSES), width=8, stages=1, heads=2))
    convolution, *_, attention = network.layers
    network.layers = nn.ModuleList([convolution, attention])
    return LandmarkReader(network, GLOSSES, "ase")


@pytest.fixture(scope="module")
def exported(
    letters: LetterReader,
    glosses: VideoToGloss,
    landmarks: LandmarkReader,
    tmp_path_factory: pytest.TempPathFactory,
) -> Path:
    """A folder with NAME.onnx of each, and NAME-encoder.onnx; tests change nothing in it."""
    folder = tmp_path_factory.mktemp("exported")
    for name, loader in (("letter-judge", letters), ("gloss-classifier", glosses)):
        artefact = folder / name
        artefact.mkdir()
        loader.save(artefact)
        if name == "letter-judge":
            for record in ("provenance.json", "spec.yaml"):
                shutil.copy(starter_folder(name) / record, artefact)
        assert main(["export", str(artefact), str(folder / f"{name}.onnx")]) == 0
    encoder = str(folder / "gloss-classifier-encoder.onnx")
    assert main(["export", str(folder / "gloss-classifier"), encoder, "--part", "encoder"]) == 0
    write_onnx(landmarks.part("classifier"), folder / "gloss-landmarks.onnx", {})
    return folder


def shares(loader: Any, sequence: torch.Tensor) -> Any:
    """What a reader's network makes of a sequence by itself: its probabilities."""
    with torch.inference_mode():
        return loader.network(sequence[None], torch.tensor([len(sequence)]))[0].softmax(-1).numpy()


def session(path: Path) -> Any:
    return onnxruntime.InferenceSession(str(path))


def about(path: Path) -> dict[str, str]:
    found: dict[str, str] = session(path).get_modelmeta().custom_metadata_map
    return found


def printed(folder: Path, name: str) -> tuple[str, float]:
    """What the Python of a card prints in a folder, run by a process to which the zoo and PyTorch are unknown."""
    path = folder / name / "config.json"
    code = LOADERS[name].alone(read_json(path) if path.is_file() else {}).replace("NAME", name)
    command = [sys.executable, "-I", "-c", WITHOUT_US + code]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    label, probability = done.stdout.split()[-2:]
    return label, float(probability)


class TestThePythonOfTheCard:
    def test_reads_a_picture_as_the_model_does(self, exported: Path, letters: LetterReader) -> None:
        picture = LetterReader.example()
        cv2.imwrite(str(exported / "picture.png"), picture[..., ::-1])
        best = letters.read(picture)[0]
        assert printed(exported, "letter-judge") == (best.letter, pytest.approx(best.probability, abs=1e-4))

    @pytest.mark.parametrize("length", [1, 11, 16])
    def test_reads_a_video_as_the_model_does(self, length: int, exported: Path, glosses: VideoToGloss) -> None:
        """Of windows of eight frames the last one is filled up, and what fills it does not count."""
        frames = np.random.default_rng(0).integers(0, 256, (length, 64, 64, 3), np.uint8)
        rows = glosses._rows(filled(frames, 8))
        np.save(exported / "clip.npy", frames)
        probabilities = shares(glosses, rows)
        best = int(probabilities.argmax())
        assert printed(exported, "gloss-classifier") == (GLOSSES[best], pytest.approx(probabilities[best], abs=1e-4))

    def test_reads_points_as_the_model_does(self, exported: Path, landmarks: LandmarkReader) -> None:
        pose = perform(["HELLO"]).pose
        np.save(exported / "points.npy", signing_points(pose))
        best = landmarks.predict(pose)[0]
        assert printed(exported, "gloss-landmarks") == (best.gloss, pytest.approx(best.probability, abs=1e-4))

    @pytest.mark.parametrize("name", ["letter-judge", "skeleton-judge", "gloss-classifier", "gloss-landmarks"])
    def test_stands_in_the_card_with_the_commands_before_it(self, name: str) -> None:
        fences = read((starter_folder(name) / "README.md").read_text()).fences
        (at,) = (place for place, fence in enumerate(fences) if "onnxruntime" in fence.code)
        opened = [line.split('"')[1] for line in fences[at].code.splitlines() if "InferenceSession" in line]
        assert opened
        assert all(f"python -m zoo export . {file}" in fences[at - 1].code for file in opened)


class TestFile:
    @pytest.mark.parametrize("batch", [1, 5])
    def test_takes_batches_of_any_size(self, batch: int, exported: Path, letters: LetterReader) -> None:
        pictures = torch.rand(batch, 3, 32, 32) * 2 - 1
        (made,) = session(exported / "letter-judge.onnx").run(None, {"pictures": pictures.numpy()})
        assert np.abs(made - letters.probabilities(pictures).numpy()).max() < 1e-4

    @pytest.mark.parametrize(("name", "shape"), [("gloss-classifier", (12,)), ("gloss-landmarks", (49, 3))])
    def test_takes_sequences_of_any_length_and_leaves_their_padding_out(
        self, name: str, shape: tuple[int, ...], exported: Path, request: pytest.FixtureRequest
    ) -> None:
        loader = request.getfixturevalue({"gloss-classifier": "glosses", "gloss-landmarks": "landmarks"}[name])
        sequences, lengths = np.random.default_rng(0).normal(size=(3, 40, *shape)).astype(np.float32), [1, 40, 13]
        runner = session(exported / f"{name}.onnx")
        feed = dict(zip([entry.name for entry in runner.get_inputs()], (sequences, np.array(lengths)), strict=True))
        for sequence, length, found in zip(sequences, lengths, runner.run(None, feed)[0], strict=True):
            assert np.abs(found - shares(loader, torch.from_numpy(sequence[:length]))).max() < 1e-4

    def test_says_what_it_is_of_and_how_its_input_is_made(self, exported: Path) -> None:
        found = about(exported / "letter-judge.onnx")
        provenance = read_json(starter_folder("letter-judge") / "provenance.json")
        assert json.loads(found["letters"]) == LETTERS
        assert (found["name"], found["part"], found["size"]) == ("letter-judge", "classifier", "32")
        assert found["revision"] == f"run {provenance['run']}"
        assert found["licence"] == "MIT"
        assert "RGB in [-1, 1]" in found["input.pictures"]
        assert about(exported / "gloss-classifier.onnx")["licence"] == "unknown"  # of a folder that has no records
        encoder = about(exported / "gloss-classifier-encoder.onnx")
        assert (encoder["fps"], encoder["frames"]) == ("16.0", "8")
        assert json.loads(about(exported / "gloss-classifier.onnx")["glosses"]) == GLOSSES

    def test_holds_no_path_of_the_machine_it_was_made_on(self, exported: Path) -> None:
        for path in exported.glob("*.onnx"):
            content = path.read_bytes()
            assert not any(word in content for word in (b"site-packages", b".py", str(exported).encode()))


class Forgetful(nn.Module):
    """Gives something else each time, which no graph can."""

    calls = 0

    def forward(self, value: torch.Tensor) -> torch.Tensor:
        self.calls += 1
        return value + self.calls


class Root(nn.Module):
    """Of what is below 0 there is none."""

    def forward(self, value: torch.Tensor) -> torch.Tensor:
        return value.sqrt()


@pytest.fixture
def beside(tmp_path: Path) -> Iterator[Path]:
    """A file from before, which stays as it is; and nothing comes to lie beside it."""
    out = tmp_path / "out" / "old.onnx"
    out.parent.mkdir()
    out.write_text("old")
    yield out
    assert out.read_text() == "old"
    assert list(out.parent.iterdir()) == [out]


class TestRefusal:
    def test_of_a_file_that_would_differ(self, beside: Path) -> None:
        part = Part(Forgetful(), [Input("value", {0: "N"}, "")], "sum", {"random input": (torch.rand(2, 3),)}, {})
        with pytest.raises(
            ValueError, match=r"not written, since its sum would differ from the model's by \d.* for ra"
        ):
            write_onnx(part, beside, {})

    def test_of_a_file_whose_output_is_no_number_for_one_of_its_inputs(self, beside: Path) -> None:
        examples = {"good input": (torch.rand(2, 3),), "bad input": (-torch.rand(2, 3),)}
        part = Part(Root(), [Input("value", {0: "N"}, "")], "root", examples, {})
        with pytest.raises(ValueError, match="its root would differ from the model's by nan for bad input"):
            write_onnx(part, beside, {})

    @pytest.mark.parametrize(
        ("arguments", "expected"),
        [
            (
                ["asl-slp"],
                "'progressive-transformer' cannot be exported; of the zoo's models gloss-classifier, gloss-",
            ),
            (["letter-judge", "--part", "encoder"], "found no part 'encoder' to export, expected classifier"),
            (["leter-judge"], "did you mean"),
        ],
    )
    def test_of_what_cannot_be_exported(
        self, arguments: list[str], expected: str, beside: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        name, *options = arguments
        assert main(["export", name, str(beside), *options]) == 2
        assert expected in capsys.readouterr().err

    def test_of_another_suffix(self, tmp_path: Path) -> None:
        with pytest.raises(ValueError, match=r"model\.pt: expected a path that ends in \.onnx"):
            export("letter-judge", tmp_path / "model.pt")

    def test_where_packages_are_missing(self, beside: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(exporting, "find_spec", lambda name: None if name == "onnxscript" else object())
        with pytest.raises(ValueError, match=r"export needs onnxscript: pip install 'sign-zoo\[export\]'"):
            export("letter-judge", beside)

    def test_of_weights_that_no_file_can_hold(self, beside: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(exporting, "MOST", 1000)
        with pytest.raises(ValueError, match="expected at most 1,000 in a file of ONNX"):
            export("letter-judge", beside)
