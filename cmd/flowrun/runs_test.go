package main

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/flowrun/flowrun/internal/goldentest"
	"github.com/flowrun/flowrun/runs"
)

// handMade makes the folder of a run by hand: steps 10, 20, …, with the loss 1/step.
func handMade(t *testing.T, dir, lr, momentum, stopped string, steps int) {
	t.Helper()
	write := func(name, text string) {
		path := filepath.Join(dir, name)
		require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
		require.NoError(t, os.WriteFile(path, []byte(text), 0o644))
	}
	write("run.json", fmt.Sprintf(`{"flowrun":"v1.2.3","spec":"nets/a.yaml","name":"a","vars":{"lr":%s,"width":16},"seed":7,"device":"cpu",
		"started":"2026-12-01T05:00:00Z","command":["flowrun","run","nets/a.yaml","--set","lr=%s","--out","elsewhere"],"log_every":10,"max_steps":400,"decides":{"metric":"eval.loss","mode":"min"},
		"metrics":["loss","eval.loss"],"resumed":[]}`, lr, lr))
	write("spec.yaml", fmt.Sprintf("flowrun: 1\nvars: {lr: %s}\ntrain:\n  optimizer: {SGD: {lr: lr, momentum: %s}}\n  max_steps: 400\n  early_stop: {metric: eval.loss, mode: min, patience: 9}\n", lr, momentum))
	var lines strings.Builder
	for step := 10; step <= steps; step += 10 {
		fmt.Fprintf(&lines, "{\"step\":%d,\"loss\":%v,\"eval.loss\":%v,\"loss_step\":%v}\n", step, 1/float64(step), 2/float64(step), 1/float64(step))
	}
	write("metrics.jsonl", lines.String()+`{"step":`)
	write("checkpoints/step-000000100.safetensors", "")
	write("checkpoints/best.safetensors", "")
	if stopped != "" {
		write("summary.json", fmt.Sprintf(`{"spec":"nets/a.yaml","name":"a","version":"v1.2.3","vars":{},"seed":7,"steps":%d,"step":%d,"stopped":%q,"seconds":12.5,
			"message":"","metrics":{"loss":%v,"eval.loss":%v,"matrix":[[1]]},"best":{"metric":"eval.loss","mode":"min","value":0.02,"step":100,"file":"checkpoints/best.safetensors"},"device":"cpu"}`,
			steps, steps, stopped, 1/float64(steps), 2/float64(steps)))
	}
}

// sweep makes a folder of runs.
func sweep(t *testing.T) string {
	t.Helper()
	top := t.TempDir()
	handMade(t, filepath.Join(top, "a"), "0.1", "0", "max_steps", 400)
	handMade(t, filepath.Join(top, "b"), "0.02", "0", "interrupted", 120)
	handMade(t, filepath.Join(top, "c"), "1", "0.9", "nonfinite", 50)
	handMade(t, filepath.Join(top, "d"), "1", "0.9", "", 200)
	require.NoError(t, os.MkdirAll(filepath.Join(top, "e"), 0o755))
	require.NoError(t, os.WriteFile(filepath.Join(top, "e", "run.json"), []byte(`{"spec"`), 0o644))
	require.NoError(t, os.Mkdir(filepath.Join(top, "f"), 0o755))
	return top
}

// settled replaces what differs from test to test: the folder, and times of files.
func settled(text, top string) string {
	return strings.ReplaceAll(strings.ReplaceAll(text, filepath.ToSlash(top), "RUNS"), top, "RUNS")
}

func TestRunsAreATableOfWhatDiffers(t *testing.T) {
	top := sweep(t)
	require.NoError(t, os.RemoveAll(filepath.Join(top, "d"))) // its time is that of a file
	code, out, errors := flowrunWith(t, "runs", top)
	require.Equal(t, exitDone, code, errors)
	goldentest.Equal(t, "testdata/runs_table.txt", settled(out+"---\n"+errors, top))
	code, out, errors = flowrunWith(t, "runs", top, "--metric", "loss", "--metric", "eval.loss", "--sort", "lr", "--log-scale", "--height", "10")
	require.Equal(t, exitDone, code, errors)
	goldentest.Equal(t, "testdata/runs_metrics.txt", settled(out, top))
}

