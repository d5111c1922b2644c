"""Pretrained weights against outputs that transformers recorded, and KerasHub's networks."""

import json
import re
import shlex
import shutil
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf

from data.text.gpt2 import GPT2Tokenizer, read_vocabulary
from models.captioner import Captioner
from models.encoders.encoder import Encoder
from models.pretrained import keras_hub_presets, loading
from models.pretrained.families import read_run_config
from models.pretrained.folder import Weights
from models.pretrained.vit_gpt2 import ViTGPT2
from tests.helpers.pictures import PICTURES, check_reading
from utils.errors import UsageError, UserError

FIXTURES = Path(__file__).parents[2] / "fixtures"  # made by make_vit_gpt2.py there
FOLDERS = ("vit_gpt2", "vit_gpt2_projected", "deit_gpt2")


class Recorded:
    """A folder's captioner, and what transformers made of the same pictures."""

    def __init__(self, name):
        self.folder = FIXTURES / name
        self.captioner = Captioner.load(f"hf:{self.folder}")
        self.of = np.load(self.folder / "expected.npz")
        self.text = json.loads((self.folder / "text.json").read_text(encoding="utf-8"))
        self.tokenizer = self.captioner.tokenizer

    def ours(self, tokens):
        """Tokens (N, T) of GPT-2, which begin with its mark, as tokens here."""
        return tf.constant(
            [[2, *map(self.tokenizer.from_gpt2_id, row[1:])] for row in tokens.tolist()], tf.int32
        )

    def theirs(self, logits):
        """Logits (N, T, V) of tokens here in the order of GPT-2's."""
        found = np.empty((*logits.shape[:2], logits.shape[2] - 3), np.float32)
        found[..., self.tokenizer.pretrained_ids[3:]] = logits[..., 3:]
        return found


@pytest.fixture(scope="module", params=FOLDERS)
def recorded(request):
    return Recorded(request.param)


def test_pixels_and_encoder_states_equal_the_recording(recorded):
    encoder = recorded.captioner.encoder
    normalise = encoder.network.get_layer("normalise")
    pixels = normalise(tf.cast(recorded.of["images"], tf.float32)).numpy()
    np.testing.assert_allclose(pixels.transpose(0, 3, 1, 2), recorded.of["pixel_values"], atol=1e-5)
    np.testing.assert_allclose(
        encoder(recorded.of["images"]), recorded.of["encoder_states"], atol=1e-4
    )
    assert (encoder.grid, encoder.image_size) == ((4, 4), 32)
    assert encoder.whole_vectors == recorded.of["encoder_states"].shape[1] - 16


@pytest.mark.parametrize("picture", PICTURES, ids=lambda each: each.stem)
def test_photos_are_read_as_the_processor_reads_them(recorded, picture):
    reading = recorded.captioner.reading
    most = 0
    if reading.fit == "squeeze_and_crop":
        most = 1  # Pillow 13, with which this was recorded, rounds two pictures otherwise
    check_reading(picture, reading, recorded.of["awkward_pixels"], most)


def test_logits_and_attention_equal_the_recording(recorded):
    tokens, states = recorded.of["tokens"], recorded.of["encoder_states"]
    logits, attention = recorded.captioner.decoder(tf.constant(states), recorded.ours(tokens))
    np.testing.assert_allclose(recorded.theirs(logits.numpy()), recorded.of["logits"], atol=1e-4)
    np.testing.assert_allclose(
        attention, recorded.of["cross_attention_layers"].mean(axis=0), atol=1e-4
    )
    assert (logits.numpy()[..., :3] < -1e8).all()  # what GPT-2 does not know is never said


def test_biases_of_keys_are_loaded(recorded):
    arrays = Weights(recorded.folder, ViTGPT2().rename)
    block = recorded.captioner.decoder.blocks[1]
    for layer, name in ((block.self_attention, "attn"), (block.cross_attention, "crossattention")):
        key = np.split(
            arrays[f"decoder.transformer.h.1.{name}.c_attn.bias"], 3 if name == "attn" else 2
        )[-2]
        np.testing.assert_array_equal(layer.key_dense.bias.numpy().reshape(-1), key)
    bias = (
        recorded.captioner.encoder.network.get_layer("transformer_block_2")
        .mha.key_dense.bias.numpy()
        .reshape(-1)
    )
    names = (
        "encoder.encoder.layer.1.attention.attention.key.bias",
        "encoder.layers.1.attention.k_proj.bias",
    )
    np.testing.assert_array_equal(bias, next(arrays[name] for name in names if name in arrays))


