"""The licence of what is published: the strictest of its sources', refused where there is none."""

from dataclasses import replace
from typing import Any

import pytest

import zoo
from datamodules.catalogue import CATALOGUE
from zoo.card.licences import ALIASES, BASE_MODELS, LICENCES, Licence, licence_of
from zoo.spec.classes import named_class
from zoo.spec.registry import shipped_folder
from zoo.spec.spec import read

SD, VJEPA = "CompVis/stable-diffusion-v1-4", "facebook/vjepa2-vitg-fpc64-256"
RESEARCH = {"license": "other", "license_name": "research-only"}
RESEARCH = {"license": "other", "license_name": "research-only"}
TWIN = {"size": 10, "seed": 0, "signers": 1}


def licence(data: str, base: str | None = None, twin: Any = None, **card: str) -> Licence:
    return licence_of({"base_model": base}, {"data": {"name": data, "twin": twin}}, card)


@pytest.mark.parametrize(
    ("data", "base", "expected"),
    [
        ("how2sign", None, "cc-by-nc-4.0"),
        ("how2sign", VJEPA, "cc-by-nc-4.0"),
        ("phoenix14t", VJEPA, "cc-by-nc-sa-3.0"),
        ("asl-alphabet", None, "gpl-2.0"),
        ("wlasl", VJEPA, "c-uda"),
    ],
)
def test_the_strictest_of_its_sources(data: str, base: str | None, expected: str) -> None:
    found = licence(data, base)
    assert found.identifier == expected
    assert f"{CATALOGUE[data].title}: {CATALOGUE[data].terms}" in found.terms
    assert CATALOGUE[data].title in found.why
    assert found.link.startswith("https://")


def test_terms_without_a_text_are_read_where_they_are_imposed() -> None:
    """At the home of what imposes them, whatever else the model was trained on or builds on."""
    base = {"name": "older", "run": "0", "repo_id": "me/x", "data": None, "base_model": None, **RESEARCH}
    for data in ({"name": "how2sign", "twin": None}, {"name": "how2sign", "twin": TWIN}):
        found = licence_of({"base_model": VJEPA}, {"data": data, "base_model": base})
        assert (found.name, found.link) == ("research-only", "https://huggingface.co/me/x")
    assert licence("how2sign", VJEPA, **RESEARCH).link == CATALOGUE["how2sign"].home
    ours = {"name": "ours", "licence": "research-only", "twin": None}
    assert licence_of({"base_model": VJEPA}, {"data": ours}).link == ""


def test_where_none_covers_all_they_hold_together() -> None:
    found = licence("how2sign", SD)
    assert (found.identifier, found.name) == ("other", "creativeml-openrail-m-and-cc-by-nc-4.0")
    assert [term.partition(":")[0] for term in found.terms] == [SD, "How2Sign"]
    assert licence("how2sign", SD, license="other", license_name=found.name) == found


def test_the_avatars_twin_is_free_whatever_the_data_set() -> None:
    found = licence("asl-alphabet", twin=TWIN)
    assert found.identifier == "mit"
    assert found.terms == ("The signing avatar's twin of ASL Alphabet: Synthetic, and free to use under MIT.",)
    assert licence("rwth-boston50", VJEPA, TWIN).identifier == "apache-2.0"


@pytest.mark.parametrize(
    ("data", "base", "both"),
    [
        ("asl-alphabet", SD, ("GNU GPL 2.0", "CreativeML Open RAIL-M")),
        ("asl-alphabet", VJEPA, ("GNU GPL 2.0", "Apache 2.0")),
        ("phoenix14t", SD, ("CC BY-NC-SA 3.0", "CreativeML Open RAIL-M")),
    ],
)
def test_what_cannot_be_satisfied_together_is_refused_by_name(data: str, base: str, both: tuple[str, str]) -> None:
    with pytest.raises(ValueError, match="no licence satisfies them together") as refused:
        licence(data, base)
    assert all(name in str(refused.value) for name in (*both, CATALOGUE[data].title, base))


def test_gpl_and_non_commercial_are_refused() -> None:
    with pytest.raises(ValueError, match=r"GNU GPL 2\.0 asks .* own terms, and CC BY-NC 4\.0 does not allow that"):
        licence("how2sign", license="other", license_name="gpl-2.0-and-cc-by-nc-4.0")


def test_a_later_version_of_a_share_alike_licence_serves() -> None:
    assert licence("phoenix14t", license="cc-by-nc-sa-4.0").identifier == "cc-by-nc-sa-4.0"


