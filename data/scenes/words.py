"""Words of the scenes' captions, in English and Korean: all that are written and understood."""

# value of a part of speech → its phrases, the usual one first
Words = dict[str, tuple[str, ...]]

INVERSES = {"right of": "left of", "below": "above", "behind": "in front of"}
PEOPLE = ("man", "woman")
FLYING = ("bird", "plane", "kite")

ENGLISH: dict[str, Words] = {
    "kind": {
        "dog": ("dog", "puppy"),
        "cat": ("cat", "kitten"),
        "horse": ("horse", "pony"),
        "bird": ("bird",),
        "man": ("man", "guy"),
        "woman": ("woman", "lady"),
        "car": ("car", "automobile"),
        "bus": ("bus", "coach"),
        "boat": ("boat", "sailboat"),
        "plane": ("plane", "airplane"),
        "tree": ("tree",),
        "house": ("house", "home"),
        "ball": ("ball",),
        "table": ("table", "desk"),
        "umbrella": ("umbrella", "parasol"),
        "kite": ("kite",),
    },
    "colour": {
        "red": ("red",),
        "orange": ("orange",),
        "yellow": ("yellow",),
        "green": ("green",),
        "blue": ("blue",),
        "purple": ("purple", "violet"),
        "white": ("white",),
        "black": ("black",),
    },
    "size": {
        "small": ("small", "little", "tiny"),
        "large": ("large", "big", "huge"),
    },
    "count": {
        "1": ("a", "an", "one"),
        "2": ("two", "a pair of", "a couple of"),
        "3": ("three", "a group of three"),
    },
    "relation": {
        "left of": ("to the left of", "left of", "on the left side of"),
        "right of": ("to the right of", "right of", "on the right side of"),
        "above": ("above", "over"),
        "below": ("below", "under"),
        "on": ("on", "on top of"),
        "in front of": ("in front of",),
        "behind": ("behind",),
        "beside": ("next to", "beside", "near"),
    },
    "side": {
        "left": ("on the left",),
        "right": ("on the right",),
    },
    "place": {
        "beach": ("beach", "seaside", "shore"),
        "meadow": ("meadow", "field", "grass"),
        "street": ("street", "road"),
        "room": ("room", "indoors"),
        "snow": ("snow", "snowy"),
        "night": ("night", "dark"),
    },
    "pronoun": {"it": ("it", "them", "him", "her")},
    "wearing": {"in": ("in", "wearing", "dressed in")},
    "silent": {"the": ("the",)},
}

KOREAN: dict[str, Words] = {
    "kind": {
        "dog": ("개", "강아지"),
        "cat": ("고양이",),
        "horse": ("말",),
        "bird": ("새",),
        "man": ("남자", "남성"),
        "woman": ("여자", "여성"),
        "car": ("자동차", "승용차"),
        "bus": ("버스",),
        "boat": ("배", "돛단배"),
        "plane": ("비행기", "여객기"),
        "tree": ("나무",),
        "house": ("집", "주택"),
        "ball": ("공",),
        "table": ("탁자", "테이블"),
        "umbrella": ("우산",),
        "kite": ("연",),
    },
    "colour": {
        "red": ("빨간", "빨간색"),
        "orange": ("주황색",),
        "yellow": ("노란", "노란색"),
        "green": ("초록색", "녹색"),
        "blue": ("파란", "파란색"),
        "purple": ("보라색",),
        "white": ("하얀", "흰"),
        "black": ("검은", "검은색"),
    },
    "size": {
        "small": ("작은", "조그만"),
        "large": ("큰", "커다란"),
    },
    "count": {
        "1": ("한",),
        "2": ("두",),
        "3": ("세",),
    },
    "counter": {
        "마리": ("마리",),
        "명": ("명",),
        "대": ("대",),
        "척": ("척",),
        "그루": ("그루",),
        "채": ("채",),
        "개": ("개",),
    },
    "relation": {
        "left of": ("왼쪽에", "왼편에"),
        "right of": ("오른쪽에", "오른편에"),
        "above": ("위쪽에",),
        "below": ("아래쪽에",),
        "on": ("위에",),
        "in front of": ("앞에", "앞쪽에"),
        "behind": ("뒤에", "뒤쪽에"),
        "beside": ("옆에",),
    },
    "side": {
        "left": ("왼쪽에는",),
        "right": ("오른쪽에는",),
    },
    "place": {
        "beach": ("해변", "바닷가"),
        "meadow": ("들판", "초원"),
        "street": ("거리", "도로"),
        "room": ("방", "실내"),
        "snow": ("눈밭", "설원"),
        "night": ("밤", "밤하늘"),
    },
    "wearing": {"옷": ("옷을", "입은", "옷", "차림의")},
}

ENGLISH_POSES = {
    "dog": "standing",
    "cat": "sitting",
    "horse": "standing",
    "bird": "flying",
    "man": "standing",
    "woman": "standing",
    "car": "parked",
    "bus": "parked",
    "boat": "resting",
    "plane": "flying",
    "tree": "growing",
    "house": "standing",
    "ball": "lying",
    "table": "standing",
    "umbrella": "open",
    "kite": "flying",
}
# word for a place → the phrase around it
ENGLISH_PLACE_PHRASES = {
    "beach": "on the {}",
    "seaside": "at the {}",
    "shore": "on the {}",
    "meadow": "in the {}",
    "field": "in a {}",
    "grass": "on the {}",
    "street": "on the {}",
    "road": "on the {}",
    "room": "in a {}",
    "indoors": "{}",
    "snow": "in the {}",
    "snowy": "on {} ground",
    "night": "at {}",
    "dark": "in the {}",
}

KOREAN_POSES = {
    "dog": "서",
    "cat": "앉아",
    "horse": "서",
    "bird": "날고",
    "man": "서",
    "woman": "서",
    "car": "서",
    "bus": "서",
    "boat": "놓여",
    "plane": "날고",
    "tree": "서",
    "house": "서",
    "ball": "놓여",
    "table": "놓여",
    "umbrella": "놓여",
    "kite": "날고",
}
KOREAN_COUNTERS = {
    "dog": "마리",
    "cat": "마리",
    "horse": "마리",
    "bird": "마리",
    "man": "명",
    "woman": "명",
    "car": "대",
    "bus": "대",
    "boat": "척",
    "plane": "대",
    "tree": "그루",
    "house": "채",
    "ball": "개",
    "table": "개",
    "umbrella": "개",
    "kite": "개",
}
KOREAN_PLACE_PHRASES = {"방": "방 안", "밤하늘": "밤하늘 아래"}


def make_plural(noun: str) -> str:
    """Return the plural of one of the English nouns above, or of a garment."""
    if noun.endswith("man"):
        return noun[:-2] + "en"
    if noun.endswith(("s", "ch")):
        return noun + "es"
    if noun.endswith("y") and noun[-2] not in "aeou":
        return noun[:-1] + "ies"
    return noun + "s"
