package main

import (
	"encoding/json"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// shown is what TensorBoard reads in a folder.
type shown struct {
	Scalars     map[string][][2]uint32 // step, and the bits of the value
	Texts       map[string][][2]any
	First, Last float64
}

func inTensorBoard(t *testing.T, dir string) (s shown) {
	t.Helper()
	python := os.Getenv("FLOWRUN_TEST_TENSORBOARD")
	if python == "" {
		t.Skip("needs TensorBoard: scripts/test sets FLOWRUN_TEST_TENSORBOARD")
	}
	out, err := exec.Command(python, filepath.Join("testdata", "read_events.py"), dir).Output()
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(out, &s))
	return s
}

// requireShown compares what TensorBoard shows with a log of the same run, to the bit.
func requireShown(t *testing.T, got shown, log string) {
	t.Helper()
	_, lines := jsonLines(t, log)
	want := map[string][][2]uint32{}
	for _, line := range lines {
		step := uint32(line["step"].(float64))
		add := func(tag string, v any) {
			want[tag] = append(want[tag], [2]uint32{step, math.Float32bits(float32(v.(float64)))})
		}
		for name, v := range line {
			switch v := v.(type) {
			case float64:
				if name != "step" && (!strings.HasPrefix(name, "eval.") || step%30 == 0) {
					add(name, v)
				}
			case []any:
				if name == "sums" {
					for i, v := range v {
						add(name+"/"+string(rune('0'+i)), v)
					}
				}
			}
		}
	}
	speed := got.Scalars["steps_per_second"]
	require.NotEmpty(t, speed)
	delete(got.Scalars, "steps_per_second")
	require.Equal(t, want, got.Scalars)
}

func TestTensorBoardReadsTheValuesOfTheLogToTheBit(t *testing.T) {
	spec := file(t, "s.yaml", strings.Replace(evaluatedSpec, "{SGD: {lr: 0.1}}", "{SGD: {lr: 0.1 * 0.99 ** step}}", 1))
	dir := filepath.Dir(spec)
	log, events := filepath.Join(dir, "log.jsonl"), filepath.Join(dir, "a", "tb")
	before := float64(time.Now().UnixNano()) / 1e9
	code, _, says := flowrunWith(t, spec, "--log", log, "--tensorboard", events)
	require.Equal(t, exitDone, code, says)
	got := inTensorBoard(t, events)
	require.Contains(t, got.Scalars, "lr")
	require.GreaterOrEqual(t, got.First, before)
	require.LessOrEqual(t, got.Last, float64(time.Now().UnixNano())/1e9)
	require.Len(t, got.Texts["eval.table"], 4)
	require.Contains(t, got.Texts["eval.table"][0][1], "| | **0** | **1** | **2** | **3** |\n|---:|---:|---:|---:|---:|\n| **0** | ")
	require.Contains(t, got.Texts["spec"][0][1], "```yaml\n")
	require.Contains(t, got.Texts["spec"][0][1], "\n  max_steps: 130\n")
	requireShown(t, got, log)
}

// A run that crashed after its last checkpoint has written events that are written again.
func TestAResumedRunShowsEachStepOnce(t *testing.T) {
	for _, from := range []string{"step-000000040.safetensors", "step-000000080.safetensors", "step-000000130.safetensors"} {
		spec := file(t, "s.yaml", strings.Replace(evaluatedSpec, "every: 40", "every: 40, keep: 9", 1))
		dir := filepath.Dir(spec)
		log, events := filepath.Join(dir, "log.jsonl"), filepath.Join(dir, "tb")
		code, _, says := flowrunWith(t, spec, "--tensorboard", events)
		require.Equal(t, exitDone, code, says)
		resume := "--resume=" + filepath.Join(dir, "checkpoints", from)
		code, _, says = flowrunWith(t, spec, "--tensorboard", events, "--max-steps", "140", resume)
		require.Equal(t, exitDone, code, says)
		require.Len(t, entries(t, events), 2)

		whole := file(t, "s.yaml", evaluatedSpec)
		code, _, says = flowrunWith(t, whole, "--log", log, "--max-steps", "140")
		require.Equal(t, exitDone, code, says)
		got := inTensorBoard(t, events)
		if strings.Contains(from, "130") { // the last step of the first run, which a log's resumption takes out
			for tag := range got.Scalars {
				got.Scalars[tag] = without(got.Scalars[tag], 130)
			}
		}
		requireShown(t, got, log)
	}
}

func without(list [][2]uint32, step uint32) (rest [][2]uint32) {
	for _, v := range list {
		if v[0] != step {
			rest = append(rest, v)
		}
	}
	return rest
}

func TestAFolderWithEventsOrNoFolderIsRefusedBeforeTheRun(t *testing.T) {
	dir := t.TempDir()
	events := filepath.Join(dir, "tb")
	code, _, says := flowrunWith(t, mathNet, "--max-steps", "2", "--tensorboard", events)
	require.Equal(t, exitDone, code, says)
	require.Len(t, entries(t, events), 1)
	plain := filepath.Join(dir, "plain")
	require.NoError(t, os.WriteFile(plain, []byte("text"), 0o666))
	before := contents(t, dir)
	for path, want := range map[string]string{
		events:                        "it has the events of another run: name another folder",
		plain:                         "not a directory",
		filepath.Join(plain, "a/b/c"): "not a directory",
	} {
		code, out, says := flowrunWith(t, mathNet, "--max-steps", "2", "--tensorboard", path)
		require.Equal(t, exitFailed, code, path)
		require.Contains(t, says, "--tensorboard")
		require.Contains(t, says, want)
		require.Empty(t, out, "no step was taken")
		require.NotContains(t, says, "--resume", "there are no checkpoints")
	}
	require.Equal(t, before, contents(t, dir))
}
