"""A ViT with GPT-2 goes back to Hugging Face's format as it came from there."""

import json
import re
import subprocess
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from safetensors.numpy import load_file

from benchmarks.peers import find_peer
from data.photos.reading import Reading
from data.text.tokenizer import END, START
from exporting.huggingface import write_model
from models.captioner import Captioner
from models.pretrained.families import WEIGHTS, read_run_config
from models.pretrained.vit_gpt2 import ViTGPT2
from tests.helpers.pictures import PICTURES
from tests.helpers.tiny_run import write_captioner_run
from utils.errors import UserError
from utils.runs import read_config

FIXTURES = Path(__file__).parents[1] / "fixtures"
ROOT = FIXTURES.parents[1]
FOLDERS = ("vit_gpt2", "vit_gpt2_projected", "deit_gpt2")


# What transformers makes itself, and a second copy of the word vectors.
NOT_WRITTEN = re.compile(
    r".*attn\.(masked_)?bias|.*attention\.(masked_)?bias|.*pooler.*|.*lm_head.*"
)


@pytest.fixture(scope="module")
def originals():
    """The captioner of each folder, and its settings."""
    runs = {name: f"hf:{FIXTURES / name}" for name in FOLDERS}
    return {
        name: (Captioner.load(run, engine="tensorflow"), read_run_config(run))
        for name, run in runs.items()
    }


@pytest.fixture(scope="module")
def exported(originals, tmp_path_factory):
    """A folder with what each captioner was written as, before tests change them."""
    folder = tmp_path_factory.mktemp("exported")
    for name, (captioner, config) in originals.items():
        write_model(captioner, config, folder / name)
    return folder


@pytest.fixture
def original(originals, exported):
    """A captioner that a test may change, and its settings."""
    captioner, config = originals["vit_gpt2"]
    decoder = captioner.decoder
    variables = (decoder.place, decoder.bias, decoder.embed.embeddings)
    values = [variable.numpy() for variable in variables]
    settings, reading = dict(captioner.settings), captioner.reading
    yield captioner, dict(config)
    captioner.settings, captioner.reading = settings, reading
    for variable, value in zip(variables, values, strict=True):
        variable.assign(value)


def train_invented(captioner):
    """Move the start away from the end, as training does."""
    vectors = captioner.decoder.embed.embeddings
    values = vectors.numpy()
    values[START] += np.linspace(-1, 1, values.shape[1])
    vectors.assign(values)


def read_json(file):
    return json.loads(file.read_text(encoding="utf-8"))


@pytest.mark.parametrize("name", FOLDERS)
def test_weights_come_back_bit_for_bit(exported, name):
    before = load_file(FIXTURES / name / "model.safetensors")
    before = {ViTGPT2().rename(weight): value for weight, value in before.items()}
    after = load_file(exported / name / "model.safetensors")
    missing = before.keys() - after.keys()
    assert all(NOT_WRITTEN.fullmatch(weight) for weight in missing), missing
    assert after.keys() <= before.keys()
    for weight, value in after.items():
        assert value.dtype == np.float32
        np.testing.assert_array_equal(value, before[weight], err_msg=weight)


@pytest.mark.parametrize("name", FOLDERS)
def test_settings_come_back(exported, name):
    before = read_run_config(f"hf:{FIXTURES / name}")
    after = read_run_config(f"hf:{exported / name}")
    for setting in WEIGHTS:
        del before[setting], after[setting]
    assert after == before


@pytest.mark.parametrize("name", FOLDERS)
def test_pixels_come_back(exported, name):
    before = ViTGPT2().read_encoder_sizes(FIXTURES / name)
    after = ViTGPT2().read_encoder_sizes(exported / name)
    for number in ("scale", "offset"):
        np.testing.assert_allclose(after.pop(number), before.pop(number), rtol=1e-7)
    assert after == before


def test_a_start_that_was_trained_keeps_its_meaning(original, tmp_path):
    captioner, config = original
    train_invented(captioner)
    write_model(captioner, config, tmp_path)
    again = Captioner.load(f"hf:{tmp_path}", engine="tensorflow")
    features = tf.random.stateless_normal([2, captioner.decoder.locations, 20], [1, 2])
    tokens = tf.constant([[START, 9, 8, 7], [START, 5, 6, 5]])
    wanted, _ = captioner.decoder(features, tokens)
    found, _ = again.decoder(features, tokens)
    np.testing.assert_allclose(found[..., END:], wanted[..., END:], atol=1e-5)