class TestDeclared:
    def test_a_stricter_one_holds_and_says_so(self) -> None:
        found = licence("how2sign", license="cc-by-nc-sa-4.0")
        assert found.identifier == "cc-by-nc-sa-4.0"
        assert found.why == "its spec declares cc-by-nc-sa-4.0; CC BY-NC 4.0 of How2Sign would allow cc-by-nc-4.0"
        assert found.terms[0].startswith("CC BY-NC-SA 4.0: ")

    @pytest.mark.parametrize(
        ("data", "base", "declared", "needed"),
        [
            ("how2sign", None, "mit", "`license: cc-by-nc-4.0` or a stricter one"),
            ("how2sign", None, "gpl-2.0", "`license: cc-by-nc-4.0` or a stricter one"),
            ("asl-alphabet", None, "cc-by-nc-4.0", "`license: gpl-2.0`"),
            ("how2sign", SD, "cc-by-nc-4.0", "`license_name: creativeml-openrail-m-and-cc-by-nc-4.0`"),
            ("how2sign", SD, "creativeml-openrail-m", "`license_name: creativeml-openrail-m-and-cc-by-nc-4.0`"),
        ],
    )
    def test_a_laxer_one_is_refused(self, data: str, base: str | None, declared: str, needed: str) -> None:
        with pytest.raises(ValueError, match=f"declares {declared}, but .*{CATALOGUE[data].title}") as refused:
            licence(data, base, license=declared)
        assert needed in str(refused.value)

    def test_its_own_link_is_kept(self) -> None:
        card = {"license": "other", "license_name": "c-uda", "license_link": "https://github.com/dxli94/WLASL"}
        found = licence("wlasl", **card)
        assert (found.identifier, found.link) == ("c-uda", card["license_link"])

    def test_other_must_say_which(self) -> None:
        with pytest.raises(ValueError, match="license_name must say which"):
            licence("how2sign", license="other")


@pytest.mark.parametrize(
    ("data", "base", "card", "expected"),
    [
        (
            "how2sign",
            "someone/model",
            {},
            "base model someone/model: .* enter it in BASE_MODELS of zoo/card/licences.py",
        ),
        (
            "rwth-boston50",
            None,
            {},
            "RWTH-BOSTON-50: .* enter `licence` of .* in datamodules/catalogue.py",
        ),
        ("how2sing", None, {}, "data set 'how2sing': .*did you mean 'how2sign'.* datamodules/catalogue.py"),
        ("how2sign", None, {"license": "cc-by-nd-4.0"}, "card.license of the spec: licence 'cc-by-nd-4.0' is unknown"),
    ],
)
def test_what_is_unknown_is_named_with_where_to_enter_it(
    data: str, base: str | None, card: dict[str, str], expected: str
) -> None:
    with pytest.raises(ValueError, match=expected):
        licence(data, base, **card)


def test_an_unknown_licence_of_a_data_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(CATALOGUE, "how2sign", replace(CATALOGUE["how2sign"], licence="WTFPL"))
    with pytest.raises(ValueError, match=r"How2Sign, datamodules/catalogue\.py: licence 'WTFPL' is unknown"):
        licence("how2sign")


def test_the_tables_agree() -> None:
    assert {*BASE_MODELS.values(), *ALIASES.values()} <= set(LICENCES)
    assert all(item.link.startswith("https://") for key, item in LICENCES.items() if key != "research-only")
    assert list(LICENCES) == sorted(LICENCES, key=lambda key: LICENCES[key].rank)
    assert all(same in LICENCES for item in LICENCES.values() for same in item.same)


@pytest.mark.parametrize("name", zoo.list_models())
def test_every_spec_declares_a_licence_that_its_data_and_base_model_allow(name: str) -> None:
    spec = read(shipped_folder() / f"{name}.yaml")
    dataset = named_class(spec["data"]["class_path"], "data").dataset
    card = {key: value for key, value in spec["card"].items() if key.startswith("license")}
    if CATALOGUE[dataset].licence is None:
        with pytest.raises(ValueError, match="its licence is unknown"):
            licence(dataset, **card)
    else:
        assert licence(dataset, spec["card"].get("base_model"), **card).identifier


@pytest.mark.parametrize("name", zoo.list_models())
def test_what_the_avatar_taught_is_free_whatever_the_spec_declares(name: str) -> None:
    card = read(shipped_folder() / f"{name}.yaml")["card"]
    declared = {key: value for key, value in card.items() if key.startswith("license")}
    assert licence("how2sign", twin=TWIN, **declared).identifier == "mit"
