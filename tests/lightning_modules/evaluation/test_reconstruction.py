"""What a test says of an autoencoder, held against pictures whose loss is known."""

import cv2
import pytest
import torch
from torch import Tensor

from datamodules.picture_folder import PictureFolder
from datamodules.twins import Twin, ensure_twin
from lightning_modules.evaluation.captioned.reconstruction import (
    MEAN,
    QUALITIES,
    ReconstructionEvaluation,
    mean_picture,
)
from lightning_modules.evaluation.results import Results


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> PictureFolder:
    root = tmp_path_factory.mktemp("pictures") / "twin"
    ensure_twin("picture-folder", root, Twin(24, signers=1))
    data = PictureFolder(str(root), image_size=64, batch_size=16)
    data.setup("fit")
    return data


def results(data: PictureFolder, reconstruct: object) -> Results:
    evaluation = ReconstructionEvaluation(data, latent=256)
    for batch in data.test_dataloader():
        evaluation.update(batch, reconstruct)  # type: ignore[arg-type]
    assert set(evaluation.plots()) == {"samples"}
    return evaluation.results()


def jpegs(quality: int) -> object:
    def compress(pictures: Tensor) -> Tensor:
        left = []
        for picture in ((pictures + 1) * 127.5).round().byte().permute(0, 2, 3, 1).numpy():
            _, encoded = cv2.imencode(".jpg", picture[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, quality])
            left.append(torch.from_numpy(cv2.imdecode(encoded, cv2.IMREAD_COLOR)[..., ::-1].copy()))
        return torch.stack(left).permute(0, 3, 1, 2).float() / 127.5 - 1

    return compress


def test_what_loses_nothing_scores_as_the_truth(data: PictureFolder) -> None:
    found = results(data, lambda pictures: pictures)
    assert set(found) == {"ssim", "psnr", "l1", "hand_ssim"}
    for row in found.values():
        assert row["value"] == row["ground_truth"]
    assert found["ssim"]["jpeg"] < 1  # of the best quality that there is


def test_a_jpeg_is_beside_itself(data: PictureFolder) -> None:
    """A model that is a JPEG of a quality is as good as the baseline, which is of the same quality."""
    quality = QUALITIES[3]
    for row in results(data, jpegs(quality)).values():
        assert row["value"] == pytest.approx(row["jpeg"], abs=1e-6)
        assert f"JPEG of quality {quality}, " in row["protocol"]
        assert row["protocol"].startswith("256 numbers a picture")


def test_the_mean_picture_is_beside_itself_and_has_no_hands(data: PictureFolder) -> None:
    mean = mean_picture(data) * 2 - 1
    found = results(data, lambda pictures: mean.expand_as(pictures))
    for row in found.values():
        assert row["value"] == pytest.approx(row[MEAN], abs=1e-6)
    assert found["hand_ssim"]["value"] < 0.6


def test_hands_that_are_painted_over_cost_hand_ssim_more_than_ssim(data: PictureFolder) -> None:
    boxes = dict(zip(*named(data), strict=True))

    def without_hands(batch: object) -> Tensor:
        left = batch.images.clone()  # type: ignore[attr-defined]
        for picture, name in zip(left, batch.names, strict=True):  # type: ignore[attr-defined]
            for x, y, right, bottom in boxes[name]:
                picture[:, y:bottom, x:right] = 0
        return left

    evaluation = ReconstructionEvaluation(data, latent=256)
    for batch in data.test_dataloader():
        evaluation.update(batch, lambda pictures, batch=batch: without_hands(batch))
    found = evaluation.results()
    assert 2 * found["hand_ssim"]["value"] < found["ssim"]["value"]


def named(data: PictureFolder) -> tuple[list[str], list[list[tuple[int, int, int, int]]]]:
    names = [sample.name for sample in data.samples["test"]]
    return names, data.hands(names)


def test_pictures_that_are_not_finite_are_refused(data: PictureFolder) -> None:
    with pytest.raises(ValueError, match="not finite; did its training diverge"):
        results(data, lambda pictures: pictures / 0 * 0)
