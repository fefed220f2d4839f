package main

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/flowrun/flowrun"
	"github.com/flowrun/flowrun/ir"
)

// A spec that reads a file in every way in which it can: it imports one, replays
// another, and starts from a third.
const reader = `flowrun: 1
imports: [{from: lib.yaml, names: [Double]}]
vars: {lr: 0.1}
data:
  d: {replay: batches.safetensors, fields: {x: {tensor: x, type: "f32[2, 1]"}}}
model:
  inputs: {x: "f32[2, 1]"}
  nodes: {y: {Linear: x, out_features: 1, bias: false}, z: Double(y)}
  outputs: [z]
train:
  data: d
  loss: mean(z * z)
  optimizer: {SGD: {lr: lr}}
  max_steps: 5
  init: {safetensors: init.safetensors}
  checkpoint: {every: 2}
`

// readerFiles writes the spec and all that it reads, and gives the folder.
func readerFiles(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	put := func(name, text string) {
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte(text), 0o666))
	}
	put("s.yaml", reader)
	put("lib.yaml", "flowrun: 1\nmodules:\n  Double:\n    inputs: {x: \"f32[n, 1]\"}\n    output: x * 2\n")
	put("vars.yaml", "lr: 0.2\n")
	tensors := func(name string, all map[string]*flowrun.Tensor) {
		require.NoError(t, flowrun.WriteTensors(filepath.Join(dir, name), all))
	}
	tensors("batches.safetensors", map[string]*flowrun.Tensor{"x": ir.FromFloat32(flowrun.Shape{5, 2, 1}, make([]float32, 10))})
	w := map[string]*flowrun.Tensor{"y.weight": ir.FromFloat32(flowrun.Shape{1, 1}, []float32{1})}
	tensors("init.safetensors", w)
	tensors("weights.safetensors", w)
	tensors("in.safetensors", map[string]*flowrun.Tensor{"x": ir.FromFloat32(flowrun.Shape{2, 1}, []float32{1, 2})})
	return dir
}

// contents reads all files below a folder.
func contents(t *testing.T, dir string) map[string]string {
	t.Helper()
	all := map[string]string{}
	require.NoError(t, filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		text, err := os.ReadFile(path)
		all[path] = string(text)
		return err
	}))
	return all
}

func TestAnOutputThatIsAnInputIsRejectedBeforeAnythingIsWritten(t *testing.T) {
	dir := readerFiles(t)
	at := func(name string) string { return filepath.Join(dir, name) }
	code, _, says := flowrunWith(t, at("s.yaml"), "--vars", at("vars.yaml"))
	require.Equal(t, exitDone, code, says)
	step := filepath.Join("checkpoints", "step-000000004.safetensors")
	resumes := []string{at("s.yaml"), "--vars", at("vars.yaml"), "--resume=" + at(step)}
	fresh := []string{at("s.yaml"), "--vars", at("vars.yaml"), "--weights", at("weights.safetensors"), "--resume=auto"}
	evaluates := []string{"eval", at("s.yaml"), "--vars", at("vars.yaml"), "--in", at("in.safetensors"), "--weights", at("weights.safetensors")}
	read := []string{"s.yaml", "lib.yaml", "batches.safetensors", "init.safetensors", "vars.yaml"}

	refused := func(flag, path string, args []string) {
		before := contents(t, dir)
		code, out, says := flowrunWith(t, append(args[:len(args):len(args)], flag, path)...)
		require.Equal(t, exitUsage, code, "%s %s %v: %s", flag, path, args, says)
		require.Contains(t, says, flag+" "+path)
		require.Empty(t, out)
		require.Equal(t, before, contents(t, dir))
	}
	// names gives other names of a file.
	names := func(path string) []string {
		list := []string{path, filepath.Join(dir, "checkpoints") + "/../" + strings.TrimPrefix(path, dir)}
		hard, soft := filepath.Join(t.TempDir(), "hard"), filepath.Join(t.TempDir(), "soft")
		if os.Link(path, hard) == nil {
			list = append(list, hard)
		}
		if os.Symlink(path, soft) == nil {
			list = append(list, soft)
		}
		return list
	}
	for _, name := range append(read, step, filepath.Join("checkpoints", "step-000000005.safetensors")) {
		for _, path := range names(at(name)) {
			refused("--save", path, resumes)
			refused("--log", path, resumes)
		}
	}
	for _, path := range names(at("weights.safetensors")) {
		refused("--save", path, fresh)
		refused("--log", path, fresh)
		refused("--out", path, evaluates)
	}
	for _, name := range append(read, "in.safetensors") {
		for _, path := range names(at(name)) {
			refused("--out", path, evaluates)
		}
	}
	refused("--save", at("checkpoints/best.safetensors"), resumes)
	refused("--save", at("checkpoints/step-000000777.safetensors"), resumes)
}

