"""JPEG XL before the classifier, judged on real bytes."""

from benchmark.api import JpegXL


class JpegXLDefense(JpegXL):
    """Lossy JPEG XL by libjxl, through the plugin pillow-jxl-plugin (the extra `jxl`)."""

    def __init__(self, quality: int) -> None:
        """`quality` on the scale of libjxl, 0 to 99."""
        super().__init__(quality)
