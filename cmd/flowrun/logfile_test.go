package main

import (
	"encoding/csv"
	"encoding/json"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/flowrun/flowrun/internal/files"
)

// evaluatedSpec has evaluations between its log lines, and tensors as metrics.
const evaluatedSpec = `flowrun: 1
data:
  d: {generate: {x: "normal(0, 1, [16, 4])", y: "argmax(x, -1)"}}
model: {inputs: {x: "f32[batch, 4]"}, nodes: {h: {Linear: x, out_features: 4}}, outputs: [h]}
train:
  data: d
  loss: cross_entropy(h, y)
  optimizer: {SGD: {lr: 0.1}}
  metrics: {loss: loss, sums: "sum(h, 0)"}
  eval: {data: d, every: 30, batches: 2, metrics: {table: "confusion_matrix(h, y)", accuracy: "accuracy(h, y)"}}
  log_every: 50
  max_steps: 130
  checkpoint: {every: 40}
`

// steps gives the steps of a JSONL log, and its lines.
func jsonLines(t *testing.T, path string) (steps []int, lines []map[string]any) {
	t.Helper()
	for line := range strings.Lines(content(t, path)) {
		var record map[string]any
		require.NoError(t, json.Unmarshal([]byte(line), &record))
		steps = append(steps, int(record["step"].(float64)))
		lines = append(lines, record)
	}
	return steps, lines
}

func TestALogThatAnotherRunWritesIsLeftAlone(t *testing.T) {
	spec := file(t, "s.yaml", evaluatedSpec)
	log := file(t, "log.jsonl", "{\"step\":1}\n")
	other, err := os.Open(log)
	require.NoError(t, err)
	require.NoError(t, files.LockFile(other))
	code, out, says := flowrunWith(t, spec, "--log", log)
	require.Equal(t, exitFailed, code)
	require.Contains(t, says, "--log: "+log+" is in use by another run")
	require.NotContains(t, out, "step ")
	require.Equal(t, "{\"step\":1}\n", content(t, log), "nothing of it is removed")
	require.NoError(t, other.Close())
	code, _, says = flowrunWith(t, spec, "--max-steps", "2", "--log", log)
	require.Equal(t, exitDone, code, says)
}

func TestLogEveryThinsTheLogButEvaluationsAndTheLastStepStay(t *testing.T) {
	for args, want := range map[string][]int{
		"":                                {30, 50, 60, 90, 100, 120, 130},
		"--log-every=45":                  {30, 45, 60, 90, 120, 130},
		"--log-every=1000":                {30, 60, 90, 120, 130},
		"--log-every=1000 --max-steps=30": {30},
	} {
		spec := file(t, "s.yaml", evaluatedSpec)
		log := filepath.Join(filepath.Dir(spec), "log.jsonl")
		code, out, says := flowrunWith(t, append([]string{spec, "--log", log}, strings.Fields(args)...)...)
		require.Equal(t, exitDone, code, says)
		steps, lines := jsonLines(t, log)
		require.Equal(t, want, steps)
		for i, line := range lines {
			require.Equal(t, steps[i]%30 == 0, line["eval.table"] != nil, "a tensor is in the line of its evaluation: %v", line)
		}
		require.Equal(t, len(want), strings.Count("\n"+out, "\nstep "), out)
	}
	code, _, says := flowrunWith(t, mathNet, "--log-every", "0")
	require.Equal(t, exitUsage, code)
	require.Contains(t, says, "--log-every must be at least 1, got 0")
}

func TestACSVLogHasTheValuesOfAJSONLog(t *testing.T) {
	spec := file(t, "s.yaml", evaluatedSpec)
	dir := filepath.Dir(spec)
	read := func(name string) (rows [][]string) {
		f, err := os.Open(filepath.Join(dir, name))
		require.NoError(t, err)
		defer f.Close()
		rows, err = csv.NewReader(f).ReadAll()
		require.NoError(t, err)
		return rows
	}
	for _, name := range []string{"log.csv", "log.jsonl"} {
		require.NoError(t, os.RemoveAll(filepath.Join(dir, "checkpoints")))
		code, _, says := flowrunWith(t, spec, "--log", filepath.Join(dir, name), "--log-every=10")
		require.Equal(t, exitDone, code, says)
	}
	rows := read("log.csv")
	_, lines := jsonLines(t, filepath.Join(dir, "log.jsonl"))
	require.Len(t, rows, len(lines)+1)
	for i, line := range lines {
		for column, name := range rows[0] {
			cell := rows[i+1][column]
			switch want := line[name].(type) {
			case float64:
				got, err := strconv.ParseFloat(cell, 64)
				require.NoError(t, err)
				require.Equal(t, want, got, name)
			case nil:
				require.Empty(t, cell, name)
			default:
				var got any
				require.NoError(t, json.Unmarshal([]byte(cell), &got))
				require.Equal(t, want, got, name)
			}
			delete(line, name)
		}
		require.Empty(t, line, "every key is a column")
	}
}

