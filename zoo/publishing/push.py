"""`python -m zoo push`: a measured model, built, opened again elsewhere, linted, then one commit on the Hub."""

import sys
from pathlib import Path
from typing import Any

import yaml

from zoo.artefacts.importing import is_import
from zoo.artefacts.resolve import finished
from zoo.card.licences import licence_of
from zoo.files import read_json
from zoo.publishing.build import build, place, refuse_personal
from zoo.publishing.imported import imported_records
from zoo.publishing.prose import keep_edits, seal
from zoo.publishing.publish import Shipment, publish, refuse_without_token
from zoo.spec.hub_reference import REPO
from zoo.spec.registry import MODEL_NAME, list_trained, locate
from zoo.spec.spec import read


def push(target: str, repo: str | None, private: bool, pull_request: bool, dry_run: bool) -> None:
    """Publish the artefact of a model's last finished run, or of a folder, and print what to pin in its spec.

    Args:
        target: a model's name, or the folder of a run, an artefact or an import.
        repo: user/name of the repository; None for `hub.repo_id` of the spec.
        private: make the repository private, if it is new.
        pull_request: open a pull request instead of committing.
        dry_run: stop before the network, and leave the folder.

    Raises:
        ValueError: what is not finished, not measured, not licensed, not what the run gives, or not documented; and
            whatever keeps the Hub from taking it. The Hub then holds what it held.
    """
    from zoo.artefacts.artefact import open_artefact
    from zoo.card import check, write
    from zoo.loaders.config import read_config
    from zoo.publishing.reload_check import prove

    source = finished(target)
    spec, provenance = _records(source, dry_run or repo is not None)
    name = str(spec["name"])
    repo_id = _repository(spec, provenance, repo, dry_run)
    if not dry_run:
        refuse_without_token()
    _say(f"{name}, run {provenance['run']}, from {source}")
    if provenance.get("code", {}).get("dirty"):
        _say("trained by a checkout with uncommitted changes: provenance.json says so, and its commit is not the code")
    licence = licence_of(read_config(source), provenance, spec.get("card"))
    _say(f"licence {licence.name}: {licence.why}")
    loader = open_artefact(source)
    folder = place(source, name)
    keep_edits(folder, source, _say)
    sums = build(source, loader, folder)
    write(folder, repo_id)
    seal(folder)
    refuse_personal(folder)
    _say(f"opening {folder} in a fresh process")
    apart = prove(loader, folder)
    _say("it gives what the run gives" + (f", to {apart:.1g} of the largest value" if apart else ", to the bit"))
    if problems := check(folder):
        raise ValueError("\n".join([f"{folder}: its card keeps it from being published", *map(str, problems)]))
    _say("its card is good")
    if dry_run:
        _print_dry(folder, licence.name, licence.why, sums)
        return
    assert repo_id is not None
    shipment = Shipment(folder, repo_id, f"Publish {name}, run {provenance['run']}", f"cards/{name}.md")
    done = publish(shipment, private, pull_request, _say)
    if not done.new:
        print(f"already there {done.url}")
    elif done.pull_request is not None:
        print(f"pull request {done.pull_request} {done.url}")
    else:
        print(f"published {done.url}")
    if done.pull_request is None:
        print(pin(repo_id, done.revision, sums))


def pin(repo_id: str, revision: str, sums: dict[str, str]) -> str:
    """The `hub` section that makes a spec open exactly this."""
    return yaml.safe_dump({"hub": {"repo_id": repo_id, "revision": revision, "sha256": sums}}, sort_keys=False).rstrip()


def _records(source: Path, addressed: bool) -> tuple[dict[str, Any], dict[str, Any]]:
    """Spec and provenance of an artefact that can be published. Raises ValueError that says what it lacks."""
    if is_import(source):
        return imported_records(source, addressed)
    for name, remedy in (
        ("spec.yaml", "only the folder of a run, or one that `import` made, can be published"),
        ("provenance.json", "only the folder of a run, or one that `import` made, can be published"),
        ("results.json", f"it was not measured yet; `python -m zoo test {source}` does it"),
    ):
        if not (source / name).is_file():
            raise ValueError(f"{source}: no {name}; {remedy}")
    if not read_json(source / "results.json"):
        raise ValueError(f"{source / 'results.json'}: it holds no score; `python -m zoo test {source}` measures")
    spec, provenance = read(source / "spec.yaml"), read_json(source / "provenance.json")
    if not MODEL_NAME.fullmatch(str(spec.get("name"))):
        raise ValueError(f"{source / 'spec.yaml'}: name: found {spec.get('name')!r}, expected words joined by '-'")
    data, code = provenance.get("data"), provenance.get("code")
    named = isinstance(data, dict) and isinstance(data.get("name"), str) and "twin" in data
    if "run" not in provenance or not named or not isinstance(code, dict):
        raise ValueError(
            f"{source / 'provenance.json'}: expected `run`, `code`, `data.name` and `data.twin`, as runs have"
        )
    fingerprint = str(provenance["data"].get("fingerprint"))
    for key, row in read_json(source / "results.json").items():
        if isinstance(row, dict) and not fingerprint.startswith(str(row.get("data", ""))):
            raise ValueError(
                f"{source / 'results.json'}: {key}: of other data ({row['data']}) than the run's; "
                f"`python -m zoo test {source}` measures it"
            )
    return spec, provenance


def _repository(spec: dict[str, Any], provenance: dict[str, Any], given: str | None, dry_run: bool) -> str | None:
    """Where to push: what the user says, or the spec; None for a dry run that needs none. Raises ValueError."""
    name = spec["name"]
    if given is not None:
        if not REPO.fullmatch(given):
            raise ValueError(f"--repo: found {given!r}, expected USER/NAME")
        return given
    if provenance["data"]["twin"]:
        if dry_run:
            return None
        raise ValueError(
            f"{name}: trained on the signing avatar's twin, which goes to no repository by itself, lest it be taken "
            "for the recipe on real data; name one with --repo USER/NAME"
        )
    declared = (spec.get("hub") or {}).get("repo_id")
    shipped = next((shipped for shipped in list_trained() if Path(shipped).name == name), None)
    if declared is None and shipped is not None:  # entered in the spec since the run was started
        declared = (read(locate(shipped)).get("hub") or {}).get("repo_id")
    if declared is None and not dry_run:
        raise ValueError(f"{name}: hub.repo_id of its spec is not set; enter USER/NAME there, or give --repo USER/NAME")
    return declared


def _print_dry(folder: Path, licence: str, why: str, sums: dict[str, str]) -> None:
    print(f"built {folder}, published nothing")
    print(f"licence {licence}: {why}")
    print("\n".join(f"{value}  {file}" for file, value in sums.items()))


def _say(line: str) -> None:
    print(f"zoo: {line}", file=sys.stderr, flush=True)