@pytest.mark.parametrize(
    ("how", "changes"),
    [
        ("beam", {}),
        ("repeating", {"no_repeat": 0}),
        ("unpenalised", {"length_penalty": 1.0}),
        ("greedy", {"beam": 1, "no_repeat": 0}),
    ],
)
def test_captions_equal_the_recording(recorded, how, changes):
    """The recorded search has beam 4, length penalty 2 and no repeated 3-gram."""
    captions = recorded.captioner(list(recorded.of["images"]), **changes)
    assert [caption.text for caption in captions] == recorded.text["captions"][how]
    assert captions[0].attention.shape == (len(captions[0].words), 16)
    for caption in captions:  # the class token's share is left out
        np.testing.assert_allclose(caption.attention.sum(axis=1), 1, rtol=1e-5)


def test_max_length_beyond_the_positions_is_rejected(recorded):
    with pytest.raises(
        UserError,
        match=r"--max-length must be at most (31|23) .*\(got 32\)",
    ):
        recorded.captioner(recorded.of["images"][0], max_length=32)


def test_scores_of_beams_equal_the_recording(recorded):
    """HF ranks by log-probability / length², the end token counted."""
    captions = recorded.captioner(list(recorded.of["images"]))
    for caption, tokens, score in zip(
        captions, recorded.of["beam_tokens"], recorded.of["beam_scores"], strict=True
    ):
        length = np.count_nonzero(tokens >= 0)
        assert np.log(caption.score) / length == pytest.approx(score, abs=1e-4)


def test_the_folders_search_overrides_the_usual_one():
    says, silent = (
        read_run_config(f"hf:{FIXTURES / name}") for name in ("vit_gpt2_projected", "vit_gpt2")
    )
    assert {name: says[name] for name in ("beam", "length_penalty", "no_repeat", "max_length")} == {
        "beam": 4,
        "length_penalty": 2.0,
        "no_repeat": 3,
        "max_length": 15,
    }
    assert (silent["length_penalty"], silent["no_repeat"]) == (2.0, 3)


def said(folder, name, **values):
    file = folder / name
    file.write_text(json.dumps(json.loads(file.read_text()) | values))


def test_generation_settings_are_kept_even_zeros(folder):
    said(
        folder,
        "generation_config.json",
        num_beams=1,
        length_penalty=0.0,
        no_repeat_ngram_size=0,
        max_new_tokens=7,
    )
    config = read_run_config(f"hf:{folder}")
    names = ("beam", "length_penalty", "no_repeat", "max_length", "sample")
    assert [config[name] for name in names] == [1, 0.0, 0, 7, False]
    said(folder, "generation_config.json", do_sample=True, temperature=0.7, top_p=0.9)
    config = read_run_config(f"hf:{folder}")
    assert [config[name] for name in ("sample", "temperature", "top_k", "top_p")] == [
        True,
        0.7,
        50,
        0.9,
    ]


def test_pixels_stay_unscaled_if_the_folder_says_so(folder):
    said(folder, "preprocessor_config.json", do_normalize=False, do_rescale=False)
    sizes = ViTGPT2().read_encoder_sizes(folder)
    assert (sizes["scale"], sizes["offset"]) == ([1.0] * 3, [0.0] * 3)


def test_other_boundary_tokens_than_gpt2s_are_rejected(folder):
    said(folder, "generation_config.json", eos_token_id=3, decoder_start_token_id=4)
    with pytest.raises(UserError, match=r"must start and end with .*, 299 \(got \[3, 4\]\)"):
        Captioner.load(f"hf:{folder}")


def test_a_vocabulary_of_other_weights_is_rejected(folder):
    pieces = json.loads((folder / "vocab.json").read_text(encoding="utf-8"))
    (folder / "vocab.json").write_text(json.dumps(pieces | {"more": len(pieces)}), encoding="utf-8")
    with pytest.raises(
        UserError, match=r"hf:.* must have word vectors for the 301 pieces .*\(got 300\)"
    ):
        Captioner.load(f"hf:{folder}")


def test_texts_have_the_recorded_tokens(recorded):
    assert len(recorded.text["sentences"]) > 9
    for sentence in recorded.text["sentences"]:
        assert recorded.tokenizer.encode_gpt2_ids(sentence["text"]) == sentence["tokens"]


