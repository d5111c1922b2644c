"""Captions become numbers and come back."""

import re
from types import SimpleNamespace

import pytest

import tokenizer_sample
from data.text import loading
from tests.helpers.datasets import SAMPLES, make_coco, write_files
from tests.helpers.scripts import run_command


def parse_samples(lines):
    """Return each printed caption with its words, tokens, numbers, and the decoded caption."""
    samples = []
    for block in "\n".join(lines).split("\n\n")[1:]:
        rows = [line[9:] for line in block.splitlines() if not line.startswith("picture")]
        caption, words, *aligned, back = rows
        tokens = " ".join(aligned[0::2]).split()
        numbers = [int(number) for number in " ".join(aligned[1::2]).split()]
        samples.append(
            SimpleNamespace(
                caption=caption, words=words.split(), tokens=tokens, numbers=numbers, back=back
            )
        )
    return samples


@pytest.mark.parametrize(
    "words",
    [
        [],
        ["--tokenizer", "bpe", "--vocabulary", "90"],
        ["--language", "ko"],
        ["--language", "ko", "--tokenizer", "bpe", "--vocabulary", "250"],
    ],
)
def test_numbers_come_back_as_words(run_doc_script, tmp_path, words):
    done = run_doc_script(tokenizer_sample, "--save", "kept.json", *words)
    language = "ko" if "ko" in words else "en"
    assert done.lines[0] == f"captions: 1,000 of 200 photos, language {language}"
    kept = loading.load_tokenizer(tmp_path / "kept.json")
    size = (tmp_path / "kept.json").stat().st_size
    assert f"saved: kept.json, {size:,} bytes; loaded again: {len(kept)} tokens" in done.lines
    samples = parse_samples(done.lines)
    assert len(samples) == len({sample.caption for sample in samples}) == 2
    for sample in samples:
        assert sample.numbers == kept.encode(sample.caption)
        assert sample.tokens == [kept.tokens[number] for number in sample.numbers]
        assert sample.back.split() == sample.words
        assert sample.words == re.findall(r"\w+", sample.caption.lower())
    drawn = [text.get_text() for text in done.figure.texts]
    numbers = [str(number) for sample in samples for number in sample.numbers]
    assert numbers == [text for text in drawn if text.isdigit()]
    if "bpe" in words:
        pieces = sum(len(sample.numbers) - 2 for sample in samples)
        assert pieces > sum(len(sample.words) for sample in samples)


def test_a_word_that_was_never_seen_is_unknown(run_doc_script):
    done = run_doc_script(tokenizer_sample, "--caption", "A dog on skis.")
    (sample,) = parse_samples(done.lines)
    assert sample.words[-1] == "skis"
    assert sample.tokens == ["<start>", "a", "dog", "on", "<unk>", "<end>"]
    assert sample.numbers[-2] == 1
    assert sample.back == "a dog on <unk>"


@pytest.mark.parametrize("name", [name for name in SAMPLES if name != "texts"])
def test_a_captions_file_is_enough_without_photos(run_doc_script, tmp_path, name):
    _, file, content, _ = SAMPLES[name]
    write_files(tmp_path, files={file: content})
    done = run_doc_script(tokenizer_sample, file)
    assert done.lines[0] == "captions: 2 of 1 photos, language en"
    assert [sample.back for sample in parse_samples(done.lines)] == ["a dog runs", "a café"]


def test_chinese_captions_are_characters(run_doc_script, tmp_path):
    content = make_coco({1: "a.jpg"}, [(1, "一只狗在跑。")])
    write_files(tmp_path, files={"annotations/captions_val2017.json": content})
    done = run_doc_script(tokenizer_sample, ".")
    (sample,) = parse_samples(done.lines)
    assert (sample.words, sample.back) == (list("一只狗在跑"), "一只狗在跑")
    assert done.lines[1].startswith("fitted: 5 characters, after <pad>, <unk>, <start>, <end>; ")


def test_captions_in_another_language_are_a_warning(tmp_path):
    file = tmp_path / "captions.csv"
    file.write_text("image,caption\na.jpg,a red dog runs\n")
    done = run_command(tokenizer_sample, file, "--language", "ko")
    assert done.status == 0
    assert str(file) in done.error
    assert "Korean" in done.error
    assert "English" in done.error
    assert run_command(tokenizer_sample, file, "--language", "de").error == ""
