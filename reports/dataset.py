"""Describe a dataset in words: its photos, captions and splits, language, lengths and vocabulary."""

from collections import Counter
from collections.abc import Sequence

from config import Settings
from data.preprocess import Dataset
from data.text.language import LANGUAGE_NAMES, normalize_language
from data.text.tokenizer import END, SPECIAL_TOKENS, TOKEN_NAMES, UNKNOWN, Tokenizer


def summarise_dataset(
    chosen: Settings, settings: Settings, dataset: Dataset, tokenizer: Tokenizer
) -> str:
    """Return the dataset in a few lines; `chosen` are the settings as they were typed."""
    photos, captions, splits = describe_counts(dataset)
    language = describe_language(chosen, settings, dataset)
    vocabulary = describe_vocabulary(settings, dataset, tokenizer)[1]
    source = f"{dataset.source.kind} ({dataset.path})"
    return f"{source}; {photos}; {captions}\n{splits}\n{language}\n{vocabulary}"


def describe_counts(dataset: Dataset) -> list[str]:
    """Return the numbers of photos, captions, and photos in each split."""
    splits = dataset.splits
    photos = [photo for split in splits.values() for photo in split]
    numbers = Counter(len(photo.captions) for photo in photos)
    captions = sum(number * times for number, times in numbers.items())
    if len(numbers) == 1:
        each = f"{min(numbers)} a photo"
    else:
        mean = captions / len(photos)
        each = f"{min(numbers)} to {max(numbers)} a photo, {mean:.1f} on average"
    sizes = ", ".join(f"{split} {len(photos)}" for split, photos in splits.items())
    how = dataset.how_split
    if splits["val"] and not splits["test"]:
        how += "; no test split: val is scored in its place"
    return [
        f"photos: {len(photos)}",
        f"captions: {captions}, {each}",
        f"splits: {sizes} ({how})",
    ]


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


def describe_vocabulary(settings: Settings, dataset: Dataset, tokenizer: Tokenizer) -> list[str]:
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
    return [
        f"lengths: {lengths[len(lengths) // 2]} {unit} in the middle, {lengths[-1]} at most; "
        f"{whole:.1%} have no more than {longest}",
        f"vocabulary: {_describe_source(settings, tokenizer)}; they cover {', '.join(shares)}",
    ]


def _describe_source(settings: Settings, tokenizer: Tokenizer) -> str:
    """Return the number of tokens, and where they come from."""
    words = settings.words
    number = f"{len(tokenizer) - len(SPECIAL_TOKENS)} {tokenizer.token_name}"
    if words.tokenizer == "gpt2":
        return f"{number} of GPT-2"
    times = "1 time" if words.minimum_count == 1 else f"{words.minimum_count} times"
    return f"{number} of the training captions ({words.vocabulary} at most, seen at least {times})"


def _share_known(encoded: Sequence[Sequence[int]]) -> float:
    """Return the share of tokens that are known."""
    counts = Counter(token for tokens in encoded for token in tokens[1:] if token != END)
    return 1 - counts[UNKNOWN] / max(sum(counts.values()), 1)