def test_a_search_of_ours_ends_at_the_latest_after_the_last_word(original, tmp_path):
    captioner, config = original
    captioner.settings |= {"allow_cut": False, "max_length": 9, "sample": True, "top_k": None}
    write_model(captioner, config, tmp_path)
    generation = read_json(tmp_path / "generation_config.json")
    assert generation["max_new_tokens"] == 10
    assert generation["forced_eos_token_id"] == generation["eos_token_id"]
    assert generation["do_sample"] and generation["top_k"] == 0


@pytest.mark.parametrize(
    ("reading", "processor", "size"),
    [
        (Reading("lanczos", "crop", 40, True), "CLIPImageProcessor", {"shortest_edge": 40}),
        (Reading(), "ViTImageProcessor", {"height": 32, "width": 32}),
    ],
)
def test_photos_are_read_as_they_are_here(original, tmp_path, reading, processor, size):
    captioner, config = original
    captioner.reading = reading
    write_model(captioner, config, tmp_path)
    settings = read_json(tmp_path / "preprocessor_config.json")
    assert settings["image_processor_type"] == processor
    assert settings["size"] == size
    assert settings["resample"] == {"lanczos": 1, "bilinear": 2}[reading.resample]
    assert settings["image_mean"] == settings["image_std"] == [0.5] * 3


def change_place(captioner, config):
    captioner.decoder.place.assign_add(0 * captioner.decoder.place + 0.01)


def change_bias(captioner, config):
    captioner.decoder.bias.assign_add(0 * captioner.decoder.bias + 0.01)


def pool(captioner, config):
    config["grid"] = 2


def crop(captioner, config):
    captioner.settings["crops"] = 2


@pytest.mark.parametrize(
    ("change", "value"),
    [
        (change_place, "--extra-weights none"),
        (change_bias, "--extra-weights none"),
        (pool, "--grid 2"),
        (crop, "got 2"),
    ],
)
def test_what_transformers_has_no_place_for_is_rejected(original, tmp_path, change, value):
    captioner, config = original
    change(captioner, config)
    with pytest.raises(UserError, match=value) as caught:
        write_model(captioner, config, tmp_path / "out")
    assert caught.value.status == 1
    assert not (tmp_path / "out").exists()


def test_a_run_of_another_kind_is_rejected(tmp_path):
    run = write_captioner_run(tmp_path / "run")
    captioner = Captioner.load(run, engine="tensorflow")
    with pytest.raises(UserError, match="got convnet"):
        write_model(captioner, read_config(run), tmp_path / "out")
    assert not (tmp_path / "out").exists()


CAPTION = """
import json, sys
from pathlib import Path
import torch
from PIL import Image
from transformers import AutoImageProcessor, AutoTokenizer, VisionEncoderDecoderModel
texts = {}
for folder in sys.argv[2:]:
    model = VisionEncoderDecoderModel.from_pretrained(folder).eval()
    processor = AutoImageProcessor.from_pretrained(folder, use_fast=False)
    tokenizer = AutoTokenizer.from_pretrained(folder)
    images = [Image.open(path).convert("RGB") for path in sys.argv[1].split(",")]
    pixels = processor(images, return_tensors="pt").pixel_values
    with torch.no_grad():
        tokens = model.generate(pixels)
    texts[folder] = tokenizer.batch_decode(tokens, skip_special_tokens=True)
print(json.dumps(texts))
"""


def caption_by_transformers(photos, folders):
    """Return the captions of photos by each folder; skip the test without transformers."""
    python = find_peer(str(ROOT / ".venv/peers/bin/python"))
    if python is None:
        pytest.skip("transformers is not installed; make peers")
    command = [python, "-c", CAPTION, ",".join(map(str, photos)), *folders]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    texts = json.loads(done.stdout.splitlines()[-1])
    return [[" ".join(text.split()) for text in texts[folder]] for folder in folders]


@pytest.mark.slow
def test_transformers_writes_the_same_captions(originals, original, exported, tmp_path):
    captioners = {str(exported / name): originals[name][0] for name in FOLDERS}
    photos = [picture for picture in PICTURES if not picture.stem.endswith(("alpha", "bits"))][:4]
    ours = [[each.text for each in captioner(photos)] for captioner in captioners.values()]
    captioner, config = original
    train_invented(captioner)
    write_model(captioner, config, tmp_path / "trained")
    captioners[str(tmp_path / "trained")] = captioner
    ours.append([each.text for each in captioner(photos)])
    assert caption_by_transformers(photos, captioners) == ours
