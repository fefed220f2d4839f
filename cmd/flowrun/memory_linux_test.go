package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/flowrun/flowrun/internal/racetest"
)

const points = `flowrun: 1
data:
  points:
    csv: points.csv
    fields:
      x: {columns: [a, b, c], type: "f32[3]", normalize: element}
      y: {column: d, type: "f32[]"}
    batch: 64
    shuffle: true
    split: {parts: {train: 0.9, test: 0.1}}
model: {inputs: {x: "f32[batch, 3]"}, nodes: {p: {Linear: x, out_features: 1}}, outputs: [p]}
train:
  data: points.train
  loss: mean((reshape(p, [-1]) - y) ** 2)
  optimizer: {SGD: {lr: 0.01}}
  max_steps: 200
`

const book = `flowrun: 1
data:
  book:
    text: book.txt
    tokens: characters
    vocabulary: 64
    unknown: 0
    stride: 512
    fields: {ids: {type: "i32[65]"}}
    batch: 16
    shuffle: true
model: {inputs: {ids: "i32[batch, 65]"}, nodes: {h: {Embedding: ids, num_embeddings: 64, embedding_dim: 4}}, outputs: [h]}
train: {data: book, loss: mean(h * h), optimizer: {SGD: {lr: 0.01}}, max_steps: 200}
`

// Beyond what it needs for a file of a few lines, the program trains with less memory than
// a tenth of a file, in a shuffled order: when nothing is prepared, and again. (An order of
// up to 4 million examples is kept in memory, 4 bytes each.)
func TestTrainingNeedsLessThanATenthOfAFileInMemory(t *testing.T) {
	if testing.Short() {
		t.Skip("writes 300 MB; -short leaves it out")
	}
	if racetest.Enabled {
		t.Skip("the race detector needs several times the memory")
	}
	for _, c := range []struct {
		name, spec, file, header, block string
		size                            int
	}{
		{"csv", points, "points.csv", "a,b,c,d\n", strings.Repeat("0.25,-1.5,37.125,2\n1.75,2.5,-12.5,3.5\n-3.5,0.125,99.0625,-1\n", 1000), 120 << 20},
		{"text", book, "book.txt", "", strings.Repeat("Nothing here is as long as it seems; naïve, perhaps.\n", 1000), 180 << 20}, // its places need 6 MB, however long it is
	} {
		t.Run(c.name, func(t *testing.T) {
			folder := t.TempDir()
			require.NoError(t, os.WriteFile(filepath.Join(folder, "spec.yaml"), []byte(c.spec), 0o600))
			train := func(blocks int) (peak int64) {
				f, err := os.Create(filepath.Join(folder, c.file))
				require.NoError(t, err)
				_, err = f.WriteString(c.header)
				require.NoError(t, err)
				for range blocks {
					_, err = f.WriteString(c.block)
					require.NoError(t, err)
				}
				require.NoError(t, f.Close())
				for range 2 {
					p, _ := program(t, filepath.Join(folder, "spec.yaml"))
					p.Env = append(p.Env, "FLOWRUN_CACHE="+folder)
					require.NoError(t, p.Start())
					peak = max(peak, peakOf(t, p))
				}
				return peak
			}
			few := train(1)
			many := train(c.size / len(c.block))
			t.Logf("%d MiB for a few lines, %d MiB for a file of %d MiB", few>>20, many>>20, c.size>>20)
			require.Less(t, many-few, int64(c.size/10))
		})
	}
}

// peakOf waits for a process and gives the most bytes that it had in memory. (What wait
// reports is at least what this process had when it started the other.)
func peakOf(t *testing.T, p *exec.Cmd) (peak int64) {
	t.Helper()
	ended := make(chan error)
	go func() { ended <- p.Wait() }()
	limit := time.After(5 * time.Minute)
	for {
		status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.Process.Pid))
		if m := highWater.FindSubmatch(status); err == nil && m != nil {
			kib, err := strconv.ParseInt(string(m[1]), 10, 64)
			require.NoError(t, err)
			peak = max(peak, kib<<10)
		}
		select {
		case err := <-ended:
			require.NoError(t, err)
			require.Positive(t, peak)
			return peak
		case <-limit:
			t.Fatal("it runs on")
		case <-time.After(5 * time.Millisecond):
		}
	}
}

var highWater = regexp.MustCompile(`(?m)^VmHWM:\s+(\d+) kB$`)
