// Command run measures flowrun beside its peers, and the engine and the command line
// on their own, in one run:
//
//	go run ./bench/run [--rounds N] [--only TEXT] [--json]
//
// Each round measures everything once, in alternating order, so that disturbances on
// the machine affect all subjects alike. --only measures those whose names contain TEXT. Subjects that the machine can't run are skipped
// and named. docs/performance.md explains the figures.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
)

func main() {
	rounds := flag.Int("rounds", 7, "measure everything `N` times")
	only := flag.String("only", "", "measure only what has `TEXT` in its name, such as data")
	asJSON := flag.Bool("json", false, "write one JSON object, with every sample, to standard output")
	flag.Parse()
	if flag.NArg() > 0 || *rounds < 1 {
		fmt.Fprintln(os.Stderr, "usage: go run ./bench/run [--rounds N] [--only TEXT] [--json], with N of at least 1")
		os.Exit(2)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, *rounds, *only, *asJSON); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, rounds int, only string, asJSON bool) error {
	w, err := openWorkshop(ctx)
	if err != nil {
		return err
	}
	defer os.RemoveAll(w.temp)
	report := newReport(w.machine(ctx), rounds)
	if err := measure(ctx, named(subjects(w), only), report, os.Stderr); err != nil {
		return err
	}
	report.finish()
	if asJSON {
		return report.writeJSON(os.Stdout)
	}
	return report.writeText(os.Stdout)
}

// subject is something that is measured.
type subject struct {
	name    string
	prepare func(context.Context) error             // builds what it needs; may be nil
	measure func(context.Context) ([]sample, error) // once per round
	rounds  int                                     // only in this many rounds; 0: in all
}

// sample is a measured value of the series with this group, name and unit.
type sample struct {
	series
	value float64
}

func subjects(w *workshop) []subject {
	return slices.Concat(peers(w), openclSteps(w), ownBenchmarks(w), followed(w), largeFiles(w), processes(w), serving(w))
}

// named are the subjects with a text in their names.
func named(all []subject, text string) []subject {
	return slices.DeleteFunc(all, func(s subject) bool { return !strings.Contains(s.name, text) })
}

// measure measures all subjects, round after round. A subject that fails is skipped
// from then on, and the report gives the reason.
func measure(ctx context.Context, all []subject, r *report, progress io.Writer) error {
	skip := func(name string, err error) {
		r.LeftOut = append(r.LeftOut, absence{name, firstLine(err.Error())})
		fmt.Fprintf(progress, "%s is skipped: %v\n", name, err)
	}
	var present []subject
	for _, s := range all {
		if s.prepare != nil {
			if err := s.prepare(ctx); err != nil {
				skip(s.name, err)
				continue
			}
		}
		present = append(present, s)
	}
	for round := range r.Rounds {
		failed := map[string]bool{}
		for _, s := range present {
			if s.rounds > 0 && round >= s.rounds {
				continue
			}
			fmt.Fprintf(progress, "round %d of %d: %s\n", round+1, r.Rounds, s.name)
			samples, err := s.measure(ctx)
			if ctx.Err() != nil {
				return errors.New("interrupted")
			}
			if err != nil {
				skip(s.name, err)
				failed[s.name] = true
				continue
			}
			r.add(samples)
		}
		present = slices.DeleteFunc(present, func(s subject) bool { return failed[s.name] })
		slices.Reverse(present)
	}
	return nil
}

// workshop is where the subjects are built and run.
type workshop struct {
	root string // of the project
	temp string // a folder for this run only
	pin  []string
}

func openWorkshop(ctx context.Context) (*workshop, error) {
	out, err := exec.CommandContext(ctx, "go", "env", "GOMOD").Output()
	if err != nil {
		return nil, fmt.Errorf("go env GOMOD: %w", err)
	}
	module := strings.TrimSpace(string(out))
	if filepath.Base(module) != "go.mod" {
		return nil, errors.New("not in a Go module; run it in the project's folder")
	}
	temp, err := os.MkdirTemp("", "flowrun-bench-")
	if err != nil {
		return nil, err
	}
	return &workshop{root: filepath.Dir(module), temp: temp, pin: pin()}, nil
}

// path is a file of the project.
func (w *workshop) path(elements ...string) string {
	return filepath.Join(append([]string{w.root}, elements...)...)
}

// command is a program and its arguments; env is added to the environment.
type command struct {
	args []string
	dir  string
	env  []string
}

// output runs a command and returns its standard output. The error includes the last
// line of its standard error.
func (c command) output(ctx context.Context) ([]byte, error) {
	cmd := exec.CommandContext(ctx, c.args[0], c.args[1:]...)
	cmd.Dir = c.dir
	cmd.Env = append(os.Environ(), c.env...)
	out, err := cmd.Output()
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		return nil, fmt.Errorf("%s: %w: %s", filepath.Base(c.args[0]), err, lastLine(string(exit.Stderr)))
	}
	return out, err
}

// firstLine and lastLine shorten a tool's output so that it fits in a table.
func firstLine(s string) string {
	first, _, _ := strings.Cut(strings.TrimSpace(s), "\n")
	return first
}

func lastLine(s string) string {
	s = strings.TrimSpace(s)
	return s[strings.LastIndexByte(s, '\n')+1:]
}
