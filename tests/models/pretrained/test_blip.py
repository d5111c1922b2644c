"""BLIP against outputs that transformers recorded."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from safetensors.numpy import load_file, save_file

from data.photos.images import read_photo
from data.photos.reading import Reading
from data.text.tokenizer import END, START
from models.captioner import Captioner
from models.encoders.encoder import Encoder
from models.pretrained.families import read_run_config
from utils.errors import UserError

FOLDER = Path(__file__).parents[2] / "fixtures" / "blip"  # made by make_blip.py there
RUN = f"hf:{FOLDER}"
SEARCH = {"beam": 3, "length_penalty": 1.0, "early_stopping": "usually"}
# As in make_blip.py, by our names. Hugging Face's lengths count the start, too.
WAYS = {
    "greedy": {},  # as the folder says
    "beam": SEARCH,
    "wide": SEARCH | {"beam": 5},
    "penalised": SEARCH | {"length_penalty": 2.0},
    "hasty": SEARCH | {"length_penalty": 2.0, "early_stopping": "always"},
    "patient": SEARCH | {"length_penalty": 2.0, "early_stopping": "never"},
    "unrepeating": SEARCH | {"no_repeat": 2},
    "long": SEARCH | {"min_length": 8},
    "short": SEARCH | {"max_length": 4},
}
PROMPTED = ("greedy", "beam", "wide", "penalised", "unrepeating")


@pytest.fixture(scope="module")
def captioner():
    return Captioner.load(RUN, engine="tensorflow")


@pytest.fixture(scope="module")
def recorded():
    return np.load(FOLDER / "expected.npz")


@pytest.fixture(scope="module")
def text():
    return json.loads((FOLDER / "text.json").read_text(encoding="utf-8"))


def find_tokens(tokenizer, numbers):
    """Return tokens here of BLIP's numbers; one may be special by several names."""
    tokens = {number: token for token, number in enumerate(tokenizer.pretrained_ids)}
    return np.vectorize(tokens.__getitem__)(numbers)


def test_pixels_and_encoder_states_equal_the_recording(captioner, recorded):
    encoder = captioner.encoder
    normalise = encoder.network.get_layer("normalise")
    pixels = normalise(tf.cast(recorded["images"], tf.float32)).numpy()
    np.testing.assert_allclose(pixels.transpose(0, 3, 1, 2), recorded["pixel_values"], atol=1e-5)
    states = encoder(recorded["images"])
    np.testing.assert_allclose(states, recorded["encoder_states"], atol=1e-4)
    assert (encoder.whole_vectors, encoder.grid, encoder.image_size) == (1, (4, 4), 32)
    assert encoder.reading == {"resample": "bicubic", "is_exact": True}


def test_openvino_equals_tensorflow(recorded):
    pytest.importorskip("openvino")
    encoder = Encoder("vit_b16", weights=RUN, engine="openvino")
    states = encoder(recorded["images"])
    np.testing.assert_allclose(states, recorded["encoder_states"], atol=1e-3)


def test_logits_and_attention_equal_the_recording(captioner, recorded):
    """At every step, by teacher forcing."""
    tokenizer = captioner.tokenizer
    tokens = find_tokens(tokenizer, recorded["tokens"])
    states = tf.constant(recorded["encoder_states"])
    logits, attention = captioner.decoder(states, tf.constant(tokens, tf.int32))
    wanted = recorded["logits"][..., tokenizer.pretrained_ids]
    np.testing.assert_allclose(logits, wanted, atol=1e-4)
    np.testing.assert_allclose(attention, recorded["attention"], atol=1e-5)


@pytest.mark.parametrize("way", [*WAYS, *(f"prompted_{way}" for way in PROMPTED)])
def test_captions_equal_the_recording(captioner, recorded, text, way):
    changes = dict(WAYS[way.removeprefix("prompted_")])
    if way.startswith("prompted_"):
        changes["prompt"] = text["prompt"]
    captions = captioner(list(recorded["images"]), **changes)
    assert [caption.text for caption in captions] == text["captions"][way]
    for caption in captions:
        assert caption.attention.shape == (len(caption.words), 16)
        np.testing.assert_allclose(caption.attention.sum(axis=1), 1, rtol=1e-5)


@pytest.mark.parametrize("way", ["beam", "penalised", "short", "prompted_beam"])
def test_scores_of_beams_equal_the_recording(captioner, recorded, text, way):
    """Hugging Face's are log-probability / length ** penalty, without the prompt."""
    changes = dict(WAYS[way.removeprefix("prompted_")])
    start = 1
    if way.startswith("prompted_"):
        changes["prompt"] = text["prompt"]
        start += len(captioner.tokenizer.encode_prompt(text["prompt"]))
    captions = captioner(list(recorded["images"]), **changes)
    lengths = (recorded[f"{way}_tokens"] >= 0).sum(axis=1) - start
    rows = zip(captions, recorded[f"{way}_tokens"], recorded[f"{way}_scores"], strict=True)
    for length, (caption, tokens, score) in zip(lengths, rows, strict=True):
        if tokens[start + length - 1] == 0:
            continue  # padding of a caption that was cut
        power = changes["length_penalty"] - 1
        assert np.log(caption.score) / length**power == pytest.approx(score, abs=1e-4)


def test_the_folder_describes_the_search():
    config = read_run_config(RUN)
    expected = {
        "beam": 1,
        "length_penalty": 1.0,
        "no_repeat": 0,
        "max_length": 11,
        "min_length": 1,
        "allow_cut": True,
        "early_stopping": "usually",
        "sample": False,
        "decoder": "bert",
        "tokenizer": "wordpiece",
    }
    assert {name: config[name] for name in expected} == expected
    assert config["fingerprint"] == {
        "grid": [4, 4],
        "depth": 20,
        "whole": 1,
        "image_size": 32,
        "reading": {"resample": "bicubic", "is_exact": True},
    }


