"""The captioners on the Hugging Face Hub that are known to work here.

`python -m tools.models` lists them, and the table of doc/captioning.md says the same.
"""

from dataclasses import dataclass

from utils.hub.name import ModelName, parse_name

NOT_PUBLISHED = "not published"

# `model_type` in config.json of what is read here: captioners, and encoders of photos. Others are
# rejected before their weights are downloaded.
MODEL_TYPES = (
    "vision-encoder-decoder", "blip", "git",
    "vit", "deit", "clip", "clip_vision_model", "siglip", "siglip_vision_model", "dinov2",
)  # fmt: skip

_BLIP = "Li et al. 2022 (BLIP), table 7"
_GIT = "Wang et al. 2022 (GIT), COCO"


@dataclass(frozen=True)
class KnownModel:
    """A captioner. `size` is that of its weights; `score` is CIDEr on COCO's Karpathy test split.

    Its authors give the score, for their model of that size. It was not measured here.
    """

    name: str  # with the revision, where the main branch has no safetensors
    family: str
    megabytes: int
    licence: str
    languages: str
    score: str = NOT_PUBLISHED
    source: str = ""

    @property
    def model(self) -> ModelName:
        return parse_name(self.name)

    @property
    def size(self) -> str:
        """Return the size for people, rounded as the Hub shows it."""
        if self.megabytes < 1000:
            return f"≈ {self.megabytes} MB"
        return f"≈ {self.megabytes / 1000:.2f} GB"


KNOWN = (
    KnownModel("Mozilla/distilvit", "ViT and DistilGPT-2", 730, "Apache-2.0", "English"),
    KnownModel(
        "nlpconnect/vit-gpt2-image-captioning@refs/pr/37",
        "ViT and GPT-2", 982, "Apache-2.0", "English",
    ),
    KnownModel(
        "Salesforce/blip-image-captioning-base@refs/pr/38",
        "BLIP", 990, "BSD-3-Clause", "English", "133.3", _BLIP,
    ),
    KnownModel(
        "Salesforce/blip-image-captioning-large",
        "BLIP", 1880, "BSD-3-Clause", "English", "136.7", _BLIP,
    ),
    KnownModel(
        "microsoft/git-base-coco@refs/pr/1", "GIT", 707, "MIT", "English", "131.4", _GIT
    ),
    KnownModel("microsoft/git-large-coco", "GIT", 1580, "MIT", "English", "138.5", _GIT),
    KnownModel("microsoft/git-base", "GIT, not fine-tuned on COCO", 707, "MIT", "English"),
)  # fmt: skip
SUGGESTED = KNOWN[0]
