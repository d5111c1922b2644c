"""Which folders are CLIP models with a text half, and what their settings mean."""

import json
import shutil
from pathlib import Path

import pytest

from models.pretrained.clip_text import check_clip, read_end, read_text_sizes
from utils.errors import UserError

FIXTURES = Path(__file__).parents[2] / "fixtures"


@pytest.fixture
def folder(tmp_path):
    return shutil.copytree(FIXTURES / "clip", tmp_path / "copy")


def change(folder, half=None, **values):
    """Change settings in config.json; None removes one."""
    file = folder / "config.json"
    config = json.loads(file.read_text())
    part = config if half is None else config[half]
    for name, value in values.items():
        part[name] = value
        if value is None:
            del part[name]
    file.write_text(json.dumps(config))


def test_a_model_with_both_halves_is_accepted():
    check_clip(FIXTURES / "clip")


@pytest.mark.parametrize("name", ["siglip", "dinov2", "git"])
def test_another_kind_of_model_is_rejected_by_name(name):
    with pytest.raises(UserError, match=rf"^--clip .*text tower.*\(got .*'{name}'\)$"):
        check_clip(FIXTURES / name)


def test_a_vision_tower_alone_is_rejected(folder):
    change(folder, model_type="clip_vision_model")
    with pytest.raises(UserError, match=r"text tower.*\(got .*'clip_vision_model'\)$"):
        check_clip(folder)


@pytest.mark.parametrize(
    ("half", "values", "message"),
    [
        (None, {"text_config": None}, "no settings of its text_config"),
        ("text_config", {"hidden_act": "relu"}, r"text_config's hidden_act .*\(got 'relu'\)"),
        ("text_config", {"hidden_size": 0}, r"hidden_size must be at least 1 \(got 0\)"),
        ("text_config", {"num_attention_heads": 5}, r"hidden_size must be a multiple .* 5"),
        ("vision_config", {"hidden_act": "relu"}, r"vision_config's hidden_act"),
    ],
)
def test_unsupported_settings_are_rejected_by_name(folder, half, values, message):
    change(folder, half, **values)
    with pytest.raises(UserError, match=message):
        check_clip(folder)


def test_settings_that_are_not_there_are_openai_s(folder):
    config = {"model_type": "clip", "text_config": {}, "vision_config": {}}
    (folder / "config.json").write_text(json.dumps(config))
    assert read_text_sizes(folder) == {
        "vocabulary": 49408,
        "positions": 77,
        "units": 512,
        "layers": 12,
        "heads": 8,
        "inner": 2048,
        "activation": "quick_gelu",
        "epsilon": 1e-5,
        "projection": 512,
    }
    assert read_end(folder) == 49407


def test_the_old_end_token_means_the_highest_number(folder):
    assert read_end(folder) == 599
    change(folder, "text_config", eos_token_id=2)
    assert read_end(folder) is None
