"""Each measurement at toy size: what it counts is right."""

import importlib
import itertools
import json
import re
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import keras
import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from benchmarks import __main__ as everything
from benchmarks import (
    decoders,
    decoding,
    extraction,
    first_caption,
    made_up,
    measuring,
    memory,
    near_duplicates,
    scaling,
    training,
    tutorial,
)
from benchmarks.measuring import Given, Row, measured, table
from config import ATTENTIONS
from data.feature_cache import FeatureCache
from data.photos.hashes import PhotoHashes
from data.photos.images import read_photo, save_picture
from data.text.tokenizer import END, START
from tests.helpers.scripts import ROOT, typed
from utils.errors import UserError


def test_reading_counts_all_captions_and_photos(tmp_path):
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "benchmarks.reading",
            "--photos",
            "12",
            "--json",
            tmp_path / "found.json",
        ],
        capture_output=True,
        text=True,
        cwd=ROOT,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    found = json.loads((tmp_path / "found.json").read_text())
    assert {what: each["count"] for what, each in found.items()} == {
        "captions read, COCO's JSON": 60,
        "captions read, a table": 60,
        "photos hashed, the first time": 12,
        "photos hashed, again": 12,
        "photos looked at, the first time": 12,
        "photos looked at, again": 12,
    }
    assert all(each["seconds"] >= 0 and 10 < each["megabytes"] < 1000 for each in found.values())
    assert (
        f"| captions read, a table | 60 | {found['captions read, a table']['seconds']:.1f} |"
        in done.stdout
    )


def test_altered_photos_are_found_and_others_are_not(tmp_path):
    random = np.random.default_rng(0)
    for number in range(3):
        pixels = random.integers(0, 256, (9, 12, 3), np.uint8)
        save_picture(
            np.asarray(Image.fromarray(pixels).resize((120, 90))), tmp_path / f"{number}.jpg"
        )
    with Image.open(tmp_path / "0.jpg") as photo:
        photo.resize((80, 60)).save(tmp_path / "again.png")
    done = typed(near_duplicates, tmp_path, "--altered", "2")
    lines = done.out.splitlines()
    assert lines[0] == "| copies of 2 photos | found |"
    assert lines[2 : 2 + len(near_duplicates.ALTERED) - 1] == [
        f"| {name} | 100.0% |" for name in list(near_duplicates.ALTERED)[:-1]
    ]
    assert lines[-2:] == ["1 of 6 pairs of 4 photos are taken for the same", "  0.jpg  again.png"]


@pytest.fixture
def uncompiled():
    """At toy size it is sooner done so."""
    tf.config.run_functions_eagerly(True)
    yield
    tf.config.run_functions_eagerly(False)


def test_every_decoder_learns_from_all_captions_of_a_step(tmp_path, uncompiled, monkeypatch):
    sizes = decoders.Sizes(side=2, depth=3, vocabulary=9, words=2, batch=13, steps=2)
    (features, tokens), again = sizes.epoch(0)
    assert (features.shape, features.dtype, tokens.shape, sizes.captions) == (
        (2, 4, 3),
        np.float16,
        (10, 4),
        10,
    )
    assert (
        (tokens[:, 0] == START).all()
        and (tokens[:, -1] == END).all()
        and (tokens[:, 1:3] > END).all()
    )
    assert again[1] is tokens
    toy, turns = {"units": 8, "embedding": 8, "attention_units": 4}, []
    monkeypatch.setattr(
        decoders,
        "turn",
        lambda trainer, turn=decoders.turn: turns.append(turn(trainer)) or turns[-1],
    )
    found = decoders.run(sizes, 2, tmp_path, **toy)
    ways = [
        f"{decoder}, {attention}" for decoder in ATTENTIONS for attention in ATTENTIONS[decoder]
    ]
    assert list(found) == ways
    assert [len(turn) for turn in turns] == [2] * 3 * len(
        ways
    )  # of two steps each, the first of which are not counted
    for place, (what, each) in enumerate(found.items()):
        seconds = np.median(turns[len(ways) + place] + turns[2 * len(ways) + place])
        assert each == pytest.approx(
            {
                "seconds": seconds,
                "captions_per_second": 10 / seconds,
                "ratio": found["gru, soft"]["seconds"] / seconds,
            }
        ), what


