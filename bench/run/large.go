package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"time"
)

// largeFiles are whole runs of the program on files: a million rows, files ten times larger
// than the memory that a run may use, and Debian's pictures of clothes.
func largeFiles(w *workshop) []subject {
	return []subject{
		{name: "data: infer", prepare: both(w.buildFlowrun, w.million), measure: w.infer, rounds: 3},
		{name: "data: limited", prepare: both(w.buildFlowrun, w.limitable), measure: w.limited, rounds: 1},
		{name: "data: fashion_mnist", prepare: both(w.buildFlowrun, exists(clothes)), measure: w.waiting, rounds: 3},
	}
}

const clothes = "/usr/share/datasets/fashion-mnist" // Debian's package dataset-fashion-mnist

// memoryLimit is what a run may use: a tenth of the files.
const memoryLimit = 300 << 20

const pointsSpec = `flowrun: 1
data:
  points:
    csv: points.csv
    fields:
      x: {columns: [a, b, c, d, e, f, g], type: "f32[7]", normalize: element}
      y: {column: h, type: "f32[]", normalize: element}
    batch: 256
    shuffle: true
    split: {parts: {train: 0.9, test: 0.1}}
model:
  inputs: {x: "f32[batch, 7]"}
  nodes:
    h: {Linear: x, out_features: 16}
    p: {Linear: tanh(h), out_features: 1}
  outputs: [p]
train:
  data: points.train
  loss: mean((reshape(p, [-1]) - y) ** 2)
  optimizer: {SGD: {lr: 0.01}}
  max_steps: 1000
`

const bookSpec = `flowrun: 1
data:
  book:
    text: book.txt
    tokens: characters
    vocabulary: 4096
    unknown: 0
    fields:
      ids: {type: "i32[64]"}
      following: {type: "i32[64]", offset: 1}
    batch: 32
    shuffle: true
model:
  inputs: {ids: "i32[batch, 64]"}
  nodes:
    h: {Embedding: ids, num_embeddings: 4096, embedding_dim: 8}
    logits: {Linear: h, out_features: 96}
  outputs: [logits]
train:
  data: book
  loss: cross_entropy(reshape(logits, [-1, 96]), reshape(following % 96, [-1]))
  optimizer: {SGD: {lr: 0.01}}
  max_steps: 300
`

// points writes rows of eight numbers, in blocks that repeat, of so many rows or bytes at
// least.
func points(path string, rows int, size int64) error {
	g := rand.New(rand.NewPCG(1, 1))
	var block []byte
	const blockRows = 100_000
	for range blockRows {
		for i := range 8 {
			block = strconv.AppendFloat(block, g.NormFloat64(), 'f', 6, 64)
			block = append(block, ",,,,,,,\n"[i])
		}
	}
	blocks := max(rows/blockRows, int(size/int64(len(block)))+1)
	return repeated(path, "a,b,c,d,e,f,g,h\n", block, blocks)
}

func repeated(path, head string, block []byte, blocks int) error {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	w := bufio.NewWriter(f)
	w.WriteString(head) // an error is Flush's too
	for range blocks {
		w.Write(block)
	}
	return errors.Join(w.Flush(), f.Close())
}

// folder is one of the workshop's, with a spec.
func (w *workshop) folder(name, spec string) (string, error) {
	folder := filepath.Join(w.temp, name)
	err := os.MkdirAll(folder, 0o755)
	return folder, errors.Join(err, os.WriteFile(filepath.Join(folder, "spec.yaml"), []byte(spec), 0o644))
}

// flowrun is the program with a cache of its own.
func (w *workshop) flowrun(cache string, args ...string) command {
	c := w.alone(append([]string{filepath.Join(w.temp, "flowrun")}, args...)...)
	c.env = append(c.env, "FLOWRUN_CACHE="+cache)
	return c
}

// million writes a million rows, and weights of a small model for them.
func (w *workshop) million(ctx context.Context) error {
	folder, err := w.folder("million", pointsSpec)
	if err == nil {
		err = points(filepath.Join(folder, "points.csv"), 1_000_000, 0)
	}
	if err != nil {
		return err
	}
	_, err = w.flowrun(filepath.Join(folder, "first"), filepath.Join(folder, "spec.yaml"), "--max-steps", "1", "--save", filepath.Join(folder, "w.safetensors")).output(ctx)
	return err
}

