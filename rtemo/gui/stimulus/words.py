"""Texts about the picture under the gaze, in English."""

from __future__ import annotations

NO_PLACE = "No picture: there is no {place}"
NO_PICTURE = "No picture for {name}"
UNREADABLE = "No picture: {name} cannot be read ({why})"
PICTURES = "Picture under the gaze"
PICTURES_HINT = "none; a picture, or a folder of pictures named as the conditions"
FILE, FOLDER = "Picture…", "Folder…"
FILTER = "Pictures (*.png *.jpg *.jpeg *.bmp *.gif *.webp)"
SIZE = "Its size"
SIZES = {"screen": "as large as the screen", "pixels": "pixel for pixel, in the middle"}
