"""Photos to answers: limits how many there are, reads them, and asks the model in batches."""

import asyncio
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

from fastapi import Request

from data.photos.images import UnreadablePhoto
from serving.batching import Batcher
from serving.errors import Refusal
from serving.metrics import Gauge, Metrics
from serving.model import Answer, CaptionAnswer, ClassAnswer, Model, ReadPhoto
from serving.options import ServerOptions
from utils.errors import UserError

READERS = 2  # photos read at once: decoding takes the processor, and memory
WRITES_NO_CAPTIONS = (
    "this server has a classifier, which writes no captions; send the photo to /v1/classify"
)
KNOWS_NO_CLASSES = "this server writes captions and knows no classes; send the photo to /v1/caption"


class Service:
    """The model with its queue. Everything here runs in the thread of the event loop."""

    def __init__(self, options: ServerOptions, name: str) -> None:
        """`name` is that of the run, which is known before it is loaded."""
        self.options = options
        self.name = name
        self.metrics = Metrics()
        self.model: Model | None = None  # set by the thread that loads it
        self.is_draining = False
        self._photos = 0  # that are in the server now
        self._readers = ThreadPoolExecutor(READERS, thread_name_prefix="reader")
        self.batcher = Batcher(
            self._predict, most=options.batch, report=self.metrics.batches.observe
        )
        waiting = "Photos in the server: those that wait, and those that are captioned."
        self.metrics.add(Gauge("captions_photos_now", waiting, lambda: self._photos))
        ready = "1 when photos are answered, 0 while the model loads or the server stops."
        self.metrics.add(Gauge("captions_ready", ready, lambda: float(self.is_ready)))
        about = "The run that is served."
        self.metrics.add(Gauge("captions_model_info", about, lambda: 1, model=name))

    @property
    def is_ready(self) -> bool:
        """Return whether photos are answered."""
        return self.model is not None and not self.is_draining

    async def caption(self, photo: bytes, beam: int | None = None) -> CaptionAnswer:
        """Return the caption of a photo; refuse the request if it cannot be read."""
        return (await self.caption_all([photo], beam))[0]

    async def caption_all(
        self, photos: Sequence[bytes], beam: int | None = None
    ) -> list[CaptionAnswer]:
        """Return the captions of photos; refuse the request if one cannot be read."""
        self.require_captioner()
        answers = await self.answer_all(photos, beam)
        for number, answer in enumerate(answers, start=1):
            if isinstance(answer, UnreadablePhoto):
                raise refuse_photo(answer, number if len(photos) > 1 else None)
        return answers

    def require_captioner(self) -> None:
        """Refuse the request if the run is a classifier."""
        if not self._require_model().is_captioner:
            raise Refusal(400, WRITES_NO_CAPTIONS)

    def require_classifier(self) -> None:
        """Refuse the request if the run is a captioner."""
        if self._require_model().is_captioner:
            raise Refusal(400, KNOWS_NO_CLASSES)

    async def answer_all(
        self, photos: Sequence[bytes], beam: int | None
    ) -> list[CaptionAnswer | ClassAnswer | UnreadablePhoto]:
        """Return the answer for each photo, or why it cannot be read."""
        self._require_model()
        if self._photos + len(photos) > self.options.most_photos:
            self.metrics.photos.add("refused", number=len(photos))
            raise Refusal(
                503,
                f"busy: {self._photos} photos are in the server, which takes "
                f"{self.options.most_photos}; try again later",
                retry_after=1,
            )
        self._photos += len(photos)
        try:
            tasks = [self._answer(photo, beam) for photo in photos]
            answers = await asyncio.gather(*tasks, return_exceptions=True)
        finally:
            self._photos -= len(photos)
        for answer in answers:
            if isinstance(answer, UserError):
                raise Refusal(400, str(answer))
            if isinstance(answer, BaseException) and not isinstance(answer, UnreadablePhoto):
                raise answer
        return answers

    async def _answer(self, photo: bytes, beam: int | None) -> Answer:
        """Read a photo, and only then let it into a batch: a bad one must not fail others."""
        loop = asyncio.get_running_loop()
        result = "failed"
        try:
            read = await loop.run_in_executor(self._readers, self._require_model().read, photo)
            answer = await self.batcher.answer(read, beam)
            result = "answered"
            return answer
        except UnreadablePhoto:
            result = "unreadable"
            raise
        except UserError:  # a beam that an exported captioner does not have
            result = "refused"
            raise
        except asyncio.CancelledError:  # the client has gone, or the time is over
            result = "given up"
            raise
        finally:
            self.metrics.photos.add(result)

    def _predict(self, photos: Sequence[ReadPhoto], beam: int | None) -> Sequence[Answer]:
        return self._require_model().predict(photos, beam)

    def _require_model(self) -> Model:
        if self.model is None:
            raise Refusal(503, "the model is still loading; try again later", retry_after=5)
        return self.model


def refuse_photo(error: UnreadablePhoto, number: int | None = None) -> Refusal:
    """Return the refusal of a photo that cannot be read; `number` is its place among several."""
    name = "the photo" if number is None else f"photo {number}"
    return Refusal(422, f"{name} cannot be read: {error.reason}")


def get_service(request: Request) -> Service:
    """Return the service that answers a request."""
    return request.app.state.service
