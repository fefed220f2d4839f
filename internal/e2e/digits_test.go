package e2e_test

import (
	"compress/gzip"
	"context"
	"io"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/flowrun/flowrun"
	"github.com/flowrun/flowrun/internal/racetest"
	"github.com/flowrun/flowrun/kernels/cpu/asm"
)

// ranToItsEnd runs a spec of graphs/ to its end, and gives its metrics and weights.
func ranToItsEnd(t *testing.T, spec string) (metrics map[string]float64, first, last flowrun.Weights) {
	t.Helper()
	if racetest.Enabled {
		t.Skip("trains to the end")
	}
	p, err := flowrun.Load(filepath.Join("../../graphs", spec))
	require.NoError(t, err)
	s, err := p.Start(context.Background(), flowrun.On("cpu"))
	require.NoError(t, err)
	defer s.Close()
	first, err = s.Weights()
	require.NoError(t, err)
	summary, err := s.Run(context.Background())
	require.NoError(t, err)
	last, err = s.Weights()
	require.NoError(t, err)
	metrics = map[string]float64{}
	for i, name := range p.Metrics() {
		metrics[name] = summary.Metrics[i]
	}
	return metrics, first, last
}

// The weights that autoencoder_decoder draws with are those that autoencoder learns: to the
// bit by the kernels in Go of amd64, by which they were made. Where an operation is rounded
// otherwise, what differs grows from step to step, but not far: the loss has a minimum.
func TestTheAutoencoderKeepsHeldOutPictures(t *testing.T) {
	metrics, _, weights := ranToItsEnd(t, "autoencoder.yaml")
	require.Less(t, metrics["eval.error"], 2.1)
	shipped, err := flowrun.ReadTensors("../../graphs/autoencoder.safetensors")
	require.NoError(t, err)
	require.Len(t, weights.Tensors, len(shipped))
	for name, tensor := range shipped {
		require.Equal(t, tensor.Type, weights.Tensors[name].Type, name)
		if runtime.GOARCH == "amd64" && asm.Chosen == asm.Go {
			require.Equal(t, tensor.Data, weights.Tensors[name].Data, name)
			continue
		}
		for i, learned := range weights.Tensors[name].Float32s() {
			require.InDelta(t, tensor.Float(i), learned, 0.05, name)
		}
	}
}

// digits reads the pictures and labels of graphs/, without flowrun.
func digits(t *testing.T) (pictures [][64]float64, labels []byte) {
	t.Helper()
	read := func(name string, header int) []byte {
		f, err := os.Open(filepath.Join("../../graphs", name))
		require.NoError(t, err)
		defer f.Close()
		r, err := gzip.NewReader(f)
		require.NoError(t, err)
		content, err := io.ReadAll(r)
		require.NoError(t, err)
		return content[header:]
	}
	labels = read("digits-labels.idx.gz", 8)
	pixels := read("digits-images.idx.gz", 16)
	pictures = make([][64]float64, len(labels))
	for i := range pictures {
		for j := range 64 {
			pictures[i][j] = float64(pixels[64*i+j]) / 16
		}
	}
	return pictures, labels
}

func TestTheDecoderDrawsAllTenDigits(t *testing.T) {
	pictures, labels := digits(t)
	for seed := range int64(3) {
		p, err := flowrun.Load("../../graphs/autoencoder_decoder.yaml", flowrun.WithSeed(seed))
		require.NoError(t, err)
		outputs, err := p.Infer(context.Background(), nil, flowrun.On("cpu"))
		require.NoError(t, err)
		drawn := outputs["pixels"]
		require.Equal(t, flowrun.Shape{100, 8, 8}, drawn.Type.Shape)
		found := map[byte]bool{}
		for i := range 100 {
			least, nearest := math.Inf(1), 0
			for j := range pictures {
				sum := 0.0
				for k, pixel := range pictures[j] {
					d := drawn.Float(64*i+k) - pixel
					sum += d * d
				}
				if distance := math.Sqrt(sum / 64); distance < least {
					least, nearest = distance, j
				}
			}
			require.Less(t, least, 0.22, "picture %d of seed %d", i, seed)
			found[labels[nearest]] = true
		}
		require.Len(t, found, 10, "seed %d", seed)
	}
}

