package foreign

import (
	"bytes"
	"path/filepath"
	"strings"
)

// Content describes the actual content of a file that was expected to be something else.
type Content struct {
	What string // "a Git LFS pointer"
	Help string // what to do about it; "" if that is plain
}

// String is what it is and what to do.
func (c Content) String() string {
	if c.Help == "" {
		return c.What
	}
	return c.What + "; " + c.Help
}

// magic lists file formats by their first bytes.
var magic = []struct {
	begins string
	Content
}{
	{"version https://git", Content{"a Git LFS pointer to a file that wasn't fetched", "run git lfs pull"}},
	{"\x1f\x8b", Content{"compressed by gzip", "unpack it: gunzip FILE"}},
	{"BZh", Content{"compressed by bzip2", "unpack it: bunzip2 FILE"}},
	{"\xfd7zXZ\x00", Content{"compressed by xz", "unpack it: unxz FILE"}},
	{"\x28\xb5\x2f\xfd", Content{"compressed by zstd", "unpack it: unzstd FILE"}},
	{"\x89HDF\r\n\x1a\n", Content{"an HDF5 file", saveSafetensors}},
	{"\x93NUMPY", Content{"a NumPy array (.npy)", saveSafetensors}},
	{"PK\x03\x04", Content{"a zip archive (the format of .pt, .pth, .npz, .keras and .xlsx files)", saveSafetensors}},
	{"PK\x05\x06", Content{"an empty zip archive", saveSafetensors}},
	{"\x80\x02", Content{"a Python pickle (the format of older .pt files)", saveSafetensors}},
	{"\x80\x03", Content{"a Python pickle", saveSafetensors}},
	{"\x80\x04", Content{"a Python pickle", saveSafetensors}},
	{"\x80\x05", Content{"a Python pickle", saveSafetensors}},
	{"GGUF", Content{"a GGUF file", saveSafetensors}},
	{"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", Content{"an old Office document, such as an .xls workbook", "save it as CSV in UTF-8"}},
	{"%PDF-", Content{"a PDF document", ""}},
	{"\x7fELF", Content{"a program", ""}},
	{"SQLite format 3\x00", Content{"an SQLite database", ""}},
	{"PAR1", Content{"a Parquet file", saveSafetensors}},
	{"ARROW1", Content{"an Arrow file", saveSafetensors}},
	{"<!DOCTYPE", Content{"an HTML page, perhaps from a failed download", "fetch the file itself"}},
	{"<!doctype", Content{"an HTML page, perhaps from a failed download", "fetch the file itself"}},
	{"<html", Content{"an HTML page, perhaps from a failed download", "fetch the file itself"}},
	{"<?xml", Content{"an XML document", ""}},
	{"\xff\xfe\x00\x00", Content{"UTF-32 text", saveUTF8}},
	{"\x00\x00\xfe\xff", Content{"UTF-32 text", saveUTF8}},
	{"\xff\xfe", Content{"UTF-16 text", saveUTF8}},
	{"\xfe\xff", Content{"UTF-16 text", saveUTF8}},
}

const (
	saveSafetensors = "save the tensors as safetensors: safetensors.torch.save_file(tensors, path), or safetensors.numpy.save_file"
	saveUTF8        = "save it as UTF-8"
)

// Recognize identifies a file by its first bytes. No spec begins like any of these
// formats. Text with a zero in every second byte is UTF-16 without a byte order mark.
func Recognize(head []byte) (c Content, ok bool) {
	for _, m := range magic {
		if bytes.HasPrefix(head, []byte(m.begins)) {
			return m.Content, true
		}
	}
	if len(head) >= 4 && (head[0] == 0 && head[1] != 0 && head[2] == 0 && head[3] != 0 || head[0] != 0 && head[1] == 0 && head[2] != 0 && head[3] == 0) {
		return Content{"UTF-16 text", saveUTF8}, true
	}
	return c, false
}

// endings are the file extensions of other formats.
var endings = map[string]string{
	".pt": "PyTorch", ".pth": "PyTorch", ".ckpt": "PyTorch", ".bin": "PyTorch", ".pkl": "pickle", ".pickle": "pickle",
	".h5": "HDF5", ".hdf5": "HDF5", ".keras": "Keras", ".npz": "NumPy", ".npy": "NumPy", ".onnx": "ONNX", ".tflite": "TensorFlow Lite",
	".pb": "TensorFlow", ".tfrecord": "TensorFlow", ".tfrecords": "TensorFlow", ".gguf": "GGUF", ".ggml": "GGML", ".msgpack": "Flax", ".mat": "MATLAB",
	".csv": "text", ".tsv": "text", ".json": "text", ".jsonl": "text", ".txt": "text", ".parquet": "Parquet", ".arrow": "Arrow", ".feather": "Arrow",
	".gz": "gzip", ".zip": "zip", ".tar": "tar", ".tgz": "tar", ".bz2": "bzip2", ".xz": "xz", ".zst": "zstd", ".png": "PNG", ".jpg": "JPEG",
}

// Format names the format of a file by its extension, if it is a known format other
// than safetensors; otherwise "".
func Format(name string) string { return endings[strings.ToLower(filepath.Ext(name))] }

// ShardIndex ends the names of indexes of safetensors files that lie in several pieces.
const ShardIndex = ".safetensors.index.json"