func TestTwoOutputsAreTwoFiles(t *testing.T) {
	dir := t.TempDir()
	same, link := filepath.Join(dir, "same"), filepath.Join(dir, "link")
	for _, other := range []string{same, filepath.Join(dir, ".") + "/./same", link} {
		if other == link {
			if err := os.Symlink("same", link); err != nil {
				t.Skip("no symbolic links here: ", err)
			}
		}
		code, _, says := flowrunWith(t, mathNet, "--max-steps", "2", "--save", same, "--log", other)
		require.Equal(t, exitUsage, code, says)
		require.NoFileExists(t, same)
	}
	code, _, says := flowrunWith(t, mathNet, "--max-steps", "2", "--save", same, "--log", filepath.Join(dir, "other"))
	require.Equal(t, exitDone, code, says)
}

func TestUnwritableOutputsAreReportedBeforeTheRun(t *testing.T) {
	dir := readerFiles(t)
	spec := filepath.Join(dir, "s.yaml")
	before := contents(t, dir)
	for _, flag := range []string{"--save", "--log"} {
		for path, want := range map[string]string{
			dir:                               "",
			filepath.Join(dir, "none", "f"):   "there is no folder",
			filepath.Join(dir, "s.yaml", "f"): "is not a folder",
		} {
			code, out, says := flowrunWith(t, spec, flag, path)
			require.Equal(t, exitFailed, code, "%s %s", flag, path)
			require.Contains(t, says, flag+" "+path+": ")
			require.Contains(t, says, want)
			require.Empty(t, out, "no step was taken")
		}
	}
	code, _, says := flowrunWith(t, "eval", spec, "--in", filepath.Join(dir, "in.safetensors"), "--out", filepath.Join(dir, "none", "y"))
	require.Equal(t, exitFailed, code)
	require.Contains(t, says, "there is no folder")
	require.Equal(t, before, contents(t, dir))
}

// A run that is refused, for whatever reason, hasn't touched its outputs.
func TestARejectedRunLeavesItsOutputsUnchanged(t *testing.T) {
	dir := readerFiles(t)
	require.NoError(t, os.WriteFile(filepath.Join(dir, "log.jsonl"), []byte("before\n"), 0o666))
	require.NoError(t, os.Remove(filepath.Join(dir, "batches.safetensors")))
	before := contents(t, dir)
	code, _, _ := flowrunWith(t, filepath.Join(dir, "s.yaml"), "--log", filepath.Join(dir, "log.jsonl"), "--save", filepath.Join(dir, "w"))
	require.Equal(t, exitFailed, code)
	require.Equal(t, before, contents(t, dir))
	require.NoDirExists(t, filepath.Join(dir, "checkpoints"))
}

// limited takes so many writes, and fails from then on.
type limited struct{ left int }

var errFull = errors.New("write /dev/stdout: no space left on device")

func (w *limited) Write(p []byte) (int, error) {
	if w.left--; w.left < 0 {
		return 0, errFull
	}
	return len(p), nil
}

// net is the net with checkpoints, which ends after 300 steps.
func net(t *testing.T, keys string) string {
	t.Helper()
	src, err := os.ReadFile(mathNet)
	require.NoError(t, err)
	text := strings.Replace(string(src), "max_steps: 200000", "max_steps: 300", 1)
	return file(t, "net.yaml", strings.Replace(text, "log_every: 1000", "log_every: 100", 1)+keys)
}