def test_the_vocabulary_is_equal_in_one_file_and_in_two(tmp_path):
    shutil.copy(FIXTURES / "vit_gpt2_projected" / "tokenizer.json", tmp_path)
    assert read_vocabulary(tmp_path) == read_vocabulary(FIXTURES / "vit_gpt2_projected")


@pytest.fixture
def folder(tmp_path):
    """A copy of the first folder that may be spoiled."""
    return shutil.copytree(FIXTURES / "vit_gpt2", tmp_path / "copy")


def changed(folder, half, **values):
    file = folder / "config.json"
    said = json.loads(file.read_text())
    (said[half] if half else said).update(values)
    file.write_text(json.dumps(said))


@pytest.mark.parametrize(
    ("half", "values", "message"),
    [
        (
            None,
            {"model_type": "bert"},
            r"must hold a captioner that is known here: .*ViT with GPT-2.*\(got 'bert'\)",
        ),
        (
            "encoder",
            {"model_type": "swin"},
            r"the encoder's model_type must be 'vit' or 'deit' \(got 'swin'\)",
        ),
        (
            "decoder",
            {"model_type": "bart"},
            r"the decoder's model_type must be 'gpt2' \(got 'bart'\)",
        ),
        (
            "decoder",
            {"activation_function": "relu"},
            r"activation_function must be 'gelu_new' or .*\(got 'relu'\)",
        ),
        (
            "decoder",
            {"add_cross_attention": False},
            r"add_cross_attention must be True \(got False\)",
        ),
        ("decoder", {"n_embd": 16}, "has no weights enc_to_dec_proj"),
        ("encoder", {"num_hidden_layers": 3}, "has no weights encoder.encoder.layer.2"),
        (
            "encoder",
            {"image_size": 33},
            r"config\.json: image_size must be a multiple of patch_size, 8 \(got 33\)$",
        ),
        (
            "decoder",
            {"n_positions": "32"},
            r"config\.json: n_positions must be at least 1 \(got '32'\)$",
        ),
        ("decoder", {"n_head": 3}, r"n_embd must be a multiple of n_head, 3 \(got 20\)$"),
        (None, {"encoder": None}, r"config\.json has no settings of its encoder"),
    ],
)
def test_unsupported_models_are_rejected_by_setting(folder, half, values, message):
    changed(folder, half, **values)
    with pytest.raises(UserError, match=message):
        Captioner.load(f"hf:{folder}").encoder  # noqa: B018


def test_a_pickle_is_rejected_with_a_command_to_convert_it(folder):
    (folder / "model.safetensors").rename(folder / "pytorch_model.bin")
    program = f"M.from_pretrained('{folder}').save_pretrained('{folder}')"
    line = re.escape(shlex.quote(program)[1:])  # as a shell reads it
    with pytest.raises(
        UserError,
        match=f"(?s)a pickle.*not opened here.*pip install torch transformers.*python -c .*{line}",
    ):
        Captioner.load(f"hf:{folder}")
    (folder / "pytorch_model.bin").unlink()
    with pytest.raises(UserError, match=r"has no model\.safetensors: its weights are missing"):
        Captioner.load(f"hf:{folder}")


@pytest.mark.parametrize(
    ("file", "content", "message"),
    [
        ("config.json", "{", r"config\.json cannot be read"),
        ("config.json", "[]", "is not a JSON object"),
        ("model.safetensors", "cut short", r"model\.safetensors cannot be read"),
        ("vocab.json", "{", "are not a GPT-2 vocabulary"),
    ],
)
def test_damaged_files_are_rejected_by_name(folder, file, content, message):
    (folder / file).write_text(content)
    with pytest.raises(UserError, match=message):
        Captioner.load(f"hf:{folder}")


def test_missing_and_wrong_folders_are_rejected(tmp_path):
    with pytest.raises(
        UserError,
        match=r"no folder '.*gone'; hf: needs the folder of a captioner",
    ):
        Captioner.load(f"hf:{tmp_path}/gone")
    with pytest.raises(UserError, match=r"has no config\.json: it is not a Hugging Face model"):
        Captioner.load(f"hf:{tmp_path}")
    with pytest.raises(UserError, match=r"no folder ''; hf:"):
        Captioner.load("hf:")
    with pytest.raises(
        UserError, match=r"vit_gpt2 is a Hugging Face model, not a run; name it as hf:/.*/vit_gpt2$"
    ):
        Captioner.load(FIXTURES / "vit_gpt2")
    assert Captioner.load(f"HF:{FIXTURES / 'vit_gpt2'}").grid == (4, 4)