func TestTheStatesOfRunsAreTold(t *testing.T) {
	top := sweep(t)
	code, out, _ := flowrunWith(t, "runs", top, "--json", "--metric", "loss")
	require.Equal(t, exitDone, code)
	var got struct {
		Runs []struct {
			Name, State string
			Steps       *int64
			Best        *runs.Best
			Metrics     map[string]struct {
				Count    int
				Min, Max struct{ Step, Value float64 }
			}
			Problems []string
			Summary  *runs.Summary
		}
		Differ  []string
		Specs   []specKeyJSON
		Skipped []runs.Skipped
	}
	require.NoError(t, json.Unmarshal([]byte(out), &got))
	states := map[string]string{}
	for _, r := range got.Runs {
		states[r.Name] = r.State
		if r.Name == "d" {
			require.EqualValues(t, 200, *r.Steps)
			require.Equal(t, 20, r.Metrics["loss"].Count, "without the line that isn't complete")
			require.Equal(t, 200.0, r.Metrics["loss"].Min.Step)
			require.Equal(t, 0.1, r.Metrics["loss"].Max.Value)
			require.Nil(t, r.Summary)
			require.Equal(t, runs.Best{Metric: "eval.loss", Mode: "min", Value: 0.01, Step: 200}, *r.Best, "the best that was logged")
		}
	}
	require.Equal(t, map[string]string{"a": "done", "b": "interrupted", "c": "diverged", "d": "crashed", "e": "damaged"}, states)
	require.Equal(t, []string{"lr"}, got.Differ)
	require.Len(t, got.Specs, 1)
	require.Equal(t, "train.optimizer.SGD.momentum", got.Specs[0].Key)
	require.Equal(t, []string{"a", "b"}, got.Specs[0].Values[0].Runs)
	require.Equal(t, "0.9", *got.Specs[0].Values[1].Value)
	require.Len(t, got.Skipped, 1)
	require.Equal(t, "no run is in it", got.Skipped[0].Why)
}

func TestOneRunIsShownInFullWithHowToGoOn(t *testing.T) {
	t.Setenv("TZ", "UTC")
	top := sweep(t)
	code, out, errors := flowrunWith(t, "runs", filepath.Join(top, "b"), "--height", "12")
	require.Equal(t, exitDone, code, errors)
	out = settled(out, top)
	require.Contains(t, out, "RUNS/b: interrupted\n")
	require.Contains(t, out, "flowrun run nets/a.yaml --set lr=0.02 --out RUNS/b --resume\n")
	require.Contains(t, out, "eval.loss 0.02000 at step 100, checkpoints/best.safetensors")
	require.Contains(t, out, "RUNS/b/checkpoints/step-000000100.safetensors")
	require.Contains(t, out, "120 of at most 400, 12.5s")
	require.Contains(t, out, "● loss")
	require.Contains(t, out, "○ eval.loss")

	code, out, errors = flowrunWith(t, "runs", filepath.Join(top, "e"))
	require.Equal(t, exitDone, code, errors)
	require.Contains(t, out, "problem  run.json can't be read: unexpected EOF")
	require.NotContains(t, out, "to go on")
}

func TestRunsAreSortedByAnyColumn(t *testing.T) {
	top := sweep(t)
	order := func(args ...string) string {
		code, out, errors := flowrunWith(t, append([]string{"runs", top}, args...)...)
		require.Equal(t, exitDone, code, errors)
		var names string
		for _, line := range strings.Split(out, "\n")[1:6] {
			names += line[:1]
		}
		return names
	}
	require.Equal(t, "abcde", order(), "what says no time is last")
	require.Equal(t, "bacde", order("--sort", "lr"))
	require.Equal(t, "cbdae", order("--sort", "steps"), "what has none is last")
	require.Equal(t, "adbce", order("--sort", "loss"))
	require.Equal(t, "cbdae", order("--sort", "loss", "--reverse"), "also where the order is reversed")
	code, _, errors := flowrunWith(t, "runs", top, "--sort", "length")
	require.Equal(t, exitUsage, code)
	require.Contains(t, errors, `there is no column "length"; there is started, run, state, lr, steps, time`)
}

