"""Describe a dataset: photos, captions, splits, language, lengths, vocabulary, what is skipped."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from config import FITTED_TOKENIZERS, Settings
from data.preprocess import Dataset
from data.sources.base import LeftOut
from data.text.language import LANGUAGE_NAMES, normalize_language
from data.text.tokenizer import END, SPECIAL_TOKENS, TOKEN_NAMES, UNKNOWN, Tokenizer
from utils.tables import format_table

_EXAMPLES = 3  # for each reason


def summarise_dataset(
    chosen: Settings,
    settings: Settings,
    dataset: Dataset,
    tokenizer: Tokenizer,
    source: Path | None = None,
) -> str:
    """Return the dataset in a few lines; `chosen` are the settings as they were typed.

    `source` is the run whose tokens stay.
    """
    counts = count_captions(dataset)
    photos = sum(len(split) for split in dataset.splits.values())
    sizes = ", ".join(f"{split} {len(photos)}" for split, photos in dataset.splits.items())
    lines = [
        f"{dataset.source.kind} ({dataset.path}); photos: {photos}; "
        f"captions: {sum(counts.values())}, {describe_captions_per_photo(dataset)}",
        f"splits: {sizes} ({describe_split_origin(dataset)})",
        describe_language(chosen, settings, dataset),
        describe_vocabulary(settings, dataset, tokenizer, source)[1],
    ]
    return "\n".join(lines)


def format_splits(dataset: Dataset) -> str:
    """Return a table with the numbers of photos and captions in each split, and in all."""
    rows = []
    counts = count_captions(dataset)
    for split, photos in dataset.splits.items():
        rows.append([split, f"{len(photos):,}", f"{counts[split]:,}"])
    total = sum(len(photos) for photos in dataset.splits.values())
    rows.append(["total", f"{total:,}", f"{sum(counts.values()):,}"])
    return format_table(["split", "photos", "captions"], rows, numbers=["photos", "captions"])


def count_captions(dataset: Dataset) -> dict[str, int]:
    """Return the number of captions in each split."""
    counts = {}
    for split, photos in dataset.splits.items():
        counts[split] = sum(len(photo.captions) for photo in photos)
    return counts


def describe_captions_per_photo(dataset: Dataset) -> str:
    """Return how many captions a photo has."""
    numbers = []
    for photos in dataset.splits.values():
        numbers += [len(photo.captions) for photo in photos]
    if min(numbers) == max(numbers):
        return f"{min(numbers)} a photo"
    mean = sum(numbers) / len(numbers)
    return f"{min(numbers)} to {max(numbers)} a photo, {mean:.1f} on average"


def describe_split_origin(dataset: Dataset) -> str:
    """Return who split the dataset, and what is scored if it has no test split."""
    splits = dataset.splits
    if splits["val"] and not splits["test"]:
        return f"{dataset.how_split}; no test split: val is scored in its place"
    return dataset.how_split


def format_left_out(left_out: Sequence[LeftOut]) -> str:
    """Return a table of the reasons for which something is skipped, the first of each named."""
    by_reason: dict[str, list[LeftOut]] = {}
    for each in left_out:
        by_reason.setdefault(each.reason, []).append(each)
    rows = []
    for reason, skipped in sorted(by_reason.items(), key=lambda pair: -len(pair[1])):
        examples = [_locate(each) for each in skipped[:_EXAMPLES]]
        if len(skipped) > _EXAMPLES:
            examples.append(f"and {len(skipped) - _EXAMPLES:,} more")
        rows.append([f"{len(skipped):,}", reason, examples[0]])
        rows += [["", "", example] for example in examples[1:]]
    return format_table(["skipped", "reason", "for example"], rows, numbers=["skipped"])


def _locate(each: LeftOut) -> str:
    if each.where:
        return f"{each.name} ({each.where})"
    return each.name


def describe_language(chosen: Settings, settings: Settings, dataset: Dataset) -> str:
    """Return the language and how it is known, and how captions are split into tokens."""
    name = LANGUAGE_NAMES.get(normalize_language(settings.data.language))
    by_letters = {
        "en": "English, by its Latin letters; name another with --language",
        "und": "of another script; name it with --language",
    }
    if chosen.data.language and name:
        known = f"{name}, given"
    elif chosen.data.language:
        known = "given"
    else:
        known = by_letters.get(dataset.source.detected_language, f"{name}, by its letters")
    if chosen.words.tokenizer:
        why = "given"
    elif settings.decoding.is_pretrained:
        why = "of the decoder's weights"
    else:
        why = "what suits it; another with --tokenizer"
    tokens = TOKEN_NAMES[settings.words.tokenizer]
    return f"language: {settings.data.language} ({known}); captions of {tokens} ({why})"


def describe_vocabulary(
    settings: Settings, dataset: Dataset, tokenizer: Tokenizer, source: Path | None = None
) -> list[str]:
    """Return the lengths of captions, and the share of them that the vocabulary covers."""
    encoded: dict[str, list[list[int]]] = {}
    for split, photos in dataset.splits.items():
        captions = [caption for photo in photos for caption in photo.captions]
        encoded[split] = [tokenizer.encode(caption) for caption in captions]
    lengths = sorted(len(tokens) - 2 for split in encoded.values() for tokens in split)
    longest, unit = settings.words.max_length, tokenizer.token_name
    whole = sum(length <= longest for length in lengths) / len(lengths)
    shares = [
        f"{_share_known(tokens):.1%} of {split}" for split, tokens in encoded.items() if tokens
    ]
    origin = _describe_source(settings, tokenizer, source)
    return [
        f"lengths: {lengths[len(lengths) // 2]} {unit} in the middle, {lengths[-1]} at most; "
        f"{whole:.1%} have no more than {longest}",
        f"vocabulary: {origin}; they cover {', '.join(shares)}",
    ]


def _describe_source(settings: Settings, tokenizer: Tokenizer, source: Path | None) -> str:
    """Return the number of tokens, and where they come from."""
    words = settings.words
    number = f"{len(tokenizer) - len(SPECIAL_TOKENS)} {tokenizer.token_name}"
    if words.tokenizer not in FITTED_TOKENIZERS:
        return f"{number} of the decoder's weights"
    times = "1 time" if words.minimum_count == 1 else f"{words.minimum_count} times"
    if source is not None and words.vocabulary_from == "old":
        return f"{number} of {source}"
    if source is not None:
        return f"{number} of {source} and of the training captions (new ones seen at least {times})"
    return f"{number} of the training captions ({words.vocabulary} at most, seen at least {times})"


def _share_known(encoded: Sequence[Sequence[int]]) -> float:
    """Return the share of tokens that are known."""
    counts = Counter(token for tokens in encoded for token in tokens[1:] if token != END)
    return 1 - counts[UNKNOWN] / max(sum(counts.values()), 1)
