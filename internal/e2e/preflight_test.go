package e2e_test

import (
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/flowrun/flowrun"
	"github.com/flowrun/flowrun/diag"
	"github.com/flowrun/flowrun/ir"
)

const fromFiles = `flowrun: 1
data:
  recorded:
    replay: batches.safetensors
    fields:
      x: {tensor: batches/x, type: "f32[2]"}
      target: {tensor: batches/y, type: "f32[3]"}
model:
  inputs: {x: "f32[2]"}
  nodes: {h: {Linear: x, out_features: 3, bias: false}}
  outputs: [h]
train:
  data: recorded
  loss: mse_loss(h, target)
  optimizer: {SGD: {lr: 0.1}}
  init: {safetensors: start.safetensors, rename: {old: h.weight}}
  max_steps: 2
`

// inFolder writes files and checks the spec among them.
func inFolder(t *testing.T, files map[string]map[string]*flowrun.Tensor, options ...flowrun.LoadOption) flowrun.Findings {
	t.Helper()
	dir := t.TempDir()
	for name, tensors := range files {
		require.NoError(t, flowrun.WriteTensors(filepath.Join(dir, name), tensors))
	}
	return flowrun.CheckText(filepath.Join(dir, "spec.yaml"), []byte(fromFiles), options...)
}

func zeros(shape ...int) *flowrun.Tensor {
	return ir.FromFloat32(shape, make([]float32, flowrun.Shape(shape).Numel()))
}

func TestChecksOpenFilesOnlyOnRequest(t *testing.T) {
	require.Empty(t, inFolder(t, nil).Items, "a spec is checked where its data aren't")
	list := inFolder(t, nil, flowrun.WithFiles())
	require.Len(t, list.Items, 2, list.Text())
	for i, line := range []int{4, 16} {
		require.Equal(t, diag.UnfitFile, list.Items[i].Rule)
		require.Equal(t, line, list.Items[i].Range.Start.Line, list.Text())
	}
}

func TestAFileThatDoesNotMatchTheSpecIsReportedWithBothTypes(t *testing.T) {
	right := map[string]map[string]*flowrun.Tensor{
		"batches.safetensors": {"batches/x": zeros(7, 2), "batches/y": zeros(7, 3)},
		"start.safetensors":   {"old": zeros(3, 2)},
	}
	require.Empty(t, inFolder(t, right, flowrun.WithFiles()).Items)

	right["batches.safetensors"]["batches/y"] = zeros(7, 4)
	right["start.safetensors"] = map[string]*flowrun.Tensor{"old": zeros(2, 3)}
	list := inFolder(t, right, flowrun.WithFiles())
	text := list.Text()
	require.Contains(t, text, `the tensor "batches/y" is f32[7, 4] (7 steps of f32[4]); batches of f32[3] need f32[steps, 3]`)
	require.Contains(t, text, "old (for h.weight) is f32[2, 3] in the file and f32[3, 2] in the model, which is its transpose")
}

func TestATruncatedFileIsADiagnosticNotACrash(t *testing.T) {
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "batches.safetensors"), []byte{9, 0, 0}, 0o644))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "start.safetensors"), nil, 0o644))
	list := flowrun.CheckText(filepath.Join(dir, "spec.yaml"), []byte(fromFiles), flowrun.WithFiles())
	require.Len(t, list.Items, 2, list.Text())
}

func TestAMissingDeviceIsReportedWhereTheSpecPinsANodeToIt(t *testing.T) {
	text := fromFiles + "placement:\n  rules:\n    - {match: h, device: \"opencl:99\"}\n"
	require.Empty(t, flowrun.CheckText("spec.yaml", []byte(text)).Items, "devices are looked at only when asked to")
	list := flowrun.CheckText("spec.yaml", []byte(text), flowrun.WithDevice("cpu"))
	require.Len(t, list.Items, 1, list.Text())
	require.Equal(t, diag.NoDevice, list.Items[0].Rule)
	require.Equal(t, 20, list.Items[0].Range.Start.Line)

	list = flowrun.CheckText("spec.yaml", []byte(fromFiles), flowrun.WithDevice("toaster"))
	require.Len(t, list.Items, 1)
	require.Contains(t, list.Items[0].Message, `there is no device "toaster"`)
}

// Some drivers list no devices to the second of two threads that ask concurrently.
func TestChecksOnADeviceCanRunSideBySide(t *testing.T) {
	lists := make([]flowrun.Findings, 4)
	var all sync.WaitGroup
	for i := range lists {
		all.Go(func() { lists[i] = flowrun.CheckText("spec.yaml", []byte(fromFiles), flowrun.WithDevice("opencl:0")) })
	}
	all.Wait()
	for _, l := range lists {
		require.Equal(t, len(lists[0].Items), len(l.Items), l.Text())
	}
}

// Lowering counts against the budget of a check: a spec that is within the budget without
// lowering may exceed it.
func TestLoweringIsChargedToTheBudgetOfACheck(t *testing.T) {
	text := func(n int) []byte {
		return fmt.Appendf(nil, `flowrun: 1
modules:
  M:
    inputs: {x: "float[...]"}
    output: tanh(x * 1.5)
model:
  inputs: {x: "f32[4, 8]"}
  nodes: {y: {M: x, repeat: %d}}
  outputs: [y]
`, n)
	}
	require.Empty(t, flowrun.CheckText("deep.yaml", text(25_000)).Items)
	require.Empty(t, flowrun.CheckText("deep.yaml", text(5_000), flowrun.WithDevice("cpu")).Items)
	for _, device := range []string{"cpu", "sim:0", "auto"} {
		list := flowrun.CheckText("deep.yaml", text(25_000), flowrun.WithDevice(device))
		require.Len(t, list.Items, 1, device)
		require.Equal(t, diag.OverBudget, list.Items[0].Rule)
		require.Contains(t, list.Items[0].Message, "most of it was spent on lowering the nodes onto a device")
		require.True(t, list.Items[0].Range.Known())
		require.Contains(t, list.Items[0].Help, "check without a device")
	}
}