// Numbers come before texts and texts before nothing, so that any order of the runs is
// sorted into the same one.
func TestTheOrderOfAColumnIsOne(t *testing.T) {
	x := column{text: func(e *entry) string { return e.name }}
	want := []string{"2", "1e1", "auto", "none", missing}
	for range 20 {
		var all []*entry
		for _, i := range rand.Perm(len(want)) {
			all = append(all, &entry{name: want[i]})
		}
		slices.SortFunc(all, func(a, b *entry) int { return x.order(a, b, false) })
		for i, e := range all {
			require.Equal(t, want[i], e.name)
		}
	}
}

// plain makes the folder of a run with a spec, lines of metrics, and how it ended.
func plain(t *testing.T, dir, spec, metrics, lines, summary string) {
	t.Helper()
	require.NoError(t, os.MkdirAll(dir, 0o755))
	for name, text := range map[string]string{
		"run.json":  `{"spec":"a.yaml","device":"cpu","started":"2026-12-01T05:00:00Z","metrics":` + metrics + `,"decides":{"metric":"eval.near","mode":"max"}}`,
		"spec.yaml": spec, "metrics.jsonl": lines, "summary.json": summary,
	} {
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644))
	}
}

func TestARunWithoutMetricsShowsItsLoss(t *testing.T) {
	dir := t.TempDir()
	plain(t, dir, "flowrun: 1\n", "[]", `{"step":5,"loss_step":0.25}`+"\n", `{"step":5,"stopped":"max_steps","metrics":{},"loss_step":0.25}`)
	_, out, errors := flowrunWith(t, "runs", dir)
	require.Contains(t, out, "loss_step 0.2500", errors)
}

func TestASVGIsDrawnOfAMetricThatOnlyTheEvaluationHas(t *testing.T) {
	dir := t.TempDir()
	plain(t, dir, "flowrun: 1\n", `["eval.near"]`, `{"step":5,"eval.near":0.5,"loss_step":1}`+"\n", `{"step":5,"stopped":"max_steps","metrics":{"eval.near":0.5}}`)
	svg := filepath.Join(t.TempDir(), "near.svg")
	code, _, errors := flowrunWith(t, "runs", dir, "--svg", svg)
	require.Equal(t, exitDone, code, errors)
	text, err := os.ReadFile(svg)
	require.NoError(t, err)
	require.Contains(t, string(text), "eval.near")
}

// Runs of one spec in folders of different depth name its files differently, and don't differ.
func TestRunsAtOtherDepthsHaveTheSameFiles(t *testing.T) {
	top := t.TempDir()
	plain(t, filepath.Join(top, "a"), "flowrun: 1\ndata: {d: {csv: ../x.csv, more: [../y.csv, ../z.csv]}}\n", "[]", "", `{"step":5,"stopped":"max_steps"}`)
	plain(t, filepath.Join(top, "in", "b"), "flowrun: 1\ndata: {d: {csv: ../../x.csv, more: [../../y.csv, ../../w.csv]}}\n", "[]", "", `{"step":5,"stopped":"max_steps"}`)
	_, out, errors := flowrunWith(t, "runs", top, "--json")
	var got struct{ Specs []specKeyJSON }
	require.NoError(t, json.Unmarshal([]byte(out), &got), errors)
	require.Len(t, got.Specs, 1)
	require.Equal(t, "data.d.more", got.Specs[0].Key)
}