def test_decoders_are_told_with_their_default_sizes(monkeypatch):
    def run(sizes, rounds, folder):
        asked.append(
            (sizes.side, sizes.depth, sizes.vocabulary, sizes.words, sizes.captions, rounds)
        )
        assert folder.is_dir()
        return {
            "gru, soft": {"seconds": 0.2, "captions_per_second": 300.0, "ratio": 1.0},
            "luong, dot": {"seconds": 0.1, "captions_per_second": 600.0, "ratio": 2.0},
        }

    asked = []
    monkeypatch.setattr(decoders, "run", run)
    typed(decoders, "--vocabulary", "500")
    done = typed(decoders, "--rounds", "3")
    assert asked == [(8, 1280, 500, 12, 60, 5), (8, 1280, 5000, 12, 60, 3)]
    assert done.status == 0
    assert done.out.splitlines()[2:] == [
        "| gru, soft | 200 | 300 | 1.00 |",
        "| luong, dot | 100 | 600 | 2.00 |",
    ]


TICKING = """
import pathlib, time
import numpy as np
from benchmarks.measuring import script
from utils.errors import UserError

def measure(name, log, kept):
    if name == "refused":
        raise UserError(f"no weights in {log}")

    def turn():
        with open(log, "a") as file:
            file.write(name)
        print("not an answer")
        held = np.ones(kept, np.uint8) if name == "a" else None
        mapped = np.memmap(log + ".bytes", np.uint8, "r")
        total = int(mapped.sum())
        time.sleep(0.05)
        done.append(1)
        return {"total": total, "done": len(done)} | ({"seconds": [3.0, 1.0, 2.0][len(done) - 1]} if name == "a" else {})
    done = []
    return turn

MEASURES = {name: lambda name=name, **given: measure(name, **given) for name in ("a", "b", "refused")}
script("", None, None, MEASURES)
"""


def test_measures_take_turns_in_processes_of_their_own(tmp_path, monkeypatch):
    (tmp_path / "ticking.py").write_text(TICKING)
    monkeypatch.setenv("PYTHONPATH", f"{tmp_path}:{ROOT}")
    log = tmp_path / "log"
    Path(f"{log}.bytes").write_bytes(b"\1" * 60_000_000)
    found = measured("ticking", ["a", "b"], 3, log=str(log), kept=90_000_000)
    assert log.read_text() == "ababab"
    a, b = found["a"], found["b"]
    assert (a["seconds"], a["turns"], a["total"], a["done"]) == (
        2.0,
        [3.0, 1.0, 2.0],
        60_000_000,
        3,
    )
    assert 0.05 <= b["seconds"] < 1
    assert b["seconds"] == np.median(b["turns"])
    # Both map the file's 60 MB; the 90 MB that one holds are anonymous.
    assert 85 < a["anonymous_megabytes"] - b["anonymous_megabytes"] < 95
    assert b["megabytes"] > b["anonymous_megabytes"] + 60


def test_what_a_measure_dies_of_is_told(tmp_path):
    with pytest.raises(RuntimeError, match=r"(?s)read failed:.*no dataset at .*nowhere"):
        measured("benchmarks.reading", ["read"], 1, path=str(tmp_path / "nowhere"), more="")


def test_what_a_measure_refuses_is_refused(tmp_path, monkeypatch):
    (tmp_path / "ticking.py").write_text(TICKING)
    monkeypatch.setenv("PYTHONPATH", f"{tmp_path}:{ROOT}")
    with pytest.raises(UserError, match=r"^no weights in \[\]$"):
        measured("ticking", ["refused"], 1, log=[], kept=0)


def test_a_table_says_what_is_reached():
    assert table(
        [
            Row("speed", "3 a second"),
            Row("times", "4.9", "at least 5", False, 1234.4),
            Row("share", "80 %", "at least 75 %", True),
        ]
    ).splitlines() == [
        "| what | measured | wanted | reached | peak MB |",
        "| --- | --- | --- | --- | --- |",
        "| speed | 3 a second |  |  |  |",
        "| times | 4.9 | at least 5 | **no** | 1,234 |",
        "| share | 80 % | at least 75 % | yes |  |",
    ]


