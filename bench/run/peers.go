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

// The maximum number of steps of a peer: more than any needs, or, for peers that take
// about a hundred microseconds a step, few enough to wait for.
const (
	toTheEnd = 200_000
	awhile   = 3_000
)

// peer is a program that trains math_net for a maximum number of steps, its last
// argument, and writes the same output as flowrun --json.
type peer struct {
	name     string
	maxSteps int
	args     []string
	build    func(context.Context) error // nil if there is nothing to build
	env      []string
}

// peers are flowrun and the programs it is compared with, flowrun first.
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

// outcome is the output of a peer.
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
		note = fmt.Sprintf("%s; %.1f %% bit accuracy after %d steps", o.Version, 100*o.Metrics.Accuracy, o.Steps)
	}
	return []sample{{series{Group: stepGroup, Name: p.name, Unit: "µs", Note: note}, 1e6 * o.Seconds / float64(o.Steps)}}, nil
}

// parseOutcome parses the output of a peer. A run that ended early or took no time is
// an error.
func parseOutcome(out []byte) (outcome, error) {
	var o outcome
	if err := json.Unmarshal(out, &o); err != nil {
		return o, fmt.Errorf("the output of a peer must be one JSON object: %w", err)
	}
	if o.Steps < 1 || o.Seconds <= 0 || (o.Stopped != "until" && o.Stopped != "max_steps") {
		return o, fmt.Errorf("not a valid measurement: %d steps in %v s, stopped by %q", o.Steps, o.Seconds, o.Stopped)
	}
	return o, nil
}

// buildFlowrun builds the program as released, without cgo.
func (w *workshop) buildFlowrun(ctx context.Context) error {
	_, err := command{
		args: []string{"go", "build", "-o", filepath.Join(w.temp, "flowrun"), "./cmd/flowrun"},
		dir:  w.root,
		env:  []string{"CGO_ENABLED=0"},
	}.output(ctx)
	return err
}

// gcc builds the C peer.
func (w *workshop) gcc(output string, flags ...string) func(context.Context) error {
	return both(compiler("gcc"), func(ctx context.Context) error {
		args := append([]string{"gcc", "-O3", "-march=native"}, flags...)
		args = append(args, "-o", output, w.path("bench", "math_net", "math_net.c"), "-lm")
		_, err := command{args: args, dir: w.root}.output(ctx)
		return err
	})
}

// compiler requires a compiler to be installed.
func compiler(name string) func(context.Context) error {
	return func(context.Context) error {
		if _, err := exec.LookPath(name); err != nil {
			return fmt.Errorf("%s not found; install it with the system's package manager", name)
		}
		return nil
	}
}

// python3 requires a Python library to be installed.
func python3(python, library string) func(context.Context) error {
	return func(ctx context.Context) error {
		if _, err := os.Stat(python); err != nil {
			return errors.New("not installed; run bench/setup")
		}
		_, err := command{args: []string{python, "-c", "import " + library}}.output(ctx)
		return err
	}
}

// both calls first, then second.
func both(first, second func(context.Context) error) func(context.Context) error {
	return func(ctx context.Context) error {
		if err := first(ctx); err != nil {
			return err
		}
		return second(ctx)
	}
}
