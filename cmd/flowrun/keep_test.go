package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/flowrun/flowrun/internal/files"
	"github.com/flowrun/flowrun/runs"
)

// project has a spec of files that are named in every way, with an import and vars.
func project(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	put := func(name, text string) {
		path := filepath.Join(dir, name)
		require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o777))
		require.NoError(t, os.WriteFile(path, []byte(text), 0o666))
	}
	rows := "a,b,y\n1,2,0\n3,4,1\n5,1,0\n2,2,1\n7,7,1\n1,1,0\n"
	put("specs/data [1]/x.csv", rows)
	put("specs/data [1]/y.csv", rows)
	put("outside/x.csv", rows)
	put("specs/lib/blocks.yaml", "flowrun: 1\nmodules:\n  Block: {inputs: {x: "+`"f32[b, 2]"`+"}, nodes: {h: {Linear: x, out_features: 4}}, output: silu(h)}\n")
	put("specs/net.yaml", `flowrun: 1
imports: [lib/blocks.yaml]
vars: {lr: 0.1, folder: "data [1]", away: "../outside"}
data:
  train:
    csv: "{folder}/x.csv"
    batch: 2
    shuffle: true
    fields: &f {x: {columns: [a, b], type: "f32[2]", normalize: element}, y: {column: y, type: "i64[]"}}
  held: {csv: ["data [[]1]/*.csv", "{away}/x.csv"], batch: 2, fields: *f}
model:
  inputs: {x: "f32[2, 2]"}
  nodes: {b: {Block: x}, logits: {Linear: b, out_features: 2}}
  outputs: [logits]
train:
  data: train
  loss: cross_entropy(logits, y)
  optimizer: {SGD: {lr: lr}}
  max_steps: 12
  log_every: 4
  metrics: {loss: loss}
  eval: {data: held, every: 4, metrics: {loss: loss}}
  checkpoint: {every: 4, best: {metric: eval.loss}}
`)
	return dir
}

func readJSON[T any](t *testing.T, path string) (v T) {
	t.Helper()
	require.NoError(t, json.Unmarshal([]byte(content(t, path)), &v))
	return v
}

// The run of the kept spec, by the command that it begins with, has the bits of the first
// one, wherever its folder lies, and also when it is run without --out.
func TestAKeptSpecRunsAgainWithTheSameBits(t *testing.T) {
	dir := project(t)
	t.Chdir(dir)
	for _, out := range []string{"runs/a", "specs/kept", "specs/data [1]/k", filepath.Join(t.TempDir(), "far")} {
		code, _, says := flowrunWith(t, "run", "specs/net.yaml", "--allow-read", "outside", "--out", out, "--set", "lr=0.07", "--seed", "9", "--max-steps", "10")
		require.Equal(t, exitDone, code, says)
		lines := strings.SplitN(content(t, filepath.Join(out, runs.SpecFile)), "\n", 4)
		command, ok := strings.CutPrefix(lines[2], "#   flowrun ")
		require.True(t, ok, lines)
		require.NoError(t, os.Rename("specs/lib", "gone"), "imports are included")
		back := out
		if !filepath.IsAbs(out) {
			back = filepath.Join(dir, out)
		}
		t.Chdir(back)
		var args []string
		for _, word := range strings.SplitAfter(command, " ") { // the words that a shell sees
			if n := len(args); n > 0 && strings.Count(args[n-1], "'") == 1 {
				args[n-1] += word
				continue
			}
			args = append(args, word)
		}
		for i := range args {
			args[i] = strings.Trim(args[i], " '")
		}
		code, _, says = flowrunWith(t, append(args, "--save", filepath.Join(dir, "w"))...)
		require.Equal(t, exitDone, code, says)
		require.FileExists(t, "again/checkpoints/best.safetensors")
		code, _, says = flowrunWith(t, append(args, "--out", filepath.Join(dir, "second"))...)
		require.Equal(t, exitDone, code, says)
		t.Chdir(dir)
		for _, again := range []string{"w", "second/" + runs.WeightsFile} {
			require.Equal(t, content(t, filepath.Join(out, runs.WeightsFile)), content(t, again))
		}
		require.Equal(t, content(t, filepath.Join(out, runs.MetricsFile)), content(t, "second/"+runs.MetricsFile))
		require.NoError(t, os.Rename("gone", "specs/lib"))
		require.NoError(t, os.RemoveAll("second"))
		info := readJSON[runs.Info](t, filepath.Join(out, runs.InfoFile))
		require.Equal(t, "specs/net.yaml", info.Spec)
		require.EqualValues(t, 9, info.Seed)
		require.Equal(t, 0.07, info.Vars["lr"])
		require.EqualValues(t, 10, info.MaxSteps)
		require.EqualValues(t, 4, info.LogEvery)
		require.Equal(t, []string{"loss", "eval.loss"}, info.Metrics)
	}
}

