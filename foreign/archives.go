package foreign

import (
	"bytes"
	"encoding/binary"
	"path"
	"slices"
	"strings"
)

// archive identifies a zip archive by the names of its members.
func archive(s Sample) (c Content, ok bool) {
	if !bytes.HasPrefix(s.Head, []byte("PK\x03\x04")) {
		return c, false
	}
	names := directory(s.Tail)
	whole := len(names) > 0
	if !whole { // the directory is at the end
		names = members(s.Head)
	}
	c = archived(names, s.Head)
	if !whole {
		c = Content{"the beginning of " + c.What, "its end is missing: fetch it again"}
	}
	return c, true
}

// directory finds the names in a zip archive's directory, the last entries that follow
// each other: a member may be an archive itself. If the directory is longer than tail,
// these are its last names.
func directory(tail []byte) (names []string) {
	const fixed = 46
	end := 0
	for at := 0; ; at++ {
		next := bytes.Index(tail[at:], []byte("PK\x01\x02"))
		if next < 0 || at+next+fixed > len(tail) {
			return names
		}
		at += next
		length := func(of int) int { return int(binary.LittleEndian.Uint16(tail[at+of:])) }
		name := at + fixed + length(28)
		if name > len(tail) {
			continue
		}
		if at != end {
			names = nil
		}
		names = append(names, string(tail[at+fixed:name]))
		end = name + length(30) + length(32)
	}
}

// members finds the names that stand before the members of a zip archive.
func members(head []byte) (names []string) {
	const fixed = 30
	for at := 0; ; at++ {
		next := bytes.Index(head[at:], []byte("PK\x03\x04"))
		if next < 0 || at+next+fixed > len(head) {
			return names
		}
		at += next
		if name := at + fixed + int(binary.LittleEndian.Uint16(head[at+26:])); name <= len(head) {
			names = append(names, string(head[at+fixed:name]))
		}
	}
}

// archived says what an archive with such members is.
func archived(names []string, head []byte) Content {
	has := func(is func(string) bool) bool { return slices.ContainsFunc(names, is) }
	inside := func(name string) func(string) bool { // of an archive's only folder
		return func(n string) bool { _, below, _ := strings.Cut(n, "/"); return below == name }
	}
	below := func(folder string) func(string) bool {
		return func(n string) bool { return strings.Contains(n, "/"+folder+"/") }
	}
	all := func(ending string) bool {
		return len(names) > 0 && !has(func(n string) bool { return path.Ext(n) != ending })
	}
	switch {
	case has(inside("archive_format")), slices.Contains(names, "serialized_exported_program.json"):
		return Content{"a program of torch.export", inPython + saveTorch + `d = torch.export.load("FILE").state_dict; ` + saveTorchDict}
	case has(inside("constants.pkl")), has(inside("data.pkl")) && has(below("code")):
		return Content{"a TorchScript model (torch.jit.save)", inPython + saveTorch + `d = torch.jit.load("FILE", map_location="cpu").state_dict(); ` + saveTorchDict}
	case has(inside("data.pkl")):
		return Content{"a PyTorch file (torch.save: a zip archive with a pickle)", inPython + loadTorch(head)}
	case slices.Contains(names, "model.weights.h5"), slices.Contains(names, "metadata.json") && slices.Contains(names, "config.json"):
		return Content{"a Keras model (.keras)", inPython + `import keras; ` + saveNumPy +
			`m = keras.models.load_model("FILE", compile=False); save_file({w.path: w.numpy() for w in m.weights}, "OUT"); kernels of Dense layers are transposed: a Linear's weight is kernel.T`}
	case all(".npy"):
		return Content{"NumPy arrays (.npz)", inPython + "import numpy; " + saveNumPy + `save_file(dict(numpy.load("FILE")), "OUT")`}
	case has(func(n string) bool { return path.Ext(n) == ".safetensors" }):
		return Content{"a zip archive with a safetensors file in it", "unpack it: unzip FILE"}
	case slices.Contains(names, "[Content_Types].xml"):
		return Content{"an Office document, such as an .xlsx workbook", ""}
	}
	return Content{"a zip archive", "unpack it, and name the file of weights in it"}
}