func TestARunThatWentOnBeyondNaNSaysSo(t *testing.T) {
	top := t.TempDir()
	plain(t, filepath.Join(top, "a"), "flowrun: 1\n", "[]", "", `{"step":5,"stopped":"max_steps","nonfinite_step":3}`)
	plain(t, filepath.Join(top, "b"), "flowrun: 1\n", "[]", "", `{"step":5,"stopped":"max_steps","nonfinite_step":3,"skipped_steps":2}`)
	_, out, _ := flowrunWith(t, "runs", top)
	require.Contains(t, out, "done, loss not finite at step 3")
	require.Contains(t, out, "done, 2 steps skipped")
	_, out, _ = flowrunWith(t, "runs", filepath.Join(top, "b"))
	require.Contains(t, out, "not finite  2 steps skipped")
}

func TestCurvesOfRunsAreWrittenAsSVG(t *testing.T) {
	top := sweep(t)
	svg := filepath.Join(t.TempDir(), "loss.svg")
	code, _, errors := flowrunWith(t, "runs", top, "--metric", "loss", "--svg", svg)
	require.Equal(t, exitDone, code, errors)
	text, err := os.ReadFile(svg)
	require.NoError(t, err)
	require.Equal(t, 4+4, strings.Count(string(text), `class="curve"`), "four runs have the metric, each with its line in the legend")

	for want, args := range map[string][]string{
		"would overwrite a file of a run":  {"--svg", filepath.Join(top, "a", "run.json")},
		"--svg draws one metric":           {"--svg", svg, "--metric", "loss", "--metric", "eval.loss"},
		"no run has the metric \"los\"":    {"--metric", "los"},
		"did you mean \"loss\"?":           {"--metric", "los"},
		"--width and --height are at most": {"--width", "1001"},
	} {
		code, _, errors := flowrunWith(t, append([]string{"runs", top}, args...)...)
		require.Equal(t, exitUsage, code, errors)
		require.Contains(t, errors, want)
	}
}

func TestRunsThatAreNoneAreErrors(t *testing.T) {
	code, _, errors := flowrunWith(t, "runs")
	require.Equal(t, exitUsage, code)
	require.Contains(t, errors, "at least one folder")
	code, _, errors = flowrunWith(t, "runs", t.TempDir(), filepath.Join(t.TempDir(), "gone\x1b[2J"))
	require.Equal(t, exitFailed, code)
	require.Contains(t, errors, "no run is in it")
	require.Contains(t, errors, "no such file")
	require.Contains(t, errors, "there are no runs")
	require.NotContains(t, errors, "\x1b")
}

func TestNamesOfRunsAreTheirPathsWithoutWhatAllShare(t *testing.T) {
	for want, dirs := range map[string][]string{
		"a b":         {"runs/x/a", "runs/x/b"},
		"a/1 b/1":     {"runs/a/1", "./runs/b/1"},
		"runs runs/a": {"runs", "runs/a"},
		"runs/x":      {"runs/x/"},
		"/a b":        {"/a", "b"},
	} {
		var list []*runs.Run
		for _, d := range dirs {
			list = append(list, &runs.Run{Dir: d})
		}
		require.Equal(t, want, strings.Join(shortNames(list), " "))
	}
}

func TestCurvesAreColouredOnATerminalUnlessNoColourIsWanted(t *testing.T) {
	top := sweep(t)
	args := []string{"runs", top, "--metric", "loss", "--height", "8"}
	require.Contains(t, onTerminal(t, nil, args...), "\x1b[34m")
	require.NotContains(t, onTerminal(t, []string{"NO_COLOR=1"}, args...), "\x1b")
	require.NotContains(t, onTerminal(t, []string{"TERM=dumb"}, args...), "\x1b")
	out := onTerminal(t, []string{"NO_COLOR=1", "LC_ALL=C"}, args...)
	_, curves, _ := strings.Cut(out, "loss over steps")
	require.NotContains(t, curves, "●")
	require.Contains(t, curves, "* a")
	_, out, _ = flowrunWith(t, args...)
	require.NotContains(t, out, "\x1b", "nor where it is piped")
}
