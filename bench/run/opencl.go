package main

import (
	"context"
	"errors"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
)

// The two ways to run the program on OpenCL.
const (
	asItIs   = "flowrun --device opencl"
	withSync = "flowrun --device opencl --sync"
)

// openclSteps measure steps of math_net on the first OpenCL device: as a user runs them,
// with and without --sync, and in the engine alone. They may use all processors, because
// PoCL has threads of its own.
func openclSteps(w *workshop) []subject {
	flowrun, engine := filepath.Join(w.temp, "flowrun"), tested{w, "engine", openclGroup, filepath.Join(w.temp, "engine.test")}
	runs := func(ctx context.Context) ([]sample, error) {
		var samples []sample
		for name, steps := range map[string]int{asItIs: 10 * awhile, withSync: awhile} { // includes loading the kernels
			args := append([]string{flowrun, "graphs/math_net.yaml", "--json", "--max-steps", strconv.Itoa(steps)}, strings.Fields(name)[1:]...)
			out, err := command{args: args, dir: w.root}.output(ctx)
			if err != nil {
				return nil, err
			}
			o, err := parseOutcome(out)
			if err != nil {
				return nil, err
			}
			samples = append(samples, sample{series{Group: openclGroup, Name: name, Unit: "µs"}, o.Seconds * 1e6 / float64(o.Steps)})
		}
		return samples, nil
	}
	benchmark := func(ctx context.Context) ([]sample, error) {
		const name = "StepOnOpenCL"
		out, err := command{
			args: []string{engine.binary, "-test.run=^$", "-test.bench=^Benchmark" + name + "$", "-test.cpu=1", "-test.benchtime=300ms", "-test.v"},
			dir:  w.path("engine"), // the directory in which go test runs it
		}.output(ctx)
		if err != nil {
			return nil, err
		}
		if reason := skipped.FindSubmatch(out); reason != nil {
			return nil, errors.New(string(reason[0]))
		}
		var samples []sample
		for _, s := range parseBenchmarks(openclGroup, out) {
			if variant, ok := strings.CutPrefix(s.Name, name+"/"); ok && s.Unit == "ns" {
				samples = append(samples, sample{series{Group: openclGroup, Name: "engine, " + variant, Unit: "µs"}, s.value / 1e3})
			}
		}
		if len(samples) == 0 {
			return nil, errors.New("package engine has no benchmark " + name)
		}
		return samples, nil
	}
	return []subject{
		{name: "OpenCL: runs", prepare: w.buildFlowrun, measure: runs},
		{name: "OpenCL: engine", prepare: engine.build, measure: benchmark},
	}
}

// skipped matches the reason of a benchmark that the machine can't run.
var skipped = regexp.MustCompile(`needs an OpenCL device.*`)