def test_a_measurement_alone_is_a_script(tmp_path):
    def run(folder, given):
        assert folder.is_dir()
        return {
            "ratio": given.rounds,
            "given": [given.toy, given.photos, given.weights, given.layer],
        }

    script = SimpleNamespace(
        __name__="alone",
        main=lambda: measuring.script(
            "", run, lambda found: [Row("ratio", str(found["ratio"]))], {}
        ),
    )
    weights = tmp_path / "file"
    weights.touch()
    done = typed(
        script,
        "--rounds",
        "3",
        "--layer",
        "mixed8",
        "--weights",
        weights,
        "--json",
        tmp_path / "found.json",
    )
    assert (done.status, done.out.splitlines()[-1]) == (0, "| ratio | 3 |  |  |  |")
    assert json.loads((tmp_path / "found.json").read_text()) == {
        "ratio": 3,
        "given": [False, None, str(weights), "mixed8"],
    }
    for words, told in {
        ("--rounds", "0"): "--rounds is at least 1, not 0",
        (
            "--weights",
            "/nope",
        ): "no weights file /nope; --weights is none, imagenet, or a .weights.h5 file",
        ("--photos", "/nope"): "no folder /nope; --photos names one with JPEG files",
        ("--json", "/"): "--json wants a file, and / is a folder",
    }.items():
        done = typed(script, *words)
        assert (done.status, done.error) == (1, f"error: {told}\n")


def test_drawn_photos_are_the_same_at_every_start_and_differ(tmp_path):
    photos = made_up.photos(12, tmp_path / "one")
    again = made_up.photos(12, tmp_path / "two")
    contents = [photo.read_bytes() for photo in photos]
    assert [photo.read_bytes() for photo in again] == contents
    assert len(set(contents)) == 12
    assert {read_photo(photo).shape for photo in photos} == {(375, 500, 3)}
    assert min(read_photo(photo).std() for photo in photos) > 10


def test_own_photos_are_jpeg_files(tmp_path):
    for name in ("b.jpg", "a.JPEG", "c.png", "d.jpg"):
        (tmp_path / name).write_bytes(b"")
    assert [photo.name for photo in made_up.photos(2, tmp_path / "drawn", str(tmp_path))] == [
        "a.JPEG",
        "b.jpg",
    ]
    assert len(made_up.photos(9, tmp_path / "drawn", str(tmp_path))) == 3
    (tmp_path / "empty").mkdir()
    with pytest.raises(UserError, match=r"no JPEG files in .*empty"):
        made_up.photos(1, tmp_path, str(tmp_path / "empty"))
    with pytest.raises(UserError, match=r"no folder .*nowhere"):
        made_up.photos(1, tmp_path, str(tmp_path / "nowhere"))


def test_captions_are_as_long_as_flickr8ks():
    lengths = made_up.lengths(6000)
    # Of the 6,000 training photos with five captions each: 10.8 words, deviation 3.7, a photo's longest 15.0.
    assert lengths.shape == (6000, 5)
    assert (lengths.min(), lengths.max()) == (3, 23)
    assert lengths.mean() == pytest.approx(10.8, abs=0.1)
    assert lengths.std() == pytest.approx(3.7, abs=0.2)
    assert lengths.max(axis=1).mean() == pytest.approx(15.0, abs=0.3)


def test_made_up_photos_have_captions_and_features():
    photos = made_up.training_photos(3, 9)
    assert [photo.keys for photo in photos] == [("0",), ("1",), ("2",)]
    assert [
        [len(caption) - 2 for caption in photo.captions] for photo in photos
    ] == made_up.lengths(3).tolist()
    for caption in (caption for photo in photos for caption in photo.captions):
        assert (caption[0], caption[-1]) == (START, END)
        assert set(caption[1:-1]) <= set(range(4, 9))
    rows = made_up.Rows(made_up.features(3, 2, 5))
    assert (rows.features.shape, rows.features.dtype, rows.features.min()) == (
        (3, 4, 5),
        np.float16,
        0,
    )
    assert (rows.get(["1", "4", "2"]) == rows.features[[1, 1, 2]]).all()


@pytest.fixture
def small(monkeypatch):
    monkeypatch.setattr(tutorial, "EMBEDDING", 3)
    monkeypatch.setattr(tutorial, "UNITS", 4)
    made = tutorial.decoder(7, 5, 6)
    made.gru.cell.bias.assign(np.random.default_rng(1).normal(size=(2, 12)))  # which is 0 at first
    return made


def word_further(decoder, features, word, hidden):
    """Logits, state and attention after a word, of features (L, D) and state (U,), in NumPy."""

    def dense(layer, x):
        return x @ layer.kernel.numpy() + layer.bias.numpy()

    seen = np.maximum(dense(decoder.look, features), 0)
    scores = dense(
        decoder.attention.score,
        np.tanh(
            dense(decoder.attention.of_features, seen) + dense(decoder.attention.of_hidden, hidden)
        ),
    )
    attention = np.exp(scores) / np.exp(scores).sum()
    inputs = np.concatenate(
        [(attention * seen).sum(axis=0), decoder.embedding.embeddings.numpy()[word]]
    )
    cell = decoder.gru.cell
    of_inputs = np.split(inputs @ cell.kernel.numpy() + cell.bias.numpy()[0], 3)
    of_hidden = np.split(hidden @ cell.recurrent_kernel.numpy() + cell.bias.numpy()[1], 3)
    update, reset = (1 / (1 + np.exp(-of_inputs[gate] - of_hidden[gate])) for gate in (0, 1))
    state = update * hidden + (1 - update) * np.tanh(of_inputs[2] + reset * of_hidden[2])
    return dense(decoder.words, dense(decoder.dense, state)), state, attention[:, 0]


