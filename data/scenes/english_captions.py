"""English captions of scenes."""

from data.scenes.caption_writer import CaptionWriter, Pattern
from data.scenes.facts import Group
from data.scenes.words import (
    ENGLISH,
    ENGLISH_PLACE_PHRASES,
    ENGLISH_POSES,
    FLYING,
    PEOPLE,
    make_plural,
)


class EnglishWriter(CaptionWriter):
    """Writes an English caption."""

    lexicon = ENGLISH

    def describe_place(self, word: str) -> str:
        return ENGLISH_PLACE_PHRASES[word].format(word)

    def describe_group(self, group: Group) -> str:
        """Return a phrase such as 'two small red dogs' or 'a woman in a blue dress'."""
        size, colour = self.choose_adjectives(group)
        self.claims.add(("count", group.kind, group.count))
        noun = self.choose_word("kind", group.kind)
        if group.count > 1:
            noun = make_plural(noun)
        clothes = ""
        if group.kind in PEOPLE and colour:
            clothes = self._describe_clothes(group, colour)
            colour = ""
        text = " ".join(word for word in (size, colour, noun, clothes) if word)
        if group.count == 1:
            article = "an" if text[0] in "aeiou" else "a"
            return f"{article} {text}"
        if group.count == 2:
            number = self.rng.choice(("two", "two", "a pair of"))
        else:
            number = self.rng.choice(("three",))  # takes a random number like the choice above
        return f"{number} {text}"

    def _describe_clothes(self, group: Group, colour: str) -> str:
        """Return a phrase such as 'in blue' or 'wearing blue dresses'."""
        wearing = self.choose_word("wearing", "in")
        names_garment = wearing != "dressed in" and self.rng.random() < 0.5
        if not names_garment:
            return f"{wearing} {colour}"
        garment = "dress" if group.kind == "woman" else "shirt"
        if group.count > 1:
            return f"{wearing} {colour} {make_plural(garment)}"
        article = "an" if colour == "orange" else "a"
        return f"{wearing} {article} {colour} {garment}"

    def list_groups(self, groups: list[Group]) -> str:
        phrases = [self.describe_group(group) for group in groups]
        objects = phrases[-1]
        if len(phrases) > 1:
            objects = f"{', '.join(phrases[:-1])} and {phrases[-1]}"
        verb = _choose_verb(groups[0])
        patterns = [
            Pattern("{objects} {place}", 0.9),
            Pattern("there {verb} {objects} {place}", 0.75),
            Pattern("a {picture} of {objects} {place}", 0.75),
            Pattern("{place} there {verb} {objects}"),
        ]
        pose = ""
        if len(groups) == 1:
            pose = self._choose_pose(groups[0])
            patterns += [
                Pattern("{objects} {pose} {place}", 0.75),
                Pattern("{objects} {verb} {pose} {place}", 0.75),
            ]
        pattern = self.rng.choice(patterns)
        picture = ""
        if "{picture}" in pattern.template:
            picture = self.rng.choice(("photo", "picture", "drawing"))
        return self.fill(pattern, objects=objects, verb=verb, pose=pose, picture=picture)

    def _choose_pose(self, group: Group) -> str:
        if group.kind in FLYING and not self.is_flying(group):
            return "sitting"
        return ENGLISH_POSES[group.kind]

    def relate_groups(self, one: Group, two: Group) -> str:
        name = self.choose_relation(one, two)
        relation = self.choose_word("relation", name)
        first = self.describe_group(one)
        second = self.describe_group(two)
        patterns = [
            Pattern("{first} {relation} {second} {place}", 0.6),
            Pattern("{first} {verb} {relation} {second} {place}", 0.6),
            Pattern("there {verb} {first} {relation} {second} {place}", 0.6),
            Pattern("{relation} {second} there {verb} {first} {place}", 0.6),
            Pattern("{second} with {first} {relation} {pronoun} {place}", 0.6),
            Pattern("{place} {first} {verb} {relation} {second}"),
        ]
        if name == "left of":
            patterns.append(Pattern("{first} on the left and {second} on the right"))
        if name == "right of":
            patterns.append(Pattern("{first} on the right and {second} on the left"))
        return self.fill(
            self.rng.choice(patterns),
            first=first,
            second=second,
            relation=relation,
            verb=_choose_verb(one),
            pronoun=_choose_pronoun(two),
        )

    def add_group(self, sentence: str, group: Group) -> str:
        return f"{sentence}, and there {_choose_verb(group)} {self.describe_group(group)} too"

    def punctuate(self, sentence: str) -> str:
        if self.rng.random() < 0.12:
            return sentence
        sentence = sentence[0].upper() + sentence[1:]
        if self.rng.random() < 0.85:
            sentence += "."
        return sentence


def _choose_verb(group: Group) -> str:
    return "is" if group.count == 1 else "are"


def _choose_pronoun(group: Group) -> str:
    if group.count > 1:
        return "them"
    return {"man": "him", "woman": "her"}.get(group.kind, "it")
