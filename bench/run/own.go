package main

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"path/filepath"
	"strconv"
	"strings"
)

// ownBenchmarks are benchmarks in the project's tests: reading data, a step of the engine,
// demands on graphs of up to a million nodes, checks of specs. Lowering large graphs takes long and
// demands vary little, so a few rounds suffice.
func ownBenchmarks(w *workshop) []subject {
	engine := tested{w, "engine", engineGroup, filepath.Join(w.temp, "engine.test")}
	check := tested{w, ".", checkGroup, filepath.Join(w.temp, "flowrun.test")}
	npy := tested{w, filepath.Join("data", "npy"), dataGroup, filepath.Join(w.temp, "npy.test")}
	csv := tested{w, filepath.Join("data", "csv"), dataGroup, filepath.Join(w.temp, "csv.test")}
	jsonl := tested{w, filepath.Join("data", "jsonl"), dataGroup, filepath.Join(w.temp, "jsonl.test")}
	idx := tested{w, filepath.Join("data", "idx"), dataGroup, filepath.Join(w.temp, "idx.test")}
	opening := tested{w, filepath.Join("data", "prepared"), dataGroup, filepath.Join(w.temp, "prepared.test")}
	text := tested{w, filepath.Join("data", "text"), dataGroup, filepath.Join(w.temp, "text.test")}
	images := tested{w, filepath.Join("data", "images"), dataGroup, filepath.Join(w.temp, "images.test")}
	python := w.path("bench", ".venv", "bin", "python")
	return []subject{
		{name: "data: csv", prepare: csv.build, measure: csv.bench("^BenchmarkCSV$"), rounds: 3},
		{name: "data: csv with pandas", prepare: python3(python, "pandas"), measure: w.peer(python, "csv_rows.py"), rounds: 3},
		{name: "data: jsonl", prepare: jsonl.build, measure: jsonl.bench("^BenchmarkJSONL$"), rounds: 3},
		{name: "data: npy", prepare: npy.build, measure: npy.bench("^BenchmarkNPY$")},
		{name: "data: npy with NumPy", prepare: python3(python, "numpy"), measure: w.peer(python, "numpy_rows.py")},
		{name: "data: opening", prepare: opening.build, measure: opening.bench("^BenchmarkSnapshot$/^open$")},
		{name: "data: idx", prepare: idx.build, measure: idx.bench("^BenchmarkIDX$")},
		{name: "data: text", prepare: text.build, measure: text.bench("^BenchmarkText$"), rounds: 3},
		{name: "data: images", prepare: images.build, measure: images.bench("^BenchmarkImages$"), rounds: 3},
		{name: "data: images with Pillow", prepare: python3(python, "PIL"), measure: w.peer(python, "image_files.py"), rounds: 3},
		{name: "engine: steps", prepare: engine.build, measure: engine.bench("^BenchmarkStep$")},
		{name: "engine: demands", prepare: engine.build, measure: engine.bench("^Benchmark(CleanDemand|SmallDirtyPart)$"), rounds: 3},
		{name: "checks", prepare: check.build, measure: check.bench("^BenchmarkCheck(Deep)?$")},
	}
}

// peer measures what a script of bench/data does, beside a benchmark of the same name.
func (w *workshop) peer(python, script string) func(context.Context) ([]sample, error) {
	c := w.alone(python, w.path("bench", "data", script), w.temp)
	return func(ctx context.Context) ([]sample, error) {
		out, err := c.output(ctx)
		return parseBenchmarks(dataGroup, out), err
	}
}

// tested is a package whose tests have benchmarks.
type tested struct {
	*workshop
	folder, group string
	binary        string
}

func (p tested) build(ctx context.Context) error {
	_, err := command{
		args: []string{"go", "test", "-c", "-o", p.binary, "./" + p.folder},
		dir:  p.root,
		env:  []string{"CGO_ENABLED=0"},
	}.output(ctx)
	return err
}

func (p tested) bench(pattern string) func(context.Context) ([]sample, error) {
	c := p.alone(p.binary, "-test.run=^$", "-test.bench="+pattern, "-test.benchmem", "-test.benchtime=500ms")
	c.dir = p.path(p.folder) // the directory in which go test runs it
	return func(ctx context.Context) ([]sample, error) {
		out, err := c.output(ctx)
		if err != nil {
			return nil, err
		}
		samples := parseBenchmarks(p.group, out)
		if len(samples) == 0 {
			return nil, fmt.Errorf("package %s has no benchmark %s", p.folder, pattern)
		}
		return samples, nil
	}
}

// parseBenchmarks parses the output of `go test -bench -benchmem`: one series for the
// time, one for the allocations and, if it says so, one for the throughput of each
// benchmark. Names have no suffix for the
// number of processors, since there is only one.
func parseBenchmarks(group string, out []byte) []sample {
	var samples []sample
	for lines := bufio.NewScanner(bytes.NewReader(out)); lines.Scan(); {
		f := strings.Fields(lines.Text())
		if len(f) < 4 || !strings.HasPrefix(f[0], "Benchmark") {
			continue
		}
		name := strings.TrimPrefix(f[0], "Benchmark")
		for i := 2; i+1 < len(f); i += 2 {
			value, err := strconv.ParseFloat(f[i], 64)
			if err != nil {
				continue
			}
			switch f[i+1] {
			case "ns/op":
				samples = append(samples, sample{series{Group: group, Name: name, Unit: "ns"}, value})
			case "MB/s", "images/s":
				samples = append(samples, sample{series{Group: group, Name: name, Unit: f[i+1]}, value})
			case "allocs/op":
				samples = append(samples, sample{series{Group: group, Name: name, Unit: "allocations"}, value})
			}
		}
	}
	return samples
}
