"""Photos to captions.

from models.captioner import Captioner
caption = Captioner.load("checkpoints/RUN")("photo.jpg")
caption.text, caption.score, caption.words, caption.attention

A run is opened as a `TrainedCaptioner`, with TensorFlow. What export.py made of one is opened as an
`ExportedCaptioner`, without it.
"""

from pathlib import Path

from models.base_captioner import BaseCaptioner
from utils.errors import UserError
from utils.exports import is_export


class Captioner:
    """Opens captioners: of a run folder, an exported folder, or a model of others."""

    @staticmethod
    def load(
        run: str | Path | None = None,
        *,
        weights: str | None = None,
        engine: str = "auto",
        precision: str | None = None,
    ) -> BaseCaptioner:
        """Load a run folder (default: the newest) with the weights of its best epoch.

        `run` may also be a folder that export.py made, a Hugging Face model, hf:FOLDER, or at an
        address, s3://BUCKET/RUN, from which it is fetched once. `weights` is the present place of
        the encoder's weights, if they were moved; it may be an address too. `engine` is auto,
        tensorflow or openvino. `precision`, float32 or bfloat16, replaces the run's. Captioners of
        others have bfloat16 where the processor has it.
        """
        # Each is imported where it is needed: TensorFlow, or the runtime of the export's format.
        if run is not None and is_export(run):
            from models.exported_captioner import load_export

            if weights is not None:
                raise UserError(f"{run} was exported with all its weights; omit --weights")
            if engine != "auto" or precision is not None:
                raise UserError(
                    f"{run} runs by the runtime of its format, in float32; omit --engine and "
                    "--precision"
                )
            return load_export(Path(run))
        from models.trained_captioner import load_run

        return load_run(run, weights=weights, engine=engine, precision=precision)