def test_the_tutorials_loss_is_what_numpy_computes_and_falls(small, uncompiled):
    random = np.random.default_rng(0)
    features = random.normal(size=(3, 5, 6)).astype(np.float32)
    tokens = np.array([[2, 4, 6, 3], [2, 5, 3, 0], [2, 3, 0, 0]], np.int32)
    total = 0
    for photo, row in zip(features, tokens, strict=True):
        hidden = np.zeros(4)
        for before, wanted in itertools.pairwise(row):
            logits, hidden, _ = word_further(small, photo, before, hidden)
            total += (np.log(np.exp(logits).sum()) - logits[wanted]) * (wanted != 0)
    step = tutorial.training_step(small, START)
    losses = [float(step(tf.constant(features), tf.constant(tokens))) for _ in range(12)]
    assert losses[0] == pytest.approx(total / 3 / 4, rel=1e-5)
    assert losses == sorted(losses, reverse=True)


def test_the_tutorials_captions_are_the_likeliest_words(small):
    features = np.random.default_rng(3).normal(size=(5, 6)).astype(np.float32) * 3
    word, hidden, wanted, looked = START, np.zeros(4), [], []
    for _ in range(6):
        logits, hidden, attention = word_further(small, features, word, hidden)
        word = int(logits.argmax())
        wanted.append(word)
        looked.append(attention)
    said, attention = tutorial.caption(small, features, start=START, end=-1, max_length=6)
    assert said == wanted
    assert attention == pytest.approx(np.array(looked), abs=1e-5)
    end = wanted[2]
    said, attention = tutorial.caption(small, features, start=START, end=end, max_length=6)
    assert said == wanted[: wanted.index(end) + 1]
    assert len(attention) == len(said)


