package main

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// perRound is the number of starts of a process per round: a start is quick and varies
// more than a step.
const perRound = 3

// processes are whole runs of the command line, timed from the start of the process to
// its end, on all processors, as a user or a script runs them.
func processes(w *workshop) []subject {
	flowrun := filepath.Join(w.temp, "flowrun")
	onOpenCL := command{dir: w.root, args: []string{flowrun, "graphs/math_net.yaml", "--json", "--max-steps", "1", "--device", "opencl"},
		env: []string{"FLOWRUN_CACHE=" + filepath.Join(w.temp, "kernels"), "POCL_CACHE_DIR=" + filepath.Join(w.temp, "pocl")}}
	var all []subject
	for _, p := range []struct {
		name    string
		prepare func(context.Context) error
		command
	}{
		{firstStep, w.buildFlowrun, command{dir: w.root, args: []string{flowrun, "graphs/math_net.yaml", "--json", "--max-steps", "1"}}},
		{secondStart, both(w.buildFlowrun, firstStart(onOpenCL)), onOpenCL},
		{validate, w.buildFlowrun, command{dir: w.root, args: []string{flowrun, "validate", "graphs/math_net.yaml"}}},
	} {
		all = append(all, subject{name: p.name, prepare: p.prepare, measure: func(ctx context.Context) ([]sample, error) {
			var samples []sample
			for range perRound {
				start := time.Now()
				_, err := p.output(ctx)
				took := time.Since(start)
				if err != nil {
					return nil, err
				}
				samples = append(samples, sample{series{Group: processGroup, Name: p.name, Unit: "ms"}, took.Seconds() * 1e3})
			}
			return samples, nil
		}})
	}
	return all
}

// firstStart runs a command once to fill its caches.
func firstStart(c command) func(context.Context) error {
	return func(ctx context.Context) error {
		for _, variable := range c.env {
			_, folder, _ := strings.Cut(variable, "=")
			if err := os.MkdirAll(folder, 0o755); err != nil {
				return err
			}
		}
		_, err := c.output(ctx)
		return err
	}
}
