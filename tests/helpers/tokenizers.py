"""Captions and small tokenizers of them."""

from data.text.byte_pairs import BytePairTokenizer
from data.text.word_tokenizer import WordTokenizer

CAPTIONS = ["A dog runs.", "The dog sleeps", "a dog!", "A cat sleeps"]
CAPTIONS_BY_LANGUAGE = {
    "en": ["A dog runs on the grass.", "Two dogs' balls, 3.5 m apart", "the T-shirt isn't red"],
    "ko": ["빨간 개가 공 위에 있다.", "개가 잔디밭에서 공을 쫓는다", "T셔츠를 입은 개 2마리"],
    "zh": ["一只狗在草地上跑，很快！", "两只狗在草地上玩", "穿T恤的人和2只狗"],
    "ja": ["犬が草の上を走っている。", "ボールで遊ぶ犬が2匹", "コーヒーを飲む人々"],
}


def fit_words(captions=CAPTIONS, *, vocabulary=100, **options):
    return WordTokenizer.fit(captions, vocabulary=vocabulary, **options)


def fit_pieces(captions=CAPTIONS, *, vocabulary=100, minimum_count=2, **options):
    return BytePairTokenizer.fit(
        captions, vocabulary=vocabulary, minimum_count=minimum_count, **options
    )


def decode_texts(tokenizer, numbers):
    return [word.text for word in tokenizer.decode(numbers)]
