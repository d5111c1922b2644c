"""Write true captions of scenes by grammar, in English and Korean, and note their claims."""

from __future__ import annotations

import random
from collections.abc import Sequence

from data.scenes.caption_writer import Caption, CaptionWriter
from data.scenes.english_captions import EnglishWriter
from data.scenes.facts import Fact
from data.scenes.korean_captions import KoreanWriter

_WRITERS: dict[str, type[CaptionWriter]] = {"en": EnglishWriter, "ko": KoreanWriter}


def write_captions(
    facts: Sequence[Fact], language: str, seed: int, number: int = 5
) -> list[Caption]:
    """Return captions of a scene with these facts, of 4 to 20 words each.

    No two are equal but for capitals, commas and full stops.
    """
    rng = random.Random(f"captions {language} {seed}")
    writer_class = _WRITERS[language]
    captions: dict[str, Caption] = {}
    while len(captions) < number:
        caption = writer_class(facts, rng).write()
        if 4 <= len(caption.text.split()) <= 20:
            key = caption.text.lower().replace(",", "").rstrip(".")
            captions.setdefault(key, caption)
    return list(captions.values())
