package foreign_test

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/flowrun/flowrun/foreign"
)

// weightFiles are the files that testdata/make.py writes with the libraries that define
// the formats, and what they are.
var weightFiles = map[string]string{
	"array.npy":              "a NumPy array (.npy)",
	"arrays.npz":             "NumPy arrays (.npz)",
	"compressed.npz":         "NumPy arrays (.npz)",
	"torch.pt":               "a PyTorch file (torch.save: a zip archive with a pickle)",
	"nested.ckpt":            "a PyTorch file (torch.save: a zip archive with a pickle)",
	"legacy.pth":             "a PyTorch file (torch.save before version 1.6: pickles)",
	"script.pt":              "a TorchScript model (torch.jit.save)",
	"exported.pt2":           "a program of torch.export",
	"plain.h5":               "an HDF5 file",
	"block.h5":               "an HDF5 file",
	"model.weights.h5":       "an HDF5 file, as Keras writes it",
	"model.keras":            "a Keras model (.keras)",
	"model.onnx":             "an ONNX model",
	"model.gguf":             "a GGUF file, as llama.cpp reads it",
	"flax.msgpack":           "weights of Flax (MessagePack)",
	"state.msgpack":          "weights of Flax (MessagePack)",
	"pickle0.pkl":            "a Python pickle",
	"pickle2.pkl":            "a Python pickle",
	"pickle4.pkl":            "a Python pickle",
	"tf.index":               "the index of a TensorFlow checkpoint",
	"tf.data-00000-of-00001": "by its name, the tensors of a TensorFlow checkpoint",
	"saved_model.pb":         "a graph of TensorFlow (.pb)",
}

// recognized takes a sample as a caller does.
func recognized(t *testing.T, name string, content []byte) (foreign.Content, bool) {
	t.Helper()
	s, err := foreign.Take(bytes.NewReader(content), int64(len(content)), name)
	require.NoError(t, err)
	return foreign.Weights(s)
}

func TestWeightsOfOtherFormatsAreKnownByTheirContent(t *testing.T) {
	for name, want := range weightFiles {
		content, err := os.ReadFile(filepath.Join("testdata", name))
		require.NoError(t, err)
		c, ok := recognized(t, name, content)
		require.True(t, ok, name)
		require.Equal(t, want, c.What, name)
		require.NotEmpty(t, c.Help, name)
		if strings.HasPrefix(name, "tf.data") {
			continue // only its name tells
		}
		misnamed, ok := recognized(t, "model.safetensors", content)
		require.True(t, ok, name)
		require.Equal(t, want, misnamed.What, name)
		require.NotContains(t, misnamed.Help, `, "model.safetensors")`, "the file itself isn't overwritten")
	}
	files, err := os.ReadDir("testdata")
	require.NoError(t, err)
	require.Len(t, files, len(weightFiles)+1, "each file of testdata is tested; make.py is one more")
}

func TestTheKeyOfATrainingScriptsWeightsIsNamed(t *testing.T) {
	for name, key := range map[string]string{"nested.ckpt": `["state_dict"]`, "torch.pt": "weights_only=True); save_file"} {
		content, err := os.ReadFile(filepath.Join("testdata", name))
		require.NoError(t, err)
		c, _ := recognized(t, name, content)
		require.Contains(t, c.Help, key)
	}
}

// A name is put into what one copies only if it means nothing else there.
func TestAdviceHasTheFilesNameWhereThatIsPlain(t *testing.T) {
	content, err := os.ReadFile("testdata/arrays.npz")
	require.NoError(t, err)
	for name, want := range map[string]string{
		"in/a folder/x.npz": `numpy.load("in/a folder/x.npz")), "in/a folder/x.safetensors")`,
		"x.safetensors":     `numpy.load("x.safetensors")), "x-converted.safetensors")`,
		`x"); evil("`:       `numpy.load("FILE")), "weights.safetensors")`,
		"-rf":               `numpy.load("./-rf")), "./-rf.safetensors")`,
		"":                  `numpy.load("FILE")), "weights.safetensors")`,
	} {
		c, _ := recognized(t, name, content)
		require.Contains(t, c.Help, want, name)
	}
	for name, want := range map[string]string{"a b.gz": "gunzip 'a b.gz'", "-rf": "gunzip ./-rf", "$(evil)`": "gunzip FILE"} {
		c, _ := recognized(t, name, []byte("\x1f\x8b\x08 and so on"))
		require.Contains(t, c.Help, want)
	}
	c, _ := recognized(t, "in/x.index.json", []byte(`{"weight_map": {"w": "a.bin"}}`))
	require.Contains(t, c.Help, `os.path.dirname("in/x.index.json")`, "shards are beside their index")
}