func TestAFailingOutputEndsARunWithItsCheckpointAndWeights(t *testing.T) {
	for writes := range 3 {
		spec := net(t, "  checkpoint: {every: 1000}\n")
		saved, log := filepath.Join(t.TempDir(), "w.safetensors"), filepath.Join(t.TempDir(), "log.jsonl")
		var says bytes.Buffer
		out := &limited{left: writes}
		code := execute(context.Background(), []string{spec, "--save", saved, "--log", log}, streams{strings.NewReader(""), out, &says})
		require.Equal(t, exitFailed, code)
		require.Equal(t, 1, strings.Count(says.String(), errFull.Error()), says.String())
		step := 100 * (writes + 1)
		require.Equal(t, []string{checkpointOf(step)}, entries(t, filepath.Join(filepath.Dir(spec), "checkpoints")))
		got, err := flowrun.ReadTensors(saved)
		require.NoError(t, err)
		states, err := flowrun.ReadTensors(filepath.Join(filepath.Dir(spec), "checkpoints", checkpointOf(step)))
		require.NoError(t, err)
		for name, v := range got {
			require.Equal(t, states[name], v, name)
		}
		require.Equal(t, writes+1, strings.Count(content(t, log), "\n"), "the log is whole")
	}
}

func checkpointOf(step int) string {
	return "step-" + strings.Repeat("0", 6) + string(rune('0'+step/100)) + "00.safetensors"
}

func content(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	return string(text)
}

func entries(t *testing.T, dir string) (names []string) {
	t.Helper()
	list, err := os.ReadDir(dir)
	require.NoError(t, err)
	for _, e := range list {
		names = append(names, e.Name())
	}
	return names
}

func TestAFailingLogEndsARunWithItsCheckpointAndWeights(t *testing.T) {
	if _, err := os.Stat("/dev/full"); err != nil {
		t.Skip("there is no /dev/full")
	}
	spec, saved := net(t, "  checkpoint: {every: 100}\n"), filepath.Join(t.TempDir(), "w.safetensors")
	code, _, says := flowrunWith(t, spec, "--save", saved, "--log", "/dev/full")
	require.Equal(t, exitFailed, code)
	require.Equal(t, 1, strings.Count(says, "no space left"), says)
	require.FileExists(t, saved)
	require.Equal(t, []string{checkpointOf(100)}, entries(t, filepath.Join(filepath.Dir(spec), "checkpoints")), "its log was to be on the disk before")

	dir := filepath.Join(t.TempDir(), "run")
	code, _, says = flowrunWith(t, spec, "--out", dir, "--log", "/dev/full")
	require.Equal(t, exitFailed, code)
	for _, text := range []string{says, content(t, filepath.Join(dir, "log.txt")), content(t, filepath.Join(dir, "summary.json"))} {
		require.Equal(t, 1, strings.Count(text, "no space left"), text)
	}
}

func TestALogIsContinuedWithoutGapsAndOnlyItsTailIsTruncated(t *testing.T) {
	spec, log := net(t, "  checkpoint: {every: 100}\n"), filepath.Join(t.TempDir(), "log.jsonl")
	code, _, says := flowrunWith(t, spec, "--log-every", "1", "--log", log)
	require.Equal(t, exitDone, code, says)
	whole := content(t, log)
	dir := filepath.Join(filepath.Dir(spec), "checkpoints")
	back := "--resume=" + filepath.Join(dir, checkpointOf(200))
	lines := strings.SplitAfter(whole, "\n")

	code, _, says = flowrunWith(t, spec, "--log-every", "1", "--log", log, back)
	require.Equal(t, exitDone, code, says)
	require.Contains(t, says, "truncating "+log+" after step 200")
	require.Equal(t, whole, content(t, log))

	code, _, says = flowrunWith(t, spec, "--log-every", "1", "--log", log, "--resume")
	require.Equal(t, exitDone, code, says)
	require.NotContains(t, says, log)
	require.Equal(t, whole, content(t, log))

	require.NoError(t, os.WriteFile(log, []byte(strings.Join(lines[:150], "")+lines[150][:5]), 0o666))
	code, _, says = flowrunWith(t, spec, "--log-every", "1", "--log", log, back)
	require.Equal(t, exitDone, code, says)
	require.Contains(t, says, "ends at step 150, but the run resumes from step 200")
	require.Equal(t, strings.Join(lines[:150], "")+strings.Join(lines[200:], ""), content(t, log))

	require.NoError(t, os.WriteFile(log, []byte("my notes\n"), 0o666))
	code, _, says = flowrunWith(t, spec, "--log-every", "1", "--log", log, back)
	require.Equal(t, exitFailed, code)
	require.Contains(t, says, "it isn't a flowrun log")
	require.Equal(t, "my notes\n", content(t, log))
}

