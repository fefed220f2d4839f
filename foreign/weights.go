package foreign

import (
	"bytes"
	"errors"
	"io"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/flowrun/flowrun/diag"
)

// Sample is what [Weights] looks at: never a whole file.
type Sample struct {
	Name string // the file's path; it only tells formats apart that content doesn't
	Size int64
	Head []byte // the first bytes
	Tail []byte // the last bytes; where the file is short, the same as in Head
}

const (
	headBytes = 64 << 10
	tailBytes = 1 << 20 // the directory of a zip archive with 10,000 tensors
)

// Take reads the beginning and the end of a file of size bytes, about 1 MiB at most.
func Take(r io.ReaderAt, size int64, name string) (Sample, error) {
	s := Sample{Name: name, Size: size, Head: make([]byte, min(size, headBytes)), Tail: make([]byte, min(size, tailBytes))}
	_, err := io.ReadFull(io.NewSectionReader(r, 0, size), s.Head)
	_, more := io.ReadFull(io.NewSectionReader(r, size-int64(len(s.Tail)), size), s.Tail)
	return s, errors.Join(err, more)
}

// SampleOf is the sample of a file of which all is in memory.
func SampleOf(content []byte) Sample {
	n := len(content)
	return Sample{Size: int64(n), Head: content[:min(n, headBytes)], Tail: content[n-min(n, tailBytes):]}
}

// Weights identifies a file that was expected to hold weights as safetensors, by its
// content: the formats of other frameworks, with how to convert them, and what downloads
// leave behind. Nothing in the file is executed or unpacked.
func Weights(s Sample) (Content, bool) {
	if s.Size == 0 {
		return Content{"an empty file", "its download or whatever wrote it may have failed; fetch it again"}, true
	}
	for _, known := range []func(Sample) (Content, bool){zeros, pointer, archive, pickle, hdf5, flatTensors, protobuf, checkpointOfTensorFlow, flax, text} {
		if c, ok := known(s); ok {
			return c.of(s.Name), true
		}
	}
	c, ok := Recognize(s.Head)
	return c.of(s.Name), ok
}

// Python is how weights of other formats are converted. FILE and OUT become names of
// files where those are plain; [Content.of] does that.
const (
	inPython  = "to convert it, run in Python: "
	saveTorch = "import torch; from safetensors.torch import save_file; "
	saveNumPy = "from safetensors.numpy import save_file; "
	// Each tensor gets memory of its own: save_file refuses tied ones, and views.
	saveTorchDict = `save_file({k: v.clone().contiguous() for k, v in d.items()}, "OUT")`
)

// plainFile is a path that means itself in quotes of Python and of a shell.
var plainFile = regexp.MustCompile(`^[A-Za-z0-9 _./~+@,=:()-]{1,200}$`)

// of puts the file's path into the advice, if it is a plain one, and that of the converted
// file beside it. FILE stands in quotes in Python, and in none in a shell.
func (c Content) of(path string) Content {
	file, out := "FILE", "weights.safetensors"
	if path = filepath.ToSlash(path); plainFile.MatchString(path) {
		if file = path; strings.HasPrefix(file, "-") { // it is no option
			file = "./" + file
		}
		out = strings.TrimSuffix(file, filepath.Ext(file))
		if filepath.Ext(file) == ".safetensors" {
			out += "-converted"
		}
		out += ".safetensors"
	}
	c.Help = strings.NewReplacer(`"FILE"`, `"`+file+`"`, "FILE", diag.ShellLine(file), "OUT", out).Replace(c.Help)
	return c
}

// zeros are what a download that reserves its space leaves where it ends early.
func zeros(s Sample) (c Content, ok bool) {
	if s.Size < 64 || len(bytes.Trim(s.Head, "\x00")) > 0 || len(bytes.Trim(s.Tail, "\x00")) > 0 {
		return c, false
	}
	return Content{"a file of zeros, as an interrupted download leaves it", "fetch it again"}, true
}

var sizeOfPointer = regexp.MustCompile(`(?m)^size ([0-9]{1,18})$`)

// pointer is what Git has in the place of a large file.
func pointer(s Sample) (c Content, ok bool) {
	if !bytes.HasPrefix(s.Head, []byte("version https://git")) {
		return c, false
	}
	c, ok = Recognize(s.Head)
	if m := sizeOfPointer.FindSubmatch(s.Head); m != nil {
		c.What = "a Git LFS pointer to a file of " + string(m[1]) + " bytes that wasn't fetched"
	}
	c.Help += " in its repository (install git-lfs first), or download the file itself"
	return c, ok
}

