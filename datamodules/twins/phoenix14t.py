"""The twin of PHOENIX14T as Progressive Transformers prepared it: `{train,dev,test}.{skels,text,gloss,files}`."""

from pathlib import Path

from datamodules.poses.formats import write_skels
from datamodules.twins.poses import FIRST, SPLITS, all_signed, spoken, write_lines
from datamodules.twins.signers import Twin


def write(root: Path, twin: Twin) -> None:
    """All splits; the text is English, being the avatar's."""
    for split in SPLITS:
        sentences = spoken(split, twin)
        write_lines(root / f"{split}.text", [sentence.text for sentence in sentences])
        write_lines(root / f"{split}.gloss", [" ".join(sentence.glosses) for sentence in sentences])
        numbers = range(FIRST[split], FIRST[split] + len(sentences))
        write_lines(root / f"{split}.files", [f"{split}/avatar-{number}" for number in numbers])
        write_skels(root / f"{split}.skels", all_signed(split, twin))