def test_a_generation_config_overrides_the_description(folder):
    settings = {"num_beams": 4, "early_stopping": "never", "min_length": 5, "max_new_tokens": 7}
    (folder / "generation_config.json").write_text(json.dumps(settings))
    config = read_run_config(f"hf:{folder}")
    names = ("beam", "early_stopping", "min_length", "max_length", "length_penalty")
    assert [config[name] for name in names] == [4, "never", 4, 7, 1.0]


def test_texts_have_the_recorded_tokens(captioner, text):
    tokenizer = captioner.tokenizer
    assert len(text["sentences"]) > 9
    for sentence in text["sentences"]:
        tokens = tokenizer.encode_prompt(sentence["text"])
        assert [tokenizer.pretrained_ids[token] for token in tokens] == sentence["tokens"]
        if "[UNK]" in sentence["text"] or 1 in sentence["tokens"]:
            continue  # transformers drops the unknown token, and here it is shown
        words = [word.text for word in tokenizer.decode([START, *tokens, END])]
        assert tokenizer.join_words(words) == sentence["decoded"]


# Transparent parts are white here and dropped there; 16-bit grey is reduced to 8 bits here and cut
# at 255 there.
DIFFERENT_ON_PURPOSE = ("alpha.png", "grey16.png")


@pytest.mark.parametrize("name", sorted(path.name for path in (FOLDER / "pictures").iterdir()))
def test_awkward_pictures_are_read_as_recorded(recorded, name):
    reading = Reading(**read_run_config(RUN)["fingerprint"]["reading"])
    pixels = read_photo(FOLDER / "pictures" / name, (32, 32), reading)
    difference = np.abs(pixels.astype(int) - recorded[f"picture_{name}"]).max()
    if name in DIFFERENT_ON_PURPOSE:
        assert difference > 100
    else:
        assert difference <= 1  # of 255; versions of Pillow round otherwise


@pytest.fixture
def folder(tmp_path):
    """A copy of the model that a test may change."""
    return shutil.copytree(FOLDER, tmp_path / "copy")


def change_config(folder, half=None, **values):
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    part = config if half is None else config[half]
    part |= values
    (folder / "config.json").write_text(json.dumps(config), encoding="utf-8")


def change_weights(folder, **changes):
    weights = load_file(folder / "model.safetensors")
    for name, change in changes.items():
        full_name = next(each for each in weights if each.endswith(name.replace("__", ".")))
        value = change(weights.pop(full_name))
        if value is not None:
            weights[full_name] = value
    save_file(weights, folder / "model.safetensors")


@pytest.mark.parametrize(
    ("half", "values", "message"),
    [
        (None, {"model_type": "blip-2"}, r"must hold a captioner .* \(got 'blip-2'\)"),
        (
            None,
            {"architectures": ["BlipForQuestionAnswering"]},
            r"BlipForConditionalGeneration \(got BlipForQuestionAnswering\)",
        ),
        ("text_config", {"hidden_act": "relu"}, r"text_config's hidden_act must be 'gelu'"),
        ("text_config", {"num_attention_heads": 5}, r"hidden_size must be a multiple of"),
        ("text_config", {"bos_token_id": None}, r"the token start, 30522, is not among 152"),
        ("text_config", {"sep_token_id": 9}, r"the token end, 9, is the piece 'b'"),
        ("vision_config", {"model_type": "clip"}, r"model_type must be 'blip_vision_model'"),
        (None, {"vision_config": None}, r"has no settings of its vision_config"),
    ],
)
def test_unsupported_models_are_rejected_by_setting(folder, half, values, message):
    change_config(folder, half, **values)
    with pytest.raises(UserError, match=message):
        Captioner.load(f"hf:{folder}")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"predictions__bias": lambda _: None, "decoder__bias": lambda _: None}, "has no weights"),
        ({"1__crossattention__self__key__weight": lambda _: None}, "has no weights text_decoder"),
        ({"transform__dense__weight": lambda value: value[:, :-1]}, "must have the shape"),
        ({"transform__dense__bias": lambda value: value + np.nan}, "values that are not finite"),
        ({"predictions__decoder__weight": lambda value: value + 1}, "two different weights"),
    ],
)
def test_bad_weights_are_rejected_by_name(folder, changes, message):
    change_weights(folder, **changes)
    with pytest.raises(UserError, match=message):
        Captioner.load(f"hf:{folder}")


def test_a_qkv_of_another_size_is_rejected(folder):
    change_weights(folder, layers__0__self_attn__qkv__weight=lambda value: value[:-3])
    with pytest.raises(UserError, match="must have the shape"):
        Captioner.load(f"hf:{folder}").encoder  # noqa: B018


def test_a_vocabulary_of_another_model_is_rejected(folder):
    (folder / "tokenizer.json").unlink()
    with (folder / "vocab.txt").open("a", encoding="utf-8") as file:
        file.write("one\ntwo\nthree\n")
    with pytest.raises(UserError, match="153 word pieces do not fit 152 word vectors"):
        Captioner.load(f"hf:{folder}")


def test_weights_of_one_name_suffice(folder):
    """Transformers 5 writes word vectors and bias once."""
    only_once = {"predictions__decoder__weight": lambda _: None, "decoder__bias": lambda _: None}
    change_weights(folder, **only_once)
    decoder = Captioner.load(f"hf:{folder}").decoder
    found = load_file(folder / "model.safetensors")
    vectors = found["text_decoder.bert.embeddings.word_embeddings.weight"]
    np.testing.assert_array_equal(decoder.embed.embeddings[4], vectors[2])
