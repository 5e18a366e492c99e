"""The picture that the participant looks at, under the gaze: which one it is, loading it, painting it."""
