package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/flowrun/flowrun"
)

// What a server takes on: more is refused, so that its memory is bounded.
const (
	maxBody    = 1 << 20 // bytes of a request
	maxAtOnce  = 256     // requests that are answered or wait
	answerTime = 10 * time.Second
)

// server answers requests with a model.
type server struct {
	program *flowrun.Program
	outputs []string
	path    string // of the weights
	options []flowrun.StartOption

	model     atomic.Pointer[flowrun.Inference]
	reloading sync.Mutex
	places    chan struct{} // one for each request at work
}

// newServer loads a model and its weights.
func newServer(ctx context.Context, spec, weights string, options ...flowrun.StartOption) (*server, error) {
	program, err := flowrun.Load(spec)
	if err != nil {
		return nil, err
	}
	s := &server{program: program, outputs: program.Outputs(), path: weights, options: options, places: make(chan struct{}, maxAtOnce)}
	w, err := program.ReadWeights(weights)
	if err != nil {
		return nil, err
	}
	return s, s.start(ctx, w)
}

// start replaces the model by one with these weights, and closes the old one, which first
// finishes what it is computing.
func (s *server) start(ctx context.Context, w flowrun.Weights) error {
	in, err := s.program.StartInference(ctx, append(s.options[:len(s.options):len(s.options)], flowrun.WithWeights(w))...)
	if err != nil {
		return err
	}
	return s.model.Swap(in).Close()
}

// Close gives the model's memory back.
func (s *server) Close() error { return s.model.Load().Close() }

// reload reads the file of weights again. Requests go on meanwhile; those that come later
// are answered with the new weights. If the file doesn't fit, nothing changes.
func (s *server) reload(ctx context.Context) error {
	s.reloading.Lock()
	defer s.reloading.Unlock()
	w, err := s.program.ReadWeights(s.path)
	if err != nil {
		return err
	}
	err = s.model.Load().SetWeights(w)
	if errors.Is(err, flowrun.ErrOtherData) { // other classes or means: a model of its own
		return s.start(ctx, w)
	}
	return err
}

// predict computes the model's outputs for a request.
func (s *server) predict(ctx context.Context, body []byte) ([]byte, error) {
	for {
		in := s.model.Load()
		answer, err := s.answer(ctx, in, body)
		if errors.Is(err, flowrun.ErrClosed) && s.model.Load() != in {
			continue // it was replaced
		}
		return answer, err
	}
}

// answer is predict with one model: names and numbers of an answer belong together.
func (s *server) answer(ctx context.Context, in *flowrun.Inference, body []byte) ([]byte, error) {
	inputs, err := readInputs(body, in.Inputs(), in.Classes)
	if err != nil {
		return nil, &flowrun.InputError{Err: err}
	}
	if err := in.Prepare(inputs); err != nil {
		return nil, err
	}
	if err := missing(inputs); err != nil {
		return nil, &flowrun.InputError{Err: err}
	}
	outputs, err := in.Outputs(ctx, inputs)
	if err != nil {
		return nil, err
	}
	if err := in.Run(ctx, inputs, outputs); err != nil {
		return nil, err
	}
	return writeOutputs(s.outputs, outputs, in.Classes), nil
}

// handler routes requests.
func (s *server) handler() http.Handler {
	mux := http.NewServeMux()
	route(mux, http.MethodPost, "/predict", func(w http.ResponseWriter, r *http.Request) {
		select {
		case s.places <- struct{}{}:
			defer func() { <-s.places }()
		default:
			w.Header().Set("Retry-After", "1")
			fail(w, http.StatusServiceUnavailable, errors.New("too many requests at once"))
			return
		}
		body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
		if err != nil {
			failWith(w, err)
			return
		}
		ctx, cancel := context.WithTimeout(r.Context(), answerTime)
		defer cancel()
		text, err := s.predict(ctx, body)
		if err != nil {
			failWith(w, err)
			return
		}
		send(w, http.StatusOK, text)
	})
	route(mux, http.MethodPost, "/weights", func(w http.ResponseWriter, r *http.Request) {
		// The client may go: a reload that has begun is finished.
		if err := s.reload(context.WithoutCancel(r.Context())); err != nil {
			fail(w, http.StatusUnprocessableEntity, fmt.Errorf("the weights stay as they were: %w", err))
			return
		}
		send(w, http.StatusOK, []byte(`{"weights": "reloaded"}`))
	})
	route(mux, http.MethodGet, "/healthz", func(w http.ResponseWriter, r *http.Request) {
		text, _ := json.Marshal(map[string]string{"status": "ok", "model": s.program.Name(), "device": s.model.Load().Device()})
		send(w, http.StatusOK, text)
	})
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		fail(w, http.StatusNotFound, errors.New("there are POST /predict, POST /weights and GET /healthz"))
	})
	return mux
}

// route adds a handler for one method of a path.
func route(mux *http.ServeMux, method, path string, handle http.HandlerFunc) {
	mux.HandleFunc(method+" "+path, handle)
	mux.HandleFunc(path, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Allow", method)
		fail(w, http.StatusMethodNotAllowed, fmt.Errorf("%s takes %s", path, method))
	})
}

// failWith answers with the status that an error stands for.
func failWith(w http.ResponseWriter, err error) {
	status := http.StatusInternalServerError
	switch {
	case errors.As(err, new(*http.MaxBytesError)):
		status = http.StatusRequestEntityTooLarge
	case errors.As(err, new(*flowrun.InputError)):
		status = http.StatusBadRequest
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, flowrun.ErrClosed):
		status = http.StatusServiceUnavailable
	}
	fail(w, status, err)
}

// fail answers with an error as JSON.
func fail(w http.ResponseWriter, status int, err error) {
	text, _ := json.Marshal(map[string]string{"error": err.Error()})
	send(w, status, text)
}

func send(w http.ResponseWriter, status int, text []byte) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = w.Write(append(text, '\n')) // a client that has gone needs no answer
}
