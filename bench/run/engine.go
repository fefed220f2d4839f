package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"path/filepath"
	"strconv"
	"strings"
)

// engineBenchmarks are the engine's own benchmarks: a step, demands of graphs of
// several sizes.
func engineBenchmarks(w *workshop) subject {
	binary := filepath.Join(w.temp, "engine.test")
	return subject{
		name: "engine",
		prepare: func(ctx context.Context) error {
			_, err := command{args: []string{"go", "test", "-c", "-o", binary, "./engine"}, dir: w.root, env: []string{"CGO_ENABLED=0"}}.output(ctx)
			return err
		},
		measure: func(ctx context.Context) ([]sample, error) {
			c := w.alone(binary, "-test.run=^$", "-test.bench=.", "-test.benchmem", "-test.benchtime=500ms")
			c.dir = w.path("engine") // as go test does
			out, err := c.output(ctx)
			if err != nil {
				return nil, err
			}
			samples := parseBenchmarks(out)
			if len(samples) == 0 {
				return nil, errors.New("package engine has no benchmarks")
			}
			return samples, nil
		},
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
