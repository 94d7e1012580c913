"""The page as a visitor meets it: text to video, what the zoo has, by mouse, by keyboard and on a telephone."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from app_visits import NARROW, PATIENCE, Visit

import zoo
from datamodules.media.video import read_video
from datamodules.poses.conversion import to_joints
from datamodules.poses.formats import read_pose
from zoo.app.page import HEAVY
from zoo.artefacts.artefact import starter_folder
from zoo.results.formatting import number
from zoo.spec.registry import list_models, list_pipelines

TEXT = "What is your name?"
PLAYED = """async () => {
    const video = document.querySelector("#translated video");
    video.muted = true;
    await video.play();
    await new Promise(done => setTimeout(done, 1000));
    return video.currentTime;
}"""


def said(visit: Visit, words: str) -> str:
    """The sentence with these words, once it is there."""
    found = visit.page.locator("[role=status], [role=alert]").filter(has_text=words)
    found.wait_for()
    return str(found.inner_text())


def downloaded(visit: Visit, button: str) -> Path:
    with visit.page.expect_download() as download:
        visit.page.get_by_role("button", name=button).click()
    assert download.value.suggested_filename == f"what-is-your-name{button.split()[-1]}"
    return Path(download.value.path())


@pytest.fixture(scope="module")
def visitor(visit: Callable[..., Visit]) -> Visit:
    """Somebody who had a sentence translated."""
    found = visit()
    found.page.get_by_label("Text").fill(TEXT)
    found.page.get_by_role("button", name="Translate", exact=True).click()
    said(found, "seconds of signing")
    found.page.locator("#translated video").wait_for()
    return found


@pytest.fixture(scope="module")
def telephone(visit: Callable[..., Visit]) -> Visit:
    return visit(NARROW)


class TestTranslate:
    def test_the_video_plays(self, visitor: Visit) -> None:
        assert visitor.page.evaluate(PLAYED) > 0.2

    def test_the_downloads_open_and_are_what_the_models_make(self, visitor: Visit) -> None:
        expected = zoo.load("asl-slp").translate(TEXT)
        pose = read_pose(downloaded(visitor, "Download .pose"))
        np.testing.assert_allclose(to_joints(pose), to_joints(expected), atol=1e-3)
        frames, fps = read_video(downloaded(visitor, "Download .mp4"))
        assert fps == pytest.approx(expected.body.fps)
        assert sum(1 for _ in frames) == len(expected.body.data)

    def test_takes_are_kept_to_compare(self, visitor: Visit) -> None:
        page = visitor.page
        first = page.locator("#translated video").get_attribute("src")
        page.get_by_role("radio", name="pix2pix").check()
        page.get_by_role("button", name="Translate", exact=True).click()
        page.get_by_role("radio", name=f"2: {TEXT} (asl-slp, pix2pix)").wait_for()
        assert page.locator("#translated video").get_attribute("src") != first
        page.get_by_role("radio", name=f"1: {TEXT} (asl-slp, drawing)").check()
        page.wait_for_function("src => document.querySelector('#translated video').src === src", arg=first)

    def test_a_slow_take_says_how_long_it_will_take_and_can_be_cancelled(self, visitor: Visit) -> None:
        page = visitor.page
        page.get_by_role("radio", name="signdiff-fast").check()
        page.get_by_label("Seed").fill("7")
        page.get_by_role("button", name="Translate", exact=True).click()
        page.get_by_text("seconds left").or_(page.get_by_text("minutes left")).wait_for()
        page.get_by_role("button", name="Cancel").click()
        said(visitor, "Cancelled.")
        page.get_by_role("radio", name="drawing", exact=True).check()
        page.get_by_label("Seed").wait_for(state="hidden")

    def test_who_leaves_keeps_nobody_waiting(self, visit: Callable[..., Visit]) -> None:
        for _ in range(HEAVY["concurrency_limit"]):
            page = visit().page
            page.get_by_label("Text").fill("My name is Anna. " * 20)  # minutes of work
            page.get_by_role("radio", name="signdiff-fast").check()
            page.get_by_role("button", name="Translate", exact=True).click()
            page.get_by_text("minutes left").wait_for()
            page.close()
        after = visit()
        after.page.get_by_role("button", name="Translate", exact=True).click()
        said(after, "seconds of signing")

    def test_a_model_without_weights_says_how_to_get_some(self, visitor: Visit) -> None:
        visitor.page.get_by_role("radio", name="asl-slp-phoenix14t").check()
        visitor.page.get_by_role("button", name="Translate", exact=True).click()
        assert "python -m zoo fit asl-slp-phoenix14t --starter" in said(visitor, "no starter weights")
        visitor.page.get_by_role("radio", name="asl-slp", exact=True).check()

    @pytest.mark.parametrize(("text", "why"), [("", "no text yet"), ("?!", "nothing to sign")])
    def test_a_text_without_words_is_answered_in_a_sentence(self, visitor: Visit, text: str, why: str) -> None:
        visitor.page.get_by_label("Text").fill(text)
        visitor.page.get_by_role("button", name="Translate", exact=True).click()
        said(visitor, why)

    def test_it_says_that_no_deaf_signer_reviewed_it(self, visitor: Visit) -> None:
        assert visitor.page.get_by_text("not reviewed by Deaf signers").is_visible()


@pytest.fixture
def shown(visitor: Visit) -> Any:
    """The page at the tab of the zoo."""
    visitor.tab("Zoo")
    visitor.page.get_by_role("heading", name="Models").wait_for()
    return visitor.page


class TestZoo:
    def test_all_models_and_pipelines_are_in_its_tables(self, shown: Any) -> None:
        cells = [text.strip() for text in shown.locator(".text td").all_inner_texts()]
        assert {*list_models(), *list_pipelines()} <= set(cells)

    def test_a_model_is_shown_with_scores_card_and_weights(self, shown: Any) -> None:
        folder = starter_folder("letter-gan")
        box = shown.get_by_label("Model", exact=True)
        box.click()
        box.fill("letter-gan")
        box.press("Enter")
        model = shown.locator("#model")
        model.get_by_role("heading", name="letter-gan", exact=True).wait_for()
        text = model.inner_text()
        assert "comes with the package" in text
        assert "python -m zoo fit letter-gan" in text
        for key, row in json.loads((folder / "results.json").read_text()).items():
            assert model.get_by_role("row").filter(has_text=key).filter(has_text=number(row["value"])).count()
        model.get_by_text("Model card of letter-gan").click()
        assert model.get_by_role("heading", name="Uses", exact=True).is_visible()
        assert model.get_by_role("img").first.evaluate("picture => picture.naturalWidth") > 0

    def test_one_without_weights_says_how_to_train_it(self, shown: Any) -> None:
        box = shown.get_by_label("Model", exact=True)
        box.click()
        box.fill("asl-slp-phoenix14t")
        box.press("Enter")
        shown.locator("#model").get_by_text("python -m zoo fit asl-slp-phoenix14t --starter").wait_for()


class TestEverybodyCanUseIt:
    @pytest.mark.parametrize("tab", ["Translate", "Zoo"])
    def test_axe_finds_nothing_serious(self, visitor: Visit, tab: str) -> None:
        visitor.tab(tab)
        visitor.page.get_by_role("tab", name=tab, selected=True).wait_for()
        assert not visitor.violations()

    def test_nor_does_it_in_the_dark(self, visitor: Visit) -> None:
        visitor.tab("Translate")
        visitor.page.evaluate("document.body.classList.add('dark')")
        assert not visitor.violations()
        visitor.page.evaluate("document.body.classList.remove('dark')")

    @pytest.mark.parametrize("tab", ["Translate", "Zoo"])
    def test_a_telephone_scrolls_one_way(self, telephone: Visit, tab: str) -> None:
        telephone.tab(tab)
        assert not telephone.overflows()

    def test_a_keyboard_is_enough(self, telephone: Visit) -> None:
        telephone.tab("Translate")
        page = telephone.page
        page.get_by_label("Text").focus()
        page.keyboard.press("Control+a")
        page.keyboard.type("Yes")
        reached: list[str] = []
        while "Translate" not in reached and len(reached) < 10:
            page.keyboard.press("Tab")
            reached.append(page.evaluate("document.activeElement.textContent").strip())
        assert "Translate" in reached
        page.keyboard.press("Enter")
        assert "seconds of signing" in said(telephone, "seconds of signing")
        page.get_by_role("button", name="Download .pose").wait_for(timeout=PATIENCE)