def test_weights_in_several_files_are_read(folder):
    from safetensors.numpy import load_file, save_file

    whole = load_file(folder / "model.safetensors")
    (folder / "model.safetensors").unlink()
    parts = {
        name: f"model-0000{1 + place % 2}-of-00002.safetensors"
        for place, name in enumerate(sorted(whole))
    }
    for file in set(parts.values()):
        save_file({name: whole[name] for name in parts if parts[name] == file}, folder / file)
    (folder / "model.safetensors.index.json").write_text(json.dumps({"weight_map": parts}))
    found = Weights(folder, ViTGPT2().rename)
    assert found.keys() == whole.keys()
    np.testing.assert_array_equal(
        found["decoder.transformer.wte.weight"], whole["decoder.transformer.wte.weight"]
    )


def test_word_vectors_have_either_name_and_are_the_output_layer(folder):
    from safetensors.numpy import load_file, save_file

    arrays = load_file(folder / "model.safetensors")
    assert np.array_equal(
        arrays["decoder.lm_head.weight"], arrays["decoder.transformer.wte.weight"]
    )
    vectors = arrays.pop("decoder.transformer.wte.weight")
    save_file(arrays, folder / "model.safetensors")
    rows = Captioner.load(f"hf:{folder}").decoder.embed.embeddings.numpy()[
        4:
    ]  # under the other name alone
    np.testing.assert_array_equal(rows, vectors[:-1])
    save_file(
        arrays | {"decoder.transformer.wte.weight": vectors + 1}, folder / "model.safetensors"
    )
    with pytest.raises(UserError, match=r"an output layer of its own, decoder\.lm_head"):
        Captioner.load(f"hf:{folder}")


VOCABULARY = {piece: number for number, piece in enumerate(["a", "<|endoftext|>", "b", "Ġ", "ab"])}


@pytest.fixture(scope="module")
def presets(tmp_path_factory):
    """Folders of tiny KerasHub presets: GPT-2, and ViT with and without image converter."""
    import keras_hub

    folder = tmp_path_factory.mktemp("presets")
    keras.utils.set_random_seed(3)
    gpt2 = keras_hub.models.GPT2Backbone(5, 2, 2, 8, 24, max_sequence_length=12)
    vit = keras_hub.models.ViTBackbone((32, 32, 3), (16, 16), 2, 2, 8, 16)
    for backbone in (gpt2, vit):
        for weight in backbone.weights:
            weight.assign(weight + keras.random.normal(weight.shape, stddev=0.3))
    gpt2.save_to_preset(folder / "gpt2")
    keras_hub.models.GPT2Tokenizer(vocabulary=VOCABULARY, merges=["a b"]).save_to_preset(
        folder / "gpt2"
    )
    vit.save_to_preset(folder / "vit")
    vit.save_to_preset(folder / "scaled")
    keras_hub.layers.ViTImageConverter(
        image_size=(32, 32), scale=0.5, offset=(-1, -2, -3)
    ).save_to_preset(folder / "scaled")
    yield folder, gpt2, vit
    keras_hub_presets._load_gpt2.cache_clear()


def test_a_gpt2_preset_gives_kerashubs_logits(presets):
    """Without the photo, whose part is taken out, the logits are those of KerasHub's GPT-2."""
    from models.decoders import build_decoder

    folder, gpt2, _ = presets
    weights = str(folder / "gpt2")
    assert keras_hub_presets.load_vocabulary(weights) == (VOCABULARY, ["a b"])
    sizes = loading.find_decoder_sizes(weights)
    assert sizes == {
        "units": 8,
        "layers": 2,
        "heads": 2,
        "inner": 24,
        "positions": 12,
        "epsilon": 1e-5,
    }
    tokenizer = GPT2Tokenizer(VOCABULARY, ["a b"])
    decoder = build_decoder(
        "transformer", seed=0, vocabulary=len(tokenizer), locations=3, depth=6, dropout=0.1, **sizes
    )
    loading.load_decoder_weights(decoder, weights, tokenizer.pretrained_ids)
    for block in decoder.blocks:
        block.cross_attention.output_dense.kernel.assign(
            tf.zeros_like(block.cross_attention.output_dense.kernel)
        )
    tokens = tokenizer.encode("ab b a")[:-1]
    there = np.array([[tokenizer.pretrained_ids[token] for token in tokens]])
    states = gpt2({"token_ids": there, "padding_mask": np.ones_like(there)})
    wanted = tf.matmul(states, gpt2.token_embedding.embeddings, transpose_b=True).numpy()[0]
    logits, _ = decoder(tf.random.stateless_normal([1, 3, 6], [1, 2]), tf.constant([tokens]))
    np.testing.assert_allclose(logits[0, :, 3:], wanted[:, tokenizer.pretrained_ids[3:]], atol=1e-4)


