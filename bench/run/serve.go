package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/flowrun/flowrun"
)

// A server of a small MLP, examples/serve, on one processor, asked by a few clients as fast
// as it answers while its weights are replaced a hundred times a second. Each answer is
// compared with what each set of weights gives.
const (
	serveFor     = 3 * time.Second
	serveClients = 8
	swapEvery    = 10 * time.Millisecond
	serveSets    = 8
	serveInputs  = 16
)

const mlpSpec = `flowrun: 1
name: mlp
model:
  inputs: {x: "f32[1, 32]"}
  nodes:
    a: {Linear: x, out_features: 64}
    b: {Linear: relu(a), out_features: 64}
    y: {Linear: relu(b), out_features: 10}
  outputs: [y]
`

func serving(w *workshop) []subject {
	s := &served{workshop: w, binary: filepath.Join(w.temp, "serve")}
	return []subject{{name: "serve", prepare: s.prepare, measure: s.measure, rounds: 3}}
}

// served is a server, its sets of weights, and what they answer.
type served struct {
	*workshop
	binary  string
	folder  string
	bodies  [][]byte
	answers [][][]float32 // by input and set
}

// prepare builds the server, and computes all answers with Infer.
func (s *served) prepare(ctx context.Context) (err error) {
	build := command{args: []string{"go", "build", "-o", s.binary, "./examples/serve"}, dir: s.root, env: []string{"CGO_ENABLED=0"}}
	if _, err := build.output(ctx); err != nil {
		return err
	}
	if s.folder, err = s.workshop.folder("serving", mlpSpec); err != nil {
		return err
	}
	p, err := flowrun.Load(filepath.Join(s.folder, "spec.yaml"))
	if err != nil {
		return err
	}
	random := rand.New(rand.NewPCG(1, 2))
	drawn := func(shape flowrun.Shape) (*flowrun.Tensor, error) {
		values := make([]float32, shape.Numel())
		for i := range values {
			values[i] = float32(random.NormFloat64()) / 4
		}
		return flowrun.FromFloat32(shape, values)
	}
	var inputs []*flowrun.Tensor
	s.bodies, s.answers = nil, make([][][]float32, serveInputs)
	for range serveInputs {
		x, err := drawn(flowrun.Shape{1, 32})
		if err != nil {
			return err
		}
		body, err := json.Marshal(map[string]any{"x": [][]float32{x.Float32s()}})
		if err != nil {
			return err
		}
		inputs, s.bodies = append(inputs, x), append(s.bodies, body)
	}
	for set := range serveSets {
		weights := map[string]*flowrun.Tensor{}
		for name, shape := range map[string]flowrun.Shape{"a.weight": {64, 32}, "a.bias": {64}, "b.weight": {64, 64}, "b.bias": {64}, "y.weight": {10, 64}, "y.bias": {10}} {
			if weights[name], err = drawn(shape); err != nil {
				return err
			}
		}
		w := flowrun.Weights{Tensors: weights}
		if err := w.Save(s.set(set)); err != nil {
			return err
		}
		for i, x := range inputs {
			out, err := p.Infer(ctx, map[string]*flowrun.Tensor{"x": x}, flowrun.On("cpu"), flowrun.WithWeights(w))
			if err != nil {
				return err
			}
			s.answers[i] = append(s.answers[i], out["y"].Float32s())
		}
	}
	return s.use(0)
}

// set is the file of a set of weights, and use puts it where the server reads it.
func (s *served) set(i int) string { return filepath.Join(s.folder, fmt.Sprintf("%d.safetensors", i)) }

func (s *served) use(i int) error {
	text, err := os.ReadFile(s.set(i))
	if err != nil {
		return err
	}
	next, file := filepath.Join(s.folder, "next"), filepath.Join(s.folder, "w.safetensors")
	return errors.Join(os.WriteFile(next, text, 0o644), os.Rename(next, file))
}

