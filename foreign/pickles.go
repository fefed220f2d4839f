package foreign

import (
	"bytes"
	"encoding/binary"
)

// magicOfTorch begins what torch.save wrote before version 1.6: the long integer
// 0x1950a86a20f9469cfc6c, as a pickle has it.
const magicOfTorch = "\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19"

// pickle identifies Python's pickles. Nothing in one may be executed to look at it.
func pickle(s Sample) (c Content, ok bool) {
	head := s.Head
	switch {
	case bytes.Contains(head[:min(32, len(head))], []byte(magicOfTorch)):
		return Content{"a PyTorch file (torch.save before version 1.6: pickles)", inPython + loadTorch(head)}, true
	case len(head) > 2 && head[0] == 0x80 && head[1] >= 2 && head[1] <= 5:
	case textPickle(head):
	default:
		return c, false
	}
	return Content{"a Python pickle", "if you trust it (loading one can execute anything), " + inPython + "import pickle, numpy; " + saveNumPy +
		`d = pickle.load(open("FILE", "rb")); save_file({k: numpy.ascontiguousarray(v) for k, v in d.items()}, "OUT")`}, true
}

// textPickle tells pickles of protocol 0, whose operations are letters and lines.
func textPickle(head []byte) bool {
	for _, begins := range []string{"(dp0\n", "(dp1\n", "(lp0\n", "(lp1\n", "ccollections\n", "ccopy_reg\n", "cnumpy"} {
		if bytes.HasPrefix(head, []byte(begins)) {
			return true
		}
	}
	return false
}

// loadTorch is how a file of torch.save is converted. A training script's file has the
// tensors under a key beside others, which stands before the first tensor.
func loadTorch(head []byte) string {
	load := saveTorch + `d = torch.load("FILE", map_location="cpu", weights_only=True)`
	before, _, _ := bytes.Cut(head, []byte("_rebuild_"))
	for _, key := range []string{"state_dict", "model_state_dict", "model", "module"} {
		if bytes.Contains(before, pickled(key)) {
			load += `["` + key + `"]`
			break
		}
	}
	return load + "; " + saveTorchDict
}

// pickled is a text as a pickle of protocol 2 has it.
func pickled(text string) []byte {
	return append(binary.LittleEndian.AppendUint32([]byte{'X'}, uint32(len(text))), text...)
}
