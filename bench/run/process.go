package main

import (
	"context"
	"path/filepath"
	"time"
)

// perRound is how often a process is started in a round: a start is quick and
// varies more than a step does.
const perRound = 3

// processes are whole runs of the command line, from the start of the process
// to its end, as a user or a script gets them: on all processors.
func processes(w *workshop) []subject {
	flowrun := filepath.Join(w.temp, "flowrun")
	var all []subject
	for _, p := range []struct {
		name string
		args []string
	}{
		{firstStep, []string{flowrun, "graphs/math_net.yaml", "--json", "--max-steps", "1"}},
		{validate, []string{flowrun, "validate", "graphs/math_net.yaml"}},
	} {
		all = append(all, subject{name: p.name, prepare: w.buildFlowrun, measure: func(ctx context.Context) ([]sample, error) {
			var samples []sample
			for range perRound {
				start := time.Now()
				_, err := command{args: p.args, dir: w.root}.output(ctx)
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
