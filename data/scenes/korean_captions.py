"""Korean captions of scenes."""

from data.scenes.caption_writer import CaptionWriter, Pattern
from data.scenes.facts import Group
from data.scenes.words import (
    FLYING,
    KOREAN,
    KOREAN_COUNTERS,
    KOREAN_PLACE_PHRASES,
    KOREAN_POSES,
    PEOPLE,
)

_ENDINGS = 28  # endings of a syllable in Unicode's order, the first of them none


def add_particle(word: str, particles: str) -> str:
    """Return the word with one of two particles, given as 'consonant/vowel', such as '이/가'.

    The choice depends on whether the last syllable ends with a consonant.
    """
    after_consonant, after_vowel = particles.split("/")
    ending = (ord(word[-1]) - ord("가")) % _ENDINGS
    if ending:
        return word + after_consonant
    return word + after_vowel


class KoreanWriter(CaptionWriter):
    """Writes a Korean caption."""

    lexicon = KOREAN

    def describe_place(self, word: str) -> str:
        return KOREAN_PLACE_PHRASES.get(word, word)

    def describe_group(
        self, group: Group, *, is_landmark: bool = False, number_first_chance: float = 0.15
    ) -> str:
        """Return a phrase such as '작은 빨간 개 두 마리' or '두 마리의 작은 빨간 개'.

        A single landmark has no number.
        """
        size, colour = self.choose_adjectives(group)
        noun = self.choose_word("kind", group.kind)
        if group.kind in PEOPLE:
            if colour:
                colour += self.rng.choice((" 옷을 입은", " 옷을 입은", " 옷 차림의"))
            order = (colour, size, noun)
        else:
            order = (size, colour, noun)
        text = " ".join(word for word in order if word)
        if is_landmark and group.count == 1:
            return text
        self.claims.add(("count", group.kind, group.count))
        number = self.lexicon["count"][str(group.count)][0]
        counter = KOREAN_COUNTERS[group.kind]
        if self.rng.random() < number_first_chance:
            return f"{number} {counter}의 {text}"
        return f"{text} {number} {counter}"

    def list_groups(self, groups: list[Group]) -> str:
        is_photo = self.rng.random() < 0.15
        # '두 마리의 개의 사진' would have one 의 too many.
        chance = 0 if is_photo else 0.15
        phrases = [self.describe_group(group, number_first_chance=chance) for group in groups]
        linked = [add_particle(phrase, "과/와") for phrase in phrases[:-1]]
        objects = " ".join([*linked, phrases[-1]])
        if is_photo:
            return f"{objects}의 {self.rng.choice(('사진', '그림'))}"
        patterns = [
            Pattern("{place} {subject} 있다", 0.75, "에"),
            Pattern("{subject} {place} 있다", 0.9, "에"),
            Pattern("{place} 있는 {objects}", 1, "에"),
        ]
        pose = ""
        if len(groups) == 1:
            pose = self._choose_pose(groups[0])
            is_in_sky = self.is_flying(groups[0]) and self.place != "night"
            particle = "에서" if is_in_sky else "에"
            patterns += [
                Pattern("{place} {subject} {pose} 있다", 0.75, particle),
                Pattern("{subject} {place} {pose} 있다", 0.75, particle),
                Pattern("{place} {pose} 있는 {objects}", 1, particle),
            ]
        subject = add_particle(objects, "이/가")
        return self.fill(self.rng.choice(patterns), subject=subject, objects=objects, pose=pose)

    def _choose_pose(self, group: Group) -> str:
        if group.kind in FLYING and not self.is_flying(group):
            return "앉아"
        return KOREAN_POSES[group.kind]

    def relate_groups(self, one: Group, two: Group) -> str:
        name = self.choose_relation(one, two)
        relation = self.choose_word("relation", name)
        if name in ("left of", "right of") and self.rng.random() < 0.2:
            return self._name_sides(one, two, name)
        first = self.describe_group(one)
        landmark = self.describe_group(two, is_landmark=True)
        particle = "에" if self.place == "night" else "에서"
        patterns = [
            Pattern("{landmark} {relation} {subject} {pose}"),
            Pattern("{place} {landmark} {relation} {subject} {pose}", 1, particle),
            Pattern("{subject} {landmark} {relation} {pose}"),
            Pattern("{topic} {place} {landmark}의 {relation} {pose}", 0.6, particle),
            Pattern("{place} {subject} {landmark} {relation} {pose}", 1, particle),
        ]
        is_above = name == "above" and self.is_flying(one)
        return self.fill(
            self.rng.choice(patterns),
            landmark=landmark,
            relation=relation,
            subject=add_particle(first, "이/가"),
            topic=add_particle(first, "은/는"),
            pose="날고 있다" if is_above else "있다",
        )

    def _name_sides(self, one: Group, two: Group, relation: str) -> str:
        """Return a sentence with one group on the left and one on the right."""
        side = self.lexicon["side"]["left"][0]
        other_side = self.lexicon["side"]["right"][0]
        if relation == "right of":
            side, other_side = other_side, side
        first = add_particle(self.describe_group(one), "이/가")
        second = add_particle(self.describe_group(two), "이/가")
        return f"{side} {first} 있고 {other_side} {second} 있다"

    def add_group(self, sentence: str, group: Group) -> str:
        return f"{sentence.removesuffix('다')}고 {self.describe_group(group)}도 있다"

    def punctuate(self, sentence: str) -> str:
        if self.rng.random() < 0.8:
            sentence += "."
        return sentence
