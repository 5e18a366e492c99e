"""From a corpus and any method to a calibrated bundle: everybody trains the model, and everybody is held out once."""
