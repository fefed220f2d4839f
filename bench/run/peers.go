package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
)

// The steps after which a peer that hasn't learned is stopped: more than any
// needs, and for those with some hundred microseconds a step, what can be waited
// for.
const (
	toTheEnd = 200_000
	awhile   = 3_000
)

// peer is a program that trains math_net up to a number of steps, which is its
// last argument, and writes what flowrun --json writes.
type peer struct {
	name     string
	maxSteps int
	args     []string
	build    func(context.Context) error // nil if there is nothing to build
	env      []string
}

// peers are flowrun and what it is compared with, flowrun first.
func peers(w *workshop) []subject {
	flowrun, c, fast := filepath.Join(w.temp, "flowrun"), filepath.Join(w.temp, "c"), filepath.Join(w.temp, "c-fast")
	python := w.path("bench", ".venv", "bin", "python")
	jax, torch := w.path("bench", "math_net", "jax_loop.py"), w.path("bench", "math_net", "torch_steps.py")
	cache := []string{"TORCHINDUCTOR_CACHE_DIR=" + filepath.Join(w.temp, "inductor")}
	var all []subject
	for _, p := range []peer{
		{"flowrun", toTheEnd, []string{flowrun, "graphs/math_net.yaml", "--json", "--max-steps"}, w.buildFlowrun, nil},
		{"C", toTheEnd, []string{c, "--max-steps"}, w.gcc(c), nil},
		{"C, -ffast-math", toTheEnd, []string{fast, "--max-steps"}, w.gcc(fast, "-ffast-math"), nil},
		{"JAX, whole loop compiled", toTheEnd, []string{python, jax, "--max-steps"}, python3(python, "jax"), nil},
		{"PyTorch, torch.compile", awhile, []string{python, torch, "--compile", "--max-steps"}, both(python3(python, "torch"), compiler("g++")), cache},
		{"PyTorch, eager", awhile, []string{python, torch, "--max-steps"}, python3(python, "torch"), nil},
	} {
		all = append(all, subject{
			name:    p.name,
			prepare: p.build,
			measure: func(ctx context.Context) ([]sample, error) { return p.measure(ctx, w) },
		})
	}
	return all
}

// outcome is what a peer writes.
type outcome struct {
	Steps   int64
	Stopped string
	Seconds float64
	Metrics struct{ Loss, Accuracy float64 }
	Version string
}

func (p peer) measure(ctx context.Context, w *workshop) ([]sample, error) {
	c := w.alone(append(p.args, strconv.Itoa(p.maxSteps))...)
	c.env = append(c.env[:len(c.env):len(c.env)], p.env...)
	out, err := c.output(ctx)
	if err != nil {
		return nil, err
	}
	o, err := parseOutcome(out)
	if err != nil {
		return nil, err
	}
	if o.Version == "" {
		o.Version = runtime.Version()
	}
	note := fmt.Sprintf("%s; its first %d steps", o.Version, o.Steps)
	if o.Stopped == "until" {
		note = fmt.Sprintf("%s; %.1f %% of bits right after %d steps", o.Version, 100*o.Metrics.Accuracy, o.Steps)
	}
	return []sample{{series{Group: stepGroup, Name: p.name, Unit: "µs", Note: note}, 1e6 * o.Seconds / float64(o.Steps)}}, nil
}

// parseOutcome reads what a peer wrote. A run that ended early or took no time
// measures nothing.
func parseOutcome(out []byte) (outcome, error) {
	var o outcome
	if err := json.Unmarshal(out, &o); err != nil {
		return o, fmt.Errorf("a peer writes one JSON object: %w", err)
	}
	if o.Steps < 1 || o.Seconds <= 0 || (o.Stopped != "until" && o.Stopped != "max_steps") {
		return o, fmt.Errorf("a run of %d steps in %v s that stopped for %q measures nothing", o.Steps, o.Seconds, o.Stopped)
	}
	return o, nil
}

// buildFlowrun builds the program as it is released, without cgo.
func (w *workshop) buildFlowrun(ctx context.Context) error {
	_, err := command{
		args: []string{"go", "build", "-o", filepath.Join(w.temp, "flowrun"), "./cmd/flowrun"},
		dir:  w.root,
		env:  []string{"CGO_ENABLED=0"},
	}.output(ctx)
	return err
}

// gcc builds the peer in C.
func (w *workshop) gcc(output string, flags ...string) func(context.Context) error {
	return both(compiler("gcc"), func(ctx context.Context) error {
		args := append([]string{"gcc", "-O3", "-march=native"}, flags...)
		args = append(args, "-o", output, w.path("bench", "math_net", "math_net.c"), "-lm")
		_, err := command{args: args, dir: w.root}.output(ctx)
		return err
	})
}

// compiler requires that a compiler is there.
func compiler(name string) func(context.Context) error {
	return func(context.Context) error {
		if _, err := exec.LookPath(name); err != nil {
			return fmt.Errorf("there is no %s; install it with the system's package manager", name)
		}
		return nil
	}
}

// python3 requires that a library is there.
func python3(python, library string) func(context.Context) error {
	return func(ctx context.Context) error {
		if _, err := os.Stat(python); err != nil {
			return errors.New("it isn't installed; bench/setup does that")
		}
		_, err := command{args: []string{python, "-c", "import " + library}}.output(ctx)
		return err
	}
}

// both does one thing, then the other.
func both(first, second func(context.Context) error) func(context.Context) error {
	return func(ctx context.Context) error {
		if err := first(ctx); err != nil {
			return err
		}
		return second(ctx)
	}
}