// baseOf gives a parameter of lora.yaml its name in PyTorch's file; "" if it isn't in it.
func baseOf(name string) string {
	for ours, theirs := range map[string]string{"h1.base.": "0.", "h2.base.": "2.", "scores.base.": "4."} {
		if rest, ok := strings.CutPrefix(name, ours); ok {
			return theirs + rest
		}
	}
	return ""
}

func TestLoRATrainsItsAdaptersAndNothingElse(t *testing.T) {
	metrics, first, last := ranToItsEnd(t, "lora.yaml")
	require.Greater(t, metrics["eval.accuracy"], 0.85)
	base, err := flowrun.ReadTensors("../../graphs/digits_base.safetensors")
	require.NoError(t, err)
	frozen, changed := 0, 0
	for name, tensor := range last.Tensors {
		if theirs := baseOf(name); theirs != "" {
			require.Equal(t, base[theirs].Data, tensor.Data, "%s keeps the bits that PyTorch gave it", name)
			frozen++
			continue
		}
		require.NotEqual(t, first.Tensors[name].Data, tensor.Data, name)
		changed += tensor.Type.Shape.Numel()
	}
	require.Equal(t, len(base), frozen)
	require.Equal(t, 2640, changed, "as the spec's header says")
}

// answers are the scores of lora.yaml before it is trained: those of its base.
func answers(t *testing.T, base, inputs string) (got, want *flowrun.Tensor) {
	t.Helper()
	p, err := flowrun.Load("../../graphs/lora.yaml")
	require.NoError(t, err)
	s, err := p.Start(context.Background(), flowrun.On("cpu"))
	require.NoError(t, err)
	weights, err := s.Weights()
	require.NoError(t, err)
	require.NoError(t, s.Close())
	theirs, err := flowrun.ReadTensors(base)
	require.NoError(t, err)
	for name := range weights.Tensors {
		if of := baseOf(name); of != "" {
			weights.Tensors[name] = theirs[of]
		}
	}
	recorded, err := flowrun.ReadTensors(inputs)
	require.NoError(t, err)
	outputs, err := p.Infer(context.Background(), map[string]*flowrun.Tensor{"x": recorded["x"]}, flowrun.On("cpu"), flowrun.WithWeights(weights))
	require.NoError(t, err)
	return outputs["scores"], recorded["logits"]
}

func TestTheBaseOfLoRAAnswersAsInPyTorch(t *testing.T) {
	got, want := answers(t, "../../graphs/digits_base.safetensors", "testdata/digits_base_logits.safetensors")
	require.Equal(t, want.Type, got.Type)
	for i := range want.Type.Shape.Numel() {
		require.InDelta(t, want.Float(i), got.Float(i), 2e-5)
	}
}

// The script that made the base makes one as good again. It needs PyTorch, which bench/setup
// installs.
func TestTheBaseOfLoRAIsMadeByPyTorch(t *testing.T) {
	if racetest.Enabled {
		t.Skip("works in another process")
	}
	dir := t.TempDir()
	made := filepath.Join(dir, "digits_base.safetensors")
	for _, python := range []string{os.Getenv("FLOWRUN_TEST_PYTHON"), "../../bench/.venv/bin/python", "python3"} {
		if python == "" || exec.Command(python, "-c", "import torch, safetensors, numpy").Run() != nil {
			continue
		}
		out, err := exec.Command(python, "testdata/digits_base.py", "../../graphs", dir).CombinedOutput()
		require.NoError(t, err, string(out))
		require.Contains(t, string(out), "of those held out, 0.9")
		require.Contains(t, string(out), "and 0.1")
		shipped, err := flowrun.ReadTensors("../../graphs/digits_base.safetensors")
		require.NoError(t, err)
		again, err := flowrun.ReadTensors(made)
		require.NoError(t, err)
		require.Len(t, again, len(shipped))
		for name := range shipped {
			require.Equal(t, shipped[name].Type, again[name].Type, name)
		}
		got, want := answers(t, made, filepath.Join(dir, "digits_base_logits.safetensors"))
		for i := range want.Type.Shape.Numel() {
			require.InDelta(t, want.Float(i), got.Float(i), 2e-5)
		}
		return
	}
	t.Skip("needs Python with PyTorch and safetensors; bench/setup installs PyTorch")
}