def pooled(size, weights, layer):
    """In InceptionV3's place: the mean of each quarter of the picture."""
    inputs = keras.Input((size, size, 3))
    return keras.Model(inputs, keras.layers.AveragePooling2D(size // 2)(inputs))


def test_the_tutorial_writes_a_file_a_photo(tmp_path):
    photos = [tmp_path / f"{number}.jpg" for number in range(17)]  # a batch and one more
    for number, photo in enumerate(photos):
        save_picture(np.full((40, 60, 3), number * 15, np.uint8), photo)
    assert tutorial.extract(photos, pooled(20, "none", None), 20, tmp_path) == 17
    for number in range(17):
        features = np.load(tmp_path / f"{number}.npy")
        assert (features.shape, features.dtype) == ((4, 3), np.float32)
        assert features == pytest.approx(number * 15 / 127.5 - 1, abs=0.01)


@pytest.fixture
def here(monkeypatch):
    """Measures are taken in this process: TensorFlow is loaded already."""

    def measured(module, names, rounds, **arguments):
        arguments = json.loads(json.dumps(arguments))
        measures = importlib.import_module(module).MEASURES
        found = {}
        for name in names:
            turn = measures[name](**arguments)
            found[name] = measuring.in_all([measuring.take(turn) for _ in range(rounds)])
            found[name] |= {"megabytes": 10.0, "anonymous_megabytes": 5.0 + len(found)}
        return found

    for module in (extraction, training, decoding, memory, scaling):
        monkeypatch.setattr(module, "measured", measured)


TOY = Given(rounds=2, toy=True)


def test_extraction_at_toy_size(tmp_path, here, monkeypatch):
    monkeypatch.setattr(tutorial, "inception", pooled)
    found = extraction.run(tmp_path, TOY)
    each = found["extraction"]
    assert {name: each[name]["photos"] for name in each} == {
        "tutorial": 6,
        "ours": 6,
        "alone": 6,
        "agreement": 2,
    }
    assert found["extraction_ratio"] == each["tutorial"]["seconds"] / each["ours"]["seconds"]
    assert found["extraction_share"] == each["alone"]["seconds"] / each["ours"]["seconds"]
    assert (
        0.99
        < found["extraction_cosine"]
        == each["agreement"]["least"]
        <= each["agreement"]["mean"]
        <= 1.000001
    )
    assert each["agreement"]["below"] in [
        share / 50 for share in range(51)
    ]  # 5 x 5 locations of two photos
    assert len(list(tmp_path.glob("ours-*"))) == 3  # one to warm up, and one a turn
    files = sorted((tmp_path / "tutorial").glob("*.npy"))
    assert [np.load(file).shape for file in files] == [(4, 3)] * 6
    encoder = extraction.build_encoder({"name": "convnet", "weights": "none", "image_size": 75})
    cache = FeatureCache(tmp_path / "ours-2", encoder.fingerprint())
    photos = sorted((tmp_path / "photos").iterdir())
    keys = [
        f"{mark}/{number}"
        for number, (_, mark, _) in enumerate(PhotoHashes(tmp_path / "none").hashed(photos))
    ]
    features = encoder(np.stack([read_photo(photo, (75, 75)) for photo in photos]))
    assert cache.get(keys).astype(np.float32) == pytest.approx(features, rel=0.05, abs=0.02)


def test_cosines_are_by_location():
    left = np.array([[[3, 4], [0, 0], [1, 0]]], np.float32)
    right = np.array([[[4, 3], [0, 0], [0, 0]]], np.float32)
    assert extraction.cosine(left, right) == pytest.approx(np.array([[0.96, 1, 0]]))


def told(seconds, **more):
    return {"seconds": seconds, "megabytes": 100.0} | more


def test_extractions_table():
    how = {"engine": "openvino", "precision": "bfloat16"}
    each = {
        "tutorial": told(8.0, photos=160),
        "ours": told(1.6, photos=160, **how),
        "alone": told(1.1, photos=160, **how),
        "agreement": told(
            1.0, least=0.99899, mean=0.9999, below=0.0123, weights="a/b.h5", layer="mixed8", **how
        ),
    }
    found = {
        "extraction_ratio": 5.0,
        "extraction_share": 0.6875,
        "extraction_cosine": 0.99899,
        "extraction": each,
    }
    assert extraction.rows(found) == [
        Row(
            "extraction, JPEG files to features (InceptionV3 to mixed8): the tutorial",
            "20.0 photos a second",
            megabytes=100.0,
        ),
        Row(
            "the same: ours (openvino, bfloat16)",
            "100.0 photos a second: 5.00 times the tutorial",
            "at least 5 times",
            True,
            100.0,
        ),
        Row(
            "the same: ours, of what the network alone reaches",
            "69% of 145.5 photos a second",
            "at least 75 %",
            False,
            100.0,
        ),
        Row(
            "features in bfloat16 against float32, cosine of a location (weights: b.h5)",
            "0.99899 at the least, 0.99990 in the mean; 1.2% of locations below 0.999",
            "at least 0.999",
            False,
            100.0,
        ),
    ]


def test_training_at_toy_size(tmp_path, here, uncompiled, monkeypatch):
    monkeypatch.setattr(tutorial, "EMBEDDING", 3)
    monkeypatch.setattr(tutorial, "UNITS", 4)
    found = training.run(tmp_path, TOY)
    each = found["training"]
    # 20 captions are one whole batch of 16 for the tutorial, and 4 photos' captions for ours.
    assert {name: each[name]["captions"] for name in ("tutorial", "float32", "bfloat16")} == {
        "tutorial": 16,
        "float32": 20,
        "bfloat16": 20,
    }
    a_second = {
        name: each[name]["captions"] / each[name]["seconds"]
        for name in ("tutorial", "float32", "bfloat16")
    }
    assert found["training_ratio"] == a_second["bfloat16"] / a_second["tutorial"]
    assert found["training_ratio_float32"] == a_second["float32"] / a_second["tutorial"]
    assert each["agreement"]["steps"] == 2
    assert found["loss_difference"] == each["agreement"]["difference"] < 1e-5
    assert all(3 < each[name]["loss"] < 4 for name in ("float32", "bfloat16"))  # log 40 is 3.7
    assert [
        row.reached
        for row in training.rows(found | {"training_ratio": 6.0, "training_ratio_float32": 2.4})
    ] == [None, True, False, True]


def test_both_learn_the_same_captions():
    sizes = training.Sizes(photos=8, side=1, depth=2, vocabulary=30, batch=20)
    ours, theirs = [], []
    features = made_up.features(8, 1, 2)
    for seen, tokens in training.batches(sizes).epoch(0):
        of_each = zip(np.repeat(seen, 5, axis=0), tokens, strict=True)
        ours += [(photo.tolist(), row[row != 0].tolist()) for photo, row in of_each if row.any()]
    for seen, tokens in training.single_captions(sizes):
        assert (seen.dtype, tokens.shape) == (np.float32, (20, 25))
        theirs += [
            (photo.tolist(), row[row != 0].tolist())
            for photo, row in zip(seen, tokens, strict=True)
        ]
    assert len(ours) == 40
    assert sorted(ours) == sorted(theirs)
    assert all(photo in features.tolist() for photo, _ in ours)


def test_decoding_at_toy_size(tmp_path, here, uncompiled, monkeypatch):
    monkeypatch.setattr(tutorial, "EMBEDDING", 3)
    monkeypatch.setattr(tutorial, "UNITS", 4)
    found = decoding.run(tmp_path, TOY)
    each = found["decoding"]
    assert {
        name: (each[name]["captions"], each[name]["words"])
        for name in ("tutorial", "greedy", "beam 3")
    } == {"tutorial": (2, 24), "greedy": (3, 36), "beam 3": (3, 36)}
    assert each["one photo"]["words"] == 12
    assert each["one photo"]["attention"] == (12, 4)
    assert len(each["one photo"]["turns"]) == 2
    a_second = {
        name: each[name]["captions"] / each[name]["seconds"] for name in ("tutorial", "greedy")
    }
    assert found["decoding_ratio"] == a_second["greedy"] / a_second["tutorial"]
    assert found["beam3_over_greedy"] == each["beam 3"]["seconds"] / each["greedy"]["seconds"]
    assert found["one_photo_seconds"] == np.median(each["one photo"]["turns"])
    wanted = {"decoding_ratio": 50.0, "beam3_over_greedy": 3.01, "one_photo_seconds": 0.1499}
    rows = decoding.rows(found | wanted)
    assert [row.reached for row in rows] == [None, True, False, True]
    assert rows[-1].measured == "150 ms"


def test_the_first_caption_is_waited_for(tmp_path, monkeypatch):
    """With scripts in the place of ours, and of TensorFlow."""
    root, folder = tmp_path / "root", tmp_path / "folder"
    root.mkdir()
    folder.mkdir()
    (root / "train.py").write_text(
        "import json, os, sys; place = sys.argv[sys.argv.index('--run') + 1]\nos.mkdir(place)\n"
        "json.dump(sys.argv[1:], open(place + '/typed.json', 'w'))"
    )
    (root / "predict.py").write_text(
        "import sys, time; time.sleep(0.2)\n"
        "print(f'{sys.argv[3]}: a dog  (0.50)', flush=True); time.sleep(0.5)"
    )
    (root / "tensorflow.py").write_text("")
    monkeypatch.setattr(first_caption, "ROOT", root)
    found = first_caption.run(folder, Given(rounds=1, layer="mixed8"))
    each = found["first_caption"]
    assert 0.2 < found["first_caption_seconds"] == each["predict"]["seconds"] < 0.7
    assert found["first_caption_more"] == each["predict"]["seconds"] - each["import"]["seconds"]
    assert 5 < each["predict"]["megabytes"] < 100
    typed = json.loads((folder / "run/typed.json").read_text())
    assert typed[typed.index("--encoder") :] == [
        "--encoder",
        "inception_v3",
        "--weights",
        "none",
        "--layer",
        "mixed8",
    ]
    lines = (folder / "captions.csv").read_text().splitlines()
    assert lines[:2] + lines[-1:] == [
        "photo,caption,split",
        "photos/000000.jpg,photo 0 of a few,val",
        "photos/000009.jpg,photo 9 of a few,train",
    ]
    assert first_caption.rows(
        found | {"first_caption_seconds": 9.04, "first_caption_more": 5.04}
    ) == [
        Row(
            "`predict.py`, from its start to the first caption",
            "9.0 s: 5.0 s more than `import tensorflow`",
            "at most 5 s more",
            False,
            each["predict"]["megabytes"],
        )
    ]
    (root / "train.py").write_text("print('one')\nprint('error: too few')\nraise SystemExit(1)")
    with pytest.raises(UserError, match=r"^train\.py failed on 1 photos: error: too few$"):
        first_caption.trained(folder, [folder / "photos/000000.jpg"], Given())
    (root / "predict.py").write_text("print('error')")
    with pytest.raises(RuntimeError, match="said 'error"):
        first_caption.predicted(folder / "run", folder / "photos/000000.jpg")


def test_a_hollow_cache_is_whole(tmp_path):
    memory.hollow(tmp_path, 70, 8, 2048)
    cache = FeatureCache(tmp_path, memory.FINGERPRINT)
    assert cache.damaged == 0
    rows = cache.get(["0", "31", "32", "69"])
    assert (rows.shape, rows.dtype, rows.any()) == ((4, 64, 2048), np.float16, False)
    files = list(cache.folder.glob("*.npy"))
    assert sum(file.stat().st_size for file in files) > 70 * 64 * 2048 * 2
    assert sum(file.stat().st_blocks * 512 for file in files) < 100_000


def test_memory_at_toy_size(tmp_path, here, uncompiled):
    found = memory.run(tmp_path, TOY)
    assert [(each["photos"], each["steps"]) for each in found["memory"].values()] == [
        (40, 2),
        (70, 2),
    ]
    assert found["memory_difference"] == 0
    found["memory"]["70"]["anonymous_megabytes"] = None
    assert [row.line() for row in memory.rows(found | {"memory_difference": 301.0})] == [
        "| training on 40 photos' features on disk, page cache left out | 6 MB |  |  | 10 |",
        "| training on 70 photos' features on disk, page cache left out | not told by this system |  |  | 10 |",
        "| the difference of these | 301 MB | at most 300 MB | **no** |  |",
    ]


def test_sizes_are_gone_through_there_and_back(monkeypatch):
    order, clock = [], iter([0, 2, 2, 10, 10, 42, 42, 54, 54, 55])
    monkeypatch.setattr(scaling.time, "perf_counter", lambda: next(clock))
    found = scaling.there_and_back([1, 2, 4], order.append)
    assert order == [1, 2, 4, 2, 1]
    assert found == {"photos": [1, 2, 4], "a_photo": [1.5, 5.0, 8.0]}
    assert scaling.off([2.0, 2.1, 1.7]) == pytest.approx(0.15)


def test_an_epoch_is_always_the_same_and_has_each_shape():
    batches = training.batches(training.Sizes(photos=60, side=1, depth=2, vocabulary=30, batch=10))
    whole = made_up.Epoch(batches, batches.steps)
    first, again = (
        [tokens.tolist() for _, tokens in made_up.Epoch(batches, 4).epoch(number)]
        for number in (0, 1)
    )
    assert first == again == [tokens.tolist() for _, tokens in whole.epoch(0)][:4]
    shapes = [tokens.shape for _, tokens in scaling.EachShape(whole).epoch(0)]
    assert sorted(shapes) == sorted({tokens.shape for _, tokens in whole.epoch(0)})
    assert 2 < len(shapes) < batches.steps


def test_scaling_at_toy_size(tmp_path, here, uncompiled):
    found = scaling.run(tmp_path, TOY)
    for name, each in found["scaling"].items():
        assert each["photos"] == [2, 4]
        assert found[f"{name}_linearity"] == abs(each["a_photo"][1] / each["a_photo"][0] - 1)
    assert sorted(file.name for file in (tmp_path / "names").iterdir()) == [
        f"00000{number}.jpg" for number in range(4)
    ]
    assert (tmp_path / "names/000003.jpg").samefile(tmp_path / "photos/000001.jpg")
    found["scaling"]["extraction"]["a_photo"] = [0.010, 0.0111]
    assert scaling.rows(found | {"extraction_linearity": 0.11})[0].line() == (
        "| extraction, milliseconds a photo of 2 / 4 | 10.00 / 11.10: 11.0% apart | within 10 % | **no** | 10 |"
    )


def test_only_the_table_between_the_marks_is_replaced():
    text = f"Before.\n{everything.BEGINS}\nold\n{everything.ENDS}\nAfter.\n"
    assert everything.replaced(text, "new", "doc.md") == (
        f"Before.\n{everything.BEGINS}\nnew\n{everything.ENDS}\nAfter.\n"
    )
    for broken in ("nothing", text.replace(everything.ENDS, "")):
        with pytest.raises(UserError, match=r"doc\.md has no lines"):
            everything.replaced(broken, "new", "doc.md")
    assert (
        everything.replaced(everything.DOCUMENT.read_text(), "new", "").count("new\n<!-- end -->")
        == 1
    )


def test_the_document_names_what_there_is():
    text = everything.DOCUMENT.read_text()
    commands = re.findall(r"python -m benchmarks\b(?!\.)((?: (?:--)?\w+)*)", text)
    assert len(commands) > 4
    for command in commands:
        typed = everything.options().parse_args(command.split())
        assert set(typed.only or ()) <= everything.BENCHMARKS.keys()
    modules = {file.stem for file in (ROOT / "benchmarks").glob("[!_]*.py")}
    assert set(re.findall(r"`benchmarks\.(\w+)`", text)) == modules - {
        "measuring",
        "made_up",
        "tutorial",
    }


@pytest.fixture
def faked(monkeypatch, tmp_path):
    """Two measurements that are made up, and a document."""

    def fake(name, reached):
        def run(folder, given):
            asked.append((name, given))
            return {f"{name}_ratio": 2.5}

        return SimpleNamespace(
            run=run,
            rows=lambda found: [
                Row(name, f"{found[f'{name}_ratio']} times", "3", reached),
                Row("more", "1"),
            ],
        )

    asked = []
    monkeypatch.setattr(
        everything, "BENCHMARKS", {"one": fake("one", True), "two": fake("two", False)}
    )
    document = tmp_path / "doc.md"
    document.write_text(f"# Speed\n{everything.BEGINS}\n{everything.ENDS}\nWhere it went.\n")
    monkeypatch.setattr(everything, "DOCUMENT", document)
    return SimpleNamespace(asked=asked, document=document)


def test_all_are_measured_and_written(faked, tmp_path):
    done = typed(everything, "--rounds", "2", "--json", tmp_path / "all.json")
    assert done.status == 0
    assert faked.asked == [("one", Given(rounds=2)), ("two", Given(rounds=2))]
    found = json.loads((tmp_path / "all.json").read_text())
    assert (found["one_ratio"], found["two_ratio"]) == (2.5, 2.5)
    assert found["machine"].keys() == {
        "cores",
        "processor",
        "flags",
        "python",
        "versions",
        "date",
        "minutes",
    }
    lines = faked.document.read_text().splitlines()
    assert lines[:2] + lines[-2:] == [
        "# Speed",
        everything.BEGINS,
        everything.ENDS,
        "Where it went.",
    ]
    assert lines[2].startswith("`python -m benchmarks --rounds 2`, 20")
    assert "1 of 2 aims reached" in lines[2]
    assert f"tensorflow {tf.__version__}, keras {keras.__version__}" in lines[2]
    assert lines[4:-2] == [
        "| what | measured | wanted | reached | peak MB |",
        "| --- | --- | --- | --- | --- |",
        "| one | 2.5 times | 3 | yes |  |",
        "| more | 1 |  |  |  |",
        "| two | 2.5 times | 3 | **no** |  |",
        "| more | 1 |  |  |  |",
    ]


def test_some_are_measured_and_the_document_is_left_alone(faked, tmp_path):
    before = faked.document.read_text()
    done = typed(everything, "--only", "two")
    assert (done.status, [name for name, _ in faked.asked]) == (0, ["two"])
    assert "| two | 2.5 times | 3 | **no** |  |" in done.out
    typed(everything, "--toy")
    assert faked.document.read_text() == before
    typed(everything, "--only", "one", "--out", tmp_path / "new.md")
    assert (
        (tmp_path / "new.md")
        .read_text()
        .startswith(f"{everything.BEGINS}\n`python -m benchmarks --only one`, ")
    )


def test_what_cannot_be_written_or_measured_is_refused_first(faked, tmp_path):
    done = typed(everything, "--only", "twoo")
    assert (done.status, done.error) == (
        2,
        "error: unknown measurement 'twoo'; did you mean 'two'?\n",
    )
    (tmp_path / "other.md").write_text("no marks")
    done = typed(everything, "--out", tmp_path / "other.md")
    assert done.status == 1
    assert "other.md has no lines" in done.error
    assert not faked.asked


@pytest.mark.slow
def test_all_of_them_in_their_own_processes(tmp_path):
    command = [
        "-m",
        "benchmarks",
        "--toy",
        "--rounds",
        "2",
        "--json",
        tmp_path / "all.json",
        "--out",
        tmp_path / "table.md",
    ]
    done = subprocess.run(
        [sys.executable, *command], capture_output=True, text=True, cwd=ROOT, check=False
    )
    assert done.returncode == 0, done.stderr
    found = json.loads((tmp_path / "all.json").read_text())
    names = re.search(
        r"figures' names\*\* in `--json`: (.*?); and", everything.DOCUMENT.read_text(), re.DOTALL
    )
    assert set(re.findall(r"`(\w+)`", names[1])) == found.keys() - {
        "machine",
        *everything.BENCHMARKS,
    }
    assert found["loss_difference"] < 1e-5
    assert found["memory_difference"] < 50
    assert (
        100
        < found["memory"]["40"]["anonymous_megabytes"]
        < found["memory"]["40"]["megabytes"]
        < 3000
    )
    told = (tmp_path / "table.md").read_text()
    assert told.count("| yes |") + told.count("| **no** |") == 13
