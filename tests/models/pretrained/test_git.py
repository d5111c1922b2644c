"""GIT against the outputs that transformers recorded."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from data.text.tokenizer import START
from models.captioner import Captioner
from models.pretrained.families import read_run_config
from tests.helpers.pictures import PICTURES, check_reading
from utils.errors import UserError

FOLDER = Path(__file__).parents[2] / "fixtures" / "git"  # made by make_git.py there
START_THERE, END_THERE = 101, 102
# Ways of captioning in the recording; its captions have at most 15 tokens after the start.
WAYS = {
    "greedy": {"beam": 1, "max_length": 15},
    "beam": {"beam": 3, "max_length": 15, "length_penalty": 1.0, "early_stopping": "always"},
    "patient": {"beam": 3, "max_length": 15, "length_penalty": 1.0, "early_stopping": "usually"},
    "paper": {"beam": 4, "max_length": 15, "length_penalty": 0.6, "early_stopping": "always"},
    "configured": {"beam": 1, "max_length": 20},
}


@pytest.fixture(scope="module")
def captioner():
    return Captioner.load(f"hf:{FOLDER}")


@pytest.fixture(scope="module")
def recorded():
    return np.load(FOLDER / "expected.npz")


def to_ours(captioner, tokens):
    """Return their tokens (N, T) as ours; the first is the start."""
    numbers = {each: number for number, each in enumerate(captioner.tokenizer.pretrained_ids)}
    rows = [[numbers[token] for token in row] for row in tokens.tolist()]
    assert {row[0] for row in rows} == {START}
    return tf.constant(rows, tf.int32)


def to_theirs(captioner, logits):
    """Return logits (N, T, V) of our tokens in the order of theirs."""
    found = np.empty_like(logits)
    found[..., captioner.tokenizer.pretrained_ids] = logits
    return found


def test_pixels_and_encoder_states_equal_the_recording(captioner, recorded):
    encoder = captioner.encoder
    pixels = encoder.network.get_layer("normalise")(tf.cast(recorded["images"], tf.float32))
    found = pixels.numpy().transpose(0, 3, 1, 2)
    np.testing.assert_allclose(found, recorded["pixel_values"], atol=1e-5)
    states = encoder(recorded["images"])
    np.testing.assert_allclose(states, recorded["encoder_states"], atol=1e-4)
    assert (encoder.whole_vectors, encoder.grid, encoder.image_size) == (1, (4, 4), 32)


@pytest.mark.parametrize("picture", PICTURES, ids=lambda each: each.stem)
def test_photos_are_read_as_the_processor_reads_them(captioner, recorded, picture):
    check_reading(picture, captioner.reading, recorded["awkward_pixels"])


def test_logits_and_attention_equal_the_recording(captioner, recorded):
    states, tokens = recorded["encoder_states"], to_ours(captioner, recorded["tokens"])
    logits, attention = captioner.decoder(tf.constant(states), tokens)
    found = to_theirs(captioner, logits.numpy())
    np.testing.assert_allclose(found, recorded["logits"], atol=1e-4)
    np.testing.assert_allclose(attention, recorded["attention"], atol=1e-4)


def test_logits_of_every_step_equal_the_recording(captioner, recorded):
    tokens = to_ours(captioner, recorded["tokens"])
    decoder = captioner.decoder
    memory, state = decoder.begin(tf.constant(recorded["encoder_states"]), steps=8)
    for time in range(tokens.shape[1]):
        logits, state, _ = decoder.step(tokens[:, time], memory, state)
        found = to_theirs(captioner, logits.numpy())
        np.testing.assert_allclose(found, recorded["logits"][:, time], atol=1e-4)


@pytest.mark.parametrize("way", WAYS)
def test_captions_equal_the_recording(captioner, recorded, way):
    captions = captioner(list(recorded["images"]), **WAYS[way])
    wanted = json.loads((FOLDER / "text.json").read_text())["captions"][way]
    assert [caption.text for caption in captions] == wanted
    for caption in captions:
        assert caption.attention.shape == (len(caption.words), 16)
        np.testing.assert_allclose(caption.attention.sum(axis=1), 1, rtol=1e-5)
    scores = f"{way}_scores"
    if scores not in recorded:
        return
    penalty = WAYS[way]["length_penalty"]
    for caption, tokens, score in zip(
        captions, recorded[f"{way}_tokens"], recorded[scores], strict=True
    ):
        length = np.count_nonzero(tokens >= 0)
        log = np.log(caption.score) * length  # the score is the mean probability of a token
        assert log / length**penalty == pytest.approx(score, abs=1e-4)


def test_a_wide_photos_map_lies_in_its_middle(captioner):
    """Only the middle fifteenth of this photo is seen: 20 x 300 pixels."""
    caption = captioner(FOLDER.parent / "pictures" / "7_wide.png")
    assert caption.grid == (4, 4)
    columns = caption.attention.reshape(-1, 4, 4).sum(axis=(0, 1))
    assert columns[1] + columns[2] == pytest.approx(columns.sum())


def test_the_search_is_the_papers_unless_the_folder_says_otherwise(folder):
    names = ("beam", "length_penalty", "no_repeat", "max_length", "early_stopping", "allow_cut")

    def read():
        config = read_run_config(f"hf:{folder}")
        return [config[name] for name in names]

    assert read() == [4, 0.6, 0, 23, "usually", True]  # it has 24 positions
    change(folder, "generation_config.json", num_beams=2, max_length=9, length_penalty=2.0)
    assert read() == [2, 2.0, 0, 8, "usually", True]


@pytest.fixture
def folder(tmp_path):
    """A copy of the fixture that may be spoiled."""
    return shutil.copytree(FOLDER, tmp_path / "copy")


def change(folder, name, **values):
    file = folder / name
    file.write_text(json.dumps(json.loads(file.read_text()) | values))


@pytest.mark.parametrize(
    ("name", "values", "message"),
    [
        ("config.json", {"model_type": "bert"}, r"captioner .*GIT.*\(got 'bert'\)"),
        ("config.json", {"hidden_act": "relu"}, r"hidden_act must be 'gelu' \(got 'relu'\)"),
        ("config.json", {"num_image_with_embedding": 6}, "num_image_with_embedding must be None"),
        ("config.json", {"num_attention_heads": 3}, "hidden_size must be a multiple of"),
        ("config.json", {"num_hidden_layers": 4}, r"has no weights git\.encoder\.layer\.3"),
        ("config.json", {"intermediate_size": 33}, r"must have the shape .*33.* \(got"),
        ("config.json", {"vocab_size": 200}, "word pieces"),
        ("config.json", {"vision_config": None}, r"no settings of its vision_config"),
        ("preprocessor_config.json", {"crop_size": 48}, r"crop_size .* 32 \(got 48\)"),
        ("preprocessor_config.json", {"resample": 0}, r"resample .*\(got 0\)"),
    ],
)
def test_bad_settings_are_rejected_in_one_line(folder, name, values, message):
    change(folder, name, **values)
    with pytest.raises(UserError, match=message) as caught:
        Captioner.load(f"hf:{folder}").encoder  # noqa: B018
    assert "\n" not in str(caught.value)


def test_bad_weights_are_rejected_in_one_line(folder):
    from safetensors.numpy import load_file, save_file

    file = folder / "model.safetensors"
    whole = load_file(file)
    without = {name: array for name, array in whole.items() if name != "output.bias"}
    save_file(without, file)
    with pytest.raises(UserError, match=r"has no weights output\.bias"):
        Captioner.load(f"hf:{folder}")
    name = "git.encoder.layer.1.attention.self.key.weight"
    not_finite = whole[name].copy()
    not_finite[2, 3] = np.nan
    save_file(whole | {name: not_finite}, file)
    with pytest.raises(UserError, match=rf"{name} has values that are not finite"):
        Captioner.load(f"hf:{folder}")


def test_tied_weights_may_lack_the_output_layer(folder, captioner):
    from safetensors.numpy import load_file, save_file

    file = folder / "model.safetensors"
    arrays = load_file(file)
    del arrays["output.weight"]
    save_file(arrays, file)
    change(folder, "config.json", tie_word_embeddings=True)
    decoder = Captioner.load(f"hf:{folder}").decoder
    np.testing.assert_array_equal(decoder.output_vectors, decoder.embed.embeddings)
    shutil.copy(FOLDER / "model.safetensors", file)
    with pytest.raises(UserError, match="output layer of its own"):
        Captioner.load(f"hf:{folder}")


def test_a_vocabulary_of_another_network_is_rejected(folder):
    file = folder / "tokenizer.json"
    saved = json.loads(file.read_text(encoding="utf-8"))
    saved["model"]["vocab"]["more"] = 900
    file.write_text(json.dumps(saved), encoding="utf-8")
    with pytest.raises(UserError, match="word pieces"):
        Captioner.load(f"hf:{folder}")
