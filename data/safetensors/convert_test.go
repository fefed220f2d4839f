package safetensors_test

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/flowrun/flowrun/data/safetensors"
	"github.com/flowrun/flowrun/internal/racetest"
)

// codeOf is the Python in a message: what follows up to the next remark.
var codeOf = regexp.MustCompile(`run in Python: (.*?)(?:; kernels of|, where|$)`)

// The advice for each format is followed word for word, and gives a file that opens with
// the tensor's values. Formats whose library isn't installed are skipped by name.
func TestTheAdviceForAFormatConvertsIt(t *testing.T) {
	if racetest.Enabled {
		t.Skip("works in other processes")
	}
	python := os.Getenv("FLOWRUN_TEST_PYTHON")
	if python == "" {
		python = "python3"
	}
	found, err := filepath.Glob("../../foreign/testdata/*")
	require.NoError(t, err)
	for _, path := range found {
		name := filepath.Base(path)
		if strings.HasPrefix(name, "tf.data") || name == "make.py" || name == "saved_model.pb" {
			continue // converted with tf.index; not weights; no advice that runs
		}
		t.Run(name, func(t *testing.T) { convert(t, python, path) })
	}
}

func convert(t *testing.T, python, path string) {
	dir := t.TempDir()
	for _, from := range append([]string{path}, siblings(path)...) {
		content, err := os.ReadFile(from)
		require.NoError(t, err)
		require.NoError(t, os.WriteFile(filepath.Join(dir, filepath.Base(from)), content, 0o666))
	}
	_, err := safetensors.Open(filepath.Join(dir, filepath.Base(path)))
	require.Error(t, err)
	code := codeOf.FindStringSubmatch(err.Error())
	require.NotNil(t, code, err)
	c := exec.Command(python, "-c", code[1])
	c.Dir, c.Env = dir, append(os.Environ(), "KERAS_BACKEND=torch", "TF_CPP_MIN_LOG_LEVEL=3")
	out, err := c.CombinedOutput()
	if exit := new(exec.ExitError); err != nil && (!errors.As(err, &exit) || strings.Contains(string(out), "ModuleNotFoundError")) {
		t.Skipf("needs Python with its library (%s: %v)", python, err)
	}
	require.NoError(t, err, "%s\n%s", code[1], out)
	made, err := filepath.Glob(filepath.Join(dir, "*.safetensors"))
	require.NoError(t, err)
	require.Len(t, made, 1)
	tensors, err := safetensors.Read(made[0])
	require.NoError(t, err)
	var sums []float64 // of 0 to 5, but for layers with values of their own
	for _, tensor := range tensors {
		sum := 0.0
		for i := range tensor.Type.Shape.Numel() {
			sum += tensor.Float(i)
		}
		if tensor.Type.Shape.Numel() == 6 {
			sums = append(sums, sum)
		}
	}
	require.NotEmpty(t, sums, "the matrix is there")
	if !strings.Contains(path, "keras") && !strings.Contains(path, "model.weights") && !strings.Contains(path, "script") && !strings.Contains(path, "exported") {
		require.Contains(t, sums, 15.0)
	}
}

// siblings are the other files of a checkpoint of TensorFlow.
func siblings(path string) []string {
	if filepath.Ext(path) != ".index" {
		return nil
	}
	return []string{strings.TrimSuffix(path, ".index") + ".data-00000-of-00001"}
}
