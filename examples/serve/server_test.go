package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/flowrun/flowrun"
	"github.com/flowrun/flowrun/internal/racetest"
)

// marked has an answer of which all numbers are k, if all weights are k and x is 1.
const marked = `
flowrun: 1
name: marked
data: {ones: {generate: {x: "ones([1, 3])"}}}
modules: {Scale: {inputs: {x: "f32[n, 3]"}, params: {w: {shape: [3], init: 0}}, output: w * x}}
model: {inputs: {x: "f32[n, 3]"}, nodes: {a: {Scale: x}, b: {Scale: x}, y: "concat([a, b], 1)"}, outputs: [y]}
train: {data: ones, loss: sum(y), optimizer: {SGD: {lr: 1}}, max_steps: 1}
`

// write replaces a file of weights as a whole.
func write(path string, k float32) error {
	v, err := flowrun.FromFloat32(flowrun.Shape{3}, []float32{k, k, k})
	if err != nil {
		return err
	}
	return flowrun.Weights{Tensors: map[string]*flowrun.Tensor{"a.w": v, "b.w": v}}.Save(path)
}

// serving serves a spec's text and weights.
func serving(t *testing.T) (*httptest.Server, string) {
	folder := t.TempDir()
	spec, weights := filepath.Join(folder, "marked.yaml"), filepath.Join(folder, "w.safetensors")
	require.NoError(t, os.WriteFile(spec, []byte(marked), 0o600))
	require.NoError(t, write(weights, 1))
	s, err := newServer(context.Background(), spec, weights, flowrun.On("cpu"))
	require.NoError(t, err)
	h := httptest.NewServer(s.handler())
	t.Cleanup(func() {
		h.Close()
		require.NoError(t, s.Close())
	})
	return h, weights
}

// ask sends a request and gives status and body.
func ask(method, url, body string) (int, string, error) {
	r, err := http.NewRequest(method, url, strings.NewReader(body))
	if err != nil {
		return 0, "", err
	}
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		return 0, "", err
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if answer.Header.Get("Content-Type") != "application/json" || !json.Valid(text) {
		err = errors.Join(err, fmt.Errorf("it is no JSON: %s", text))
	}
	return answer.StatusCode, strings.TrimSpace(string(text)), err
}

func TestEachErrorHasItsStatusAndSaysWhy(t *testing.T) {
	h, weights := serving(t)
	for _, c := range []struct {
		method, path, body string
		status             int
		says               string
	}{
		{"POST", "/predict", `{"x": [[1, 1, 1]]}`, 200, `{"y": [[1, 1, 1, 1, 1, 1]]}`},
		{"POST", "/predict", `{"x": []}`, 400, "the input x: it is empty: give at least one example"},
		{"POST", "/predict", `{"x": [[1, 1, 1], [1e30, -1, 2.5]]}`, 200, `{"y": [[1, 1, 1, 1, 1, 1], [1e+30, -1, 2.5, 1e+30, -1, 2.5]]}`},
		{"POST", "/predict", `{"x": [[1, 1, 1], [1, null, 1]]}`, 400, "the input x: value 4 is null, and the spec has no fill for it"},
		{"POST", "/predict", `{"x": [[1, 1, 1], [2]]}`, 400, "one has 3 elements, another 1"},
		{"POST", "/predict", `{"x": [1, 1, 1]}`, 400, "lists in lists, 2 deep"},
		{"POST", "/predict", `{"x": [[1, 1, [1]]]}`, 400, "2 deep, of numbers"},
		{"POST", "/predict", `{"x": [["one", 1, 1]]}`, 400, `\"one\" is no number`},
		{"POST", "/predict", `{"x": [[1, 1, 1e999]]}`, 400, "1e999"},
		{"POST", "/predict", `{}`, 400, "x (f32[1, 3]) is missing"},
		{"POST", "/predict", `{"x": [[1, 1, 1]], "z": 1}`, 400, `no input \"z\"`},
		{"POST", "/predict", `{"x": [[1, 1, 1]]} {}`, 400, "goes on"},
		{"POST", "/predict", `[`, 400, "must be a JSON object"},
		{"POST", "/predict", ``, 400, "must be a JSON object"},
		{"POST", "/predict", `{"x": "` + strings.Repeat("a", maxBody) + `"}`, 413, "too large"},
		{"GET", "/predict", ``, 405, "takes POST"},
		{"GET", "/weights", ``, 405, "takes POST"},
		{"POST", "/nothing", ``, 404, "POST /predict"},
		{"GET", "/healthz", ``, 200, `"status":"ok"`},
	} {
		status, text, err := ask(c.method, h.URL+c.path, c.body)
		require.NoError(t, err)
		require.Equal(t, c.status, status, "%s %.50s: %s", c.path, c.body, text)
		require.Contains(t, text, c.says)
	}
	require.NoError(t, os.WriteFile(weights, []byte("no weights"), 0o600))
	status, text, err := ask("POST", h.URL+"/weights", "")
	require.NoError(t, err)
	require.Equal(t, 422, status)
	require.Contains(t, text, "the weights stay as they were")
	status, text, err = ask("POST", h.URL+"/predict", `{"x": [[1, 1, 1]]}`)
	require.NoError(t, err)
	require.Equal(t, 200, status, text)
}

