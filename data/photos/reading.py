"""How a photo becomes the square of pixels that a network gets."""

from dataclasses import dataclass

from PIL import Image

RESAMPLING = {
    "bilinear": Image.Resampling.BILINEAR,
    "bicubic": Image.Resampling.BICUBIC,
    "lanczos": Image.Resampling.LANCZOS,
}
Window = tuple[float, float, float, float]  # top, left, bottom, right as shares of the photo
WHOLE: Window = (0.0, 0.0, 1.0, 1.0)


@dataclass(frozen=True)
class Reading:
    """The preprocessing that a network was trained with.

    `resample`: the filter. `fit`: `squeeze` the whole photo into the square, or `crop` the middle
    of a photo whose shorter side was brought to `shortest_edge` (default: the square's side), or
    `squeeze_and_crop` the middle of a photo whose sides were both brought to it.
    `is_exact`: every pixel counts, as in the processors of others. Otherwise a large photo is
    first reduced by whole steps, which is several times faster.
    """

    resample: str = "bilinear"
    fit: str = "squeeze"
    shortest_edge: int | None = None
    is_exact: bool = False

    def resize_exactly(self, image: Image.Image, size: tuple[int, int]) -> Image.Image:
        """Return an upright picture at size (height, width), by the filter alone."""
        height, width = size
        filter = RESAMPLING[self.resample]
        if self.fit == "squeeze":
            return image.resize((width, height), filter)
        enlarged = image.resize(self._enlarge(image.size, size), filter)
        left = (enlarged.width - width) // 2
        top = (enlarged.height - height) // 2
        return enlarged.crop((left, top, left + width, top + height))

    def _enlarge(self, photo: tuple[int, int], size: tuple[int, int]) -> tuple[int, int]:
        """Return the size (width, height) that brings a photo's shorter side to the edge."""
        width, height = photo
        edge = self.shortest_edge or min(size)
        if self.fit == "squeeze_and_crop":
            return edge, edge
        if width <= height:
            return edge, int(edge * height / width)
        return int(edge * width / height), edge

    def find_window(self, photo: tuple[int, int], size: tuple[int, int]) -> Window:
        """Return the part of a photo (height, width) that is seen at size (height, width)."""
        if self.fit == "squeeze":
            return WHOLE
        width, height = self._enlarge((photo[1], photo[0]), size)
        left, top = (width - size[1]) // 2, (height - size[0]) // 2
        return (
            top / height,
            left / width,
            (top + size[0]) / height,
            (left + size[1]) / width,
        )


DEFAULT = Reading()
