"""Names of KerasHub's presets, which a run folder may hold too."""

import pytest

from models.pretrained import keras_hub_presets
from utils.errors import UserError


def test_an_address_of_hugging_face_is_no_preset(monkeypatch):
    """KerasHub would download it."""
    monkeypatch.setattr(keras_hub_presets.keras_hub.models.ViTBackbone, "from_preset", None)
    with pytest.raises(UserError, match=r"hf:OWNER/NAME \(got hf://owner/name\)"):
        keras_hub_presets.load_preset("ViT", "hf://owner/name")