// infer computes the outputs for a million rows, read for the first time and again.
func (w *workshop) infer(ctx context.Context) ([]sample, error) {
	folder := filepath.Join(w.temp, "million")
	cache := filepath.Join(folder, "cache")
	if err := os.RemoveAll(cache); err != nil {
		return nil, err
	}
	var samples []sample
	for _, name := range []string{"infer/million-rows", "infer/million-rows-again"} {
		start := time.Now()
		_, err := w.flowrun(cache, "infer", filepath.Join(folder, "spec.yaml"), "--weights", filepath.Join(folder, "w.safetensors"),
			"--in", filepath.Join(folder, "points.csv"), "--out", filepath.Join(folder, "out.csv")).output(ctx)
		if err != nil {
			return nil, err
		}
		samples = append(samples, sample{series{Group: dataGroup, Name: name, Unit: "s"}, time.Since(start).Seconds()})
	}
	return samples, nil
}

// limitable writes the large files, where a run's memory can be limited and seen.
func (w *workshop) limitable(context.Context) error {
	if _, err := os.Stat("/proc/self/status"); err != nil {
		return errors.New("needs Linux")
	}
	folder, err := w.folder("csv", pointsSpec)
	if err != nil {
		return err
	}
	if err := points(filepath.Join(folder, "points.csv"), 0, 10*memoryLimit); err != nil {
		return err
	}
	if folder, err = w.folder("text", bookSpec); err != nil {
		return err
	}
	names, err := filepath.Glob(w.path("docs", "*.md"))
	if err != nil {
		return err
	}
	var block []byte
	for _, name := range names {
		text, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		block = append(block, text...)
	}
	return repeated(filepath.Join(folder, "book.txt"), "", block, 10*memoryLimit/len(block)+1)
}

var highWater = regexp.MustCompile(`(?m)^VmHWM:\s+(\d+) kB$`)

// limited trains on files ten times larger than the memory that the process may allocate,
// and gives the most that it had in memory.
func (w *workshop) limited(ctx context.Context) ([]sample, error) {
	var samples []sample
	for _, name := range []string{"csv", "text"} {
		folder := filepath.Join(w.temp, name)
		defer os.RemoveAll(folder)
		c := exec.CommandContext(ctx, "sh", "-c", fmt.Sprintf("ulimit -d %d && exec \"$0\" \"$1\" --json", memoryLimit>>10),
			filepath.Join(w.temp, "flowrun"), filepath.Join(folder, "spec.yaml"))
		c.Env = append(os.Environ(), "FLOWRUN_CACHE="+filepath.Join(folder, "cache"))
		start := time.Now()
		if err := c.Start(); err != nil {
			return nil, err
		}
		ended := make(chan error, 1)
		go func() { ended <- c.Wait() }()
		peak := 0.0
		for running := true; running; {
			if status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", c.Process.Pid)); err == nil {
				if m := highWater.FindSubmatch(status); m != nil {
					kib, _ := strconv.ParseFloat(string(m[1]), 64) // digits
					peak = max(peak, kib/1024)
				}
			}
			select {
			case err := <-ended:
				if err != nil {
					return nil, fmt.Errorf("%s within %d MiB: %w", name, memoryLimit>>20, err)
				}
				running = false
			case <-time.After(10 * time.Millisecond):
			}
		}
		samples = append(samples,
			sample{series{Group: dataGroup, Name: "limited/" + name, Unit: "MiB"}, peak},
			sample{series{Group: dataGroup, Name: "limited/" + name, Unit: "s"}, time.Since(start).Seconds()})
	}
	return samples, nil
}

var waited = regexp.MustCompile(`waiting for data +\S+, +([0-9.]+) %`)

// waiting trains on pictures, on all processors, and gives the share of the time in which
// steps waited for data.
func (w *workshop) waiting(ctx context.Context) ([]sample, error) {
	c := command{dir: w.root, env: []string{"FLOWRUN_CACHE=" + filepath.Join(w.temp, "clothes")},
		args: []string{filepath.Join(w.temp, "flowrun"), "graphs/fashion_mnist.yaml", "--allow-read", clothes, "--max-steps", "300", "--stats"}}
	out, err := c.output(ctx)
	if err != nil {
		return nil, err
	}
	m := waited.FindSubmatch(out)
	if m == nil {
		return nil, errors.New("--stats has no line of time spent waiting for data")
	}
	share, err := strconv.ParseFloat(string(m[1]), 64)
	return []sample{{series{Group: dataGroup, Name: "fashion_mnist/waiting", Unit: "%"}, share}}, err
}

// exists says whether there is a file or folder.
func exists(path string) func(context.Context) error {
	return func(context.Context) error { _, err := os.Stat(path); return err }
}
