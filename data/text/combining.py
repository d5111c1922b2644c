"""Join the vocabulary of an earlier run with that of new captions; find which words are alike."""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence

from data.text.byte_pairs import BytePairTokenizer
from data.text.tokenizer import SPECIAL_TOKENS, Tokenizer
from data.text.word_tokenizer import WordTokenizer

SHORTEST_STEM = 5  # letters, and the mark at a word's start is one of them
STEM_SHARE = 0.6  # of the longer word's letters: snowboard and snowboarders, not star and starting


def combine_vocabularies(known: Tokenizer, fitted: Tokenizer) -> Tokenizer:
    """Return a tokenizer with the tokens of `known` in their order, then those of `fitted` alone.

    Byte pairs spell any word whose letters they know. Of them only missing letters are added, so
    that words are cut into the pieces that the run has learned.
    """
    if isinstance(known, BytePairTokenizer):
        letters = [token for token in fitted.tokens if len(token) == 1]
        return known.add_letters(letters)
    present = set(known.tokens)
    new = [token for token in fitted.tokens if token not in present]
    return WordTokenizer([*known.tokens, *new], known.kind)


def find_similar_tokens(
    tokens: Sequence[str], known: Collection[str], captions: Iterable[Sequence[str]]
) -> dict[str, Mapping[str, int]]:
    """Return, for tokens that are not in `known`, the known ones that they resemble, with weights.

    All tokens are in the spelling of `Tokenizer.spell_tokens`. The known ones are those that share
    the longest stem with a token. If there are none, they are its neighbours in the captions,
    weighted by how often they are. A token without either has no entry.
    """
    learned = set(known) - set(SPECIAL_TOKENS)
    neighbours = _count_neighbours(captions, learned)
    similar: dict[str, Mapping[str, int]] = {}
    for token in tokens:
        if token in known:
            continue
        words = _find_longest_stem(token, learned) or neighbours.get(token)
        if words:
            similar[token] = words
    return similar


def _find_longest_stem(word: str, learned: Collection[str]) -> Counter[str]:
    """Return the known words that begin with the longest part of a word, each once."""
    for length in range(len(word), SHORTEST_STEM - 1, -1):
        stem = word[:length]
        longest = length / STEM_SHARE
        if len(word) > longest:
            break
        alike = [each for each in learned if each.startswith(stem) and len(each) <= longest]
        if alike:
            return Counter(alike)
    return Counter()


def _count_neighbours(
    captions: Iterable[Sequence[str]], learned: Collection[str]
) -> dict[str, Counter[str]]:
    """Return how often each word that is not known has known words just before and after it."""
    neighbours: dict[str, Counter[str]] = {}
    for caption in captions:
        for place, word in enumerate(caption):
            if word in learned:
                continue
            around = [*caption[max(0, place - 1) : place], *caption[place + 1 : place + 2]]
            counts = neighbours.setdefault(word, Counter())
            counts.update(each for each in around if each in learned)
    return neighbours
