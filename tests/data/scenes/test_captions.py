"""Captions that are written of scenes."""

import pytest

from data.scenes.captions import write_captions
from data.scenes.dataset import LANGUAGES, caption_scene
from data.scenes.facts import find_claims, is_true
from data.scenes.scores import score_claims
from tests.helpers.scenes import compose_scenes


def test_five_different_captions_in_each_language():
    for scene in compose_scenes(0, 400):
        for language in LANGUAGES:
            texts = caption_scene(scene, language)
            assert len({text.lower().rstrip(".") for text in texts}) == 5
            assert all(4 <= len(text.split()) <= 20 for text in texts)


@pytest.mark.parametrize("language", ["en", "ko"])
def test_captions_claim_their_meaning_and_are_true(language):
    for scene in compose_scenes(1000, 1400):
        for caption in write_captions(scene.facts, language, scene.seed):
            assert find_claims(caption.text, language) == caption.claims, caption.text
            plain = caption.text.lower().replace(",", "").replace(".", "")
            assert find_claims(plain, language) == caption.claims, plain
            assert all(is_true(claim, scene.facts) for claim in caption.claims), caption.text


@pytest.mark.parametrize("language", ["en", "ko"])
def test_captions_claim_most_facts(language):
    texts, facts = [], []
    for scene in compose_scenes(2000, 2200):
        for text in caption_scene(scene, language):
            texts.append(text)
            facts.append(scene.facts)
    precision, recall = score_claims(texts, facts, language)
    assert precision == 1
    assert 0.5 < recall < 0.8
