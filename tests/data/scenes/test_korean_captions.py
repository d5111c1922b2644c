"""Korean grammar of captions."""

import pytest

from data.scenes.korean_captions import add_particle


@pytest.mark.parametrize(
    ("word", "particles", "expected"),
    [
        ("말", "이/가", "말이"),
        ("새", "이/가", "새가"),
        ("연", "은/는", "연은"),
        ("버스", "은/는", "버스는"),
        ("집", "과/와", "집과"),
        ("나무", "과/와", "나무와"),
        ("공", "을/를", "공을"),
        ("개 두 마리", "이/가", "개 두 마리가"),
        ("남자 한 명", "이/가", "남자 한 명이"),
        ("배 한 척", "은/는", "배 한 척은"),
    ],
)
def test_particles_suit_the_last_syllable(word, particles, expected):
    assert add_particle(word, particles) == expected