func TestWhatDownloadsLeaveIsNamed(t *testing.T) {
	for content, want := range map[string]string{
		"":                           "an empty file; its download",
		strings.Repeat("\x00", 5000): "a file of zeros, as an interrupted download leaves it; fetch it again",
		"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 548105171\n": "a Git LFS pointer to a file of 548105171 bytes that wasn't fetched; run git lfs pull",
		"<!DOCTYPE html><html><title>Sign in\n</title>":                                 `an HTML page ("Sign in"), perhaps from a failed download; fetch the file itself`,
		"\ufeff \n<HTML>": "an HTML page, perhaps",
		"<?xml version=\"1.0\"?><Error>AccessDenied</Error>": "an XML document",
		"Entry not found":                                           `text, which begins "Entry not found"`,
		`{"error":"Repository not found"}`:                          `a message in JSON: "Repository not found"`,
		`{"architectures": ["GPT2LMHeadModel"], "n_head": 12}`:      "the configuration of a model, which stands beside weights; name those: model.safetensors",
		`{"peft_type": "LORA", "r": 8}`:                             "the configuration of a PEFT adapter",
		`{"version": "1.0", "truncation": null}`:                    "a tokenizer",
		`{"lr": 0.1, "lost":`:                                       "JSON that is no index of shards (an index has the key weight_map); its keys are lr, lost",
		`[1, 2]`:                                                    "JSON that is no index",
		`{"weight_map": {"a": "pytorch_model-00001-of-00002.bin"}}`: "the index of PyTorch shards; to convert them",
		`{"weight_map": {"a": "x.safetensors"}}`:                    "the index of a model's shards",
		"# a model\nflowrun: 1\nmodel: {}\n":                        "a flowrun spec",
		"\x1f\x8b\x08\x00 and so on":                                "compressed by gzip; unpack it: gunzip",
		"\x80\x02}q\x00.":                                           "a Python pickle; if you trust it",
		"GGUF":                                                      "a GGUF file",
		"\x1c\x00\x00\x00TFL3":                                      "a TensorFlow Lite model",
		strings.Repeat("\x01", 257) + "ustar\x0000":                 "a tar archive; unpack it",
	} {
		c, ok := recognized(t, "w", []byte(content))
		require.True(t, ok, want)
		require.Contains(t, c.String(), want)
	}
}

func TestATruncatedArchiveIsNamed(t *testing.T) {
	content, err := os.ReadFile("testdata/torch.pt")
	require.NoError(t, err)
	c, ok := recognized(t, "torch.pt", content[:len(content)/2])
	require.True(t, ok)
	require.Equal(t, "the beginning of a PyTorch file (torch.save: a zip archive with a pickle); its end is missing: fetch it again", c.String())
}

func TestOtherBytesAreNotRecognized(t *testing.T) {
	for _, content := range []string{"\x01", "\x08", "\x08\x05", "\x10\x00\x00\x00\x00\x00\x00\x00{}", "\x0a\x03abc\xff\x00", "\x81\xa1a\x01", "\x81\xa1a\x81", "\xf1\xf2\x00\x00\x01", "\xdf\xff\xff\xff\xff"} {
		c, ok := recognized(t, "w", []byte(content))
		require.False(t, ok, "%q: %s", content, c)
	}
}

// Whatever is cut off or damaged in a file, looking at it ends, and without a panic.
func TestEveryBeginningOfAFileCanBeLookedAt(t *testing.T) {
	for name := range weightFiles {
		content, err := os.ReadFile(filepath.Join("testdata", name))
		require.NoError(t, err)
		for n := 0; n < min(len(content), 1200); n++ {
			recognized(t, "w", content[:n])
		}
	}
}

func FuzzWeights(f *testing.F) {
	for name := range weightFiles {
		content, err := os.ReadFile(filepath.Join("testdata", name))
		require.NoError(f, err)
		f.Add(content[:min(len(content), 4096)])
	}
	f.Fuzz(func(t *testing.T, content []byte) {
		c, ok := recognized(t, "w", content)
		require.Equal(t, ok, c.What != "")
		require.Less(t, len(c.String()), 3000)
	})
}

// Nested maps and long directories cost what their bytes do, and no more.
func TestHostileFilesAreLookedAtQuickly(t *testing.T) {
	for name, content := range map[string]string{
		"maps":      strings.Repeat("\x81\xa1a", 1<<20),
		"entries":   "PK\x03\x04" + strings.Repeat("PK\x01\x02"+strings.Repeat("\x00", 42), 1<<16),
		"members":   strings.Repeat("PK\x03\x04", 1<<16),
		"brackets":  strings.Repeat("[", 1<<20),
		"objects":   strings.Repeat(`{"a":`, 1<<18),
		"long name": "PK\x03\x04" + strings.Repeat("\xff", 1<<20),
		"protobuf":  "\x08\x07" + strings.Repeat("\x12\x00", 1<<18),
	} {
		c, _ := recognized(t, "w", []byte(content))
		require.Less(t, len(c.String()), 1000, name)
	}
}

func TestAFolderIsNamedWithTheFileThatIsMeant(t *testing.T) {
	for want, names := range map[string][]string{
		"a folder; name a file in it, such as model.safetensors.index.json": {"config.json", "model-00001-of-00002.safetensors", "model.safetensors.index.json"},
		"a folder; name a file in it, such as best.safetensors":             {"step-000000100.safetensors", "best.safetensors"},
		"a folder; name a file in it, such as step-000000200.safetensors":   {"step-000000200.safetensors", "step-000000100.safetensors"},
		"a folder with PyTorch files":                                       {"pytorch_model.bin", "config.json"},
		"a SavedModel of TensorFlow":                                        {"saved_model.pb", "variables"},
		"a distributed checkpoint of PyTorch":                               {".metadata", "__0_0.distcp"},
		"a checkpoint of Orbax (JAX)":                                       {"_CHECKPOINT_METADATA", "d"},
	} {
		c, ok := foreign.Folder(names)
		require.True(t, ok, want)
		require.Contains(t, c.String(), want)
	}
	_, ok := foreign.Folder([]string{"a.txt"})
	require.False(t, ok)
}
