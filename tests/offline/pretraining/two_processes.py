"""What torchrun starts in test_pretrain: pretraining on the corpora that are named, by as many as there are."""

from __future__ import annotations

import sys
from pathlib import Path

import torch
from pretrain_settings import FEW_STEPS

from offline.corpus.corpus import open_corpus
from offline.pretraining.pretrain import pretrain

torch.set_num_threads(1)
pretrain([open_corpus(Path(path)) for path in sys.argv[2:]], FEW_STEPS, Path(sys.argv[1]))