// measure starts the server and asks it.
func (s *served) measure(ctx context.Context) (_ []sample, err error) {
	cmd := exec.CommandContext(ctx, s.binary, "-spec", filepath.Join(s.folder, "spec.yaml"), "-weights", filepath.Join(s.folder, "w.safetensors"), "-listen", "127.0.0.1:0")
	cmd.Env = append(os.Environ(), "GOMAXPROCS=1")
	var problems bytes.Buffer
	cmd.Stderr = &problems
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	defer func() {
		_ = cmd.Process.Signal(os.Interrupt)
		if ended := cmd.Wait(); ended != nil && err == nil {
			err = fmt.Errorf("the server: %w: %s", ended, lastLine(problems.String()))
		}
	}()
	line := make([]byte, 256)
	n, err := out.Read(line)
	if err != nil {
		return nil, fmt.Errorf("the server says nothing: %w: %s", err, lastLine(problems.String()))
	}
	url := regexp.MustCompile(`http://\S+`).FindString(string(line[:n]))
	return s.ask(ctx, url)
}

// ask asks for a while, and swaps weights meanwhile.
func (s *served) ask(ctx context.Context, url string) ([]sample, error) {
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: serveClients + 1}}
	defer client.CloseIdleConnections()
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var requests, swaps atomic.Int64
	var used [serveSets]atomic.Bool
	var all sync.WaitGroup
	start := time.Now()
	all.Go(func() {
		for at := 0; ctx.Err() == nil && time.Since(start) < serveFor; at++ {
			err := s.use(at % serveSets)
			if err == nil {
				_, err = post(ctx, client, url+"/weights", nil)
			}
			if err != nil {
				cancel(fmt.Errorf("swap %d: %w", at, err))
				return
			}
			swaps.Add(1)
			time.Sleep(time.Until(start.Add(time.Duration(at+1) * swapEvery)))
		}
	})
	for c := range serveClients {
		all.Go(func() {
			for i := c; ctx.Err() == nil && time.Since(start) < serveFor; i++ {
				text, err := post(ctx, client, url+"/predict", s.bodies[i%serveInputs])
				if err == nil {
					var set int
					if set, err = s.setOf(i%serveInputs, text); err == nil {
						used[set].Store(true)
					}
				}
				if err != nil {
					cancel(fmt.Errorf("request %d: %w", i, err))
					return
				}
				requests.Add(1)
			}
		})
	}
	all.Wait()
	took := time.Since(start)
	if err := context.Cause(ctx); err != nil {
		return nil, err
	}
	for set := range used {
		if !used[set].Load() {
			return nil, fmt.Errorf("no answer was of set %d: the weights aren't replaced", set)
		}
	}
	note := fmt.Sprintf("%.0f requests and %.0f swaps a second", float64(requests.Load())/took.Seconds(), float64(swaps.Load())/took.Seconds())
	return []sample{{series{Group: serveGroup, Name: "request", Unit: "µs", Note: note}, took.Seconds() * 1e6 / float64(requests.Load())}}, nil
}

// setOf says which set of weights an answer is of.
func (s *served) setOf(input int, text []byte) (int, error) {
	var answer struct{ Y [][]float32 }
	if err := json.Unmarshal(text, &answer); err != nil || len(answer.Y) != 1 {
		return 0, errors.Join(err, fmt.Errorf("the answer %.80s", text))
	}
	for set, y := range s.answers[input] {
		if slices.Equal(y, answer.Y[0]) {
			return set, nil
		}
	}
	return 0, fmt.Errorf("the answer %.80s is of no set of weights", text)
}

// post sends a request and gives a successful answer.
func post(ctx context.Context, c *http.Client, url string, body []byte) ([]byte, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, url, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	answer, err := c.Do(r)
	if err != nil {
		return nil, err
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err == nil && answer.StatusCode != http.StatusOK {
		err = fmt.Errorf("status %d: %s", answer.StatusCode, strings.TrimSpace(string(text)))
	}
	return text, err
}