func TestALinkGivenAsAnOutputIsFollowed(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"live", "dangling"} {
		target, link := filepath.Join(dir, name+"-target"), filepath.Join(dir, name)
		if name == "live" {
			require.NoError(t, os.WriteFile(target, nil, 0o666))
		}
		if err := os.Symlink(name+"-target", link); err != nil {
			t.Skip("no symbolic links here: ", err)
		}
		code, _, says := flowrunWith(t, mathNet, "--max-steps", "2", "--save", link)
		require.Equal(t, exitDone, code, says)
		info, err := os.Lstat(link)
		require.NoError(t, err)
		require.Equal(t, os.ModeSymlink, info.Mode().Type())
		_, err = flowrun.ReadTensors(target)
		require.NoError(t, err)
	}
}

func TestTheFirstNonFiniteLossIsReportedOnceAndInTheJSON(t *testing.T) {
	text := "flowrun: 1\ndata: {d: {generate: {x: \"normal(0, 1, [4, 8])\"}}}\n" +
		"model: {inputs: {x: \"f32[4, 8]\"}, nodes: {h: {Linear: x, out_features: 4}}, outputs: [h]}\n" +
		"train: {data: d, loss: mean(h * h), optimizer: {SGD: {lr: 1000}}, max_steps: 500, checkpoint: {every: 50}}\n"
	text = strings.Replace(text, "max_steps: 500", "max_steps: 500, on_nonfinite: continue", 1)
	spec := file(t, "nan.yaml", text)
	log := filepath.Join(t.TempDir(), "log.jsonl")
	code, out, says := flowrunWith(t, spec, "--json", "--log", log, "--log-every=1")
	require.Equal(t, exitDone, code)
	first := 0
	for i, line := range strings.Split(content(t, log), "\n") {
		if strings.Contains(line, `"loss_step":null`) {
			first = i + 1
			break
		}
	}
	require.Positive(t, first)
	want := "warning: the loss is infinite or NaN, first at step " + string(rune('0'+first)) + ";"
	require.Equal(t, 1, strings.Count(says, want), says)
	require.Contains(t, out, `"nonfinite_step":`+string(rune('0'+first))+",")
}

func TestResumeAutoStartsAndContinues(t *testing.T) {
	spec := net(t, "  checkpoint: {every: 100}\n")
	code, out, says := flowrunWith(t, spec, "--resume=auto", "--json", "--max-steps", "150")
	require.Equal(t, exitDone, code, says)
	require.Contains(t, out, `"steps":150`)
	require.NotContains(t, says, "going on")
	code, out, says = flowrunWith(t, spec, "--resume=auto", "--json")
	require.Equal(t, exitDone, code, says)
	require.Contains(t, out, `"steps":150`)
	require.Contains(t, says, "resuming from ")
}

func TestInferReadsWeightsFromACheckpoint(t *testing.T) {
	dir := readerFiles(t)
	spec, in := filepath.Join(dir, "s.yaml"), filepath.Join(dir, "in.safetensors")
	saved := filepath.Join(dir, "w.safetensors")
	code, _, says := flowrunWith(t, spec, "--save", saved)
	require.Equal(t, exitDone, code, says)
	code, want, says := flowrunWith(t, "eval", spec, "--in", in, "--weights", saved)
	require.Equal(t, exitDone, code, says)
	code, got, says := flowrunWith(t, "eval", spec, "--in", in, "--weights", filepath.Join(dir, "checkpoints", "step-000000005.safetensors"))
	require.Equal(t, exitDone, code, says)
	require.Equal(t, want, got)
}
