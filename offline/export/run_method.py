"""Fitted methods over whole recordings, and as models for the live application."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from offline.evaluation.methods.base import ExportableModel, Model
from offline.evaluation.methods.own import OwnModel
from offline.evaluation.window_table import Windows, WindowTable
from offline.export.exported_model import ExportedModel, GraphSizes, embedding_of, exported
from offline.export.onnx_graph import export_network
from offline.export.session_outputs import NetworkOutputs, passing, run_network
from rtemo.core.errors import RtemoError
from rtemo.core.settings import PipelineSettings
from rtemo.model.bundle_schema import FixedChannels, ModalityGate

_SEES: Mapping[str, tuple[str, ...]] = {"eeg": ("eeg",), "eye": ("eye",), "joint": ("eeg", "eye")}


def export_method(model: Model, name: str) -> ExportedModel:
    """The fitted method as an ONNX graph on declared inputs. Raises RtemoError where it cannot go live."""
    if isinstance(model, OwnModel):
        return export_network(model.frozen.network, model.heads)
    if not isinstance(model, ExportableModel):
        raise RtemoError(f"{name} cannot run live", f"{type(model).__name__} has no graph", "use another method")
    table, settings = model.table, PipelineSettings.from_dict(model.table.pipeline)
    channels = table.channels
    fixed = FixedChannels(channels.labels, tuple((float(x), float(y), float(z)) for x, y, z in channels.positions))
    shard = table.shards[0]
    sizes = GraphSizes(
        frames=shard.eeg.shape[1],
        channels=len(channels.labels),
        bands=shard.eeg.shape[3],
        eye_features=shard.eye.shape[1],
        samples=round(settings.window.length_s * settings.eeg.grid_hz),
    )
    features = model.outputs(Windows(table, np.arange(1), ("eeg", "eye")))[1].shape[1]
    return exported(model.graph(), name, model.inputs, fixed, sizes, len(table.labels), features)


def run_method(model: Model, table: WindowTable, gate: ModalityGate) -> list[NetworkOutputs]:
    """What a fitted method says of every window of a table, by recording.

    table: `tabulate(corpus, channels, labelled=False)` with the channels of the table that the method was fitted on;
    smoothing needs the windows between the clips too.
    """
    if isinstance(model, OwnModel):
        shards = [table.shards[number] for number in np.unique(table.shard)]
        return run_network(model.frozen.network, model.heads, shards, gate, "network")
    if not isinstance(model, ExportableModel):
        raise RtemoError("this method cannot be calibrated", f"{type(model).__name__} has no logits", "use another")
    found = []
    for number in np.unique(table.shard):
        rows = np.flatnonzero(table.shard == number)
        shard = table.shards[number]
        if len(rows) != len(shard.rows):
            raise RtemoError("a recording's windows are not all there", shard.about.id, "tabulate with labelled=False")
        both = {head: model.outputs(Windows(table, rows, seen)) for head, seen in _SEES.items()}
        z = {head: embedding_of(*one) for head, one in both.items()}
        logits = {head: np.asarray(one[0], np.float64) for head, one in both.items()}
        found.append(NetworkOutputs(shard, z, logits, passing(shard, gate)))
    return found
