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

// engineBenchmarks are the engine's own benchmarks: a step, and demands of graphs
// of up to a million nodes. To lower those takes long, and a demand varies
// little, so that a few rounds have to do.
func engineBenchmarks(w *workshop) []subject {
	binary := filepath.Join(w.temp, "engine.test")
	build := func(ctx context.Context) error {
		_, err := command{
			args: []string{"go", "test", "-c", "-o", binary, "./engine"},
			dir:  w.root,
			env:  []string{"CGO_ENABLED=0"},
		}.output(ctx)
		return err
	}
	bench := func(pattern string) func(context.Context) ([]sample, error) {
		c := w.alone(binary, "-test.run=^$", "-test.bench="+pattern, "-test.benchmem", "-test.benchtime=500ms")
		c.dir = w.path("engine") // where go test runs it
		return func(ctx context.Context) ([]sample, error) {
			out, err := c.output(ctx)
			if err != nil {
				return nil, err
			}
			samples := parseBenchmarks(out)
			if len(samples) == 0 {
				return nil, fmt.Errorf("package engine has no benchmark %s", pattern)
			}
			return samples, nil
		}
	}
	return []subject{
		{name: "engine: steps", prepare: build, measure: bench("^BenchmarkStep$")},
		{name: "engine: demands", prepare: build, measure: bench("^Benchmark(CleanDemand|SmallDirtyPart)$"), rounds: 3},
	}
}

// parseBenchmarks reads what `go test -bench -benchmem` prints: a series for the
// time and one for the allocations of each benchmark. Names have no suffix for
// the number of processors, since there is one.
func parseBenchmarks(out []byte) []sample {
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
				samples = append(samples, sample{series{Group: engineGroup, Name: name, Unit: "ns"}, value})
			case "allocs/op":
				samples = append(samples, sample{series{Group: engineGroup, Name: name, Unit: "allocations"}, value})
			}
		}
	}
	return samples
}
