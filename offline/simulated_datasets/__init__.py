"""Writers of data sets' own on-disk layouts, for simulated people. The loaders are in offline/datasets."""