// hdf5 files may begin with a block of the user's, of 512 bytes or a power of two more.
func hdf5(s Sample) (c Content, ok bool) {
	for _, at := range []int{0, 512, 1024, 2048, 4096} {
		ok = ok || at < len(s.Head) && bytes.HasPrefix(s.Head[at:], []byte("\x89HDF\r\n\x1a\n"))
	}
	if !ok {
		return c, false
	}
	c = Content{"an HDF5 file", inPython + `import h5py; ` + saveNumPy +
		`d = {}; h5py.File("FILE").visititems(lambda n, x: d.update({n: x[()]}) if isinstance(x, h5py.Dataset) else None); save_file(d, "OUT")`}
	switch {
	case bytes.HasPrefix(s.Head, []byte("MATLAB")):
		c.What = "a MATLAB file (HDF5)"
	case holds(s, "keras_version", "layer_names", "_layer_checkpoint_dependencies", "model_weights", "layers\x00"):
		c.What = "an HDF5 file, as Keras writes it"
		c.Help += "; kernels of Dense layers are transposed: a Linear's weight is kernel.T"
	}
	return c, true
}

// holds reports whether one of the words is in the beginning or the end of a file.
func holds(s Sample, words ...string) bool {
	for _, w := range words {
		if bytes.Contains(s.Head, []byte(w)) || bytes.Contains(s.Tail, []byte(w)) {
			return true
		}
	}
	return false
}

// flatTensors are formats with a magic number, and tensors after a header.
func flatTensors(s Sample) (c Content, ok bool) {
	begins := func(magic string, at int) bool {
		return at <= len(s.Head) && bytes.HasPrefix(s.Head[at:], []byte(magic))
	}
	switch {
	case begins("GGUF", 0):
		return Content{"a GGUF file, as llama.cpp reads it", "take the safetensors that it was made from if you can; or, " + inPython + "from gguf import GGUFReader, quants; " + saveNumPy +
			`save_file({t.name: quants.dequantize(t.data, t.tensor_type) for t in GGUFReader("FILE").tensors}, "OUT")`}, true
	case begins("tjgg", 0), begins("lmgg", 0), begins("fmgg", 0):
		return Content{"a GGML file, as older versions of llama.cpp and whisper.cpp read it", "take the safetensors or PyTorch file that it was made from"}, true
	case begins("\x93NUMPY", 0):
		return Content{"a NumPy array (.npy)", inPython + "import numpy; " + saveNumPy + `save_file({"NAME": numpy.load("FILE")}, "OUT"), where NAME is the tensor's`}, true
	case begins("TFL3", 4):
		return Content{"a TensorFlow Lite model", "take the weights that it was made from"}, true
	case begins("ustar", 257):
		return Content{"a tar archive", "unpack it: tar xf FILE"}, true
	}
	return c, false
}

// checkpointOfTensorFlow is one of the files that tf.train.Checkpoint writes. The index
// is a table of LevelDB, known by its last bytes; nothing tells what a file of data is,
// but its name.
func checkpointOfTensorFlow(s Sample) (c Content, ok bool) {
	c.Help = convertTensorFlow("PREFIX") + ", where PREFIX is what the names of the checkpoint's files begin with"
	if prefix := restOfTensorFlow.ReplaceAllString(filepath.ToSlash(s.Name), ""); plainFile.MatchString(prefix) && prefix != filepath.ToSlash(s.Name) {
		c.Help = convertTensorFlow(prefix)
	}
	switch {
	case bytes.HasSuffix(s.Tail, []byte("\x57\xfb\x80\x8b\x24\x75\x47\xdb")):
		c.What = "the index of a TensorFlow checkpoint"
	case bytes.HasPrefix(s.Head, []byte("model_checkpoint_path:")):
		c.What = "the list of TensorFlow checkpoints in a folder"
	case shardOfTensorFlow.MatchString(s.Name) && !bytes.HasPrefix(s.Head, []byte("version ")):
		c.What = "by its name, the tensors of a TensorFlow checkpoint"
	default:
		return Content{}, false
	}
	return c, true
}

var (
	shardOfTensorFlow = regexp.MustCompile(`\.data-[0-9]{5}-of-[0-9]{5}$`)
	restOfTensorFlow  = regexp.MustCompile(`\.index$|` + shardOfTensorFlow.String())
)

// convertTensorFlow is how a checkpoint is converted. It has tensors of texts, too, which
// say what belongs to which object.
func convertTensorFlow(prefix string) string {
	return inPython + "import tensorflow as tf; " + saveNumPy + `r = tf.train.load_checkpoint("` + prefix +
		`"); save_file({n: r.get_tensor(n) for n, t in r.get_variable_to_dtype_map().items() if t != tf.string}, "OUT")`
}