// Runs that were interrupted anywhere have the log of one that wasn't.
func TestAResumedRunContinuesALogOfAnyForm(t *testing.T) {
	for _, name := range []string{"log.csv", "log.jsonl", "log.CSV"} {
		whole := file(t, "s.yaml", evaluatedSpec)
		log := filepath.Join(filepath.Dir(whole), name)
		code, _, says := flowrunWith(t, whole, "--log", log)
		require.Equal(t, exitDone, code, says)
		want := content(t, log)
		for _, stop := range []string{"35", "40", "55", "60", "129"} {
			spec := file(t, "s.yaml", evaluatedSpec)
			log := filepath.Join(filepath.Dir(spec), name)
			code, _, says := flowrunWith(t, spec, "--log", log, "--max-steps", stop)
			require.Equal(t, exitDone, code, says)
			code, _, says = flowrunWith(t, spec, "--log", log, "--resume")
			require.Equal(t, exitDone, code, says)
			require.NotContains(t, says, "warning", "step %s", stop)
			require.Equal(t, want, content(t, log), "%s, interrupted at step %s", name, stop)
		}
		from := "--resume=" + filepath.Join(filepath.Dir(whole), "checkpoints", "step-000000080.safetensors")
		code, _, says = flowrunWith(t, whole, "--log", log, from)
		require.Equal(t, exitDone, code, says)
		require.Contains(t, says, "truncating "+log+" after step 80")
		require.Equal(t, want, content(t, log))

		require.NoError(t, os.WriteFile(log, []byte(want[:len(want)/2]), 0o666)) // cut short, perhaps in a line
		code, _, says = flowrunWith(t, whole, "--log", log, from)
		require.Equal(t, exitDone, code, says)
		lines := strings.SplitAfter(want, "\n")
		end := strings.Join(lines[len(lines)-5:], "") // those after step 80
		require.True(t, strings.HasSuffix(content(t, log), "\n"+end), content(t, log))
		require.True(t, strings.HasPrefix(want, strings.TrimSuffix(content(t, log), end)), content(t, log))
	}
}

func TestACSVLogOfOtherColumnsIsNotContinued(t *testing.T) {
	spec := file(t, "s.yaml", evaluatedSpec)
	log := filepath.Join(filepath.Dir(spec), "log.csv")
	code, _, says := flowrunWith(t, spec, "--log", log, "--max-steps", "40")
	require.Equal(t, exitDone, code, says)
	require.Equal(t, 1, strings.Count(content(t, log), "step,loss,"))
	for text, want := range map[string]string{
		"step,loss,loss_step\r\n1,2,3\r\n": "its columns aren't those of this run",
		"\xff\xd8\xff no text":             "it has no line of column names",
	} {
		require.NoError(t, os.WriteFile(log, []byte(text), 0o666))
		code, _, says = flowrunWith(t, spec, "--log", log, "--resume")
		require.Equal(t, exitFailed, code)
		require.Contains(t, says, want)
		require.Contains(t, says, "name another file")
		require.Equal(t, text, content(t, log))
	}
	for _, text := range []string{"", "step,lo"} { // nothing yet, and a crash while it was begun
		require.NoError(t, os.WriteFile(log, []byte(text), 0o666))
		code, _, says = flowrunWith(t, spec, "--log", log, "--resume", "--max-steps", "60")
		require.Equal(t, exitDone, code, says)
		require.True(t, strings.HasPrefix(content(t, log), "step,loss,sums,eval.table,eval.accuracy,loss_step,lr\r\n50,"), content(t, log))
		require.NoError(t, os.Remove(filepath.Join(filepath.Dir(spec), "checkpoints", "step-000000060.safetensors")))
	}
}
