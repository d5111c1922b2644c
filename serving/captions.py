"""Our own routes: captions of a captioner's run, classes of a classifier's."""

from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from pydantic import BaseModel

from data.photos.images import UnreadablePhoto
from serving.model import CaptionAnswer, ClassAnswer
from serving.options import MOST_BEAM
from serving.photos import PHOTOS_BODY, is_form, read_form_photos, read_raw_photo
from serving.service import Service, get_service, refuse_photo

_DIGITS = 5  # of attention

Beam = Annotated[
    int | None, Query(ge=1, le=MOST_BEAM, description="width of the beam search; the run's own")
]
WithAttention = Annotated[
    bool, Query(description="also return where the network looked for each word")
]


class Candidate(BaseModel):
    """Another caption that the search found."""

    caption: str
    score: float


class Attention(BaseModel):
    """A map (rows, columns) over the photo for each word; the values of a map sum to 1."""

    words: list[str]
    maps: list[list[list[float]]]


class CaptionBody(BaseModel):
    """The caption of a photo."""

    model: str
    caption: str
    score: float
    candidates: list[Candidate]
    attention: Attention | None = None


class NamedClass(BaseModel):
    """A class with its probability."""

    name: str
    probability: float


class ClassBody(BaseModel):
    """The likeliest classes of a photo."""

    model: str
    classes: list[NamedClass]


class NamedCaption(CaptionBody):
    """The caption of one of several photos."""

    name: str


class NamedClasses(ClassBody):
    """The likeliest classes of one of several photos."""

    name: str


class UnreadBody(BaseModel):
    """One of several photos that cannot be read, and why."""

    name: str
    error: str


class CaptionsBody(BaseModel):
    """The captions of a form's photos, in their order."""

    photos: list[NamedCaption | UnreadBody]


class ClassesBody(BaseModel):
    """The classes of a form's photos, in their order."""

    photos: list[NamedClasses | UnreadBody]


class ErrorBody(BaseModel):
    """Why a request was refused."""

    detail: str


ERRORS: dict[int | str, dict[str, Any]] = {
    400: {"model": ErrorBody, "description": "The request is not of this form."},
    413: {"model": ErrorBody, "description": "The request is too large."},
    422: {"model": ErrorBody, "description": "The photo cannot be read, or a value is wrong."},
    503: {"model": ErrorBody, "description": "Loading, or busy; see the header Retry-After."},
    504: {"model": ErrorBody, "description": "No answer in time."},
}
router = APIRouter(tags=["Captions"], responses=ERRORS)


@router.post(
    "/v1/caption",
    summary="Caption a photo, or several",
    response_model_exclude_none=True,
    openapi_extra={
        "requestBody": PHOTOS_BODY,
        "x-curl": "curl --data-binary @photo.jpg http://127.0.0.1:8000/v1/caption",
    },
)
async def caption(
    request: Request, beam: Beam = None, attention: WithAttention = False
) -> CaptionBody | CaptionsBody:
    """Send the bytes of one photo, or a form with up to 16."""
    service = get_service(request)
    service.require_captioner()

    def make_body(answer: CaptionAnswer) -> CaptionBody:
        return _make_caption_body(service.name, answer, with_attention=attention)

    if not is_form(request):
        return make_body(await _answer_raw(request, service, beam))
    photos = []
    for name, answer in await _answer_form(request, service, beam):
        if isinstance(answer, UnreadablePhoto):
            photos.append(UnreadBody(name=name, error=answer.reason))
        else:
            photos.append(NamedCaption(name=name, **make_body(answer).model_dump()))
    return CaptionsBody(photos=photos)


@router.post(
    "/v1/classify",
    summary="Name the classes of a photo, or of several",
    openapi_extra={
        "requestBody": PHOTOS_BODY,
        "x-curl": "curl --data-binary @photo.jpg http://127.0.0.1:8000/v1/classify",
    },
)
async def classify(request: Request) -> ClassBody | ClassesBody:
    """Send the bytes of one photo, or a form with up to 16. The run must be a classifier."""
    service = get_service(request)
    service.require_classifier()
    if not is_form(request):
        return _make_class_body(service.name, await _answer_raw(request, service, None))
    photos = []
    for name, answer in await _answer_form(request, service, None):
        if isinstance(answer, UnreadablePhoto):
            photos.append(UnreadBody(name=name, error=answer.reason))
        else:
            body = _make_class_body(service.name, answer)
            photos.append(NamedClasses(name=name, **body.model_dump()))
    return ClassesBody(photos=photos)


async def _answer_raw(request: Request, service: Service, beam: int | None) -> Any:
    """Answer for the photo that is the body of a request."""
    (answer,) = await service.answer_all([await read_raw_photo(request)], beam)
    if isinstance(answer, UnreadablePhoto):
        raise refuse_photo(answer)
    return answer


async def _answer_form(
    request: Request, service: Service, beam: int | None
) -> list[tuple[str, Any]]:
    """Answer for the photos of a form by their names; refuse it if none of them can be read."""
    sent = await read_form_photos(request)
    answers = await service.answer_all([photo.content for photo in sent], beam)
    if all(isinstance(answer, UnreadablePhoto) for answer in answers):
        raise refuse_photo(answers[0], 1 if len(answers) > 1 else None)
    return [(photo.name, answer) for photo, answer in zip(sent, answers, strict=True)]


def _make_caption_body(model: str, answer: CaptionAnswer, *, with_attention: bool) -> CaptionBody:
    attention = None
    if with_attention:
        maps = answer.maps.astype(float).round(_DIGITS).tolist()
        attention = Attention(words=answer.words, maps=maps)
    candidates = [Candidate(caption=text, score=score) for text, score in answer.candidates]
    return CaptionBody(
        model=model,
        caption=answer.text,
        score=answer.score,
        candidates=candidates,
        attention=attention,
    )


def _make_class_body(model: str, answer: ClassAnswer) -> ClassBody:
    classes = [NamedClass(name=name, probability=value) for name, value in answer.classes]
    return ClassBody(model=model, classes=classes)
