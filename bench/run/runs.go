package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// followed are runs with and without all that can follow one: the run folder with its
// checkpoints, metrics and log, event files for TensorBoard, a CSV log, and progress lines.
func followed(w *workshop) []subject {
	var all []subject
	for _, net := range []struct {
		name string
		text func() (string, error)
		args []string
	}{
		// With a learning rate of 0 it never learns, and both runs have all of the steps.
		{"math_net", func() (string, error) {
			text, err := os.ReadFile(w.path("graphs", "math_net.yaml"))
			return string(text), err
		}, []string{"--set", "lr=0.0", "--max-steps", "600000"}},
		{"an MLP", func() (string, error) { return mlp, nil }, nil},
	} {
		dir := filepath.Join(w.temp, strings.ReplaceAll(net.name, " ", "_"))
		prepare := func(ctx context.Context) error {
			text, err := net.text()
			if err != nil {
				return err
			}
			if err := os.MkdirAll(dir, 0o755); err != nil {
				return err
			}
			text = strings.TrimRight(text, "\n") + "\n"
			return errors.Join(os.WriteFile(filepath.Join(dir, "plain.yaml"), []byte(text), 0o644),
				os.WriteFile(filepath.Join(dir, "kept.yaml"), []byte(text+"  checkpoint: {every: 300000}\n"), 0o644))
		}
		all = append(all, subject{name: "runs: " + net.name, prepare: both(w.buildFlowrun, prepare), measure: func(ctx context.Context) ([]sample, error) {
			return w.followedRuns(ctx, net.name, dir, net.args)
		}})
	}
	return all
}

// mlp is a network of 784, 128 and 10 units on batches of 32.
const mlp = `flowrun: 1
data: {d: {generate: {x: "normal(0, 1, [32, 784])", y: "argmax(slice(x, -1, 0, 10), -1)"}}}
model:
  inputs: {x: "f32[batch, 784]"}
  nodes:
    hidden: {Linear: x, out_features: 128}
    logits: {Linear: relu(hidden), out_features: 10}
  outputs: [logits]
train:
  data: d
  loss: cross_entropy(logits, y)
  optimizer: {SGD: {lr: "warmup_cosine(step, 0.05, 100, 20000)"}}
  metrics: {loss: "ema(loss, 0.99)", accuracy: "accuracy(logits, y)"}
  max_steps: 4000
`

// followedRuns runs both, one right after the other, several times in turn, and gives the
// time of a step in each, as the fastest of them, and how much the one is longer.
func (w *workshop) followedRuns(ctx context.Context, name, dir string, args []string) ([]sample, error) {
	best := map[string]float64{}
	for i := range 2 * perRound {
		kind := []string{"plain", "kept"}[(i/2+i)%2]
		out := filepath.Join(dir, "out")
		if err := os.RemoveAll(out); err != nil {
			return nil, err
		}
		line := append([]string{filepath.Join(w.temp, "flowrun"), "run", filepath.Join(dir, kind+".yaml"), "--device", "cpu"}, args...)
		if kind == "plain" {
			line = append(line, "--json")
		} else {
			line = append(line, "--out", out, "--tensorboard", filepath.Join(out, "tensorboard"), "--log", filepath.Join(dir, "log.csv"))
		}
		text, err := w.alone(line...).output(ctx)
		if err == nil && kind == "kept" {
			text, err = os.ReadFile(filepath.Join(out, "summary.json"))
		}
		if err != nil {
			return nil, err
		}
		var summary struct {
			Steps   int64
			Seconds float64
		}
		if err := json.Unmarshal(text, &summary); err != nil || summary.Steps == 0 {
			return nil, fmt.Errorf("no summary of the run: %w", err)
		}
		took := summary.Seconds / float64(summary.Steps) * 1e6
		if before, known := best[kind]; !known || took < before {
			best[kind] = took
		}
	}
	return []sample{
		{series{Group: runsGroup, Name: name, Unit: "µs"}, best["plain"]},
		{series{Group: runsGroup, Name: name + ", followed", Unit: "µs"}, best["kept"]},
		{series{Group: runsGroup, Name: name + ", cost", Unit: "%"}, 100 * (best["kept"]/best["plain"] - 1)},
	}, nil
}
