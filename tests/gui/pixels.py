"""What a window looks like, from its pixels."""

from __future__ import annotations

import numpy as np
from PySide6.QtCore import QPoint, QRect
from PySide6.QtGui import QImage

READABLE = 4.5  # contrast of text, by WCAG AA
SCALE = 2


def painted(window):
    """The pixels (y, x) of a window, 0xRRGGBB, at SCALE times its size: thin strokes reach their colour."""
    image = QImage(window.size() * SCALE, QImage.Format.Format_RGB32)
    image.setDevicePixelRatio(SCALE)
    window.render(image)
    return np.frombuffer(image.constBits(), np.uint32).reshape(image.height(), image.width()).copy() & 0xFFFFFF


def luminance(shades):
    parts_ = np.stack([shades >> k & 255 for k in (16, 8, 0)], axis=-1) / 255
    linear = np.where(parts_ <= 0.04045, parts_ / 12.92, ((parts_ + 0.055) / 1.055) ** 2.4)
    return linear @ np.array([0.2126, 0.7152, 0.0722])


def measured_contrast(pixels, widget, area=None):
    """WCAG contrast of the text in a widget, or in an area of it: of its ink against its ground."""
    place = area or QRect(QPoint(), widget.size())
    corner = widget.mapTo(widget.window(), place.topLeft()) * SCALE
    shown = pixels[corner.y() : corner.y() + SCALE * place.height(), corner.x() : corner.x() + SCALE * place.width()]
    shades, counts = np.unique(shown, return_counts=True)
    lights = luminance(shades)
    ground = lights[np.argmax(counts)]
    return float(np.max((np.maximum(lights, ground) + 0.05) / (np.minimum(lights, ground) + 0.05)))