@pytest.mark.parametrize(
    ("name", "scale", "offset"), [("vit", 1 / 127.5, [-1, -1, -1]), ("scaled", 0.5, [-1, -2, -3])]
)
def test_a_vit_preset_gives_kerashubs_features(presets, name, scale, offset):
    folder, _, vit = presets
    encoder = Encoder("vit_b16", weights=str(folder / name))
    pixels = np.random.default_rng(0).integers(0, 256, (2, 32, 32, 3), dtype=np.uint8)
    np.testing.assert_allclose(encoder(pixels), vit(pixels * scale + np.array(offset)), atol=1e-4)
    fingerprint = encoder.fingerprint()
    assert (fingerprint["grid"], fingerprint["whole"], fingerprint["depth"]) == ([2, 2], 1, 8)
    assert fingerprint["sizes"]["offset"] == offset
    pooled = Encoder("vit_b16", weights=str(folder / name), grid=1)(pixels)
    wanted = encoder(pixels)
    np.testing.assert_allclose(pooled[:, 0], wanted[:, 0], atol=1e-5)
    np.testing.assert_allclose(pooled[:, 1], wanted[:, 1:].mean(axis=1), atol=1e-5)


def test_wrong_presets_are_rejected_with_a_remedy(presets, tmp_path):
    folder, *_ = presets
    with pytest.raises(
        UsageError, match="unknown preset of GPT2 'gpt2_bas_en'; did you mean 'gpt2_base_en'"
    ):
        loading.find_decoder_sizes("gpt2_bas_en")
    with pytest.raises(
        UsageError, match="unknown preset of ViT 'vit_base'; did you mean 'vit_base_patch"
    ):
        Encoder("vit_b16", weights="vit_base")
    with pytest.raises(UserError, match="holds no KerasHub preset of GPT2"):
        loading.find_decoder_sizes(str(folder / "vit"))
    with pytest.raises(UserError, match="holds no KerasHub preset of ViT"):
        Encoder("vit_b16", weights=str(tmp_path))
    with pytest.raises(UserError, match="no file or folder /gone/away with weights of ViT"):
        Encoder("vit_b16", weights="/gone/away")
    with pytest.raises(
        UserError,
        match=r"no file or folder gone\.weights\.h5 with weights of ViT",
    ):
        Encoder("vit_b16", weights="gone.weights.h5")
    with pytest.raises(UsageError, match=r"--image-size must be a multiple of 16, .*\(got 230\)"):
        Encoder("vit_b16", weights="none", image_size=230)
    with pytest.raises(UsageError, match=r"--image-size must be 32 for the weights .*\(got 64\)"):
        Encoder("vit_b16", weights=str(folder / "vit"), image_size=64)


@pytest.mark.parametrize(
    ("kind", "name", "message"),
    [
        (
            "GPT2",
            "gpt2_base_en",
            "--decoder-weights FOLDER .*hf:FOLDER .*--decoder-weights none .*, or --dataset scenes",
        ),
        (
            "ViT",
            "vit_base_patch16_224_imagenet",
            "--weights FOLDER .*hf:FOLDER .*another --encoder, or --dataset scenes",
        ),
    ],
)
def test_a_failed_download_names_alternatives(monkeypatch, kind, name, message):
    import keras_hub

    def fails(*_, **__):
        raise ConnectionError("no way out")

    monkeypatch.setattr(getattr(keras_hub.models, f"{kind}Backbone"), "from_preset", fails)
    with pytest.raises(
        UserError, match=rf"the preset {name} could not be downloaded \(no way out\); use {message}"
    ):
        keras_hub_presets.load_preset(kind, name)