func TestUnderLoadEachAnswerIsOfOneSetOfWeights(t *testing.T) {
	h, weights := serving(t)
	requests := 200
	if racetest.Enabled {
		requests = 40
	}
	var newest atomic.Int64
	newest.Store(1)
	var over atomic.Bool
	var clients, swapper sync.WaitGroup
	swapper.Go(func() {
		for k := int64(2); !over.Load(); k++ {
			if err := write(weights, float32(k)); err != nil {
				t.Error(err)
				return
			}
			if status, text, err := ask("POST", h.URL+"/weights", ""); status != 200 || err != nil {
				t.Error(status, text, err)
				return
			}
			newest.Store(k)
		}
	})
	for g := range 8 {
		clients.Go(func() {
			for i := range requests {
				least := newest.Load()
				body := `{"x": [` + strings.Repeat("[1, 1, 1], ", (g+i)%3) + `[1, 1, 1]]}`
				status, text, err := ask("POST", h.URL+"/predict", body)
				var answer struct{ Y [][]int64 }
				if err == nil {
					err = json.Unmarshal([]byte(text), &answer)
				}
				if err != nil || status != 200 || len(answer.Y) != (g+i)%3+1 {
					t.Error(status, text, err)
					return
				}
				for _, row := range answer.Y {
					for _, k := range row {
						if k != answer.Y[0][0] || k < least {
							t.Errorf("after set %d: %s", least, text)
							return
						}
					}
				}
			}
		})
	}
	clients.Wait()
	over.Store(true)
	swapper.Wait()
}

func TestTheServerFinishesWhatHasBegun(t *testing.T) {
	folder := t.TempDir()
	spec, weights := filepath.Join(folder, "marked.yaml"), filepath.Join(folder, "w.safetensors")
	require.NoError(t, os.WriteFile(spec, []byte(marked), 0o600))
	require.NoError(t, write(weights, 1))
	free, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	address := free.Addr().String()
	require.NoError(t, free.Close())
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- run(ctx, spec, weights, "cpu", address) }()
	require.Eventually(t, func() bool {
		status, _, _ := ask("GET", "http://"+address+"/healthz", "")
		return status == 200
	}, 20*time.Second, 5*time.Millisecond)

	// A request whose body isn't whole yet when the server is told to end.
	c, err := net.Dial("tcp", address)
	require.NoError(t, err)
	defer c.Close()
	const body = `{"x": [[1, 1, 1]]}`
	_, err = fmt.Fprintf(c, "POST /predict HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: %d\r\n\r\n%s", len(body), body[:5])
	require.NoError(t, err)
	time.Sleep(50 * time.Millisecond) // it has to arrive
	stop()
	_, err = io.WriteString(c, body[5:])
	require.NoError(t, err)
	text, err := io.ReadAll(c)
	require.NoError(t, err)
	require.Contains(t, string(text), `{"y": [[1, 1, 1, 1, 1, 1]]}`)
	require.NoError(t, <-ended)
}

// The commands of the README are run: those of flowrun through the library, the requests as
// they are.
func TestTheReadmeIsTrue(t *testing.T) {
	readme, err := os.ReadFile("README.md")
	require.NoError(t, err)
	spec, weights := filepath.Join("..", "..", "graphs", "iris.yaml"), filepath.Join(t.TempDir(), "iris.safetensors")
	var h *httptest.Server
	requests := 0
	blocks := regexp.MustCompile("(?s)```sh\n(.*?)```").FindAllSubmatch(readme, -1)
	require.Len(t, blocks, 3)
	for _, block := range blocks {
		for _, line := range strings.Split(strings.TrimSpace(string(block[1])), "\n") {
			switch {
			case strings.HasPrefix(line, "flowrun graphs/iris.yaml"):
				train(t, spec, weights, strings.Contains(line, "--seed 2"))
			case strings.HasPrefix(line, "go run ./examples/serve -spec graphs/iris.yaml -weights iris.safetensors"):
				s, err := newServer(context.Background(), spec, weights, flowrun.On("cpu"))
				require.NoError(t, err)
				h = httptest.NewServer(s.handler())
				defer func() { require.NoError(t, s.Close()) }()
				defer h.Close()
			default:
				curl := regexp.MustCompile(`^curl -s (-X POST )?localhost:8080(/\w+)(?: -d '(.*)')?$`).FindStringSubmatch(line)
				require.NotNil(t, curl, line)
				method := map[bool]string{true: "POST", false: "GET"}[curl[1] != "" || curl[3] != ""]
				status, text, err := ask(method, h.URL+curl[2], curl[3])
				require.NoError(t, err)
				require.Equal(t, 200, status, text)
				if curl[2] == "/predict" {
					requireLikeReadme(t, readme, text)
				}
				requests++
			}
		}
	}
	require.Equal(t, 3, requests)
}

// train trains a spec as the command line does.
func train(t *testing.T, spec, weights string, second bool) {
	var options []flowrun.LoadOption
	if second {
		options = append(options, flowrun.WithSeed(2))
	}
	p, err := flowrun.Load(spec, options...)
	require.NoError(t, err)
	s, err := p.Start(context.Background(), flowrun.On("cpu"))
	require.NoError(t, err)
	defer s.Close()
	_, err = s.Run(context.Background())
	require.NoError(t, err)
	require.NoError(t, s.SaveWeights(weights))
}

// requireLikeReadme compares an answer with the one in the README: the same names, and
// numbers that are near.
func requireLikeReadme(t *testing.T, readme []byte, text string) {
	type answer struct {
		Species     []string
		Probability []map[string]float64
	}
	var got, want answer
	block := regexp.MustCompile("(?s)```json\n(.*?)```").FindSubmatch(readme)
	require.NotNil(t, block)
	require.NoError(t, json.NewDecoder(bytes.NewReader(block[1])).Decode(&want))
	require.NoError(t, json.Unmarshal([]byte(text), &got))
	require.Equal(t, want.Species, got.Species)
	for i, classes := range want.Probability {
		require.Len(t, got.Probability[i], len(classes))
		for name, p := range classes {
			require.InDelta(t, p, got.Probability[i][name], 0.02, "%s of %s", name, text)
		}
	}
}