// A checkpoint has the spec as render prints it, with --out and without it.
func TestACheckpointPrintsItsSpec(t *testing.T) {
	t.Chdir(project(t))
	flags := []string{"specs/net.yaml", "--allow-read", "outside", "--set", "lr=0.07"}
	code, want, says := flowrunWith(t, append([]string{"render"}, flags...)...)
	require.Equal(t, exitDone, code, says)
	for dir, out := range map[string][]string{"specs/checkpoints": nil, "r/checkpoints": {"--out", "r"}} {
		code, _, says := flowrunWith(t, append(append([]string{"run"}, flags...), out...)...)
		require.Equal(t, exitDone, code, says)
		for _, name := range []string{"best.safetensors", "step-000000012.safetensors"} {
			code, got, says := flowrunWith(t, "render", filepath.Join(dir, name))
			require.Equal(t, exitDone, code, says)
			require.Equal(t, want, got)
		}
	}
	code, _, says = flowrunWith(t, "render", "r/"+runs.WeightsFile)
	require.Equal(t, exitFailed, code)
	require.Contains(t, says, "is no checkpoint of flowrun")
	code, _, says = flowrunWith(t, "render", filepath.Join("r/checkpoints", "step-000000012.safetensors"), "--set", "lr=1.0")
	require.Equal(t, exitUsage, code)
	require.Contains(t, says, "the spec of a checkpoint is as it is")
}

func TestAFolderThatIsNoNewOneIsRefusedBeforeAnythingRuns(t *testing.T) {
	spec := net(t, "")
	at := func(name string) string { return filepath.Join(filepath.Dir(spec), name) }
	code, _, says := flowrunWith(t, spec, "--out", at("run"))
	require.Equal(t, exitDone, code, says)
	require.NoError(t, os.WriteFile(at("file"), nil, 0o666))
	require.NoError(t, os.MkdirAll(at("mine"), 0o777))
	require.NoError(t, os.WriteFile(at("mine/notes.txt"), nil, 0o666))
	require.NoError(t, os.MkdirAll(at("damaged"), 0o777))
	require.NoError(t, os.WriteFile(at("damaged/run.json"), []byte("{"), 0o666))
	require.NoError(t, os.Symlink("nowhere", at("dangling")))
	held, err := files.OpenFolder(at("run"), nil)
	require.NoError(t, err)
	other := filepath.Join(at("run"), runs.Checkpoints, checkpointOf(300))
	for want, flags := range map[string][]string{
		"holds a run already, math_net of":                                                     {"--out", at("run")},
		"isn't empty, and holds no run: there is notes.txt":                                    {"--out", at("mine")},
		"file isn't a folder":                                                                  {"--out", at("file")},
		"not a directory":                                                                      {"--out", at("file/run")},
		"doesn't say which run the folder holds: unexpected":                                   {"--out", at("damaged"), "--resume"},
		"is a link to nowhere, which isn't there":                                              {"--out", at("dangling")},
		"--out takes the name of a folder, and":                                                {"--out="},
		"there is no run in " + at("new") + " to continue":                                     {"--out", at("new"), "--resume"},
		"--save " + at("run/weights.safetensors") + " is the name of a file that --out writes": {"--out", at("run"), "--resume", "--save", at("run/weights.safetensors")},
	} {
		before := content(t, at("run/"+runs.LogFile))
		code, _, says := flowrunWith(t, append([]string{"run", spec}, flags...)...)
		require.NotEqual(t, exitDone, code, want)
		require.Contains(t, says, want)
		require.Equal(t, before, content(t, at("run/"+runs.LogFile)))
	}
	require.NoDirExists(t, at("new"))

	require.NoError(t, held.Lock())
	code, _, says = flowrunWith(t, spec, "--out", at("run"), "--resume")
	require.Equal(t, exitFailed, code)
	require.Contains(t, says, "is in use by another run")
	require.Contains(t, says, "wait until it ends, or name another folder")
	require.NoError(t, held.Close())

	code, _, says = flowrunWith(t, spec, "--out", at("branch"), "--seed", "2")
	require.Equal(t, exitDone, code, says)
	code, _, says = flowrunWith(t, spec, "--out", at("branch"), "--resume="+other)
	require.Equal(t, exitFailed, code)
	require.Contains(t, says, "isn't a checkpoint of the run in "+at("branch"))
	code, _, says = flowrunWith(t, spec, "--out", at("third"), "--resume="+other, "--max-steps", "400")
	require.Equal(t, exitDone, code, "another run's checkpoint begins a branch: %s", says)
	require.EqualValues(t, 300, readJSON[runs.Info](t, at("third/"+runs.InfoFile)).Resumed[0].Step)

	require.NoError(t, os.MkdirAll(at("real/.hidden"), 0o777))
	require.NoError(t, os.Symlink("real", at("link")))
	code, _, says = flowrunWith(t, spec, "--out", at("link"))
	require.Equal(t, exitDone, code, "a link to a folder is one, and hidden files don't count: %s", says)
	require.FileExists(t, at("real/"+runs.SummaryFile))
}

func TestTheSummaryOfAKeptRunIsTheObjectOfJSON(t *testing.T) {
	spec := net(t, "  checkpoint: {every: 100, best: {metric: loss}}\n")
	out := filepath.Join(t.TempDir(), "r")
	code, object, says := flowrunWith(t, spec, "--out", out, "--json", "--set", "lr=0.2")
	require.Equal(t, exitDone, code, says)
	require.Equal(t, object, content(t, filepath.Join(out, runs.SummaryFile)))
	s := readJSON[runs.Summary](t, filepath.Join(out, runs.SummaryFile))
	require.Equal(t, out, s.Out)
	require.Equal(t, 0.2, s.Vars["lr"])
	require.EqualValues(t, 300, s.Step)
	require.Equal(t, filepath.Join(out, "checkpoints", "best.safetensors"), s.Best.File)
	code, text, says := flowrunWith(t, spec, "--out", out, "--resume", "--set", "lr=0.2")
	require.Equal(t, exitDone, code, says)
	require.Contains(t, text, "best loss: ")
	require.Contains(t, text, " at step 300 ("+s.Best.File+")\nkept in "+out+"\n")
}
