"""Prints what TensorBoard reads in a folder: scalars as [step, bits of the f32], texts."""
import json, struct, sys
from tensorboard.backend.event_processing.plugin_event_accumulator import EventAccumulator
from tensorboard.util import tensor_util

events = EventAccumulator(sys.argv[1], size_guidance={"tensors": 0})
events.Reload()
scalars, texts, times = {}, {}, []
for tag in events.Tags()["tensors"]:
    kind = events.SummaryMetadata(tag).plugin_data.plugin_name
    for e in events.Tensors(tag):
        value = tensor_util.make_ndarray(e.tensor_proto)
        times.append(e.wall_time)
        if kind == "scalars":
            scalars.setdefault(tag, []).append([e.step, struct.unpack("<I", struct.pack("<f", value.item()))[0]])
        elif kind == "text":
            texts.setdefault(tag, []).append([e.step, value.item().decode()])
print(json.dumps({"scalars": scalars, "texts": texts, "first": min(times), "last": max(times)}))
