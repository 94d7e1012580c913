"""The skeleton judge's reader: glosses of skeleton frames, saved and opened again. What it shares with the reader of
letters is tested with that one."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from datamodules.media.skeleton_drawing import write_png
from datamodules.media.skeleton_frames import shrunk
from datamodules.wlasl.skeletons import WLASLSkeletons
from lightning_modules.networks.letters.letter_cnn import LetterCNN, LetterCNNConfig
from zoo.artefacts.artefact import open_artefact
from zoo.loaders.recognition.skeleton_reader import SkeletonReader

GLOSSES = ["hello", "please", "stop", "yes"]


@pytest.fixture
def reader() -> SkeletonReader:
    torch.manual_seed(0)
    return SkeletonReader(LetterCNN(LetterCNNConfig(classes=4, width=4)), GLOSSES, 32, "ase")


@pytest.fixture
def frame() -> np.ndarray:
    """One thin line."""
    frame = np.zeros((512, 512, 3), np.uint8)
    frame[100:400, 250:253] = 255
    return frame


def test_every_gloss_is_ranked(reader, frame):
    ranked = reader.read(frame)
    assert sorted(reading.gloss for reading in ranked) == GLOSSES
    assert sum(reading.probability for reading in ranked) == pytest.approx(1, abs=1e-5)


def test_a_frame_is_read_as_its_smaller_drawing_is(reader, frame):
    assert reader.scaled(frame, 32).max() > 200
    assert reader.read(frame) == reader.read(shrunk(frame, 32))


def test_what_is_saved_reads_alike(reader, frame, tmp_path):
    reader.save(tmp_path)
    config = json.loads((tmp_path / "config.json").read_text())
    assert config["glosses"] == GLOSSES
    assert config["gives"] == {"kind": "glosses", "language": "ase"}
    again = open_artefact(tmp_path)
    assert isinstance(again, SkeletonReader)
    assert again.read(frame) == reader.read(frame)
    (tmp_path / "config.json").write_text(json.dumps({**config, "glosses": GLOSSES[:2]}))
    with pytest.raises(ValueError, match="found 2 glosses for a network of 4"):
        open_artefact(tmp_path)


def test_running_and_previews_write_the_ranking(reader, frame, skeletons: Path, tmp_path):
    write_png(tmp_path / "frame.png", frame)
    (output,) = reader.run(str(tmp_path / "frame.png"), [tmp_path / "glosses.json"])
    assert [entry["gloss"] for entry in json.loads(output.read_text())["glosses"]] == [
        reading.gloss for reading in reader.read(frame)
    ]
    data = WLASLSkeletons(str(skeletons), split="official", image_size=32)
    (preview,) = reader.preview(data, tmp_path)
    assert json.loads(preview.read_text())["image"] == data.examples("dev")[0][0]
