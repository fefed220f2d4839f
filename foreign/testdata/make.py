"""Writes small files of weights in other formats, with the libraries that define them.

  python foreign/testdata/make.py FOLDER

Made with torch 2.15.0, h5py 3, keras 3, onnx, gguf, flax and numpy. A library that is
missing leaves its files out.
"""
import os
import sys

import numpy

os.environ["KERAS_BACKEND"] = "torch"
folder = sys.argv[1]
path = lambda name: os.path.join(folder, name)
w = numpy.arange(6, dtype="float32").reshape(2, 3)


def torch_files():
    import torch

    t = torch.from_numpy(w)
    plain = {"h.weight": t, "tied.weight": t, "view": t.T}
    torch.save(plain, path("torch.pt"))
    torch.save(plain, path("legacy.pth"), _use_new_zipfile_serialization=False)
    torch.save({"epoch": 3, "state_dict": plain}, path("nested.ckpt"))
    torch.jit.script(torch.nn.Linear(3, 2)).save(path("script.pt"))
    torch.export.save(torch.export.export(torch.nn.Linear(3, 2), (t,)), path("exported.pt2"))


def hdf5():
    import h5py

    with h5py.File(path("plain.h5"), "w") as f:
        f["h/weight"] = w
    with h5py.File(path("block.h5"), "w", userblock_size=512) as f:
        f["h/weight"] = w


def keras_files():
    import keras

    m = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)])
    m.save(path("model.keras"))
    m.save_weights(path("model.weights.h5"))


def onnx_file():
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    x = helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 3])
    y = helper.make_tensor_value_info("y", TensorProto.FLOAT, [1, 2])
    node = helper.make_node("Gemm", ["x", "h.weight"], ["y"], transB=1)
    graph = helper.make_graph([node], "g", [x], [y], [numpy_helper.from_array(w, "h.weight")])
    onnx.save(helper.make_model(graph, producer_name="pytorch"), path("model.onnx"))


def gguf_file():
    import gguf

    g = gguf.GGUFWriter(path("model.gguf"), "llama")
    g.add_tensor("blk.0.weight", w)
    g.write_header_to_file()
    g.write_kv_data_to_file()
    g.write_tensors_to_file()
    g.close()


def flax_file():
    from flax import serialization

    with open(path("flax.msgpack"), "wb") as f:
        f.write(serialization.to_bytes({"params": {"Dense_0": {"bias": w[0], "kernel": w}}}))
    with open(path("state.msgpack"), "wb") as f:
        f.write(serialization.to_bytes({"step": 70000, "params": {"kernel": w}}))


def numpy_files():
    import pickle

    numpy.savez(path("arrays.npz"), **{"h.weight": w, "h.bias": w[:, 0]})
    numpy.savez_compressed(path("compressed.npz"), **{"h.weight": w})
    numpy.save(path("array.npy"), w)
    for protocol in (0, 2, 4):
        with open(path(f"pickle{protocol}.pkl"), "wb") as f:
            pickle.dump({"h.weight": w}, f, protocol)


def tensorflow_file():
    import tensorflow as tf

    tf.train.Checkpoint(h=tf.Variable(w)).write(path("tf"))
    m = tf.Module()
    m.h = tf.Variable(w)
    tf.saved_model.save(m, path("saved"))


for make in (torch_files, hdf5, keras_files, onnx_file, gguf_file, flax_file, numpy_files, tensorflow_file):
    try:
        make()
    except ImportError as error:
        print(f"{make.__name__}: left out: {error}")
